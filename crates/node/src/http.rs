//! HTTP/1.1 on the host's sockets: a [`Site`] says what is answered where, a [`Server`] makes each connection a process.
//!
//! ```
//! use ironloom_node::http::{Config, Request, Server, Site};
//! use ironloom_node::sched::{self, Kernel};
//!
//! let site = Site::new()
//!     .get("/", |_| "Hello, World!")
//!     .get("/hello/{name}", |request| format!("Hello, {}!", &request["name"]))
//!     .post_later("/echo", async |request: Request| request.body().clone());
//!
//! let kernel = Kernel::start(sched::Config::default())?;
//! let listener = kernel.listen(([127, 0, 0, 1], 0).into())?;
//! let server = Server::start(&kernel, listener, site, Config::default())?;
//!
//! let answer = kernel.block_on(async {
//!     let mut client = kernel.connect(server.address().tcp().unwrap()).await?;
//!     client.write(b"GET /hello/Ada HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n").await?;
//!     while client.fill().await? > 0 {}
//!     Ok::<_, Box<dyn std::error::Error>>(String::from_utf8_lossy(client.buffered_whole()).into_owned())
//! })?;
//! assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"));
//! assert!(answer.ends_with("\r\n\r\nHello, Ada!"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What is answered at once costs no task: requests that came together are copied once and parsed where they are, and the
//! answers to them leave together, in one system call. What is answered later is a future, which the connection's process polls;
//! answers that are ready do not wait for it.
//!
//! A handler that panics ends its connection and nothing else. Requests that could be read in two ways are refused, as
//! [`net::http`](crate::net::http) says; those that take too long, are too large or too many are refused by [`Config`].

mod body;
mod config;
mod connection;
mod date;
mod exchange;
mod files;
mod handler;
mod observe;
mod pattern;
mod precondition;
mod request;
mod response;
mod server;
mod site;

pub use config::Config;
pub use files::Files;
pub use observe::{Health, health, metrics};
pub use request::Request;
pub use response::Response;
pub use server::Server;
pub use site::Site;

pub use ironloom_net::http::{Method, Status};
