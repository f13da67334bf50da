//! The peer of the HTTP service: hyper on tokio, one thread. Prints its port; serves until it is killed.
//!
//! With the argument `plain` it flushes after each answer. Otherwise it flushes when no request is left in its buffer,
//! which is ten times faster for clients that pipeline, but then a client that never pauses is never answered.

use std::convert::Infallible;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

fn main() -> std::io::Result<()> {
    let plain = std::env::args().nth(1).is_some_and(|argument| argument == "plain");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let listener = listen()?;
        println!("{}", listener.local_addr()?.port());
        loop {
            // Out of descriptors, or gone already: the next may be luckier.
            if let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, !plain));
            }
        }
    })
}

/// A listener at a port of the system's choosing, with a backlog for ten thousand who come at once.
fn listen() -> std::io::Result<TcpListener> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 1], 0).into())?;
    socket.listen(16_384)
}

async fn serve(stream: TcpStream, pipeline_flush: bool) {
    let answer = service_fn(|_: Request<Incoming>| async {
        let mut response = Response::new("Hello, World!".to_owned());
        let plain = hyper::header::HeaderValue::from_static("text/plain");
        response.headers_mut().insert(hyper::header::CONTENT_TYPE, plain);
        Ok::<_, Infallible>(response)
    });
    // A client that leaves is no error of the server's.
    let _ = stream.set_nodelay(true);
    let mut builder = http1::Builder::new();
    builder.pipeline_flush(pipeline_flush);
    let _ = builder.serve_connection(TokioIo::new(stream), answer).await;
}
