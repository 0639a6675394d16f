//! Which fault a report is about: the guest's record, the emulator's log, or
//! the registers alone.

use core::mem::offset_of;

use ukdbg_diagnose::{Certainty, EmulatorEvidence, Ending, LoggedException, VerdictKind};
use ukdbg_guest_abi::fault::{MAGIC, VERSION};
use ukdbg_guest_abi::{FaultRecord, RegisterSet};
use ukdbg_inspect::{FoundBy, Register, Registers, Root, VirtAddr};

use super::machine::Machine;
use super::{Guest, guest};
use crate::fault::{FaultAt, What, choose};
use crate::view::{ReportView, StackOwner};
use crate::{Reply, Request};

const RECORDS: u64 = 0x5_0000;

/// What a record of the guest says: CPU, vector, time, and whether complete.
fn record(cpu: u32, vector: u32, tsc: u64, sequence: u32) -> Vec<u8> {
    let mut bytes = vec![0; size_of::<FaultRecord>()];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(offset_of!(FaultRecord, magic), &MAGIC.to_le_bytes());
    put(offset_of!(FaultRecord, version), &VERSION.to_le_bytes());
    put(offset_of!(FaultRecord, sequence), &sequence.to_le_bytes());
    put(offset_of!(FaultRecord, kind), &1u32.to_le_bytes());
    put(offset_of!(FaultRecord, cpu), &cpu.to_le_bytes());
    put(offset_of!(FaultRecord, vector), &vector.to_le_bytes());
    put(offset_of!(FaultRecord, tsc), &tsc.to_le_bytes());
    let rip = offset_of!(FaultRecord, registers) + offset_of!(RegisterSet, rip);
    put(rip, &(0x1000 + u64::from(cpu)).to_le_bytes());
    bytes
}

fn root(records: u32) -> Root {
    Root {
        at: VirtAddr(0x4_0000),
        tsc_frequency: None,
        boot_tsc: None,
        cpu_count: records,
        rings: None,
        fault_records: Some(VirtAddr(RECORDS)),
        rendezvous: None,
        heap_ledger: None,
        stack_table: None,
    }
}

fn chosen(records: &[Vec<u8>], evidence: &EmulatorEvidence) -> (FaultAt, Vec<String>) {
    let mut machine = Machine::default();
    machine.put(RECORDS, &records.concat());
    let mut current = Registers::default();
    current.set(Register::Rip, 0xc000);
    current.set(Register::Cr3, 0x3000);
    let mut gaps = Vec::new();
    let root = root(u32::try_from(records.len()).unwrap());
    let fault = choose(&mut machine, Some(&root), evidence, &current, &mut gaps);
    (fault, gaps)
}

fn logged(ending: Ending) -> EmulatorEvidence {
    let mut registers = Registers::default();
    registers.set(Register::Rip, 0xbeef);
    EmulatorEvidence {
        exceptions: vec![LoggedException {
            vector: 6,
            error_code: 0,
            cr2: None,
            registers,
        }],
        ending,
        idt: None,
    }
}

/// `vector, pc` of a fault.
#[track_caller]
fn check(fault: &FaultAt, vector: Option<u8>, pc: u64, found_by: FoundBy) {
    let seen = match &fault.what {
        What::Exception(facts) => Some(facts.vector),
        What::Panic { .. } | What::Unknown => None,
    };
    assert_eq!(seen, vector);
    assert_eq!(fault.registers.pc(), Some(VirtAddr(pc)));
    assert_eq!(fault.found_by, found_by);
}

#[test]
fn the_newest_record_is_the_fault() {
    let records = [
        record(0, 14, 200, 2),
        record(1, 0, 300, 2),
        record(2, 13, 100, 2),
    ];
    let (fault, gaps) = chosen(&records, &EmulatorEvidence::default());
    check(&fault, Some(0), 0x1001, FoundBy::FaultRecord);
    assert_eq!(fault.owner, Some(StackOwner::Fault { cpu: 1 }));
    assert!(gaps.is_empty(), "{gaps:?}");
}

#[test]
fn a_record_that_was_being_written_is_said_to_be() {
    let (fault, gaps) = chosen(&[record(0, 14, 200, 3)], &EmulatorEvidence::default());
    check(&fault, Some(14), 0x1000, FoundBy::FaultRecord);
    assert_eq!(
        gaps,
        ["the fault record of CPU 0 was being written when the guest stopped"]
    );
}

#[test]
fn a_vector_that_is_none_is_not_mistaken_for_one() {
    let (fault, _) = chosen(&[record(0, 0x10e, 1, 2)], &EmulatorEvidence::default());
    check(&fault, Some(255), 0x1000, FoundBy::FaultRecord);
}

