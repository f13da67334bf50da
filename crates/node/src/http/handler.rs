//! [`Handler`]: who answers a request.

use std::pin::Pin;

use super::{Files, Request, Response};

/// An answer that is not ready.
pub(super) type Later = Pin<Box<dyn Future<Output = Response> + Send>>;

/// Who answers a request, and whether at once.
pub(super) enum Handler {
    Now(Box<dyn Fn(&Request) -> Response + Send + Sync>),
    Later(Box<dyn Fn(Request) -> Later + Send + Sync>),
    Files(Files),
}

impl Handler {
    pub(super) fn now<R: Into<Response>>(answer: impl Fn(&Request) -> R + Send + Sync + 'static) -> Self {
        Self::Now(Box::new(move |request| answer(request).into()))
    }

    pub(super) fn later<F>(answer: impl Fn(Request) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output: Into<Response>> + Send + 'static,
    {
        Self::Later(Box::new(move |request| {
            let answer = answer(request);
            Box::pin(async move { answer.await.into() })
        }))
    }
}
