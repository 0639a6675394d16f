//! Whether the machine runs the image.

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
    let Identity::Different { at: found, name } = guest.session(machine).identify() else {
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
