//! Tables as kernels lay them out, and tables that are cut off.

use super::*;
use crate::fixture::Sparse;

const GDT: u64 = 0x1000;
const IDT: u64 = 0x2000;
const TSS: u64 = 0xffff_8000_0000_3000;

fn registers() -> SystemRegisters {
    let table = |base, limit| {
        Some(TableRegister {
            base: VirtAddr(base),
            limit,
        })
    };
    SystemRegisters {
        gdtr: table(GDT, 0x2f),
        idtr: table(IDT, 0x2f),
        ldtr: None,
        tr: Some(SystemSegment {
            selector: 0x18,
            base: VirtAddr(TSS),
            limit: 0x67,
        }),
        long_mode: Some(true),
    }
}

fn memory() -> Sparse {
    let gdt = [
        0,
        0x00af_9b00_0000_ffff, // 64-bit code
        0x00cf_f300_0000_ffff, // data, DPL 3
        0x0000_8b00_3000_0067, // TSS, busy
        0xffff_8000,
        0x00cf_1b00_0000_ffff, // 32-bit code, absent
    ];
    let idt = [
        0x1234_8e01_0008_5678,
        0xffff_ffff,
        0x0000_ef00_0008_0040,
        0,
        0,
        0,
    ];
    let mut tss = [0; 13];
    tss[0] = 0x9000 << 32; // RSP0 is at byte 4
    tss[4] = 0x8000 << 32; // IST1 is at byte 36
    tss[12] = 0x68 << 48;
    Sparse::new()
        .with_words(GDT, &gdt)
        .with_words(IDT, &idt)
        .with_words(TSS, &tss)
}

#[test]
fn tables_are_decoded() {
    let tables = DescriptorTables::read(&mut memory(), registers());
    assert_eq!(tables.gaps, []);
    let seen: Vec<_> = tables
        .gdt
        .iter()
        .map(|segment| (segment.selector, segment.kind, segment.dpl, segment.present))
        .collect();
    assert_eq!(
        seen,
        [
            (8, SegmentKind::Code64, 0, true),
            (0x10, SegmentKind::Data, 3, true),
            (0x18, SegmentKind::TaskBusy, 0, true),
            (0x28, SegmentKind::Code32, 0, false),
        ]
    );
    assert_eq!(tables.gdt[1].limit, 0xffff_ffff);
    assert_eq!(tables.gdt[2].base, VirtAddr(TSS));
    let first = tables.idt[0];
    assert_eq!(first.handler, VirtAddr(0xffff_ffff_1234_5678));
    assert_eq!(
        (first.ist, first.dpl, first.kind),
        (1, 0, GateKind::Interrupt)
    );
    assert_eq!((tables.idt[1].dpl, tables.idt[1].kind), (3, GateKind::Trap));
    assert!(!tables.idt[2].present);
    let task = tables.task.expect("there is one");
    assert_eq!(
        (task.rsp[0], task.ist[0]),
        (VirtAddr(0x9000), VirtAddr(0x8000))
    );
    assert_eq!(task.io_map, 0x68);
}

#[test]
fn what_an_address_is_to_the_tables() {
    let tables = DescriptorTables::read(&mut memory(), registers());
    let check = |at: u64, expected: &[TablePlace]| {
        assert_eq!(tables.places_of(VirtAddr(at)), expected, "{at:#x}");
    };
    check(GDT + 0x14, &[TablePlace::Gdt { selector: 0x10 }]);
    check(IDT + 0x1f, &[TablePlace::Idt { vector: 1 }]);
    check(TSS + 5, &[TablePlace::TaskState { field: "RSP0" }]);
    check(TSS + 67, &[TablePlace::TaskState { field: "IST4" }]);
    check(TSS, &[TablePlace::TaskState { field: "reserved" }]);
    check(
        0xffff_ffff_1234_5678,
        &[TablePlace::Handler { first: 0, gates: 1 }],
    );
    let stack = |field, top| TablePlace::Stack {
        field,
        top: VirtAddr(top),
    };
    // Past the table's limit there is only what may be a stack.
    check(GDT + 0x30, &[stack("IST1", 0x8000)]);
    check(0x7ff8, &[stack("IST1", 0x8000)]);
    check(0x8000, &[stack("RSP0", 0x9000)]);
    check(0x9000, &[]);
}

#[test]
fn what_is_cut_off_is_said() {
    let mut memory = Sparse::new().with(IDT, &[0xff; 20]);
    let mut all = registers();
    all.gdtr = None;
    let tables = DescriptorTables::read(&mut memory, all);
    assert_eq!(tables.idt.len(), 1);
    assert_eq!(tables.task, None);
    assert_eq!(
        tables.gaps,
        [
            TableGap::NotTold { table: "GDT" },
            TableGap::Unreadable {
                table: "IDT",
                at: VirtAddr(IDT + 20)
            },
            TableGap::Unreadable {
                table: "TSS",
                at: VirtAddr(TSS)
            },
        ]
    );
    all.long_mode = Some(false);
    let tables = DescriptorTables::read(&mut memory, all);
    assert_eq!(tables.gaps, [TableGap::OtherMode]);
    // Nothing is allocated by a limit.
    all.long_mode = None;
    all.gdtr = Some(TableRegister {
        base: VirtAddr(u64::MAX - 3),
        limit: u32::MAX,
    });
    assert!(DescriptorTables::read(&mut memory, all).gdt.is_empty());
}
