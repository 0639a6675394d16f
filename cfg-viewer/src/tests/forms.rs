//! The drawn forms: text, Graphviz, document.

use std::io::Write;
use std::process::{Command, Stdio};

use iced_x86::code_asm::{eax, edi, rax};
use ukdbg_image::LinkAddr;
use unicode_width::UnicodeWidthStr;

use super::fixture::{BASE, Fixture, HELPER, PANIC};
use crate::{Marks, Role, TextLine, Zoom};

/// A check, a loop with a call, a panic, and a jump nobody can follow.
fn example() -> Fixture {
    Fixture::assemble(|a| {
        let (mut again, mut bad) = (a.create_label(), a.create_label());
        a.test(edi, edi).unwrap(); // b0
        a.je(bad).unwrap();
        a.set_label(&mut again).unwrap();
        a.call(HELPER).unwrap(); // b1
        a.dec(edi).unwrap();
        a.jne(again).unwrap();
        a.test(eax, eax).unwrap(); // b2
        a.je(bad).unwrap();
        a.jmp(rax).unwrap(); // b3
        a.set_label(&mut bad).unwrap();
        a.call(PANIC).unwrap(); // b4
    })
}

const MARKS: Marks = Marks {
    current: Some(LinkAddr(BASE)),
    faulting: Some(LinkAddr(BASE + 9)),
};

fn plain(lines: &[TextLine]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| line.text()).collect();
    let lines: Vec<_> = lines.iter().map(|line| line.trim_end()).collect();
    format!("\n{}\n", lines.join("\n"))
}

#[test]
fn labels() {
    let text = example().draw(MARKS, |drawing| drawing.text(72, Zoom::Labels));
    assert_eq!(plain(&text), include_str!("labels.txt"));
}

#[test]
fn instructions() {
    let text = example().draw(MARKS, |drawing| drawing.text(72, Zoom::Instructions));
    assert_eq!(plain(&text), include_str!("instructions.txt"));
    let line = |role| {
        let has = |line: &&TextLine| line.spans.iter().any(|span| span.role == role);
        text.iter().find(has).and_then(|line| line.address)
    };
    assert_eq!(line(Role::FaultingInstruction), MARKS.faulting);
    assert_eq!(line(Role::CurrentInstruction), MARKS.current);
}

#[test]
fn no_line_is_wider_than_asked_for() {
    let mut fixture = example();
    fixture.name = "engine::\u{1b}[2J名前<\u{202e}\n>";
    for width in [24, 30, 40, 80, 200] {
        for zoom in [Zoom::Instructions, Zoom::Source, Zoom::Labels] {
            let lines = fixture.draw(MARKS, |drawing| drawing.text(width, zoom));
            for text in lines.iter().map(TextLine::text) {
                assert!(text.width() <= width, "{width}: {text}");
                assert!(!text.contains(|c: char| c.is_control() || c == '\u{202e}'));
            }
        }
    }
}

/// Graphviz's own verdict, where it is installed.
fn assert_accepted(dot: &str) {
    let started = Command::new("dot")
        .args(["-Tsvg", "-o", "/dev/null"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = started else {
        eprintln!("dot is not installed: not checked");
        return;
    };
    child
        .stdin
        .take()
        .unwrap()
        .write_all(dot.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && message.is_empty(),
        "{message}\n{dot}"
    );
}

#[test]
fn graphviz_accepts_any_name() {
    let mut graphs = String::new();
    for name in [
        "engine::run",
        "a\"b\\",
        "\\N \\l \\",
        "<b>&amp;</b> &#1; &lt",
        "digraph { } // -- -> ; [ ]",
        "\u{1b}[31m\u{0}\u{7}\r\n\u{fffe}",
        "名前\u{202e}",
        "",
    ] {
        let mut fixture = example();
        fixture.name = name;
        graphs.push_str(&fixture.draw(MARKS, |drawing| drawing.dot()));
    }
    assert_accepted(&graphs);
}

#[test]
fn dot_shows_what_is_not_known() {
    let dot = example().draw(MARKS, |drawing| drawing.dot());
    assert!(dot.contains("computed at run time"), "{dot}");
    assert!(dot.contains("core::panicking::panic"), "{dot}");
    assert!(dot.contains("fillcolor=\"#ffd0d0\""), "{dot}");
}

#[test]
fn document() {
    let json = example().draw(MARKS, |drawing| {
        serde_json::to_value(drawing.document()).unwrap()
    });
    assert_eq!(json["function"]["address"], "0x100000");
    assert_eq!(json["function"]["ranges"][0]["start"], "0x100000");
    let block = &json["blocks"][1];
    assert_eq!(block["start"], "0x100004");
    assert_eq!(block["end"], "branch");
    assert_eq!(block["evidence"], "decode");
    assert_eq!(block["calls"][0]["target"], "0x200000");
    assert_eq!(block["faulting"], true);
    assert_eq!(block["instructions"][0]["text"], "call engine::helper");
    assert_eq!(block["source"][0]["line"], 10);
    let edges = json["edges"].as_array().unwrap();
    let edge = |number: usize| {
        let edge = &edges[number];
        (
            edge["kind"].as_str().unwrap(),
            edge["to"].clone(),
            edge["back"] == true,
        )
    };
    let outside = serde_json::json!({
        "outside": {"address": "0x201000", "name": "core::panicking::panic"}
    });
    assert_eq!(edge(0), ("taken", serde_json::json!({"block": 4}), false));
    assert_eq!(edge(2), ("taken", serde_json::json!({"block": 1}), true));
    assert_eq!(
        edge(6),
        (
            "indirect",
            serde_json::json!({"unresolved": "computed"}),
            false
        )
    );
    assert_eq!(edge(7), ("no_return", outside, false));
    assert_eq!(json["loops"][0]["body"], serde_json::json!([1]));
}
