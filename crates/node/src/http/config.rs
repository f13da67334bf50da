//! [`Config`]: what a server allows.

use std::fmt;
use std::sync::Arc;

use ironloom_core::Duration;
use ironloom_net::http as codec;
use ironloom_sched::ServiceConfig;

use crate::doors::{AccessLog, Admission};

/// What a server allows. The defaults suit strangers.
#[derive(Clone)]
pub struct Config {
    /// What it is called in the access log.
    pub name: String,
    /// How much of a message there may be; bodies may have a mebibyte if nothing else is said.
    pub message: codec::Config,
    /// How many connections there may be, and how long they may be silent. A request that is being answered is silent too.
    pub service: ServiceConfig,
    /// Who may come in.
    pub admission: Admission,
    /// How long a request may take to arrive, from its first bytes to its last.
    pub request_within: Duration,
    /// How long a client may take to leave after the last answer.
    pub leave_within: Duration,
    /// Who is told of every request.
    pub log: Option<Arc<dyn AccessLog>>,
}

impl Default for Config {
    fn default() -> Self {
        let message = codec::Config { body_bytes_max: 1 << 20, version_0_9: false, ..<_>::default() };
        Self {
            name: "http".to_owned(),
            message,
            service: ServiceConfig::default(),
            admission: Admission::default(),
            request_within: Duration::from_secs(20),
            leave_within: Duration::from_secs(2),
            log: None,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("name", &self.name)
            .field("message", &self.message)
            .field("service", &self.service)
            .field("admission", &self.admission)
            .finish_non_exhaustive()
    }
}
