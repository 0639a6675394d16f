//! Page tables and descriptor tables of a guest that has every kind of entry,
//! against what QEMU's monitor says of them.

use serde_json::Value;
use ukdbg_tests::{BuiltGuest, Qemu, Tool, Ukdbg, assemble, available};

struct Guest {
    built: BuiltGuest,
    qemu: Qemu,
}

impl Guest {
    fn boot(defines: &[&str]) -> Option<Self> {
        if !available(&[Tool::Gcc, Tool::Qemu]) {
            return None;
        }
        let built = assemble("pages.S", defines);
        let qemu = Qemu::boot(&built.image, &[]);
        qemu.wait_for_console("!");
        qemu.wait_until_at_rest();
        Some(Self { built, qemu })
    }

    fn stub(&self) -> String {
        format!("unix:{}", self.qemu.gdb_socket().display())
    }

    fn ask(&self, endpoint: &str, command: &str, rest: &[&str]) -> Ukdbg {
        Ukdbg::new([command, endpoint])
            .and(rest)
            .and(["--image"])
            .and([&self.built.image])
    }

    fn whois(&self, address: &str) -> Value {
        self.ask(&self.stub(), "whois", &[address]).json(0)
    }
}

/// A line of `info tlb`: where a page is, and its flags
/// (`X` no-execute, `G`, `P` large, `D`, `A`, `C`, `T`, `U`, `W`).
fn pages(text: &str) -> Vec<(u64, u64, String)> {
    let hex = |digits: &str| u64::from_str_radix(digits, 16).ok();
    let lines = text.lines().filter_map(|line| {
        let (virt, rest) = line.trim().split_once(": ")?;
        let (physical, flags) = rest.split_once(' ')?;
        Some((hex(virt)?, hex(physical)?, flags.to_owned()))
    });
    lines.collect()
}

#[track_caller]
fn every_page(defines: &[&str], levels: usize) {
    let Some(guest) = Guest::boot(defines) else {
        return;
    };
    let pages = pages(&guest.qemu.monitor("info tlb"));
    // Each table is mapped twice: from the first entry above it and the last.
    assert!(pages.len() >= 16, "{pages:x?}");
    let mut sizes = Vec::new();
    for (virt, physical, flags) in &pages {
        let document = guest.whois(&format!("{:#x}", virt + 0x123));
        let walk = &document["walk"];
        let outcome = &walk["outcome"];
        if flags.contains('P') && physical & 0x1f_ffff == 0x2000 || virt & 0x3fff_ffff == 0x80_0000
        {
            assert_eq!(outcome["kind"], "reserved_bits", "{walk:#}");
            continue;
        }
        let at = format!("{:#x}", physical + 0x123);
        assert_eq!(outcome["physical"], at, "{virt:#x}: {walk:#}");
        let right = |name: &str| outcome["rights"][name].as_bool().expect("a right");
        assert_eq!(right("write"), flags.contains('W'), "{virt:#x} {flags}");
        assert_eq!(right("user"), flags.contains('U'), "{virt:#x} {flags}");
        assert_eq!(right("execute"), !flags.contains('X'), "{virt:#x} {flags}");
        sizes.push(outcome["page_size"].as_u64().expect("a size"));
        let count = walk["levels"].as_array().expect("a list").len();
        assert_eq!(
            *sizes.last().expect("just pushed"),
            1 << (12 + 9 * (levels - count)),
            "{walk:#}"
        );
    }
    for size in [1 << 12, 1 << 21, 1 << 30] {
        assert!(sizes.contains(&size), "{sizes:x?}");
    }
}

#[test]
fn every_page_of_four_levels() {
    every_page(&[], 4);
}

#[test]
fn every_page_of_five_levels() {
    every_page(&["LEVELS_5"], 5);
}

#[test]
fn holes_and_their_edges() {
    let Some(guest) = Guest::boot(&[]) else {
        return;
    };
    let check = |address: &str, start: &str, end: &str| {
        let hole = &guest.whois(address)["hole"];
        let edge = |name: &str| {
            hole[name]["address"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        assert_eq!(edge("start"), start, "{address}: {hole:#}");
        assert_eq!(edge("end"), end, "{address}: {hole:#}");
    };
    check("0x10", "", "0x1000");
    check("0x5000", "0x4000", "0x200000");
    // The entry below has a reserved bit: there is no page.
    check("0xa00000", "0x800000", "0x40000000");
    check("0xc0000000", "0xc0000000", "0x7fc0000000");
    check("0x8000000000", "0x8000000000", "0xffffff8000001000");
    let null = guest.ask(&guest.stub(), "whois", &["0x10"]).run();
    assert!(null.stdout.contains("a null pointer plus 0x10"), "{null}");
    assert!(
        null.stdout.contains("in force   WP NXE SMEP SMAP"),
        "{null}"
    );
}

#[test]
fn descriptor_tables_over_every_link() {
    let Some(guest) = Guest::boot(&[]) else {
        return;
    };
    let core = guest.qemu.path("core");
    guest.qemu.dump_memory(&core);
    let links = [
        guest.stub(),
        format!("qmp:{}", guest.qemu.qmp_socket().display()),
        format!("core:{}", core.display()),
    ];
    for endpoint in &links {
        let tables = guest.ask(endpoint, "tables", &[]).run();
        assert_eq!(tables.code, Some(0), "{tables}");
        for text in [
            "  0x0008 64-bit code     DPL0\n",
            "  0x0018 TSS, in use     DPL0  base ",
            " IST2 DPL3 on_page_fault\n",
            "  RSP0  0x",
            "  IST2  0x",
        ] {
            assert!(
                tables.stdout.contains(text),
                "{endpoint}, {text:?}: {tables}"
            );
        }
        let all = guest.ask(endpoint, "regs", &["--all"]).run();
        assert!(all.stdout.contains("\nidtr     0x"), "{endpoint}: {all}");
        for (address, text) in [
            ("&gdt + 9", "GDT, the descriptor of selector 0x8\n"),
            (
                "&idt + 14 * 16",
                "IDT, the gate of vector 14 (#PF page fault)\n",
            ),
            ("&tss + 44", "TSS, IST2\n"),
            ("on_page_fault", "handler of vector 14 (#PF page fault)\n"),
            (
                "&fault_stack_top - 8",
                "the stack that the TSS names IST2\n",
            ),
        ] {
            let whois = guest.ask(endpoint, "whois", &[address]).run();
            assert!(
                whois.stdout.contains(text),
                "{endpoint}, {address}: {whois}"
            );
            assert!(whois.stdout.contains("2 MiB page"), "{endpoint}: {whois}");
        }
    }
}
