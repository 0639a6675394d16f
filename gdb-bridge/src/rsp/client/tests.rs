//! The client against a stub in memory, in simulated time, over a line that
//! drops, doubles, changes and splits bytes.

use super::*;
use crate::rsp::framer::append_packet;
use model::Stub;

mod model;

const MEMORY: u64 = 0x1000;

struct Pair {
    client: Client,
    stub: Stub,
    now: Instant,
    /// What the line does to the n-th byte of each direction.
    to_stub: Line,
    to_client: Line,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Harm {
    None,
    Drop(usize),
    Double(usize),
    Flip(usize),
    /// This byte and all after it come so much later.
    Delay(usize, Duration),
    /// Every byte comes by itself, after a pause.
    Split(Duration),
}

#[derive(Debug)]
struct Line {
    harm: Harm,
    count: usize,
    /// Bytes on their way, and when they arrive.
    held: VecDeque<(Instant, u8)>,
}

impl Line {
    fn new(harm: Harm) -> Self {
        Self {
            harm,
            count: 0,
            held: VecDeque::new(),
        }
    }

    /// Takes bytes and gives those that arrive now.
    fn carry(&mut self, bytes: &[u8], now: Instant) -> Vec<u8> {
        let mut out = Vec::new();
        for &byte in bytes {
            let last = self.held.back().map_or(now, |(last, _)| now.max(*last));
            match self.harm {
                Harm::Delay(at, time) if at == self.count => {
                    self.held.push_back((now + time, byte));
                }
                Harm::Delay(at, _) if at < self.count && last > now => {
                    self.held.push_back((last, byte));
                }
                Harm::Split(pause) => self.held.push_back((last + pause, byte)),
                Harm::Drop(at) if at == self.count => {}
                Harm::Double(at) if at == self.count => out.extend([byte, byte]),
                Harm::Flip(at) if at == self.count => out.push(byte ^ 0x10),
                _ => out.push(byte),
            }
            self.count += 1;
        }
        while let Some((_, byte)) = self.held.pop_front_if(|(arrives, _)| *arrives <= now) {
            out.push(byte);
            // One at a time, as the reader of a slow line sees them.
            if matches!(self.harm, Harm::Split(_)) {
                break;
            }
        }
        out
    }

    fn next_arrival(&self) -> Option<Instant> {
        self.held.front().map(|(arrives, _)| *arrives)
    }
}

impl Pair {
    fn new(options: Options, to_stub: Harm, to_client: Harm) -> Self {
        Self {
            client: Client::new(options),
            stub: Stub::new(MEMORY),
            now: Instant::now(),
            to_stub: Line::new(to_stub),
            to_client: Line::new(to_client),
        }
    }

    /// Lets both talk until an event comes, or time would have to pass
    /// beyond any patience.
    fn event(&mut self) -> Option<Event> {
        let limit = self.now + Duration::from_secs(60);
        loop {
            if let Some(event) = self.client.next_event() {
                return Some(event);
            }
            let sent = self.to_stub.carry(&self.client.take_output(), self.now);
            self.stub.receive(&sent);
            let answer = self.to_client.carry(&self.stub.take_output(), self.now);
            if !answer.is_empty() {
                self.now += Duration::from_micros(100);
                self.client.receive(&answer, self.now);
            } else if sent.is_empty() {
                let lines = [&self.to_stub, &self.to_client];
                let arrivals = lines.into_iter().filter_map(Line::next_arrival);
                let next = arrivals
                    .chain(self.client.deadline())
                    .min()
                    .filter(|next| *next < limit)?;
                self.now = self.now.max(next);
                self.client.tick(self.now);
            }
        }
    }

