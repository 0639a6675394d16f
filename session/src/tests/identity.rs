//! Whether the machine runs the image.

use ukdbg_image::CodeAddr;
use ukdbg_inspect::{Register, VirtAddr};

use super::guest;
use super::machine::Machine;
use crate::Identity;

/// Changes so many bytes of code, from `commit` on.
fn changed(machine: &mut Machine, at: u64, bytes: usize) {
    let code = vec![0x06; bytes];
    machine.put(at, &code);
}

#[test]
fn the_image_that_runs() {
    let Some(guest) = guest() else { return };
    let mut session = guest.session(guest.recursing(1));
    assert_eq!(session.identify(), Identity::Same);
}

#[test]
fn breakpoints_of_another_debugger_are_tolerated() {
    let Some(guest) = guest() else { return };
    let mut machine = guest.recursing(1);
    machine.put(guest.in_price() + 2, &[0xcc]);
    assert_eq!(guest.session(machine).identify(), Identity::Same);
}

/// Startup code is the same in most builds: code that runs now decides.
#[test]
fn another_build_with_the_same_entry() {
    let Some(guest) = guest() else { return };
    let mut machine = guest.recursing(1);
    let at = guest.in_price();
    changed(&mut machine, at, 200);
    let Identity::Different {
        at: found, name, ..
    } = guest.session(machine).identify()
    else {
        panic!("not noticed")
    };
    assert_eq!((found, name.as_str()), (VirtAddr(at), "guest"));
}

#[test]
fn memory_with_nothing_in_it_tells_nothing() {
    let Some(guest) = guest() else { return };
    let mut unreadable = Machine::default();
    unreadable.cpus = guest.recursing(1).cpus;
    assert_eq!(guest.session(unreadable).identify(), Identity::Unknown);
    let mut not_loaded = guest.recursing(1);
    for segment in guest.image.segments() {
        not_loaded.put(segment.addresses.start.0, &vec![0; segment.bytes.len()]);
    }
    assert_eq!(guest.session(not_loaded).identify(), Identity::Unknown);
}

#[test]
fn outside_the_image_the_entry_decides() {
    let Some(guest) = guest() else { return };
    let mut machine = guest.machine();
    machine.cpus[0].set(Register::Rip, 0xfff0);
    assert_eq!(guest.session(machine).identify(), Identity::Same);
}

/// The guest's program at another address, wherever it stands there.
#[test]
fn a_program_that_was_loaded_elsewhere_is_found() {
    const SLIDE: u64 = 0x3000_0000;
    let Some(guest) = guest() else { return };
    let mut machine = guest.recursing(1);
    moved(&mut machine, guest, SLIDE);
    machine.cpus[0].set(Register::Rip, guest.in_price() + SLIDE);
    let mut session = guest.session(machine);
    assert_eq!(session.identify(), Identity::Same);
    let slides: Vec<String> = session
        .moved()
        .iter()
        .map(|m| m.slide.to_string())
        .collect();
    assert_eq!(slides, ["+0x30000000"]);
    let pc = CodeAddr::Exact(VirtAddr(guest.in_price() + SLIDE));
    assert_eq!(session.modules().symbolize(pc).len(), 3);
}

/// The program counter is lost; a return address is not.
#[test]
fn a_return_address_shows_where_it_is() {
    const SLIDE: u64 = 0x3000_0000;
    let Some(guest) = guest() else { return };
    let mut machine = guest.recursing(1);
    moved(&mut machine, guest, SLIDE);
    machine.put(
        0x6000_0000,
        &(guest.after_call("commit") + SLIDE).to_le_bytes(),
    );
    machine.cpus[0].set(Register::Rip, 0xdead_0000);
    machine.cpus[0].set(Register::Rsp, 0x6000_0000);
    let mut session = guest.session(machine);
    assert_eq!(session.identify(), Identity::Same);
    assert_eq!(session.moved().len(), 1);
}

/// Part of the program's code, in a guest that is another one.
#[test]
fn what_only_resembles_the_program_stays_different() {
    const SLIDE: u64 = 0x3000_0000;
    let Some(guest) = guest() else { return };
    let mut machine = guest.recursing(1);
    let at = guest.in_price();
    changed(&mut machine, at, 400);
    machine.cpus[0].set(Register::Rip, at + SLIDE);
    let mut session = guest.session(machine);
    assert!(!matches!(session.identify(), Identity::Same));
    assert!(session.moved().is_empty());
}

/// Moves the program away from where it was linked. Loaders fill pages.
fn moved(machine: &mut Machine, guest: &super::machine::Guest, slide: u64) {
    for segment in guest.image.segments() {
        let start = segment.addresses.start.0;
        let mut page = vec![0; (start % 4096) as usize];
        page.extend_from_slice(segment.bytes);
        machine.put(start - start % 4096 + slide, &page);
        machine.put(start, &vec![0; segment.bytes.len()]);
    }
}
