//! iceoryx2 in pipe-hot: 64 bytes there and back between two processes, each of which publishes one way and spins on what it
//! receives the other way. What is known to make it fast is done: one publisher and one subscriber for each way, no history, a
//! buffer for one, and the next sample is loaned while the answer is awaited. It holds the conversation of peer.py.

use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::prelude::*;
use std::error::Error;
use std::io::{BufRead, Read, Write, stdin, stdout};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

const TRIPS: usize = 20_000;

type Message = [u8; 64];
type Failed = Box<dyn Error>;

/// One of the two ends. The node goes last.
struct End {
    receiver: Subscriber<ipc::Service, Message, ()>,
    sender: Publisher<ipc::Service, Message, ()>,
    _node: Node<ipc::Service>,
}

impl End {
    /// All files of a bench lie below root, or begin with prefix in shared memory.
    fn new(root: &str, prefix: &str, sends: &str, receives: &str) -> Result<End, Failed> {
        let mut config = Config::default();
        config.global.set_root_path(&Path::new(root.as_bytes())?);
        config.global.prefix = FileName::new(prefix.as_bytes())?;
        let node = NodeBuilder::new()
            .config(&config)
            .create::<ipc::Service>()?;
        let way = |name: &str| -> Result<_, Failed> {
            Ok(node
                .service_builder(&name.try_into()?)
                .publish_subscribe::<Message>()
                .max_publishers(1)
                .max_subscribers(1)
                .history_size(0)
                .subscriber_max_buffer_size(1)
                .open_or_create()?)
        };
        let sender = way(sends)?.publisher_builder().create()?;
        let receiver = way(receives)?.subscriber_builder().create()?;
        Ok(End {
            receiver,
            sender,
            _node: node,
        })
    }

    /// Sends n messages and waits for an answer to each, which has 1 more in its last byte.
    fn ask(&self, n: usize, seed: u8) -> Result<f64, Failed> {
        let begun = Instant::now();
        let mut m: Message = [0; 64];
        let mut next = self.sender.loan_uninit()?;
        for i in 0..n {
            (m[0], m[63]) = (seed.wrapping_add(i as u8), i as u8);
            next.write_payload(m).send()?;
            next = self.sender.loan_uninit()?;
            let got = self.receive()?;
            if got[0] != m[0] || got[63] != m[63].wrapping_add(1) {
                return Err("wrong answer".into());
            }
        }
        Ok(begun.elapsed().as_secs_f64() / n as f64)
    }

    fn answer(&self, n: usize) -> Result<(), Failed> {
        let mut next = self.sender.loan_uninit()?;
        for _ in 0..n {
            let mut m = self.receive()?;
            m[63] = m[63].wrapping_add(1);
            next.write_payload(m).send()?;
            next = self.sender.loan_uninit()?;
        }
        Ok(())
    }

    fn receive(&self) -> Result<Message, Failed> {
        loop {
            if let Some(sample) = self.receiver.receive()? {
                return Ok(*sample);
            }
        }
    }
}

/// The other process: it answers for a round whenever a byte comes, and sleeps between rounds.
fn other(root: &str, prefix: &str) -> Result<(), Failed> {
    let end = End::new(root, prefix, "back", "there")?;
    stdout().write_all(b"r")?;
    stdout().flush()?;
    let mut go = [0];
    while stdin().read(&mut go)? == 1 {
        end.answer(TRIPS)?;
    }
    Ok(())
}

/// This process's end, and the other one.
struct Pair {
    end: End,
    child: Child,
}

impl Pair {
    fn new(root: &str, prefix: &str) -> Result<Pair, Failed> {
        let end = End::new(root, prefix, "there", "back")?;
        let mut child = Command::new(std::env::current_exe()?)
            .args(["other", root, prefix])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut ready = [0];
        child.stdout.as_mut().ok_or("no pipe")?.read_exact(&mut ready)?;
        Ok(Pair { end, child })
    }

    fn round(&mut self, seed: u8) -> Result<f64, Failed> {
        self.child.stdin.as_mut().ok_or("no pipe")?.write_all(b"g")?;
        self.end.ask(TRIPS, seed)
    }

    /// Ends the other process, which takes its files away.
    fn close(mut self) -> Result<(), Failed> {
        drop(self.child.stdin.take());
        self.child.wait()?;
        Ok(())
    }
}

/// The string that a request of one line has under a name. None of them needs an escape.
fn field<'a>(line: &'a str, name: &str) -> &'a str {
    line.split(&format!("\"{name}\":\""))
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap_or("")
}

fn main() -> Result<(), Failed> {
    set_log_level(LogLevel::Error);
    let args: Vec<String> = std::env::args().collect();
    if let [_, role, root, prefix] = &args[..]
        && role == "other"
    {
        return other(root, prefix);
    }
    let mut pair = None;
    let mut rounds = 0u8;
    for line in stdin().lock().lines() {
        let line = line?;
        let done = match field(&line, "do") {
            "setup" => Pair::new(field(&line, "scratch"), field(&line, "prefix")).map(|p| {
                pair = Some(p);
                "{}".to_string()
            }),
            "round" => {
                rounds = rounds.wrapping_add(1);
                pair.as_mut()
                    .ok_or_else(|| Failed::from("not set up"))
                    .and_then(|p| p.round(rounds))
                    .map(|each| format!("{{\"trip\": {each:e}}}"))
            }
            _ => pair.take().map_or(Ok(()), Pair::close).map(|()| "{}".to_string()),
        };
        match done {
            Ok(ok) => println!("{{\"ok\": {ok}}}"),
            Err(e) => println!("{{\"error\": {:?}}}", e.to_string()),
        }
    }
    Ok(())
}