    fn ask(&mut self, command: Command) -> Result<Vec<u8>, Failure> {
        let ticket = self.client.send(command, self.now);
        loop {
            match self.event().expect("every command ends in an event") {
                Event::Reply(other, reply) if other == ticket => return reply,
                Event::Resumed(other) if other == ticket => return Ok(Vec::new()),
                _ => {}
            }
        }
    }
}

/// A session whose every answer is known.
fn session(pair: &mut Pair) -> Result<(), Failure> {
    assert!(pair.ask(Command::Supported)?.starts_with(b"PacketSize"));
    assert_eq!(pair.ask(Command::StopReason)?, b"T05thread:01;");
    let reads: Vec<_> = (0..20)
        .map(|index| {
            let at = MEMORY + index * 7;
            (
                at,
                pair.client
                    .send(Command::ReadMemory { at, length: 3 }, pair.now),
            )
        })
        .collect();
    for (at, ticket) in reads {
        let expected = Stub::bytes(at, 3);
        let mut event = pair.event();
        // Why it stands still, answered a second time.
        while matches!(event, Some(Event::Stopped(_))) {
            event = pair.event();
        }
        match event.expect("a reply") {
            Event::Reply(other, reply) => {
                assert_eq!(other, ticket, "replies come in order");
                assert_eq!(reply?, expected, "at {at:#x}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(pair.ask(Command::ReadMemory { at: 0, length: 4 })?, b"E14");
    assert_eq!(
        pair.ask(Command::WriteMemory {
            at: MEMORY,
            bytes: vec![1, 2]
        })?,
        b"OK"
    );
    pair.ask(Command::PlainStep)?;
    while pair.client.is_running() {
        let Some(event) = pair.event() else {
            return Err(Failure::Silence);
        };
        assert!(matches!(
            event,
            Event::Stopped(StopReply::Signal { signal: 5, .. })
        ));
    }
    assert_eq!(
        pair.ask(Command::ReadRegisters)?,
        Stub::steps(pair.stub.steps)
    );
    Ok(())
}

#[test]
fn an_undisturbed_session() {
    for options in [Options::reliable(), Options::serial()] {
        let mut pair = Pair::new(options, Harm::None, Harm::None);
        assert_eq!(session(&mut pair), Ok(()));
        assert_eq!(pair.stub.steps, 1);
    }
}

/// Wherever one byte goes wrong, every answer that is given is right, and
/// the guest makes no step too many.
#[test]
fn one_byte_goes_wrong() {
    let mut undisturbed = Pair::new(Options::serial(), Harm::None, Harm::None);
    session(&mut undisturbed).unwrap();
    let (sent, received) = (undisturbed.to_stub.count, undisturbed.to_client.count);
    let mut unsure = 0;
    // Only on lines where that can happen: with several requests under way a
    // request that vanishes without a trace would shift all answers.
    for at in 0..sent.max(received) {
        for harm in [Harm::Drop(at), Harm::Double(at), Harm::Flip(at)] {
            for (to_stub, to_client) in [(harm, Harm::None), (Harm::None, harm)] {
                let mut pair = Pair::new(Options::serial(), to_stub, to_client);
                match session(&mut pair) {
                    Ok(()) => assert_eq!(pair.stub.steps, 1, "{to_stub:?} {to_client:?}"),
                    // Whether a step was taken can be unknown, and then it
                    // is said.
                    Err(Failure::Uncertain | Failure::Silence) => unsure += 1,
                    Err(failure) => panic!("{failure:?} with {to_stub:?} {to_client:?}"),
                }
                assert!(pair.stub.steps <= 1);
            }
        }
    }
    assert!(unsure < 60, "{unsure} sessions ended without an answer");
}

/// A late reply is taken for what it answers or for nothing, on every kind of
/// line, wherever the delay begins and however long it is.
#[test]
fn the_line_is_late() {
    for options in [Options::reliable, Options::serial] {
        let mut undisturbed = Pair::new(options(), Harm::None, Harm::None);
        session(&mut undisturbed).unwrap();
        let (sent, received) = (undisturbed.to_stub.count, undisturbed.to_client.count);
        for milliseconds in [30, 800, 1600, 5000] {
            let time = Duration::from_millis(milliseconds);
            for at in 0..sent.max(received) {
                let harm = Harm::Delay(at, time);
                for (to_stub, to_client) in [(harm, Harm::None), (Harm::None, harm)] {
                    let mut pair = Pair::new(options(), to_stub, to_client);
                    match session(&mut pair) {
                        Ok(()) => assert_eq!(pair.stub.steps, 1, "{to_stub:?} {to_client:?}"),
                        Err(Failure::Uncertain | Failure::Silence) => {
                            assert!(milliseconds > 30, "{to_stub:?} {to_client:?}");
                        }
                        Err(failure) => panic!("{failure:?} with {to_stub:?} {to_client:?}"),
                    }
                    assert!(pair.stub.steps <= 1);
                }
            }
        }
    }
}

#[test]
fn every_byte_comes_by_itself() {
    for options in [Options::reliable, Options::serial] {
        for microseconds in [0, 87, 1000] {
            let harm = Harm::Split(Duration::from_micros(microseconds));
            let mut pair = Pair::new(options(), harm, harm);
            assert_eq!(session(&mut pair), Ok(()), "{harm:?}");
            assert_eq!(pair.stub.steps, 1);
        }
    }
}

#[test]
fn nothing_is_sent_while_the_guest_runs() {
    let mut pair = Pair::new(Options::reliable(), Harm::None, Harm::None);
    pair.ask(Command::ContinueAll).unwrap();
    assert!(pair.client.is_running());
    pair.client.take_output();
    assert_eq!(pair.ask(Command::ReadRegisters), Err(Failure::Running));
    pair.client.receive(b"$O6869#2c", pair.now);
    assert_eq!(
        pair.client.next_event(),
        Some(Event::Console(b"hi".to_vec()))
    );
    assert_eq!(pair.client.take_output(), b"");
    pair.client.interrupt();
    assert_eq!(pair.client.take_output(), b"\x03");
    pair.client.receive(b"$T02thread:01;#04", pair.now);
    assert!(matches!(pair.client.next_event(), Some(Event::Stopped(_))));
    assert_eq!(pair.client.take_output(), b"+");
}

#[test]
fn qemu_says_that_it_stopped_the_guest() {
    let now = Instant::now();
    let mut client = Client::new(Options::reliable());
    let ticket = client.send(Command::Supported, now);
    client.receive(b"$T02thread:01;#04+$PacketSize=1000#f1", now);
    assert!(matches!(
        client.next_event(),
        Some(Event::Stopped(StopReply::Signal { signal: 2, .. }))
    ));
    assert_eq!(
        client.next_event(),
        Some(Event::Reply(ticket, Ok(b"PacketSize=1000".to_vec())))
    );
}

#[test]
fn lies_are_noticed() {
    type Case = (Command, &'static [u8], Result<Vec<u8>, Failure>);
    let cases: &[Case] = &[
        (Command::ReadRegisters, b"OK", Err(Failure::Malformed)),
        (Command::ReadRegisters, b"123", Err(Failure::Malformed)),
        (Command::Detach(None), b"00", Err(Failure::Malformed)),
        (Command::StopReason, b"00", Err(Failure::Malformed)),
        (Command::StopReason, b"W00", Ok(b"W00".to_vec())),
        (Command::ReadRegisters, b"xxxx00", Ok(b"xxxx00".to_vec())),
        (Command::Monitor("x".to_owned()), b"OK", Ok(b"O".to_vec())),
        (
            Command::Monitor("x".to_owned()),
            b"E01",
            Ok(b"E01".to_vec()),
        ),
        (
            Command::Monitor("x".to_owned()),
            b"6869",
            Ok(b"Ohi".to_vec()),
        ),
    ];
    for (command, reply, expected) in cases {
        let now = Instant::now();
        let mut client = Client::new(Options::reliable());
        let ticket = client.send(command.clone(), now);
        let mut wire = b"+".to_vec();
        append_packet(reply, &mut wire);
        client.receive(&wire, now);
        assert_eq!(
            client.next_event(),
            Some(Event::Reply(ticket, expected.clone())),
            "{command:?}"
        );
    }
}

#[test]
fn silence_is_bounded() {
    for options in [Options::reliable(), Options::serial()] {
        let mut client = Client::new(options);
        let mut now = Instant::now();
        let begun = now;
        for at in 0..40 {
            client.send(Command::ReadMemory { at, length: 1 }, now);
        }
        let mut failed = 0;
        while let Some(deadline) = client.deadline() {
            now = now.max(deadline);
            client.tick(now);
            while let Some(event) = client.next_event() {
                assert!(
                    matches!(event, Event::Reply(_, Err(Failure::Silence))),
                    "{event:?}"
                );
                failed += 1;
            }
            assert!(now - begun < Duration::from_secs(400), "no end in sight");
        }
        assert_eq!(failed, 40);
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_leave_it_alive(chunks in proptest::collection::vec(proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40), 0..20)) {
        let mut client = Client::new(Options::reliable());
        let mut now = Instant::now();
        client.send(Command::Supported, now);
        client.send(Command::ReadMemory { at: 0, length: 4 }, now);
        client.send(Command::ContinueAll, now);
        for chunk in chunks {
            client.receive(&chunk, now);
            if let Some(deadline) = client.deadline() {
                now = now.max(deadline);
                client.tick(now);
            }
            client.take_output();
            while client.next_event().is_some() {}
        }
    }
}
