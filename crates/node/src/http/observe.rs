//! [`metrics`] and [`health`]: what a monitor asks.

use ironloom_core::metrics::Registry;
use ironloom_net::http::Status;

use super::{Request, Response};

/// What OpenMetrics calls itself.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How a program does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It does what it is for.
    Well,
    /// It does not yet, or no more: for this reason.
    Ill(String),
}

/// Answers with all metrics of a registry, as OpenMetrics.
///
/// ```
/// use ironloom_node::core::metrics::Registry;
/// use ironloom_node::http::{Health, Site, health, metrics};
///
/// let registry = Registry::new(10_000);
/// let site = Site::new().get("/metrics", metrics(registry.clone())).get("/health", health(|| Health::Well));
/// ```
pub fn metrics(registry: Registry) -> impl Fn(&Request) -> Response + Send + Sync + 'static {
    move |_| Response::of(OPENMETRICS, registry.openmetrics())
}

/// Answers 200 to who asks whether a program is well, or else 503 and the reason.
pub fn health(
    check: impl Fn() -> Health + Send + Sync + 'static,
) -> impl Fn(&Request) -> Response + Send + Sync + 'static {
    move |_| match check() {
        Health::Well => Response::from("well\n"),
        Health::Ill(reason) => Response::from(format!("{reason}\n")).status_of(Status::UNAVAILABLE),
    }
}
