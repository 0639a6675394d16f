//! Time: the time-stamp counter's frequency and a tick from the local APIC's
//! timer. Not a clock of the day, and not a scheduler: tasks are cooperative.
#![expect(unsafe_code, reason = "APIC registers are memory, the PIT's are ports")]

use core::sync::atomic::{AtomicU64, Ordering};

use crate::root::ROOT;
use crate::trace::Level;
use crate::uart::COM1;
use crate::{cpu, port, trace_event, trap};

/// Physical address of the local APIC, where every PC has it after reset.
pub(crate) const LOCAL_APIC: u64 = 0xfee0_0000;
/// Physical address of the first I/O APIC.
pub(crate) const IO_APIC: u64 = 0xfec0_0000;

/// Local APIC registers (SDM volume 3A, table 10-1).
const END_OF_INTERRUPT: u64 = 0xb0;
const SPURIOUS_VECTOR: u64 = 0xf0;
const TIMER_VECTOR: u64 = 0x320;
const LINT0: u64 = 0x350;
const TIMER_INITIAL: u64 = 0x380;
const TIMER_CURRENT: u64 = 0x390;
const TIMER_DIVIDE: u64 = 0x3e0;

const SOFTWARE_ENABLE: u32 = 1 << 8;
const MASKED: u32 = 1 << 16;
const PERIODIC: u32 = 1 << 17;
const DIVIDE_BY_16: u32 = 0b0011;

/// The ISA lines of the serial ports.
const COM1_LINE: u32 = 4;
const COM2_LINE: u32 = 3;

/// Frequency of the PIT's input in hertz.
const PIT_FREQUENCY: u64 = 1_193_182;
/// PIT ticks that calibration lasts: 10 ms.
const CALIBRATION_TICKS: u16 = 11_932;
/// Reads of the PIT's output after which calibration is given up: a machine
/// may have no PIT.
const CALIBRATION_READS: u32 = 1_000_000;
/// Timer interrupts in a second.
const TICK_RATE: u64 = 100;

static TICKS: AtomicU64 = AtomicU64::new(0);

/// Timer interrupts since the boot.
pub fn ticks() -> u64 {
    TICKS.load(Ordering::Relaxed)
}

/// Ticks of the time-stamp counter in a second; `None` when it could not be
/// measured.
pub fn tsc_frequency() -> Option<core::num::NonZeroU64> {
    core::num::NonZeroU64::new(ROOT.tsc_frequency.load(Ordering::Relaxed))
}

/// Measures the time-stamp counter and starts the tick.
pub(crate) fn init() {
    mask_legacy_controllers();
    write(SPURIOUS_VECTOR, SOFTWARE_ENABLE | trap::SPURIOUS as u32);
    write(LINT0, MASKED);
    write(TIMER_DIVIDE, DIVIDE_BY_16);
    write(TIMER_VECTOR, MASKED | trap::TIMER as u32);
    write(TIMER_INITIAL, u32::MAX);
    let (tsc, apic) = (cpu::read_tsc(), read(TIMER_CURRENT));
    if !wait_for_pit() {
        return;
    }
    let tsc = cpu::read_tsc().wrapping_sub(tsc);
    let apic = apic.wrapping_sub(read(TIMER_CURRENT));
    ROOT.tsc_frequency.store(per_second(tsc), Ordering::Relaxed);
    let period = u32::try_from(per_second(u64::from(apic)) / TICK_RATE).unwrap_or(u32::MAX);
    write(TIMER_VECTOR, PERIODIC | trap::TIMER as u32);
    write(TIMER_INITIAL, period.max(1));
}

/// What counted `count` during calibration counts this much in a second.
fn per_second(count: u64) -> u64 {
    count.saturating_mul(PIT_FREQUENCY) / u64::from(CALIBRATION_TICKS)
}

/// The timer's interrupt.
pub(crate) fn on_tick() {
    let count = TICKS.fetch_add(1, Ordering::Relaxed) + 1;
    trace_event!(Level::Trace, "timer.tick", count: u64 = count);
    end_of_interrupt();
}

/// Lets the local APIC deliver the next interrupt.
pub(crate) fn end_of_interrupt() {
    write(END_OF_INTERRUPT, 0);
}

/// Routes a serial port's interrupt to this CPU, as the debugger's (82093AA
/// data sheet, 3.2.4): edge-triggered, active high, fixed delivery.
pub(crate) fn route_serial_port(base: u16) {
    let line = if base == COM1 { COM1_LINE } else { COM2_LINE };
    let register = 0x10 + 2 * line;
    for (register, value) in [(register + 1, 0), (register, trap::DEBUGGER_PORT as u32)] {
        // SAFETY: the I/O APIC's select and data registers, mapped uncached.
        unsafe {
            (IO_APIC as *mut u32).write_volatile(register);
            ((IO_APIC + 0x10) as *mut u32).write_volatile(value);
        }
    }
}

/// Masks every line of the two 8259s, whose vectors would be exceptions'.
fn mask_legacy_controllers() {
    for mask_port in [0x21, 0xa1] {
        // SAFETY: the interrupt controllers' mask registers.
        unsafe { port::write_u8(mask_port, 0xff) };
    }
}

/// Waits on channel 2 of the PIT (8254 data sheet, mode 0), whose output can
/// be read from port 0x61. False when it never ends.
fn wait_for_pit() -> bool {
    let [low, high] = CALIBRATION_TICKS.to_le_bytes();
    // SAFETY: the PIT's channel 2 and its gate drive nothing but the speaker,
    // which stays off.
    unsafe {
        port::write_u8(0x61, port::read_u8(0x61) & !0x03 | 0x01);
        port::write_u8(0x43, 0b1011_0000);
        port::write_u8(0x42, low);
        port::write_u8(0x42, high);
        (0..CALIBRATION_READS).any(|_| port::read_u8(0x61) & 0x20 != 0)
    }
}

fn read(register: u64) -> u32 {
    // SAFETY: the local APIC, mapped uncached.
    unsafe { ((LOCAL_APIC + register) as *const u32).read_volatile() }
}

fn write(register: u64, value: u32) {
    // SAFETY: as for `read`; no register written here moves memory.
    unsafe { ((LOCAL_APIC + register) as *mut u32).write_volatile(value) }
}
