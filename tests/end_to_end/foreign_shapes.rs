//! Backtraces of C guests in the shapes that unikernels come in, every frame
//! compared with what was compiled; and by GDB, to know the cases in which
//! GDB is wrong.

use ukdbg_tests::{
    BuiltGuest, Ending, ExpectedFrame, GuestShape, Layout, Qemu, SeenFrame, SymbolFile, Tool,
    Traps, Ukdbg, UnwindTables, available, compare_frames, gdb_backtrace,
};

use crate::chain::{chain, without};

/// What GDB makes of a shape.
#[derive(PartialEq)]
enum Gdb {
    /// The same as was compiled.
    Right,
    /// The same, but it has a name of its own for the trap's entry.
    RightButForTheTrap,
    /// Something else, because of this.
    Wrong(&'static str),
}

#[track_caller]
fn check(shape: GuestShape, gdb: &Gdb) {
    if !available(&[Tool::Gcc, Tool::Qemu, Tool::Gdb]) {
        return;
    }
    let built = shape.build();
    let expected = chain(shape);
    let guest = Qemu::boot(&built.image, &[]);
    guest.wait_for_console("!");
    check_gdb(&guest, &built, &expected, gdb);
    check_ukdbg(&guest, &built, &expected, shape.optimization == "-O0");
    assert!(guest.is_running(), "the guest was not left as it was found");
}

#[track_caller]
fn check_gdb(guest: &Qemu, built: &BuiltGuest, expected: &[ExpectedFrame], gdb: &Gdb) {
    let socket = guest.gdb_socket();
    let (seen, printed) = gdb_backtrace(&socket.display().to_string(), built.symbol_file());
    let expected = match gdb {
        Gdb::RightButForTheTrap => without(expected, "trap_common"),
        _ => expected.to_vec(),
    };
    match (compare_frames(&seen, &expected), gdb) {
        (Err(_), Gdb::Wrong(_)) => {}
        (Ok(_), Gdb::Wrong(why)) => {
            // A newer GDB, perhaps: good for its users, no fault of ours.
            eprintln!("GDB is right now, though {why}");
        }
        (Ok(_), _) => {}
        (Err(difference), _) => panic!("GDB: {difference}\n{printed}"),
    }
}

#[track_caller]
fn check_ukdbg(guest: &Qemu, built: &BuiltGuest, expected: &[ExpectedFrame], unoptimized: bool) {
    let endpoint = format!("unix:{}", guest.gdb_socket().display());
    let mut ukdbg = Ukdbg::new(["bt", &endpoint, "--image"]).and([&built.image]);
    if let Some(symbols) = &built.symbols {
        ukdbg = ukdbg.and(["--symbols"]).and([symbols]);
    }
    let document = ukdbg.json(0);
    let seen = SeenFrame::from_json(&document["backtraces"][0]);
    let shown = compare_frames(&seen, expected)
        .unwrap_or_else(|difference| panic!("{difference}\n{document:#}"));
    let known = expected.iter().filter(|frame| frame.argument.is_some());
    if unoptimized {
        assert_eq!(shown, known.count(), "arguments are missing\n{document:#}");
    }
}

#[test]
fn optimized_dwarf_5() {
    check(GuestShape::default(), &Gdb::Right);
}

#[test]
fn optimized_dwarf_4() {
    let shape = GuestShape {
        dwarf: 4,
        ..GuestShape::default()
    };
    check(shape, &Gdb::Right);
}

#[test]
fn unoptimized_dwarf_5() {
    let shape = GuestShape {
        optimization: "-O0",
        ..GuestShape::default()
    };
    check(shape, &Gdb::Right);
}

#[test]
fn unoptimized_dwarf_4() {
    let shape = GuestShape {
        optimization: "-O0",
        dwarf: 4,
        ..GuestShape::default()
    };
    check(shape, &Gdb::Right);
}

#[test]
fn symbols_in_a_file_beside() {
    let shape = GuestShape {
        symbols: SymbolFile::Beside,
        ..GuestShape::default()
    };
    let why = "the unwind tables stay in the image, and it reads them from the symbol file";
    check(shape, &Gdb::Wrong(why));
}

#[test]
fn compressed_sections() {
    let shape = GuestShape {
        symbols: SymbolFile::Compressed,
        ..GuestShape::default()
    };
    check(shape, &Gdb::Right);
}

#[test]
fn symbols_without_dwarf() {
    let shape = GuestShape {
        symbols: SymbolFile::SymbolsOnly,
        ..GuestShape::default()
    };
    check(shape, &Gdb::Right);
}

#[test]
fn debug_frame_only() {
    let shape = GuestShape {
        unwind: UnwindTables::DebugFrame,
        ..GuestShape::default()
    };
    check(shape, &Gdb::Right);
}

#[test]
fn debug_frame_in_a_file_beside() {
    let shape = GuestShape {
        unwind: UnwindTables::DebugFrame,
        symbols: SymbolFile::Beside,
        ..GuestShape::default()
    };
    check(shape, &Gdb::Right);
}

#[test]
fn frame_pointers_only() {
    let shape = GuestShape {
        unwind: UnwindTables::FramePointers,
        ..GuestShape::default()
    };
    let why = "without unwind tables it guesses from the prologue, and misses pushes after it";
    check(shape, &Gdb::Wrong(why));
}

#[test]
fn frame_pointers_only_unoptimized() {
    let shape = GuestShape {
        optimization: "-O0",
        unwind: UnwindTables::FramePointers,
        ..GuestShape::default()
    };
    check(
        shape,
        &Gdb::Wrong("the outermost function has no frame pointer to analyse"),
    );
}

#[test]
fn elf32_wrapper_with_dwarf_in_an_elf64() {
    let shape = GuestShape {
        symbols: SymbolFile::WrappedInElf32,
        ..GuestShape::default()
    };
    // GDB is given the ELF64 alone; with the wrapper as its file it fails.
    check(shape, &Gdb::Right);
}

#[test]
fn higher_half() {
    let shape = GuestShape {
        layout: Layout::HigherHalf,
        ..GuestShape::default()
    };
    check(shape, &Gdb::Right);
}

#[test]
fn higher_half_with_frame_pointers_only() {
    let shape = GuestShape {
        optimization: "-O0",
        layout: Layout::HigherHalf,
        unwind: UnwindTables::FramePointers,
        ..GuestShape::default()
    };
    let why = "the outermost function has no frame pointer to analyse";
    check(shape, &Gdb::Wrong(why));
}

#[test]
fn higher_half_that_runs_at_physical_addresses() {
    let shape = GuestShape {
        layout: Layout::HigherHalfAtPhysical,
        ..GuestShape::default()
    };
    check(shape, &Gdb::Wrong("it does not know that the code moved"));
}

#[test]
fn relocated() {
    let shape = GuestShape {
        layout: Layout::Relocated,
        ..GuestShape::default()
    };
    check(shape, &Gdb::Wrong("it does not know that the code moved"));
}

#[test]
fn relocated_unoptimized() {
    let shape = GuestShape {
        optimization: "-O0",
        layout: Layout::Relocated,
        ..GuestShape::default()
    };
    check(shape, &Gdb::Wrong("it does not know that the code moved"));
}

/// As address space randomization does.
#[test]
fn moved_by_itself() {
    let shape = GuestShape {
        layout: Layout::Sliding,
        ..GuestShape::default()
    };
    check(shape, &Gdb::Wrong("it does not know that the code moved"));
}

#[test]
fn moved_by_itself_with_symbols_beside() {
    let shape = GuestShape {
        layout: Layout::Sliding,
        symbols: SymbolFile::Beside,
        unwind: UnwindTables::DebugFrame,
        ..GuestShape::default()
    };
    check(shape, &Gdb::Wrong("it does not know that the code moved"));
}

#[test]
fn halted_after_a_panic() {
    let shape = GuestShape {
        optimization: "-O0",
        ending: Ending::Panic,
        ..GuestShape::default()
    };
    check(shape, &Gdb::Right);
}

#[test]
fn through_a_trap_with_unwind_information() {
    let shape = GuestShape {
        traps: Traps::Handlers,
        ending: Ending::Fault,
        ..GuestShape::default()
    };
    check(shape, &Gdb::RightButForTheTrap);
}

#[test]
fn through_a_trap_in_debug_frame() {
    let shape = GuestShape {
        unwind: UnwindTables::DebugFrame,
        traps: Traps::Handlers,
        ending: Ending::Fault,
        ..GuestShape::default()
    };
    check(shape, &Gdb::RightButForTheTrap);
}

#[test]
fn through_a_trap_without_unwind_information() {
    let shape = GuestShape {
        traps: Traps::BareHandlers,
        ending: Ending::Fault,
        ..GuestShape::default()
    };
    let why = "it does not know the frame that the processor pushes";
    check(shape, &Gdb::Wrong(why));
}

#[test]
fn through_a_trap_with_frame_pointers_only() {
    let shape = GuestShape {
        optimization: "-O0",
        unwind: UnwindTables::FramePointers,
        traps: Traps::Handlers,
        ending: Ending::Fault,
        ..GuestShape::default()
    };
    let why = "it does not know the frame that the processor pushes";
    check(shape, &Gdb::Wrong(why));
}

#[test]
fn gdb_fails_on_the_elf32_wrapper_itself() {
    if !available(&[Tool::Gcc, Tool::Qemu, Tool::Gdb]) {
        return;
    }
    let shape = GuestShape {
        symbols: SymbolFile::WrappedInElf32,
        ..GuestShape::default()
    };
    let built = shape.build();
    let guest = Qemu::boot(&built.image, &[]);
    guest.wait_for_console("!");
    let socket = guest.gdb_socket();
    let (seen, printed) = gdb_backtrace(&socket.display().to_string(), &built.image);
    assert!(compare_frames(&seen, &chain(shape)).is_err(), "{printed}");
}

/// Another build is neither the guest's image nor that image moved.
#[test]
fn another_build_is_refused() {
    if !available(&[Tool::Gcc, Tool::Qemu]) {
        return;
    }
    let shape = GuestShape {
        layout: Layout::Relocated,
        ..GuestShape::default()
    };
    let other = GuestShape {
        optimization: "-O0",
        ..shape
    };
    let (built, other) = (shape.build(), other.build());
    let guest = Qemu::boot(&built.image, &[]);
    guest.wait_for_console("!");
    let endpoint = format!("unix:{}", guest.gdb_socket().display());
    let finished = Ukdbg::new(["bt", &endpoint, "--image"])
        .and([&other.image])
        .run();
    assert_eq!(finished.code, Some(4), "{finished}");
    assert_eq!(finished.stdout, "");
    for text in ["is not running this image: guest.elf", "try: --image"] {
        assert!(finished.stderr.contains(text), "no {text:?}: {finished}");
    }
}
