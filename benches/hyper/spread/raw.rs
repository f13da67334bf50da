//! A bare connection between the two processes: what the machine can do at best.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use ironloom_benches::timed;

/// How many bytes ask for something: about what a request for a page takes.
const QUESTION_BYTES: usize = 64;
/// How many bytes are written and read at a time.
const PIECE_BYTES: usize = 64 << 10;

/// Answers every question with as many bytes as it asks for, until nobody asks any more.
pub(crate) fn serve(listener: &TcpListener) {
    let (mut stream, _) = listener.accept().expect("the other process connects");
    stream.set_nodelay(true).expect("it is a socket");
    let (mut question, piece) = ([0; QUESTION_BYTES], vec![7; PIECE_BYTES]);
    while stream.read_exact(&mut question).is_ok() {
        let mut left = u64::from_le_bytes(question[..8].try_into().expect("8 bytes")) as usize;
        while left > 0 {
            let bytes = left.min(PIECE_BYTES);
            stream.write_all(&piece[..bytes]).expect("the other process reads");
            left -= bytes;
        }
    }
}

/// A connection to the other process.
pub(crate) struct Connection {
    stream: TcpStream,
    piece: Vec<u8>,
}

impl Connection {
    pub(crate) fn new(address: &str) -> Self {
        let address: SocketAddr = address.parse().expect("an address was told");
        let stream = TcpStream::connect(address).expect("the other process listens");
        stream.set_nodelay(true).expect("it is a socket");
        Self { stream, piece: vec![0; PIECE_BYTES] }
    }

    /// How long it takes to ask for so many bytes and to get them.
    pub(crate) fn ask(&mut self, bytes: usize) -> Duration {
        timed(|| {
            let mut question = [0; QUESTION_BYTES];
            question[..8].copy_from_slice(&(bytes as u64).to_le_bytes());
            self.stream.write_all(&question).expect("the other process reads");
            let mut left = bytes;
            while left > 0 {
                let most = left.min(PIECE_BYTES);
                left -= self.stream.read(&mut self.piece[..most]).expect("the other process answers");
            }
        })
    }
}
