//! A stub as QEMU's behaves: it acknowledges, keeps its last packet until
//! that is acknowledged, and sends it again when asked. Four pages of memory
//! and a counter of steps.

use crate::rsp::framer::{Framer, Received, append_packet};

pub(super) struct Stub {
    framer: Framer,
    base: u64,
    last: Vec<u8>,
    output: Vec<u8>,
    pub(super) steps: u32,
}

impl Stub {
    pub(super) fn new(base: u64) -> Self {
        Self {
            framer: Framer::new(4096),
            base,
            last: Vec::new(),
            output: Vec::new(),
            steps: 0,
        }
    }

    /// The digits of memory's content: each byte differs from its neighbours.
    pub(super) fn bytes(at: u64, length: u64) -> Vec<u8> {
        (at..at + length)
            .flat_map(|at| format!("{:02x}", (at * 31 + 7) as u8).into_bytes())
            .collect()
    }

    pub(super) fn steps(steps: u32) -> Vec<u8> {
        format!("{:016x}", u64::from(steps).swap_bytes()).into_bytes()
    }

    pub(super) fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.framer.push(bytes);
        while let Some(received) = self.framer.next() {
            match received {
                Received::Packet(payload) => {
                    self.output.push(b'+');
                    self.last.clear();
                    if let Some(reply) = self.reply(&payload) {
                        append_packet(&reply, &mut self.last);
                        self.output.extend_from_slice(&self.last);
                    }
                }
                Received::Damaged => self.output.push(b'-'),
                Received::Nak => self.output.extend_from_slice(&self.last),
                Received::Ack => self.last.clear(),
                _ => {}
            }
        }
    }

    fn reply(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        let text = String::from_utf8_lossy(payload).into_owned();
        let reply = match text.split_at_checked(1).unwrap_or_default() {
            ("?", _) => b"T05thread:01;".to_vec(),
            ("q", rest) if rest.starts_with("Supported") => {
                b"PacketSize=1000;vContSupported+".to_vec()
            }
            ("m", rest) => {
                let (at, length) = rest.split_once(',').unwrap_or_default();
                let at = u64::from_str_radix(at, 16).unwrap_or(0);
                let length = u64::from_str_radix(length, 16).unwrap_or(0);
                match at >= self.base && length < 0x800 {
                    true => Self::bytes(at, length),
                    false => b"E14".to_vec(),
                }
            }
            ("M", _) => b"OK".to_vec(),
            ("g", _) => Self::steps(self.steps),
            ("s", _) => {
                self.steps += 1;
                b"T05thread:01;".to_vec()
            }
            ("v", rest) if rest.starts_with("Cont;c") => return None,
            _ => Vec::new(),
        };
        Some(reply)
    }
}
