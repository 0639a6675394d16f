//! Breakpoints and watchpoints in the processor's four debug registers (SDM
//! volume 3B, section 17.2).

use core::arch::asm;

use super::ThisGuest;
use super::memory::Memory;

/// How many the processor has.
const SLOTS: usize = 4;
/// DR7 with nothing enabled: bit 10 is always 1.
const CONTROL_EMPTY: u64 = 1 << 10;

/// What a debug register waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Watched {
    /// Execution.
    Execute,
    /// A write to so many bytes.
    Write(u64),
    /// A read of so many bytes. The processor cannot wait for that alone: it
    /// takes two registers, [`Watched::Unread`] before this one, and a read is
    /// what this one sees and the other does not.
    Read(u64),
    /// The other half of [`Watched::Read`], which waits for writes. QEMU names
    /// only the first register that an access hits, so it comes before.
    Unread(u64),
    /// A read or a write.
    Access(u64),
}

impl Watched {
    /// Its bits of DR7: what, then how long. `None` for a length that the
    /// processor cannot watch at the address.
    fn bits(self, address: u64) -> Option<u64> {
        let (kind, length) = match self {
            Self::Execute => (0b00, 1),
            Self::Write(length) | Self::Unread(length) => (0b01, length),
            Self::Access(length) | Self::Read(length) => (0b11, length),
        };
        let size = match length {
            1 => 0b00,
            2 => 0b01,
            4 => 0b11,
            8 => 0b10,
            _ => return None,
        };
        address.is_multiple_of(length).then_some(kind | size << 2)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Slot {
    address: u64,
    watched: Watched,
    /// The value when the guest was last resumed, as far as it can be read.
    value: [u8; 8],
}

/// A guest whose processor has debug registers.
pub(super) trait DebugRegisters {
    /// Sets DR0 to DR3 and DR7.
    fn set_debug_registers(&mut self, addresses: [u64; SLOTS], control: u64);
}

/// What a client has put in the debug registers. They are in force only while
/// the guest runs.
#[derive(Default)]
pub(super) struct Watchpoints([Option<Slot>; SLOTS]);

impl Watchpoints {
    /// False when the processor cannot watch that, or no register is free.
    pub(super) fn insert(&mut self, address: u64, watched: Watched) -> bool {
        if watched.bits(address).is_none() {
            return false;
        }
        if self.position(address, watched).is_some() {
            return true;
        }
        let halves = match watched {
            Watched::Read(length) => &[Watched::Unread(length), watched][..],
            _ => &[watched],
        };
        let free = self.0.iter().filter(|slot| slot.is_none()).count();
        if free < halves.len() {
            return false;
        }
        let free = self.0.iter_mut().filter(|slot| slot.is_none());
        for (slot, &watched) in free.zip(halves) {
            *slot = Some(Slot {
                address,
                watched,
                value: [0; 8],
            });
        }
        true
    }

    /// Removing is idempotent (RSP, "z packets").
    pub(super) fn remove(&mut self, address: u64, watched: Watched) {
        if let Watched::Read(length) = watched {
            self.remove(address, Watched::Unread(length));
        }
        if let Some(index) = self.position(address, watched) {
            self.0[index] = None;
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn position(&self, address: u64, watched: Watched) -> Option<usize> {
        self.0.iter().position(|slot| {
            slot.is_some_and(|slot| slot.address == address && slot.watched == watched)
        })
    }

    /// Whether execution at an address would stop before its instruction, which
    /// resuming there must not do again.
    pub(super) fn stops_at(&self, address: u64) -> bool {
        self.position(address, Watched::Execute).is_some()
    }

    /// Which one DR6 names, and the address it watches. Reads come last: they
    /// may be halves of something else.
    pub(super) fn hit(&self, conditions: u64) -> Option<(u64, Watched)> {
        let named = || self.named(conditions);
        let other = named().find(|slot| !slot.is_half());
        let found = other.or_else(|| named().find(|slot| matches!(slot.watched, Watched::Read(_))));
        found.map(|slot| (slot.address, slot.watched))
    }

    /// Whether all that DR6 names waits for reads, and none of it was one: it
    /// also wrote, or the value is another one now.
    pub(super) fn is_passed_over(&self, conditions: u64, memory: &mut impl Memory) -> bool {
        let mut halves = self.named(conditions).peekable();
        halves.peek().is_some()
            && halves.all(|slot| match slot.watched {
                Watched::Unread(_) => true,
                Watched::Read(length) => {
                    let write = Watched::Unread(length);
                    let wrote =
                        |other: &Slot| (other.address, other.watched) == (slot.address, write);
                    self.named(conditions).any(wrote) || slot.value != slot.read(memory)
                }
                _ => false,
            })
    }

    fn named(&self, conditions: u64) -> impl Iterator<Item = &Slot> {
        self.0
            .iter()
            .enumerate()
            .filter(move |(index, _)| conditions >> index & 1 != 0)
            .filter_map(|(_, slot)| slot.as_ref())
    }

    /// Puts them in force for a guest that goes on.
    pub(super) fn enable(&self, guest: &mut impl DebugRegisters) {
        let addresses = self.0.map(|slot| slot.map_or(0, |slot| slot.address));
        let control = self
            .0
            .iter()
            .enumerate()
            .fold(CONTROL_EMPTY, |control, (index, slot)| {
                let bits = slot.and_then(|slot| slot.watched.bits(slot.address));
                bits.map_or(control, |bits| {
                    control | 0b10 << (2 * index) | bits << (16 + 4 * index)
                })
            });
        guest.set_debug_registers(addresses, control);
    }

    /// Puts none in force: the debugger's own reads are nobody's business.
    pub(super) fn disable(guest: &mut impl DebugRegisters) {
        guest.set_debug_registers([0; SLOTS], CONTROL_EMPTY);
    }

    /// Remembers the watched values before the guest goes on. A single step
    /// that hits a watchpoint would raise a second debug exception in the first
    /// one's handler under QEMU, so the registers are not in force for it: a
    /// step sees what it writes, but not what it only reads.
    pub(super) fn remember(&mut self, memory: &mut impl Memory) {
        for slot in self.0.iter_mut().flatten() {
            slot.value = slot.read(memory);
        }
    }

    /// Which watched value a single step has changed.
    pub(super) fn changed(&self, memory: &mut impl Memory) -> Option<(u64, Watched)> {
        self.0
            .iter()
            .flatten()
            .filter(|slot| !slot.is_half())
            .find(|slot| slot.value != slot.read(memory))
            .map(|slot| (slot.address, slot.watched))
    }
}

impl Slot {
    /// One of the two registers that wait for a read.
    fn is_half(&self) -> bool {
        matches!(self.watched, Watched::Read(_) | Watched::Unread(_))
    }

    fn read(&self, memory: &mut impl Memory) -> [u8; 8] {
        let mut value = [0; 8];
        if let Watched::Write(length) | Watched::Access(length) | Watched::Read(length) =
            self.watched
        {
            memory.read(self.address, &mut value[..length.min(8) as usize]);
        }
        value
    }
}

impl DebugRegisters for ThisGuest {
    #[expect(unsafe_code, reason = "debug registers")]
    fn set_debug_registers(&mut self, [dr0, dr1, dr2, dr3]: [u64; SLOTS], control: u64) {
        // SAFETY: ring 0 may write them; what they cause is a debug exception,
        // which the runtime handles.
        unsafe {
            asm!(
                "mov dr7, {empty}", "mov dr0, {dr0}", "mov dr1, {dr1}",
                "mov dr2, {dr2}", "mov dr3, {dr3}", "mov dr7, {control}",
                empty = in(reg) CONTROL_EMPTY,
                dr0 = in(reg) dr0, dr1 = in(reg) dr1, dr2 = in(reg) dr2, dr3 = in(reg) dr3,
                control = in(reg) control,
                options(nostack, preserves_flags),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::FakeGuest;
    use super::*;

    #[test]
    fn registers_hold_what_is_watched() {
        let (mut watchpoints, mut guest) = (Watchpoints::default(), FakeGuest::new(0x1000, 0x40));
        assert!(watchpoints.insert(0x1001, Watched::Execute));
        assert!(watchpoints.insert(0x1008, Watched::Write(8)));
        assert!(watchpoints.insert(0x1008, Watched::Write(8)));
        assert!(watchpoints.insert(0x1004, Watched::Access(4)));
        watchpoints.enable(&mut guest);
        assert_eq!(
            guest.debug_registers,
            ([0x1001, 0x1008, 0x1004, 0], 0x0f90_042a)
        );
        assert_eq!(watchpoints.hit(0b0110), Some((0x1008, Watched::Write(8))));
        assert_eq!(watchpoints.hit(0b1000), None);
        assert!(watchpoints.stops_at(0x1001) && !watchpoints.stops_at(0x1008));
        watchpoints.remove(0x1008, Watched::Write(8));
        watchpoints.remove(0x1008, Watched::Write(8));
        watchpoints.enable(&mut guest);
        assert_eq!(guest.debug_registers, ([0x1001, 0, 0x1004, 0], 0x0f00_0422));
        Watchpoints::disable(&mut guest);
        assert_eq!(guest.debug_registers, ([0; 4], 0x400));
    }

    #[test]
    fn what_the_processor_cannot_watch_is_refused() {
        let mut watchpoints = Watchpoints::default();
        for (address, length) in [
            (0x1001, 2),
            (0x1004, 8),
            (0x1000, 3),
            (0x1000, 0),
            (0, u64::MAX),
        ] {
            assert!(!watchpoints.insert(address, Watched::Write(length)));
        }
        for address in 1..=4 {
            assert!(watchpoints.insert(address, Watched::Execute));
        }
        assert!(!watchpoints.insert(5, Watched::Execute));
    }

    #[test]
    fn a_read_is_told_from_a_write() {
        let (mut watchpoints, mut guest) = (Watchpoints::default(), FakeGuest::new(0x1000, 0x40));
        assert!(watchpoints.insert(0x1008, Watched::Read(4)));
        assert!(watchpoints.insert(0x1010, Watched::Write(4)));
        watchpoints.enable(&mut guest);
        assert_eq!(
            guest.debug_registers,
            ([0x1008, 0x1008, 0x1010, 0], 0x0dfd_042a)
        );
        watchpoints.remember(&mut guest);
        let read = Some((0x1008, Watched::Read(4)));
        let write = Some((0x1010, Watched::Write(4)));
        let mut check = |conditions, passed, hit| {
            assert_eq!(watchpoints.is_passed_over(conditions, &mut guest), passed);
            if !passed {
                assert_eq!(watchpoints.hit(conditions), hit);
            }
        };
        check(0b0010, false, read);
        check(0b0001, true, None);
        check(0b0011, true, None);
        check(0b0111, false, write);
        check(0b0110, false, write);
        check(0, false, None);
        guest.write(0x1009, &[0]);
        assert!(watchpoints.is_passed_over(0b0010, &mut guest));
        assert_eq!(watchpoints.changed(&mut guest), None);
        watchpoints.remove(0x1008, Watched::Read(4));
        watchpoints.enable(&mut guest);
        assert_eq!(guest.debug_registers, ([0, 0, 0x1010, 0], 0x0d00_0420));
        assert!(watchpoints.insert(0x1020, Watched::Read(4)));
        assert!(!watchpoints.insert(0x1028, Watched::Read(4)));
    }

    #[test]
    fn a_step_that_changes_a_watched_value_is_seen() {
        let (mut watchpoints, mut guest) = (Watchpoints::default(), FakeGuest::new(0x1000, 0x40));
        watchpoints.insert(0x1001, Watched::Execute);
        watchpoints.insert(0x1008, Watched::Write(2));
        watchpoints.remember(&mut guest);
        guest.write(0x100a, &[0]);
        assert_eq!(watchpoints.changed(&mut guest), None);
        guest.write(0x1009, &[0]);
        assert_eq!(
            watchpoints.changed(&mut guest),
            Some((0x1008, Watched::Write(2)))
        );
    }
}
