//! Damaged images and memory full of anything: an answer, in bounded time.

mod support;

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use support::{Ranges, available, compile, modules};
use ukdbg_image::{Decompressed, Image};
use ukdbg_inspect::{
    AddressSpace, Follow, FoundBy, Module, Register, Registers, Unwinder, ValueLimits, VirtAddr,
    find_root, variables,
};

static PROGRAM: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let directory = tempfile::tempdir().expect("there is room");
    let program = compile(directory.path(), "program.c", &["-O2"]);
    std::fs::read(program).expect("it was just written")
});

const STACK: u64 = 0x7000_0000;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn damaged_images(
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..40),
        cut in proptest::option::weighted(0.1, any::<prop::sample::Index>()),
        pc in 0_u64..0x300,
        words in proptest::collection::vec(any::<u64>(), 0..64),
    ) {
        if !available(&["gcc"]) {
            return Ok(());
        }
        let mut bytes = PROGRAM.clone();
        for (at, value) in damage {
            let index = at.index(bytes.len());
            bytes[index] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let room = Decompressed::default();
        let Ok(image) = Image::parse(&bytes, &room) else {
            return Ok(());
        };
        let image = Arc::new(image);
        let mut modules = modules(&image);
        // Two that claim the same addresses.
        modules.push(Module::unmoved("again".into(), image));
        let mut registers = Registers::default();
        for register in Register::ALL {
            registers.set(register, STACK);
        }
        registers.set(Register::Rip, 0x40_1000 + pc);
        let mut memory = Ranges::default().with_words(STACK, &words);
        let found = Unwinder::new(&modules).with_limit(50).unwind(&registers, FoundBy::Stop, &mut memory);
        prop_assert!(!found.frames.is_empty());
        let space = AddressSpace { modules: &modules, stacks: None, heap: None };
        let limits = ValueLimits { follow: Follow::Everything, ..ValueLimits::default() };
        for frame in found.frames.iter().take(5) {
            let _ = modules.symbolize(frame.pc);
            let _ = space.describe(frame.pc.address(), None);
            for value in variables(&modules, frame, 0, limits, &mut memory) {
                prop_assert!(value.value.line().raw().len() < 100_000);
            }
        }
        let _ = space.describe(VirtAddr(STACK), None);
        let _ = find_root(&modules, &mut memory);
    }
}
