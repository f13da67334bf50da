//! [`Talk`] and [`Listen`]: programs that send each other streams whose every byte is known.

use std::net::SocketAddr;
use std::sync::Arc;

use ironloom_core::{Instant, Map};
use ironloom_net::stack::{Received, SocketError};
use ironloom_net::{Host, Readiness, Service, SocketId};
use parking_lot::Mutex;

/// What one side of a connection does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// How many bytes it sends, and how many at a time.
    pub(crate) bytes: u64,
    pub(crate) chunk: usize,
    /// Whether it receives anything at all.
    pub(crate) reads: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self { bytes: 0, chunk: 16 << 10, reads: true }
    }
}

/// What became of one side of a connection.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Report {
    /// How many bytes the stack took, and how many came.
    pub(crate) sent: u64,
    pub(crate) received: u64,
    /// At which byte it was not what the other side sent.
    pub(crate) wrong_at: Option<u64>,
    pub(crate) saw_end: bool,
    pub(crate) error: Option<SocketError>,
    /// When it was over, well or badly.
    pub(crate) ended: Option<Instant>,
}

/// Reports that a test and a program share.
pub(crate) type Reports = Arc<Mutex<Vec<Report>>>;

/// Which stream the side that connects sends, and the other one.
const CLIENT: u64 = 0x5EED;
const SERVER: u64 = 0xBEEF;

/// The byte at a place of a stream.
fn byte_at(salt: u64, place: u64) -> u8 {
    ((place ^ salt).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8
}

/// One side of a connection.
struct Side {
    socket: SocketId,
    plan: Plan,
    /// Where in the reports its own is.
    place: usize,
    salts: [u64; 2],
    has_finished: bool,
}

impl Side {
    /// Does all that can be done; whether it is over.
    fn work(&mut self, host: &mut Host<'_>, report: &mut Report) -> bool {
        self.write(host, report);
        self.read(host, report);
        let is_over = report.error.is_some() || (report.saw_end && self.has_finished);
        if is_over {
            report.ended = Some(host.now());
            host.close(self.socket);
        }
        is_over
    }

    fn write(&mut self, host: &mut Host<'_>, report: &mut Report) {
        while report.sent < self.plan.bytes {
            let len = (self.plan.bytes - report.sent).min(self.plan.chunk as u64);
            let bytes: Vec<u8> =
                (report.sent..report.sent + len).map(|at| byte_at(self.salts[0], at)).collect();
            match host.send(self.socket, &bytes) {
                Ok(taken) => {
                    report.sent += taken as u64;
                    if taken < bytes.len() {
                        return;
                    }
                }
                Err(error) => {
                    // What arrived before is received first.
                    report.error = report.error.or(Some(error).filter(|_| report.saw_end));
                    return;
                }
            }
        }
        if !self.has_finished {
            self.has_finished = true;
            host.finish(self.socket);
        }
    }

    fn read(&mut self, host: &mut Host<'_>, report: &mut Report) {
        let mut buffer = [0; 4_096];
        while self.plan.reads && !report.saw_end {
            match host.receive(self.socket, &mut buffer) {
                Ok(Received::Bytes(count)) => {
                    for (at, byte) in (report.received..).zip(&buffer[..count]) {
                        if *byte != byte_at(self.salts[1], at) {
                            report.wrong_at = report.wrong_at.or(Some(at));
                        }
                    }
                    report.received += count as u64;
                }
                Ok(Received::Nothing) => return,
                Ok(Received::Finished) => report.saw_end = true,
                Err(error) => {
                    report.error = Some(error);
                    return;
                }
            }
        }
    }
}

/// Connects, sends, receives, and closes when both have finished.
pub(crate) struct Talk {
    to: SocketAddr,
    plan: Plan,
    side: Option<Side>,
    reports: Reports,
}

impl Talk {
    /// The program, and its one report.
    pub(crate) fn new(to: SocketAddr, plan: Plan) -> (Self, Reports) {
        let reports = Reports::default();
        (Self { to, plan, side: None, reports: Arc::clone(&reports) }, reports)
    }

    fn work(&mut self, host: &mut Host<'_>) {
        let Some(side) = &mut self.side else { return };
        if side.work(host, &mut self.reports.lock()[0]) {
            self.side = None;
        }
    }
}

impl Service for Talk {
    fn start(&mut self, host: &mut Host<'_>) {
        let socket = host.connect(self.to).expect("a route leads there");
        self.reports.lock().push(Report::default());
        let (plan, salts) = (self.plan, [CLIENT, SERVER]);
        self.side = Some(Side { socket, plan, place: 0, salts, has_finished: false });
        self.work(host);
    }

    fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, _: Readiness) {
        if self.side.as_ref().is_some_and(|side| side.socket == socket) {
            self.work(host);
        }
    }
}

/// Takes connections, and does with each what is planned.
pub(crate) struct Listen {
    at: SocketAddr,
    plan: Plan,
    listener: Option<SocketId>,
    sides: Map<SocketId, Side>,
    reports: Reports,
}

impl Listen {
    /// The program, and what becomes of each connection, in the order in which they were accepted.
    pub(crate) fn new(at: SocketAddr, plan: Plan) -> (Self, Reports) {
        let reports = Reports::default();
        (Self { at, plan, listener: None, sides: Map::default(), reports: Arc::clone(&reports) }, reports)
    }

    fn work(&mut self, host: &mut Host<'_>, socket: SocketId) {
        let Some(side) = self.sides.get_mut(&socket) else { return };
        if side.work(host, &mut self.reports.lock()[side.place]) {
            self.sides.remove(&socket);
        }
    }
}

impl Service for Listen {
    fn start(&mut self, host: &mut Host<'_>) {
        self.listener = Some(host.listen(self.at, 128).expect("the port is free"));
    }

    fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, _: Readiness) {
        if Some(socket) != self.listener {
            return self.work(host, socket);
        }
        while let Ok(Some((socket, _))) = host.accept(socket) {
            let mut reports = self.reports.lock();
            let (place, plan, salts) = (reports.len(), self.plan, [SERVER, CLIENT]);
            reports.push(Report::default());
            drop(reports);
            self.sides.insert(socket, Side { socket, plan, place, salts, has_finished: false });
            self.work(host, socket);
        }
    }
}
