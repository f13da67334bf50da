//! Messages over a stream: typed, checked, and found again however the stream is cut.
//!
//! `cargo run --release --example frames`

use std::error::Error;
use std::io::Read;
use std::net::{TcpListener, TcpStream};

use borsh::{BorshDeserialize, BorshSerialize};
use ironloom_node::core::frame::{self, Decoder, FrameError, Message};
use ironloom_node::core::{NodeId, Rng, Seed};

/// A node says hello.
#[derive(Debug, PartialEq, BorshSerialize, BorshDeserialize)]
struct Hello {
    node: NodeId,
    memory_bytes: u64,
    labels: Vec<String>,
}

impl Message for Hello {
    const KIND: u16 = 1;
    const VERSION: u16 = 1;
}

/// The longest body that we accept from anyone.
const BODY_BYTES_MAX: usize = 4_096;

fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::scope(|scope| {
        scope.spawn(move || send(TcpStream::connect(address).expect("the listener is there")));
        receive(listener.accept()?.0)
    })
}

/// Sends three messages, and then something else.
fn send(mut stream: TcpStream) {
    use std::io::Write;

    let mut rng = Rng::new(Seed::new(1));
    let mut bytes = Vec::new();
    for number in 1..=3u64 {
        let hello = Hello {
            node: NodeId::random(&mut rng),
            memory_bytes: number << 30,
            labels: vec![format!("rack-{number}")],
        };
        let length = frame::encode(&hello, BODY_BYTES_MAX, &mut bytes).expect("it is short");
        println!("sending  {} in a frame of {length} bytes", hello.node);
    }
    bytes.extend_from_slice(b"GET / HTTP/1.1\r\n\r\n");
    stream.write_all(&bytes).expect("the receiver reads on");
}

fn receive(mut stream: TcpStream) -> Result<(), Box<dyn Error>> {
    let mut decoder = Decoder::new(BODY_BYTES_MAX);
    let mut piece = [0; 50]; // smaller than a frame, so that frames arrive in pieces
    loop {
        let length = stream.read(&mut piece)?;
        if length == 0 {
            return Err("the stream ended before the intruder spoke".into());
        }
        let mut piece = &piece[..length];
        loop {
            match decoder.next(&mut piece) {
                Ok(Some(frame)) => println!("received {:?}", frame.decode::<Hello>()?),
                Ok(None) => break,
                Err(error @ FrameError::Magic { .. }) => {
                    println!("refused  {error}");
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}
