//! Code that means harm: no panic, and bounded time.

use proptest::prelude::*;
use ukdbg_image::LinkAddr;

use super::fixture::{BASE, Fixture};
use crate::{Drawing, EdgeTarget, Marks, Zoom};

/// Everything holds together, and everything can be drawn.
fn check(fixture: &Fixture) {
    let cfg = fixture.cfg();
    for edge in &cfg.edges {
        assert!(edge.from.index() < cfg.blocks.len());
        if let EdgeTarget::Block(to) = edge.to {
            assert!(to.index() < cfg.blocks.len());
        }
    }
    let marks = Marks {
        current: Some(LinkAddr(BASE)),
        faulting: Some(LinkAddr(BASE + 3)),
    };
    fixture.draw(marks, |drawing: &Drawing<'_>| {
        drawing.dot();
        drawing.text(60, Zoom::Instructions);
        serde_json::to_string(&drawing.document()).unwrap();
    });
}

proptest! {
    #[test]
    fn random_code(code in prop::collection::vec(any::<u8>(), 0..300)) {
        check(&Fixture::new(code));
    }

    #[test]
    fn short_jumps_everywhere(code in prop::collection::vec(
        prop::sample::select(vec![0x74, 0x75, 0xeb, 0xfe, 0xe9, 0xe8, 0xc3, 0xff, 0x90, 2, 5, 0xf0]),
        0..300,
    )) {
        check(&Fixture::new(code));
    }

    #[test]
    fn random_ranges(
        ranges in prop::collection::vec((0..60_u64, 0..60_u64), 1..5),
        code in prop::collection::vec(any::<u8>(), 50),
    ) {
        let mut fixture = Fixture::new(code);
        let at = |offset| LinkAddr(BASE + offset);
        fixture.ranges = ranges.iter().map(|&(start, end)| at(start)..at(end)).collect();
        check(&fixture);
    }
}

#[test]
fn the_end_of_the_address_space() {
    let mut fixture = Fixture::new(vec![0x90; 4]);
    fixture.ranges = vec![LinkAddr(BASE)..LinkAddr(u64::MAX)];
    check(&fixture);
}

#[test]
fn a_megabyte_of_branches() {
    // je to the very end, 170 thousand times.
    let count = (1 << 20) / 6;
    let mut code = Vec::new();
    for number in 0..count {
        let distance = (count - number - 1) * 6;
        code.extend([0x0f, 0x84]);
        code.extend((distance as u32).to_le_bytes());
    }
    code.push(0xc3);
    let fixture = Fixture::new(code);
    assert_eq!(fixture.cfg().blocks.len(), count + 1);
    fixture.draw(Marks::default(), |drawing| drawing.text(80, Zoom::Labels));
}
