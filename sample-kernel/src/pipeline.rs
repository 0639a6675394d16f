//! The tasks: generator, matcher, reporter, and the queues between them.

use alloc::rc::Rc;
use core::num::NonZeroU64;

use ukdbg_target_runtime::{
    TooManyTasks, println, read_tsc, run_tasks, spawn, ticks, tsc_frequency,
};

use crate::engine::{Engine, Execution};
use crate::generator::{Generator, Request};
use crate::latency::Latency;
use crate::monitor::Monitor;
use crate::options::Options;
use crate::queue::Queue;

/// Room in each queue.
const QUEUE_CAPACITY: usize = 64;

/// What the matcher tells the reporter.
enum Report {
    /// An order went through the engine, in so many ticks.
    Executed(Execution, u64),
    /// A cancellation found its order, or did not.
    Cancelled(bool),
}

/// Runs the workload to its end.
pub(crate) fn run(options: &Options) -> Result<(), TooManyTasks> {
    let requests = Rc::new(Queue::new(QUEUE_CAPACITY));
    let reports = Rc::new(Queue::new(QUEUE_CAPACITY));
    let generator = Generator::new(options.seed, options.count);
    let monitor = Monitor::new(options.fault);
    let (to_matcher, to_reporter) = (requests.clone(), reports.clone());
    spawn("generator", move || generate(generator, &to_matcher))?;
    spawn("matcher", move || {
        match_orders(monitor, &requests, &to_reporter)
    })?;
    spawn("reporter", move || report(&reports))?;
    run_tasks();
    Ok(())
}

#[inline(never)]
fn generate(generator: Generator, requests: &Queue<Request>) {
    for request in generator {
        requests.push(request);
    }
    requests.close();
}

#[inline(never)]
fn match_orders(mut monitor: Monitor, requests: &Queue<Request>, reports: &Queue<Report>) {
    let mut engine = Engine::default();
    while let Some(request) = requests.pop() {
        reports.push(match request {
            Request::Submit(order) => {
                let start = read_tsc();
                let execution = engine.submit(order, &mut monitor);
                Report::Executed(execution, read_tsc().wrapping_sub(start))
            }
            Request::Cancel(id) => Report::Cancelled(engine.cancel(id)),
        });
    }
    reports.close();
}

#[inline(never)]
fn report(reports: &Queue<Report>) {
    let start = read_tsc();
    let mut latency = Latency::new();
    let (mut orders, mut trades, mut cancelled, mut filled) = (0_u64, 0, 0_u64, 0);
    while let Some(report) = reports.pop() {
        match report {
            Report::Executed(execution, ticks) => {
                orders += 1;
                trades += execution.trades;
                filled += execution.filled;
                latency.add(ticks);
            }
            Report::Cancelled(found) => cancelled += u64::from(found),
        }
    }
    let elapsed = read_tsc().wrapping_sub(start);
    println!("orders {orders}, trades {trades}, quantity {filled}, cancelled {cancelled}");
    print_times(orders, elapsed, &latency);
}

fn print_times(orders: u64, elapsed: u64, latency: &Latency) {
    let figures = [
        latency.min(),
        latency.percentile(50),
        latency.percentile(99),
        latency.max(),
    ];
    let Some(frequency) = tsc_frequency() else {
        let [min, median, p99, max] = figures;
        println!("the time-stamp counter's frequency is unknown; times are in its ticks");
        println!("latency: min {min}, median {median}, p99 {p99}, max {max}");
        return;
    };
    let nanoseconds = nanoseconds(elapsed, frequency);
    let rate = u128::from(orders) * 1_000_000_000 / u128::from(nanoseconds.max(1));
    println!(
        "throughput: {rate} orders/s ({} ms, {} timer ticks)",
        nanoseconds / 1_000_000,
        ticks()
    );
    let [min, median, p99, max] = figures.map(|ticks| self::nanoseconds(ticks, frequency));
    println!("latency: min {min} ns, median {median} ns, p99 {p99} ns, max {max} ns");
}

fn nanoseconds(ticks: u64, frequency: NonZeroU64) -> u64 {
    (u128::from(ticks) * 1_000_000_000 / u128::from(frequency.get())) as u64
}
