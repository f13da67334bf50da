//! [`Qemu`]: Linux in QEMU.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use ironloom_benches::now;
use tempfile::TempDir;

use crate::guest::Guest;
use crate::{DISK_BYTES, MEMORY_BYTES, Machine, PAGE_BYTES, PROMPT, noise};

const PROGRAM: &str = "qemu-system-riscv64";

/// Linux in QEMU.
pub(crate) struct Qemu {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    text: String,
    /// The port of the host that leads to Linux's port 80.
    inward: SocketAddr,
    /// The port of the host where the page is.
    page: u16,
    server: Option<JoinHandle<()>>,
    _disks: TempDir,
}

impl Qemu {
    /// Boots Linux, or says why that cannot be.
    pub(crate) fn new(guest: &Guest) -> Result<Self, String> {
        let disks = TempDir::new().map_err(|error| error.to_string())?;
        let files = ["a", "b"].map(|name| disks.path().join(name));
        fs::write(&files[0], noise(DISK_BYTES)).map_err(|error| error.to_string())?;
        fs::write(&files[1], vec![0; DISK_BYTES as usize]).map_err(|error| error.to_string())?;
        let inward = free_port().map_err(|error| error.to_string())?;
        let (page, server) = serve().map_err(|error| error.to_string())?;
        let mut command = Command::new(PROGRAM);
        command
            .args(["-M", "virt", "-nographic", "-monitor", "none", "-serial", "stdio"])
            .args(["-global", "virtio-mmio.force-legacy=false"])
            .args(["-smp", "1", "-m", &format!("{}M", MEMORY_BYTES >> 20)])
            .args(["-netdev", &format!("user,id=net,hostfwd=tcp:{inward}-:80")])
            .args(["-device", "virtio-net-device,netdev=net"]);
        // Of its places for devices, QEMU fills the last first.
        for (id, file) in ["b", "a"].iter().zip(files.iter().rev()) {
            let drive = format!("if=none,format=raw,id={id},file={}", file.display());
            command.args(["-drive", &drive, "-device", &format!("virtio-blk-device,drive={id}")]);
        }
        command.arg("-kernel").arg(&guest.kernel).arg("-initrd").arg(&guest.initramfs);
        command.args(["-append", guest.command_line]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| match error.kind() {
            ErrorKind::NotFound => format!("{PROGRAM} is not installed"),
            _ => format!("{PROGRAM}: {error}"),
        })?;
        let input = child.stdin.take().expect("it is piped");
        let output = child.stdout.take().expect("it is piped");
        let (text, server) = (String::new(), Some(server));
        let mut qemu = Self { child, input, output, text, inward, page, server, _disks: disks };
        qemu.until_prompt()?;
        Ok(qemu)
    }

    fn until_prompt(&mut self) -> Result<String, String> {
        let mut bytes = [0; 4_096];
        loop {
            if let Some(at) = self.text.find(PROMPT) {
                let said = self.text[..at].to_owned();
                self.text.drain(..at + PROMPT.len());
                return Ok(said);
            }
            let read = self.output.read(&mut bytes).map_err(|error| error.to_string())?;
            if read == 0 {
                return Err(format!("{PROGRAM} ended: {}", self.text));
            }
            self.text.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing left to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
        // A server that nobody asked waits for somebody.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.page)));
        if let Some(server) = self.server.take() {
            let _ = server.join();
        }
    }
}

impl Machine for Qemu {
    fn run(&mut self, line: &str) -> (Duration, String) {
        let start = now();
        writeln!(self.input, "{line}").and_then(|()| self.input.flush()).expect("QEMU listens");
        let said = self.until_prompt().expect("QEMU answers");
        (now() - start, said)
    }

    fn page(&self) -> String {
        format!("http://10.0.2.2:{}/page", self.page)
    }

    fn fetch(&mut self) -> (Duration, u64) {
        let start = now();
        let mut stream = TcpStream::connect(self.inward).expect("QEMU listens");
        stream.write_all(b"GET /file HTTP/1.0\r\n\r\n").expect("QEMU takes it");
        let mut bytes = vec![0; 256 << 10];
        let mut all = 0;
        loop {
            match stream.read(&mut bytes).expect("QEMU answers") {
                0 => return (now() - start, all),
                read => all += read as u64,
            }
        }
    }
}

/// A port of the host that nobody has.
fn free_port() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// Serves the page once, on a port of the host, which is told.
#[expect(clippy::disallowed_methods, reason = "somebody has to answer QEMU while it is watched")]
fn serve() -> std::io::Result<(u16, JoinHandle<()>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let thread = std::thread::spawn(move || {
        let Ok((mut stream, _)) = listener.accept() else { return };
        let mut head = [0; 4_096];
        if stream.read(&mut head).is_ok_and(|read| read != 0) {
            let page = vec![b'x'; PAGE_BYTES as usize];
            // If QEMU goes away meanwhile, its watcher says so.
            let _ = write!(stream, "HTTP/1.0 200 OK\r\nContent-Length: {PAGE_BYTES}\r\n\r\n")
                .and_then(|()| stream.write_all(&page));
        }
    });
    Ok((port, thread))
}
