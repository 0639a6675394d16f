//! Replies as JSON: what a script reads.

use serde_json::Value;
use ukdbg_session::Reply;
use ukdbg_session::inspect::StackEnd;

use super::views::{backtrace, frame, report};

#[test]
fn each_reply_names_its_schema() {
    let check = |reply: Reply, expected: &str| assert_eq!(reply.schema(), expected);
    check(
        Reply::Backtraces { backtraces: vec![] },
        "ukdbg.backtrace/1",
    );
    check(Reply::Report(Box::new(report())), "ukdbg.report/1");
    check(Reply::Trace(Default::default()), "ukdbg.trace/1");
    check(Reply::Registers(Default::default()), "ukdbg.registers/1");
}

fn document(reply: &Reply) -> Value {
    serde_json::to_value(reply).unwrap()
}

#[test]
fn a_report_as_a_document() {
    let value = document(&Reply::Report(Box::new(report())));
    let check = |pointer: &str, expected: Value| {
        assert_eq!(
            value.pointer(pointer),
            Some(&expected),
            "{pointer}: {value:#}"
        );
    };
    check("/verdict/kind", "null_reference".into());
    check("/verdict/certainty", "likely".into());
    check("/verdict/access/address", "0x18".into());
    check("/verdict/place/frame", 0.into());
    check("/exception/error_code", "0x0".into());
    check("/instruction/address", "0x100000".into());
    check("/instruction/operands/1/value", Value::Null);
    check("/backtrace/end/kind", "root".into());
    check("/events/lost", 3.into());
    check("/next/0/kind", "graph".into());
}

/// Only a frame whose arguments were not read says so.
#[test]
fn frames_as_a_document() {
    let mut deep = frame("b", 2);
    deep.arguments_left_out = true;
    let view = backtrace(vec![frame("a", 1), deep], StackEnd::Root);
    let value = document(&Reply::Backtraces {
        backtraces: vec![view],
    });
    let frames = &value["backtraces"][0]["frames"];
    assert_eq!(frames[0].get("arguments_left_out"), None);
    assert_eq!(frames[1]["arguments_left_out"], true);
    assert_eq!(frames[1]["pc"], "0x2");
    assert_eq!(frames[0].get("level"), None, "our own numbering stays ours");
}
