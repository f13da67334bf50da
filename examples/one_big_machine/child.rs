//! The processes of all hosts but the first, as it starts them, and as they are themselves.

use std::io::{BufRead as _, BufReader, Lines, Write as _, stdin};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};

use ironloom_node::hyper::computer::{Host, Inbox};

use crate::part::{News, boot, join, listen, row, run, start};
use crate::{HARTS, JOB, Result, TICK};

/// The process of another host, which ends with us.
pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    output: Option<Lines<BufReader<ChildStdout>>>,
}

impl Process {
    /// Starts this program again, as a host.
    pub(crate) fn start(number: u8, [image, initramfs]: &[String; 2], secret: &str) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([&number.to_string(), image, initramfs])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take().ok_or("it is piped")?;
        let output = BufReader::new(child.stdout.take().ok_or("it is piped")?).lines();
        let mut process = Self { child, input, output: Some(output) };
        process.tell(secret)?;
        Ok(process)
    }

    /// Tells it something that others must not see, as they would see arguments.
    pub(crate) fn tell(&mut self, line: &str) -> Result<()> {
        Ok(writeln!(self.input, "{line}")?)
    }

    /// Where it listens: the first that it says.
    pub(crate) fn address(&mut self) -> Result<String> {
        let output = self.output.as_mut().ok_or("it is asked first")?;
        Ok(output.next().ok_or("a host has ended")??)
    }

    /// Tells how it is, as often as it says so.
    pub(crate) fn watch(&mut self, number: usize, news: &Sender<News>) {
        let Some(lines) = self.output.take() else { return };
        start(news, move |news| {
            for line in lines {
                let line = line?;
                if line == "left" {
                    return Ok(News::Left(number));
                }
                let counts: Vec<u64> =
                    line.split(' ').map(str::parse).collect::<std::result::Result<_, _>>()?;
                let row = counts.try_into().map_err(|_| "a host says what nobody understands")?;
                let _ = news.send(News::Row(number, row)); // perhaps nobody listens any more
            }
            Err(format!("host {number} has ended").into())
        });
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended by itself
        let _ = self.child.wait();
    }
}

/// What such a process does: it hears a secret, says where it listens, hears of the others, and says how it is.
pub(crate) fn main(number: u8, paths: &[String; 2]) -> Result<()> {
    let inbox = Inbox::default();
    let links = listen(number, &line()?, &inbox)?;
    println!("{}", links.address());
    let (computer, host) = join(&links, inbox, &line()?, boot(paths, HARTS, JOB)?)?;
    let (sender, news) = channel();
    start(&sender, |news| run(computer, news));
    let leaving = host.clone();
    start(&sender, move |_| obey(&leaving));
    loop {
        let last = news.recv_timeout(TICK.into());
        println!("{}", row(&host).map(|count| count.to_string()).join(" "));
        match last {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(News::Failed(reason)) => return Err(reason.into()),
            Ok(News::Left(_)) => {
                println!("left");
                return Ok(());
            }
            _ => return Ok(()),
        }
    }
}

/// Does what the first host says, until it ends.
fn obey(host: &Host) -> Result<News> {
    while line()? == "leave" {
        host.leave()?;
    }
    Err("the first host has ended".into())
}

fn line() -> Result<String> {
    let mut line = String::new();
    stdin().read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}
