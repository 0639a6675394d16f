//! Real interruption: a signal handler records into the ring of the thread
//! that it interrupts at arbitrary instructions, as an interrupt does.

use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64};
use std::thread;

use super::*;

const SIGUSR1: i32 = 10;
const SIGNALS: u64 = 3000;
static INTERRUPTED: AtomicPtr<Ring> = AtomicPtr::new(std::ptr::null_mut());
static HANDLED: AtomicU64 = AtomicU64::new(0);

#[expect(unsafe_code, reason = "foreign items")]
unsafe extern "C" {
    fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
    fn pthread_self() -> usize;
    fn pthread_kill(thread: usize, number: i32) -> i32;
}

#[expect(unsafe_code, reason = "a static reaches a signal handler as a pointer")]
extern "C" fn interrupt(_: i32) {
    // SAFETY: the test stored a leaked ring before it installed this.
    let ring = unsafe { &*INTERRUPTED.load(Ordering::Acquire) };
    let number = HANDLED.load(Ordering::Relaxed);
    ring.record(2, [number, 0, 0, 0, !number]);
    HANDLED.store(number + 1, Ordering::Release);
}

#[test]
#[expect(
    unsafe_code,
    reason = "signals of one thread are not in the standard library"
)]
fn no_interrupt_tears_reorders_or_loses_an_event() {
    let (ring, slots) = ring(1 << 22);
    INTERRUPTED.store(std::ptr::from_ref(ring).cast_mut(), Ordering::Release);
    // SAFETY: the handler only touches the ring and two atomics.
    unsafe { signal(SIGUSR1, interrupt) };
    // SAFETY: no condition.
    let target = unsafe { pthread_self() };
    let finished = AtomicBool::new(false);
    let mut written = 0_u64;
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..SIGNALS {
                // SAFETY: the thread lives until it has joined this one.
                unsafe { pthread_kill(target, SIGUSR1) };
                while HANDLED.load(Ordering::Acquire) <= number {
                    std::hint::spin_loop();
                }
            }
            finished.store(true, Ordering::Release);
        });
        while !finished.load(Ordering::Acquire) && written < 1 << 21 {
            ring.record(1, [written, !written]);
            written += 1;
        }
    });
    check(ring, slots, written);
}

fn check(ring: &Ring, slots: &[Slot], written: u64) {
    assert_eq!(head(ring), written + 2 * SIGNALS);
    let (events, skipped) = read(ring, slots);
    assert_eq!((events.len() as u64, skipped), (written + SIGNALS, 0));
    assert!(events.is_sorted_by_key(|event| event.tsc), "times decrease");
    for (site, count, last) in [(1, written, 8..16), (2, SIGNALS, 32..40)] {
        let of_site = events.iter().filter(|event| event.site == site);
        let mut number = 0_u64;
        for event in of_site {
            assert_eq!(event.payload[..8], number.to_le_bytes());
            assert_eq!(event.payload[last.clone()], (!number).to_le_bytes());
            number += 1;
        }
        assert_eq!(number, count);
    }
}
