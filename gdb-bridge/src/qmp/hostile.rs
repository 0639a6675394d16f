//! An entrance for whoever damages what QEMU's monitor sends: its lines, the
//! messages in them, and the texts in those. Answers are dropped.

use super::message::{Lines, Message};
use super::text;

/// Takes bytes for what a monitor sent.
pub fn read_qmp(bytes: &[u8]) {
    let mut lines = Lines::default();
    for chunk in bytes.chunks(11) {
        lines.push(chunk);
    }
    lines.push(b"\n");
    while let Some(line) = lines.next() {
        let _ = line.map(|line| Message::parse(&line));
    }
    let text = String::from_utf8_lossy(bytes);
    // A monitor's answer has its line ends written out.
    let text = text.replace("\\r\\n", "\n");
    let _ = (text::cpus(&text), text::words(&text));
}
