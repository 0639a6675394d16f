use proptest::prelude::*;
use ukdbg_guest_abi::{
    FaultRecord, HeapBlock, HeapLedger, StackEntry, StackTable, fault, heap, stack,
};

use super::*;
use crate::Register;
use crate::fixture::Sparse;

/// Bytes of a structure, set field by field.
struct Bytes(Vec<u8>);

impl Bytes {
    fn new(size: usize) -> Self {
        Self(vec![0; size])
    }

    fn put(mut self, offset: usize, bytes: &[u8]) -> Self {
        self.0[offset..offset + bytes.len()].copy_from_slice(bytes);
        self
    }

    fn u32(self, offset: usize, value: u32) -> Self {
        self.put(offset, &value.to_le_bytes())
    }

    fn u64(self, offset: usize, value: u64) -> Self {
        self.put(offset, &value.to_le_bytes())
    }
}

fn root() -> Bytes {
    Bytes::new(size_of::<RootBlock>())
        .put(offset_of!(RootBlock, magic), &MAGIC)
        .u32(offset_of!(RootBlock, abi_version), ABI_VERSION)
        .u32(offset_of!(RootBlock, size), size_of::<RootBlock>() as u32)
        .u32(offset_of!(RootBlock, cpu_count), 2)
        .u64(offset_of!(RootBlock, tsc_frequency), 1_000_000_000)
        .u64(offset_of!(RootBlock, fault_records), 0x2000)
        .u64(offset_of!(RootBlock, rings), 0x3000)
}

fn read_root(bytes: Bytes) -> Result<Root, RootError> {
    Root::read(&mut Sparse::new().with(0x1000, &bytes.0), VirtAddr(0x1000))
}

#[test]
fn a_root_block_is_checked() {
    let good = read_root(root()).unwrap();
    assert_eq!(good.tsc_frequency, Some(1_000_000_000));
    assert_eq!(good.boot_tsc, None);
    assert_eq!(good.heap_ledger, None);
    let second = 0x2000 + size_of::<FaultRecord>() as u64;
    assert_eq!(good.fault_record(1), Some(VirtAddr(second)));
    assert_eq!(good.ring(2), None);

    let version = root().u32(offset_of!(RootBlock, abi_version), 9);
    assert!(matches!(
        read_root(version),
        Err(RootError::Version { found: 9, .. })
    ));
    let magic = root().put(3, b"X");
    assert!(matches!(read_root(magic), Err(RootError::NoMagic { .. })));
    for (offset, value) in [
        (offset_of!(RootBlock, cpu_count), 0),
        (offset_of!(RootBlock, cpu_count), u32::MAX),
        (offset_of!(RootBlock, size), 8),
    ] {
        let bad = read_root(root().u32(offset, value));
        assert!(
            matches!(bad, Err(RootError::Implausible { .. })),
            "{offset}"
        );
    }
    assert!(matches!(
        Root::read(&mut Sparse::new(), VirtAddr(8)),
        Err(RootError::Unreadable { .. })
    ));
}

#[test]
fn a_scan_finds_a_root_block_wherever_it_is_aligned() {
    let check = |offset: usize, found: bool| {
        let mut memory = vec![0; 300_000];
        // A magic alone is not a root block.
        memory[64..80].copy_from_slice(&MAGIC);
        let bytes = root().0;
        memory[offset..offset + bytes.len()].copy_from_slice(&bytes);
        let mut memory = Sparse::new().with(0x10_0000, &memory);
        let ranges = [
            VirtAddr(0)..VirtAddr(0x8_0000),
            VirtAddr(0xf_f123)..VirtAddr(0x20_0000),
        ];
        let got = scan_for_root(&mut memory, &ranges, 1 << 30);
        let want = found.then_some(VirtAddr(0x10_0000 + offset as u64));
        assert_eq!(got.map(|root| root.at), want, "{offset}");
    };
    for offset in [0, 8, 65_520, 65_528, 65_536, 131_064, 299_800] {
        check(offset, true);
    }
    check(1234, false);
    let mut memory = Sparse::new().with(0x10_0000, &root().0);
    let all = [VirtAddr(0)..VirtAddr(u64::MAX)];
    assert_eq!(scan_for_root(&mut memory, &all, 0x1000), None);
}

