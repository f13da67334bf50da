//! [`serve`]: a connection of a server, which is a process.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use bytes::Bytes;
use ironloom_sched::{Context, PipeError, Reader, Sleep, Stream};

use super::body::{Body, Reading};
use super::date::DateCache;
use super::exchange::{Exchange, Work};
use super::server::Shared;
use crate::doors::Access;

/// Serves a connection to its end.
pub(super) async fn serve(shared: Arc<Shared>, ctx: Context<()>, stream: Stream) -> Result<(), PipeError> {
    let peer = stream.peer_address().and_then(|address| address.tcp());
    let _pass = match shared.gate.enter(peer.map(|peer| peer.ip())) {
        Ok(pass) => pass,
        Err(why) => {
            shared.turned.fetch_add(1, Ordering::Relaxed);
            if let Some(log) = &shared.config.log {
                log.note(&Access::Refused { door: &shared.config.name, at: ctx.now(), why });
            }
            return Ok(());
        }
    };
    // What waits for a request is small: at many connections it is in no cache when one comes.
    let served = {
        let exchange = Exchange::new(&shared, &ctx, peer);
        let (date, late, is_leaving) = (DateCache::new(), None, false);
        let mut connection =
            Connection { shared: &shared, ctx: &ctx, exchange, stream, date, late, is_leaving };
        connection.run().await.map(|()| connection.stream)
    };
    let outcome = match served {
        Ok(stream) => Box::pin(leave(&shared, &ctx, stream)).await,
        Err(error) => Err(error),
    };
    match outcome {
        // A client that goes away is no failure of ours.
        Err(error) if error.is_disconnect() => Ok(()),
        outcome => outcome,
    }
}

/// Ends a connection after the last answer.
async fn leave(shared: &Shared, ctx: &Context<()>, mut stream: Stream) -> Result<(), PipeError> {
    stream.flush().await?;
    if stream.halves().0.is_ended() {
        return Ok(());
    }
    // Who goes on talking is not listened to for ever.
    match ctx.within(shared.config.leave_within, stream.hang_up()).await {
        Ok(outcome) => outcome,
        Err(_) => Ok(()),
    }
}

struct Connection<'s> {
    shared: &'s Shared,
    ctx: &'s Context<()>,
    exchange: Exchange<'s>,
    stream: Stream,
    date: DateCache,
    /// When the request that has begun to arrive must have arrived.
    late: Option<Sleep>,
    /// Whether the connection was asked to end.
    is_leaving: bool,
}

/// What came.
enum Filled {
    Bytes,
    End,
    /// The request takes too long.
    Late,
    /// The connection is asked to end.
    Stop,
}

