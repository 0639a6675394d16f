//! Descriptors, the values they give meaning to, and events told in full.

use ukdbg_guest_abi::event::{FieldType, Level};

use crate::{Clock, DescriptorFault, FieldValue, Payload, Record, Schema};

fn descriptor(name: &str, fields: &[(u8, &str)]) -> Vec<u8> {
    let mut body = vec![1, Level::Info as u8, fields.len() as u8, 0];
    body.extend(7_u32.to_le_bytes());
    for text in [name, "src/engine.rs"] {
        body.extend(text.bytes().chain([0]));
    }
    for (code, name) in fields {
        body.push(*code);
        body.extend(name.bytes().chain([0]));
    }
    let length = body.len() as u32 + 4;
    length.to_le_bytes().into_iter().chain(body).collect()
}

fn record(site: u32, payload: &[u8]) -> Record {
    let mut inline = [0; 16];
    let head = payload.len().min(16);
    inline[..head].copy_from_slice(&payload[..head]);
    Record {
        cpu: 0,
        site,
        index: 4,
        tsc: 100,
        payload: Payload {
            inline,
            more: payload.get(16..).map(|more| {
                let mut slots = more.to_vec();
                slots.resize(more.len().next_multiple_of(24), 0);
                slots.into()
            }),
        },
    }
}

#[test]
fn descriptors_of_the_same_content_are_one_type() {
    let one = descriptor("order.accepted", &[(FieldType::U64 as u8, "id")]);
    let other = descriptor("order.done", &[]);
    let section = [&one[..], &other, &one].concat();
    let (schema, errors) = Schema::parse(&section);
    assert_eq!(errors, []);
    assert_eq!(schema.types().len(), 2);
    let at = |offset: usize| schema.type_of(&record(offset as u32, &[0; 16]));
    assert_eq!(at(0), at(one.len() + other.len()));
    assert!(at(0).is_some() && at(0) != at(one.len()));
    assert_eq!(at(1), None);
}

#[test]
fn every_type_reads_its_bytes() {
    let types = [
        (FieldType::U8, FieldValue::Unsigned(0xfe), vec![0xfe]),
        (FieldType::U16, FieldValue::Unsigned(0x0102), vec![2, 1]),
        (FieldType::U32, FieldValue::Unsigned(5), vec![5, 0, 0, 0]),
        (
            FieldType::U64,
            FieldValue::Unsigned(u64::MAX),
            vec![0xff; 8],
        ),
        (FieldType::I8, FieldValue::Signed(-2), vec![0xfe]),
        (FieldType::I16, FieldValue::Signed(-1), vec![0xff; 2]),
        (FieldType::I32, FieldValue::Signed(-1), vec![0xff; 4]),
        (FieldType::I64, FieldValue::Signed(-1), vec![0xff; 8]),
        (FieldType::Bool, FieldValue::Bool(true), vec![1]),
        (FieldType::Bool, FieldValue::InvalidBool(2), vec![2]),
    ];
    let names: Vec<_> = types.iter().map(|(kind, ..)| (*kind as u8, "f")).collect();
    let bytes: Vec<u8> = types
        .iter()
        .flat_map(|(.., bytes)| bytes)
        .copied()
        .collect();
    let (schema, errors) = Schema::parse(&descriptor("all", &names));
    assert_eq!(errors, []);
    let event = schema.event(&record(0, &bytes), Clock::new(1_000_000_000, 40));
    let values: Vec<_> = event.fields.iter().map(|field| field.value).collect();
    assert_eq!(values, types.map(|(_, value, _)| value));
    assert_eq!(event.nanoseconds, Some(60));
    assert_eq!(event.level, Some(Level::Info));
}

#[test]
fn a_record_of_another_length_is_not_of_that_type() {
    let (schema, _) = Schema::parse(&descriptor("short", &[(1, "a")]));
    let event = schema.event(&record(0, &[9; 17]), Clock::UNKNOWN);
    assert_eq!(event.name, None);
    assert_eq!(event.raw.len(), 16 + 24);
}

#[test]
fn faulty_descriptors_are_told_and_passed_over() {
    let check = |change: &dyn Fn(&mut Vec<u8>), expected: DescriptorFault| {
        let good = descriptor("good", &[(1, "a")]);
        let mut bad = descriptor("bad", &[(1, "a"), (2, "b")]);
        change(&mut bad);
        let section = [&bad[..], &good].concat();
        let (schema, errors) = Schema::parse(&section);
        assert_eq!(errors[0].fault, expected);
        let lost = matches!(expected, DescriptorFault::Length { .. });
        assert_eq!(schema.types().len(), usize::from(!lost));
    };
    check(&|bad| bad[4] = 2, DescriptorFault::Version { version: 2 });
    check(&|bad| bad[5] = 5, DescriptorFault::Level { level: 5 });
    check(&|bad| bad[6] = 3, DescriptorFault::Strings);
    check(&|bad| bad[6] = 1, DescriptorFault::Strings);
    let field = descriptor("bad", &[]).len();
    check(
        &|bad| bad[field] = 99,
        DescriptorFault::FieldType { field: 0, code: 99 },
    );
    let left =
        descriptor("bad", &[(1, "a"), (2, "b")]).len() + descriptor("good", &[(1, "a")]).len();
    for length in [0_u32, 11, 1000, u32::MAX] {
        check(
            &|bad| bad[..4].copy_from_slice(&length.to_le_bytes()),
            DescriptorFault::Length { length, left },
        );
    }
}

#[test]
fn an_event_longer_than_a_ring_can_hold_is_refused() {
    let fields = vec![(FieldType::U64 as u8, ""); 48];
    let (_, errors) = Schema::parse(&descriptor("long", &fields));
    assert_eq!(errors[0].fault, DescriptorFault::PayloadSize { size: 384 });
    let (schema, errors) = Schema::parse(&descriptor("long", &fields[..47]));
    assert_eq!((errors.len(), schema.types().len()), (0, 1));
}

#[test]
fn an_event_serializes_with_addresses_as_text() {
    let fields = [(FieldType::Code as u8, "by"), (FieldType::I8 as u8, "x")];
    let (schema, _) = Schema::parse(&descriptor("e", &fields));
    let event = schema.event(
        &record(0, &[0, 0x10, 0, 0, 0, 0, 0, 0, 0xff]),
        Clock::UNKNOWN,
    );
    let json = serde_json::to_value(&event).unwrap();
    assert_eq!(
        json["fields"][0],
        serde_json::json!({"name": "by", "value": "0x1000"})
    );
    assert_eq!(json["fields"][1]["value"], -1);
    assert_eq!(json["level"], "info");
}
