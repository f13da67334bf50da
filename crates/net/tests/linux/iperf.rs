//! [`Server`]: what `iperf3 -c` talks to, as far as streams of TCP need it.
//!
//! The first connection is for control: a cookie, the client's parameters, then states of one byte each, and in the
//! end what both counted. Connections that follow begin with the cookie and carry bytes.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ironloom_net::stack::SocketError;
use ironloom_net::{Host, Payload, Readiness, Service, SocketId};

const PORT: u16 = 5_201;
const COOKIE_BYTES: usize = 37;
const BLOCK_BYTES: usize = 128 << 10;

const TEST_START: u8 = 1;
const TEST_RUNNING: u8 = 2;
const TEST_END: u8 = 4;
const PARAM_EXCHANGE: u8 = 9;
const CREATE_STREAMS: u8 = 10;
const EXCHANGE_RESULTS: u8 = 13;
const DISPLAY_RESULTS: u8 = 14;
const IPERF_DONE: u8 = 16;

/// How many Mbit/s a line of `iperf3 -f m` says.
pub(crate) fn rate(line: &str) -> f64 {
    let words: Vec<&str> = line.split_whitespace().collect();
    let unit = words.iter().position(|word| *word == "Mbits/sec").expect("there is a rate");
    words[unit - 1].parse().unwrap()
}

#[derive(Default)]
pub(crate) struct Server {
    listener: Option<SocketId>,
    control: Option<Control>,
    streams: BTreeMap<SocketId, Stream>,
    /// The order in which they came, which is that of their numbers.
    order: Vec<SocketId>,
}

struct Control {
    socket: SocketId,
    received: Vec<u8>,
    stage: Stage,
    is_reverse: bool,
    parallel: usize,
}

#[derive(PartialEq)]
enum Stage {
    Cookie,
    Parameters,
    Running,
    Results,
    Done,
}

#[derive(Default)]
struct Stream {
    /// How much of the cookie came.
    cookie: usize,
    bytes: u64,
}

impl Service for Server {
    fn start(&mut self, host: &mut Host<'_>) {
        self.listener = Some(host.listen((Ipv4Addr::UNSPECIFIED, PORT).into(), 16).unwrap());
    }

    fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, _: Readiness) {
        if self.listener == Some(socket) {
            while let Ok(Some((socket, _))) = host.accept(socket) {
                self.welcome(socket);
                self.serve(host, socket);
            }
        } else {
            self.serve(host, socket);
        }
    }
}

impl Server {
    fn welcome(&mut self, socket: SocketId) {
        if self.control.is_some() {
            self.streams.insert(socket, Stream::default());
            self.order.push(socket);
        } else {
            let (received, stage) = (Vec::new(), Stage::Cookie);
            self.control = Some(Control { socket, received, stage, is_reverse: false, parallel: 1 });
        }
    }

    fn serve(&mut self, host: &mut Host<'_>, socket: SocketId) {
        let is_control = self.control.as_ref().is_some_and(|control| control.socket == socket);
        let result = if is_control { self.talk(host, socket) } else { self.carry(host, socket) };
        if matches!(result, Ok(false)) {
            return;
        }
        host.close(socket);
        if is_control {
            for stream in std::mem::take(&mut self.order) {
                host.close(stream);
            }
            self.streams.clear();
            self.control = None;
        }
    }

    /// Reads what is said on the connection for control; whether it is over.
    fn talk(&mut self, host: &mut Host<'_>, socket: SocketId) -> Result<bool, SocketError> {
        let Some(control) = &mut self.control else { return Ok(true) };
        while let Some(payload) = host.receive_payload(socket, 64 << 10)? {
            if payload.is_empty() {
                return Ok(true);
            }
            control.received.extend_from_slice(&payload.to_bytes());
        }
        while let Some(states) = self.step() {
            if states == [EXCHANGE_RESULTS] {
                // The client reads whole blocks, from wherever it is, until this.
                self.order.iter().for_each(|stream| host.close(*stream));
            }
            host.send(socket, &states)?;
        }
        Ok(self.control.as_ref().is_some_and(|control| control.stage == Stage::Done))
    }