#[test]
fn the_record_outranks_the_log_and_a_triple_fault_the_record() {
    let records = [record(0, 14, 200, 2)];
    let (halted, _) = chosen(&records, &logged(Ending::Halted));
    check(&halted, Some(14), 0x1000, FoundBy::FaultRecord);
    let (triple, _) = chosen(&records, &logged(Ending::TripleFault));
    check(&triple, Some(6), 0xbeef, FoundBy::EmulatorLog);
    let cr3 = triple.registers.get(Register::Cr3);
    assert_eq!(cr3, Some(0x3000), "the log has no control registers");
}

#[test]
fn without_a_record_the_log_tells_of_an_end_only() {
    let mut none = record(0, 0, 0, 0);
    none[offset_of!(FaultRecord, kind)] = 0;
    let none = [none];
    let (halted, _) = chosen(&none, &logged(Ending::Halted));
    check(&halted, Some(6), 0xbeef, FoundBy::EmulatorLog);
    let (stopped, _) = chosen(&none, &logged(Ending::Stopped));
    check(&stopped, None, 0xc000, FoundBy::Stop);
    let mut unlogged = logged(Ending::TripleFault);
    unlogged.exceptions.clear();
    check(&chosen(&none, &unlogged).0, None, 0xc000, FoundBy::Stop);
}

fn report(guest: &Guest, machine: Machine, ending: Ending) -> ReportView {
    let evidence = EmulatorEvidence {
        ending,
        ..EmulatorEvidence::default()
    };
    match guest.session(machine).answer(Request::Report(evidence)) {
        Ok(Reply::Report(report)) => *report,
        other => panic!("{other:?}"),
    }
}

/// A machine with as many CPUs as there are places for them to stand.
fn standing(guest: &Guest, places: &[(u64, u64)]) -> Machine {
    let mut machine = guest.recursing(1);
    let first = machine.cpus[0];
    machine.cpus = places
        .iter()
        .map(|&(pc, flags)| {
            let mut cpu = first;
            cpu.set(Register::Rip, pc);
            cpu.set(Register::Rflags, flags);
            cpu
        })
        .collect();
    machine
}

#[test]
fn a_halt_shows_in_the_registers_alone() {
    let Some(guest) = guest() else { return };
    let hlt = guest
        .code("idle")
        .iter()
        .find(|i| i.len() == 1 && i.op_count() == 0 && guest_byte(guest, i.ip()) == 0xf4)
        .unwrap()
        .next_ip();
    let jump = guest
        .code("halting_jump")
        .iter()
        .find(|i| i.len() == 2 && guest_byte(guest, i.ip()) == 0xeb)
        .unwrap()
        .next_ip();
    let elsewhere = guest.in_price();
    let check = |places: &[(u64, u64)], kind: VerdictKind, certainty: Certainty| {
        let report = report(guest, standing(guest, places), Ending::Stopped);
        assert_eq!(report.verdict.kind, kind, "{places:x?}");
        assert_eq!(report.verdict.certainty, certainty);
    };
    let (on, off) = (0x202, 0x2);
    check(&[(hlt, off)], VerdictKind::Halted, Certainty::Likely);
    check(
        &[(hlt, off), (hlt, off)],
        VerdictKind::Halted,
        Certainty::Likely,
    );
    check(&[(hlt, on)], VerdictKind::NoFault, Certainty::Certain);
    check(
        &[(hlt, off), (elsewhere, off)],
        VerdictKind::NoFault,
        Certainty::Certain,
    );
    check(&[(jump, off)], VerdictKind::NoFault, Certainty::Certain);
    check(
        &[(elsewhere, off)],
        VerdictKind::NoFault,
        Certainty::Certain,
    );
    let seen = report(guest, standing(guest, &[(elsewhere, on)]), Ending::Halted);
    assert_eq!(
        seen.verdict.certainty,
        Certainty::Certain,
        "a monitor said so"
    );
}

fn guest_byte(guest: &Guest, at: u64) -> u8 {
    guest.image.bytes_at(ukdbg_image::LinkAddr(at)).unwrap()[0]
}

#[test]
fn a_report_on_a_guest_without_our_runtime_is_whole() {
    let Some(guest) = guest() else { return };
    let report = report(guest, guest.recursing(2), Ending::Stopped);
    let place = report.verdict.place.unwrap();
    assert_eq!(place.function.unwrap().demangled.raw(), "price");
    assert_eq!(report.backtrace.frames.len(), 5);
    assert!(report.instruction.is_some());
    assert!(report.events.is_none());
    assert!(report.gaps.is_empty(), "{:?}", report.gaps);
}