fn record(kind: u32) -> Bytes {
    let registers = offset_of!(FaultRecord, registers);
    Bytes::new(size_of::<FaultRecord>())
        .u32(offset_of!(FaultRecord, magic), fault::MAGIC)
        .u32(offset_of!(FaultRecord, version), fault::VERSION)
        .u32(offset_of!(FaultRecord, sequence), 4)
        .u32(offset_of!(FaultRecord, kind), kind)
        .u32(offset_of!(FaultRecord, vector), 14)
        .u64(offset_of!(FaultRecord, error_code), 2)
        .u64(offset_of!(FaultRecord, cr2), 0x18)
        .u32(offset_of!(FaultRecord, stack), u32::MAX)
        .u64(registers + 7 * 8, 0x8000)
        .u64(registers + offset_of!(fault::RegisterSet, rip), 0x40_1000)
        .put(offset_of!(FaultRecord, message), b"boom\x1b[2J")
        .u32(offset_of!(FaultRecord, message_length), 8)
        .u32(offset_of!(FaultRecord, file_length), u32::MAX)
}

fn read_fault(bytes: Bytes) -> Result<Option<FaultReport>, RootError> {
    FaultReport::read(&mut Sparse::new().with(0x2000, &bytes.0), VirtAddr(0x2000))
}

#[test]
fn fault_records() {
    assert_eq!(read_fault(record(0)), Ok(None));
    let report = read_fault(record(1)).unwrap().unwrap();
    let cr2 = VirtAddr(0x18);
    assert_eq!(
        report.fault,
        Fault::Exception {
            vector: 14,
            error_code: 2,
            cr2
        }
    );
    assert_eq!(
        (report.count, report.complete, report.stack),
        (2, true, None)
    );
    assert_eq!(report.registers.get(Register::Rsp), Some(0x8000));
    assert_eq!(report.registers.pc(), Some(VirtAddr(0x40_1000)));

    let torn = record(1).u32(offset_of!(FaultRecord, sequence), 5);
    let torn = read_fault(torn).unwrap().unwrap();
    assert_eq!((torn.count, torn.complete), (3, false));

    let panic = read_fault(record(2)).unwrap().unwrap();
    let Fault::Panic { message, file, .. } = panic.fault else {
        panic!("{panic:?}");
    };
    assert_eq!(message.raw(), "boom\x1b[2J");
    assert_eq!(file.raw().len(), fault::MESSAGE_SIZE);
    assert!(matches!(
        read_fault(record(7)),
        Err(RootError::Implausible { .. })
    ));
}

fn stack_table(count: u32) -> Sparse {
    let table = Bytes::new(size_of::<StackTable>())
        .u32(offset_of!(StackTable, magic), stack::MAGIC)
        .u32(offset_of!(StackTable, version), stack::VERSION)
        .u32(
            offset_of!(StackTable, entry_size),
            size_of::<StackEntry>() as u32,
        )
        .u32(offset_of!(StackTable, count), count)
        .u64(offset_of!(StackTable, entries), 0x5000)
        .u32(offset_of!(StackTable, current), 1);
    let entry = |name: &[u8], kind: u32, low: u64, saved: u64| {
        Bytes::new(size_of::<StackEntry>())
            .put(offset_of!(StackEntry, name), name)
            .u32(offset_of!(StackEntry, kind), kind)
            .u32(offset_of!(StackEntry, alive), 1)
            .u64(offset_of!(StackEntry, low), low)
            .u64(offset_of!(StackEntry, high), 0x2_0000)
            .u64(offset_of!(StackEntry, guard_size), 0x1000)
            .u64(offset_of!(StackEntry, saved_rsp), saved)
            .0
    };
    let entries = [
        entry(b"boot", 0, 0x1_0000, 0),
        entry(&[b'n'; 24], 1, 0x1_8000, 0x1_9000),
        entry(b"upside down", 1, 0x3_0000, 0),
    ];
    Sparse::new()
        .with(0x4000, &table.0)
        .with(0x5000, &entries.concat())
}

#[test]
fn stacks() {
    let got = Stacks::read(&mut stack_table(3), VirtAddr(0x4000)).unwrap();
    let names: Vec<&str> = got.stacks.iter().map(|stack| stack.name.raw()).collect();
    assert_eq!(names, ["boot", &"n".repeat(24)]);
    assert_eq!((got.claimed, got.current), (3, Some(1)));
    assert_eq!(got.stacks[0].saved_rsp, None);
    assert_eq!(
        got.containing(VirtAddr(0x1_0000)).map(|stack| stack.index),
        Some(0)
    );
    assert_eq!(
        got.guarding(VirtAddr(0xffff)).map(|stack| stack.index),
        Some(0)
    );
    assert_eq!(got.guarding(VirtAddr(0xefff)), None);
    let huge = Stacks::read(&mut stack_table(u32::MAX), VirtAddr(0x4000));
    assert!(matches!(huge, Err(RootError::Implausible { .. })));
    // More than there is memory for: what can be read is kept.
    let many = Stacks::read(&mut stack_table(60_000), VirtAddr(0x4000)).unwrap();
    assert_eq!(many.stacks.len(), 2);
}