    /// What is said next, if enough was heard.
    fn step(&mut self) -> Option<Vec<u8>> {
        let control = self.control.as_mut()?;
        let received = &mut control.received;
        match control.stage {
            Stage::Cookie if received.len() >= COOKIE_BYTES => {
                received.drain(..COOKIE_BYTES);
                control.stage = Stage::Parameters;
                Some(vec![PARAM_EXCHANGE])
            }
            Stage::Parameters => {
                let text = take_text(received)?;
                control.is_reverse = text.contains("\"reverse\":true");
                control.parallel = number_after(&text, "\"parallel\":").unwrap_or(1);
                control.stage = Stage::Running;
                Some(vec![CREATE_STREAMS])
            }
            Stage::Running if received.first() == Some(&TEST_END) => {
                received.remove(0);
                control.stage = Stage::Results;
                Some(vec![EXCHANGE_RESULTS])
            }
            Stage::Results if received.first() == Some(&IPERF_DONE) => {
                control.stage = Stage::Done;
                None
            }
            Stage::Results if !received.is_empty() => {
                take_text(received)?;
                let mut said = self.results();
                said.push(DISPLAY_RESULTS);
                Some(said)
            }
            _ => None,
        }
    }

    /// What was counted.
    fn results(&self) -> Vec<u8> {
        let streams = self.order.iter().enumerate().map(|(at, socket)| {
            let id = if at == 0 { 1 } else { at + 2 };
            let bytes = self.streams.get(socket).map_or(0, |stream| stream.bytes);
            format!(
                r#"{{"id":{id},"bytes":{bytes},"retransmits":-1,"jitter":0,"errors":0,"packets":0,"start_time":0,"end_time":5}}"#
            )
        });
        let streams: Vec<String> = streams.collect();
        let text = format!(
            r#"{{"cpu_util_total":0,"cpu_util_user":0,"cpu_util_system":0,"sender_has_retransmits":0,"streams":[{}]}}"#,
            streams.join(",")
        );
        let mut said = (text.len() as u32).to_be_bytes().to_vec();
        said.extend_from_slice(text.as_bytes());
        said
    }

    /// Carries what can be carried on a stream; whether it is over.
    fn carry(&mut self, host: &mut Host<'_>, socket: SocketId) -> Result<bool, SocketError> {
        let (Some(stream), Some(control)) = (self.streams.get_mut(&socket), &self.control) else {
            return Ok(true);
        };
        let mut has_come = false;
        while let Some(payload) = host.receive_payload(socket, 256 << 10)? {
            if payload.is_empty() {
                return Ok(true);
            }
            let of_cookie = payload.len().min(COOKIE_BYTES - stream.cookie);
            stream.cookie += of_cookie;
            has_come |= of_cookie > 0 && stream.cookie == COOKIE_BYTES;
            stream.bytes += (payload.len() - of_cookie) as u64;
        }
        let (socket_of_control, is_reverse, parallel) =
            (control.socket, control.is_reverse, control.parallel);
        let is_ready = |stream: &Stream| stream.cookie == COOKIE_BYTES;
        let are_ready = self.streams.len() == parallel && self.streams.values().all(is_ready);
        if has_come && are_ready {
            host.send(socket_of_control, &[TEST_START, TEST_RUNNING])?;
            if is_reverse {
                for socket in self.order.clone() {
                    self.pour(host, socket)?;
                }
            }
        } else if is_reverse && are_ready {
            self.pour(host, socket)?;
        }
        Ok(false)
    }

    /// Sends as much as is taken while the test runs.
    fn pour(&mut self, host: &mut Host<'_>, socket: SocketId) -> Result<(), SocketError> {
        static BLOCK: [u8; BLOCK_BYTES] = [b'x'; BLOCK_BYTES];
        let is_running = self.control.as_ref().is_some_and(|control| control.stage == Stage::Running);
        let Some(stream) = self.streams.get_mut(&socket).filter(|_| is_running) else { return Ok(()) };
        loop {
            let sent = host.send_payload(socket, Payload::from(bytes::Bytes::from_static(&BLOCK)))?;
            stream.bytes += sent as u64;
            if sent < BLOCK_BYTES {
                return Ok(());
            }
        }
    }
}

/// A text with its length in front of it, if all of it came.
fn take_text(received: &mut Vec<u8>) -> Option<String> {
    let len = u32::from_be_bytes(*received.first_chunk()?) as usize;
    let text = received.get(4..4 + len)?;
    let text = String::from_utf8_lossy(text).into_owned();
    received.drain(..4 + len);
    Some(text)
}

fn number_after(text: &str, key: &str) -> Option<usize> {
    let rest = &text[text.find(key)? + key.len()..];
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
