//! Command lines and what they mean.

use super::*;

fn defaults() -> Options {
    Options {
        count: DEFAULT_COUNT,
        seed: 1,
        fault: None,
        ring_size: DEFAULT_RING_SIZE,
        wait_for_debugger: false,
    }
}

#[test]
fn words_set_options() {
    #[track_caller]
    fn check(line: &str, expected: Options) {
        assert_eq!(Options::parse(line.as_bytes()), Ok(expected));
    }
    check("", defaults());
    check("  workload=orders ", defaults());
    check(
        "count=5 seed=7",
        Options {
            count: 5,
            seed: 7,
            ..defaults()
        },
    );
    check(
        "ring=2048",
        Options {
            ring_size: 2048,
            ..defaults()
        },
    );
    check(
        "ring=128K wait-gdb",
        Options {
            ring_size: 128 << 10,
            wait_for_debugger: true,
            ..defaults()
        },
    );
    check(
        "ring=1M",
        Options {
            ring_size: 1 << 20,
            ..defaults()
        },
    );
    let fault = Fault::named("null-field").unwrap();
    check(
        "fault=null-field",
        Options {
            fault: Some(Armed {
                fault,
                after: DEFAULT_AFTER,
            }),
            ..defaults()
        },
    );
    check(
        "after=3 fault=null-field count=4",
        Options {
            count: 3 + ORDERS_TO_A_TRADE,
            fault: Some(Armed { fault, after: 3 }),
            ..defaults()
        },
    );
    check(
        "fault=null-field count=1",
        Options {
            count: ORDERS_TO_A_TRADE,
            fault: Some(Armed { fault, after: 0 }),
            ..defaults()
        },
    );
}

#[test]
fn mistakes_are_named() {
    #[track_caller]
    fn check(line: &[u8], expected: OptionError<'_>, says: &str) {
        let error = Options::parse(line).unwrap_err();
        assert_eq!(error, expected);
        let text = error.to_string();
        assert!(text.contains(says), "{text}");
    }
    check(
        b"cuont=5",
        OptionError::UnknownWord("cuont=5"),
        "no word `cuont=5`",
    );
    check(
        b"wait-gdb=1",
        OptionError::UnknownWord("wait-gdb=1"),
        "no word",
    );
    check(
        b"workload=web",
        OptionError::UnknownWorkload("web"),
        "there is: orders",
    );
    check(
        b"fault=null",
        OptionError::UnknownFault("null"),
        "null-field",
    );
    check(
        b"count=-1",
        OptionError::NotANumber("count", "-1"),
        "not `-1`",
    );
    check(b"seed=", OptionError::NotANumber("seed", ""), "seed= needs");
    check(b"count=0", OptionError::NoOrders, "at least 1");
    check(b"ring=1000", OptionError::RingSize("1000"), "power of two");
    check(b"ring=512", OptionError::RingSize("512"), "1024 bytes");
    check(
        b"ring=99999999999999999999M",
        OptionError::RingSize("99999999999999999999M"),
        "ring=",
    );
    check(b"ring=2048M", OptionError::RingSize("2048M"), "1024M");
    check(b"ring=\xff", OptionError::NotText(5), "byte 5");
    check(b"after=1", OptionError::AfterWithoutFault, "none is given");
    check(
        b"fault=panic after=9 count=9",
        OptionError::AfterTheEnd { after: 9, count: 9 },
        "never comes",
    );
}