fn ledger(written: u64) -> Sparse {
    let table = Bytes::new(size_of::<HeapLedger>())
        .u32(offset_of!(HeapLedger, magic), heap::MAGIC)
        .u32(offset_of!(HeapLedger, version), heap::VERSION)
        .u32(
            offset_of!(HeapLedger, entry_size),
            size_of::<HeapBlock>() as u32,
        )
        .u32(offset_of!(HeapLedger, capacity), 4)
        .u64(offset_of!(HeapLedger, written), written)
        .u64(offset_of!(HeapLedger, blocks), 0x7000)
        .u64(offset_of!(HeapLedger, guarded_start), 0x10_0000)
        .u64(offset_of!(HeapLedger, guarded_end), 0x20_0000);
    let block = |address: u64, size: u64, state: u32, freed: u64| {
        Bytes::new(size_of::<HeapBlock>())
            .u64(offset_of!(HeapBlock, address), address)
            .u64(offset_of!(HeapBlock, size), size)
            .u32(offset_of!(HeapBlock, state), state)
            .u64(offset_of!(HeapBlock, freed_tsc), freed)
            .u64(offset_of!(HeapBlock, allocated_by), 0x40_1000)
            .0
    };
    let blocks = [
        block(0x10_0fe0, 0x20, 1, 0),
        block(0x10_2fe0, 0x20, 2, 70),
        block(0x10_2ff0, 0x10, 2, 90),
        block(0x10_5000, u64::MAX, 9, 0),
    ];
    Sparse::new()
        .with(0x6000, &table.0)
        .with(0x7000, &blocks.concat())
}

#[test]
fn heap_blocks_and_what_lies_behind_them() {
    let heap = HeapBlocks::read(&mut ledger(10), VirtAddr(0x6000)).unwrap();
    assert_eq!(
        (heap.blocks.len(), heap.forgotten, heap.unusable),
        (3, 6, 1)
    );
    assert_eq!(heap.blocks[0].allocated_by, [VirtAddr(0x40_1000)]);
    let inside = |at| heap.containing(VirtAddr(at)).map(|block| block.address.0);
    assert_eq!(inside(0x10_0fe0), Some(0x10_0fe0));
    assert_eq!(inside(0x10_0fff), Some(0x10_0fe0));
    assert_eq!(inside(0x10_1000), None);
    // Two blocks lived there; the later release is the one that counts.
    assert_eq!(inside(0x10_2ff8), Some(0x10_2ff0));
    assert_eq!(inside(0x10_2fe8), Some(0x10_2fe0));
    let over = |at| heap.overrun(VirtAddr(at)).map(|block| block.address.0);
    assert_eq!(over(0x10_1000), Some(0x10_0fe0));
    assert_eq!(over(0x10_1fff), Some(0x10_0fe0));
    assert_eq!(over(0x10_0fdf), Some(0x10_0fe0));
    assert_eq!(over(0x10_2000), Some(0x10_2ff0));
    assert_eq!(over(0x10_5000), None);
    assert_eq!(over(0x30_0000), None);
}

proptest! {
    /// Any bytes for any structure: an answer or an error.
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..2000), fill: u64) {
        let headers: [&[u8]; 4] = [
            &MAGIC,
            &fault::MAGIC.to_le_bytes(),
            &stack::MAGIC.to_le_bytes(),
            &heap::MAGIC.to_le_bytes(),
        ];
        for header in headers {
            let mut memory = header.to_vec();
            memory.extend_from_slice(&1_u32.to_le_bytes());
            memory.extend_from_slice(&bytes);
            let mut memory = Sparse::new()
                .with(0x1000, &memory)
                .with_words(fill & !7, &[fill; 64]);
            let at = VirtAddr(0x1000);
            if let Ok(root) = Root::read(&mut memory, at) {
                let _ = root.faults(&mut memory);
                let _ = root.stacks(&mut memory);
                let _ = root.heap(&mut memory);
            }
            let _ = FaultReport::read(&mut memory, at);
            let _ = Stacks::read(&mut memory, at);
            if let Ok(heap) = HeapBlocks::read(&mut memory, at) {
                let _ = heap.containing(VirtAddr(fill));
                let _ = heap.overrun(VirtAddr(fill));
            }
        }
    }
}
