//! An entrance for whoever damages what stubs send: the framer and every
//! reply's parser over the same bytes. Answers are dropped.

use super::framer::{Framer, Received};
use super::{Features, Layout, StopReply, ThreadId, includes, reply, threads};

/// Longer packets are refused, as a client with its own bound does.
const LIMIT: usize = 0x4000;

/// Takes bytes for what a stub sent, as a stream and as each kind of reply.
pub fn read_rsp(bytes: &[u8]) {
    let mut framer = Framer::new(LIMIT);
    for chunk in bytes.chunks(7) {
        framer.push(chunk);
    }
    while let Some(received) = framer.next() {
        if let Received::Packet(payload) | Received::Notification(payload) = received {
            read_payload(&payload);
        }
    }
    framer.reset();
    read_payload(bytes);
}

fn read_payload(payload: &[u8]) {
    let _ = (
        StopReply::parse(payload),
        ThreadId::parse(payload),
        threads(payload),
    );
    let _ = (
        Features::parse(payload),
        reply::error(payload),
        reply::console_text(payload),
    );
    let _ = (
        reply::gather(payload, payload.to_vec()),
        reply::hex_bytes(payload),
    );
    let _ = (reply::little_endian(payload), reply::hex_number(payload));
    Layout::qemu().decode(payload);
    let text = String::from_utf8_lossy(payload);
    let _ = includes(&text).count();
    if let Some(layout) = Layout::from_description(&text) {
        layout.decode(payload);
    }
}