impl Connection<'_> {
    /// Returns when the last answer was written, if not sent.
    async fn run(&mut self) -> Result<(), PipeError> {
        let mut stopping = pin!(self.ctx.stopping());
        loop {
            self.answer().await?;
            if self.exchange.codec.is_over() {
                return Ok(());
            }
            match self.fill(stopping.as_mut()).await? {
                Filled::Bytes => self.feed(),
                Filled::End => self.exchange.codec.finish_input(),
                Filled::Late => self.exchange.codec.expire(),
                Filled::Stop => {
                    self.is_leaving = true;
                    self.exchange.codec.close();
                    if !self.exchange.codec.is_within_request() {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Answers all requests that are there.
    async fn answer(&mut self) -> Result<(), PipeError> {
        let arrived = self.exchange.arrived;
        self.exchange.codec.set_date(Some(self.date.now()));
        loop {
            let work = self.exchange.advance();
            let is_sent = self.exchange.codec.output_bytes() == 0;
            self.send().await?;
            if let Some(work) = work {
                // Few answers have more to them, and every connection would have the room for that.
                Box::pin(self.carry(work)).await?;
                continue;
            }
            let codec = &self.exchange.codec;
            // What was sent may have made room for more answers.
            if is_sent || codec.wants_input() || codec.is_over() {
                break;
            }
        }
        if self.exchange.arrived != arrived || !self.exchange.codec.is_within_request() {
            self.late = None;
        }
        Ok(())
    }

    /// Gives what was answered to the stream, which gathers it.
    async fn send(&mut self) -> Result<(), PipeError> {
        let (codec, writer) = (&mut self.exchange.codec, self.stream.halves().1);
        poll_fn(|context| {
            loop {
                let front = codec.output_front();
                if front.is_empty() {
                    return Poll::Ready(Ok(()));
                }
                match writer.poll_write(context, front) {
                    Poll::Ready(Ok(written)) => codec.sent(written),
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await
    }

    async fn carry(&mut self, work: Work) -> Result<(), PipeError> {
        match work {
            Work::Proceed => self.stream.flush().await,
            Work::Body(body) => self.finish(body).await,
            Work::Later(mut later, asked) => {
                let ready = poll_fn(|context| Poll::Ready(later.as_mut().poll(context))).await;
                let response = match ready {
                    Poll::Ready(response) => response,
                    Poll::Pending => {
                        // Who was answered before does not wait for this one.
                        self.stream.flush().await?;
                        later.await
                    }
                };
                match self.exchange.respond(response, &asked) {
                    Some(body) => self.finish(body).await,
                    None => Ok(()),
                }
            }
        }
    }

    /// Sends the rest of an answer.
    async fn finish(&mut self, body: Body) -> Result<(), PipeError> {
        match body {
            Body::Whole(_) => (), // it was sent with its head
            Body::File(reading) => self.send_file(reading).await?,
            Body::Stream(reader) => self.send_stream(reader).await?,
        }
        let finished = self.exchange.codec.finish(&[]);
        finished.expect("as many bytes were written as were announced");
        self.send().await
    }

    async fn send_file(&mut self, mut reading: Reading) -> Result<(), PipeError> {
        while reading.from < reading.to {
            // What was announced cannot be taken back: that the rest is missing shows when the connection ends.
            let Some(piece) = reading.next() else { return Err(PipeError::Broken) };
            self.write(piece).await?;
        }
        Ok(())
    }

    async fn send_stream(&mut self, mut reader: Reader) -> Result<(), PipeError> {
        loop {
            if reader.buffered()[0].is_empty() {
                self.stream.flush().await?;
                if reader.fill().await? == 0 {
                    return Ok(());
                }
            }
            let piece = Bytes::copy_from_slice(reader.buffered()[0]);
            reader.consume(piece.len());
            self.write(piece).await?;
        }
    }

    async fn write(&mut self, piece: Bytes) -> Result<(), PipeError> {
        let written = self.exchange.codec.body(&piece.into());
        written.expect("no more bytes are written than were announced");
        self.send().await
    }

    /// Waits until something happens. What was answered leaves before.
    async fn fill(&mut self, mut stopping: Pin<&mut impl Future<Output = ()>>) -> Result<Filled, PipeError> {
        if self.late.is_none() && self.exchange.codec.is_within_request() {
            self.late = Some(self.ctx.sleep(self.shared.config.request_within));
        }
        poll_fn(|context| {
            match self.stream.poll_fill(context) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Ok(Filled::End)),
                Poll::Ready(filled) => return Poll::Ready(filled.map(|_| Filled::Bytes)),
                Poll::Pending => (),
            }
            if !self.is_leaving && stopping.as_mut().poll(context).is_ready() {
                return Poll::Ready(Ok(Filled::Stop));
            }
            match &mut self.late {
                Some(late) => Pin::new(late).poll(context).map(|()| Ok(Filled::Late)),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Hands what came to the codec.
    fn feed(&mut self) {
        let came = Bytes::copy_from_slice(self.stream.buffered_whole());
        self.stream.consume(came.len());
        self.exchange.codec.feed_bytes(came).expect("everything that came before was read");
    }
}
