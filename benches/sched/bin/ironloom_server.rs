//! HTTP and echo services of ours, one worker. Prints its port; serves until it is killed.
//!
//! The HTTP service answers every request of a batch before it waits, so the answers leave in one system call. With
//! the argument `echo` it sends back what comes instead.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use ironloom_core::Duration;
use ironloom_sched::{Config, Context, ExitReason, Kernel, PipeError, Service, ServiceConfig, Stream};
use parking_lot::Mutex;

/// The most header lines of a request.
const HEADERS_MAX: usize = 32;

/// What who sends something else hears before we hang up.
const REFUSAL: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// The whole answer, the same for everybody until the second is over.
type Answer = Arc<Mutex<Arc<[u8]>>>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let kernel = Kernel::start(Config::with_workers(1))?;
    let listener = kernel.listen(([127, 0, 0, 1], 0).into())?;
    let config = ServiceConfig { connections_max: 20_000, idle_after: None, ..ServiceConfig::default() };
    let service = if std::env::args().nth(1).is_some_and(|argument| argument == "echo") {
        Service::start(&kernel, listener, config, echo)?
    } else {
        let answer: Answer = Arc::new(Mutex::new(render(now())));
        let clock = Arc::clone(&answer);
        kernel.spawn(move |ctx| tick(ctx, clock))?;
        Service::start(&kernel, listener, config, move |_: Context<()>, stream| {
            http(stream, Arc::clone(&answer))
        })?
    };
    println!("{}", service.address().tcp().expect("it was bound to an address of TCP").port());
    let end = kernel.block_on(service.process().monitor());
    Err(format!("the service ended: {end}").into())
}

async fn echo(_: Context<()>, mut stream: Stream) -> Result<(), PipeError> {
    stream.echo().await.map(|_| ())
}

async fn http(mut stream: Stream, answer: Answer) -> Result<(), PipeError> {
    loop {
        let (reader, writer) = stream.halves();
        let requests = reader.buffered_whole();
        let answer = Arc::clone(&*answer.lock());
        let mut used = 0;
        loop {
            match head(&requests[used..]) {
                Ok(Some(len)) => used += len,
                Ok(None) => break,
                Err(_) => {
                    writer.write(REFUSAL).await?;
                    return stream.hang_up().await;
                }
            }
            writer.write(&answer).await?;
        }
        reader.consume(used);
        if stream.fill().await? == 0 {
            return Ok(());
        }
    }
}

/// How long the head of the first request is, once it is there as a whole. Requests with a body are not served.
fn head(bytes: &[u8]) -> Result<Option<usize>, httparse::Error> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes)? {
        httparse::Status::Partial => Ok(None),
        httparse::Status::Complete(len) => {
            let has_body = request.headers.iter().any(|header| {
                header.name.eq_ignore_ascii_case("content-length") && header.value != b"0"
                    || header.name.eq_ignore_ascii_case("transfer-encoding")
            });
            if has_body { Err(httparse::Error::HeaderName) } else { Ok(Some(len)) }
        }
    }
}

/// Renews the answer, whose date is as old as a second at most.
async fn tick(ctx: Context<()>, answer: Answer) -> ExitReason {
    let mut seconds = ctx.interval(Duration::from_secs(1));
    loop {
        seconds.tick().await;
        *answer.lock() = render(now());
    }
}

#[expect(clippy::disallowed_methods, reason = "an answer of HTTP has a date")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn render(now: u64) -> Arc<[u8]> {
    let date = date(now);
    let text = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 13\r\ndate: {date}\r\n\r\nHello, World!"
    );
    Arc::from(text.into_bytes())
}

/// A time in seconds since 1970, as HTTP writes it.
fn date(now: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (days, second) = (now / 86_400, now % 86_400);
    // Years that begin in March have the leap day at their end; 719,468 days lead from there to 1970.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let year = era * 400 + year + u64::from(month >= 10);
    format!(
        "{}, {day:02} {} {year} {:02}:{:02}:{:02} GMT",
        DAYS[(days % 7) as usize],
        MONTHS[((month + 2) % 12) as usize],
        second / 3_600,
        second / 60 % 60,
        second % 60
    )
}
