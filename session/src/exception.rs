//! An exception, decoded for display.

use ukdbg_diagnose::ExceptionFacts;
use ukdbg_inspect::{DescriptorTable, ErrorCode, Exception, PageFaultCode, Target};

use crate::addresses::Known;
use crate::view::{ExceptionView, Word};

/// The vector of a page fault.
const PAGE_FAULT: u8 = 14;

/// The exception with its error code's bits and, for a page fault, the walk.
pub(crate) fn view<T: Target>(
    known: &mut Known<'_, '_, T>,
    facts: &ExceptionFacts,
) -> ExceptionView {
    let exception = Exception::of_vector(facts.vector.into());
    let has_code = exception.is_some_and(|exception| exception.pushes_error_code);
    let error_code = facts.error_code.filter(|_| has_code);
    let decoded = exception
        .zip(error_code)
        .and_then(|(e, code)| e.decode_error(code));
    let address = facts.cr2.filter(|_| facts.vector == PAGE_FAULT);
    ExceptionView {
        vector: facts.vector,
        mnemonic: exception.map(|exception| exception.mnemonic),
        name: exception.map_or("interrupt", |exception| exception.name),
        error_code: error_code.map(Word),
        error_bits: decoded.map_or_else(Vec::new, bits),
        address,
        walk: address.and_then(|address| known.walk(address)),
    }
}

fn bits(code: ErrorCode) -> Vec<String> {
    match code {
        ErrorCode::PageFault(code) => page_fault_bits(code),
        ErrorCode::Selector(selector) if selector.code == 0 => {
            vec!["no descriptor is to blame".to_owned()]
        }
        ErrorCode::Selector(selector) => vec![format!(
            "entry {} of the {}{}",
            selector.index,
            match selector.table {
                DescriptorTable::Gdt => "GDT",
                DescriptorTable::Ldt => "LDT",
                DescriptorTable::Idt => "IDT",
            },
            if selector.external {
                ", while an external event was delivered"
            } else {
                ""
            }
        )],
        ErrorCode::Plain { .. } => Vec::new(),
    }
}

fn page_fault_bits(code: PageFaultCode) -> Vec<String> {
    let access = match (code.fetch, code.write) {
        (true, _) => "instruction fetch",
        (false, true) => "write",
        (false, false) => "read",
    };
    let mode = if code.user {
        "user mode"
    } else {
        "supervisor mode"
    };
    let reason = if code.present {
        "the page is present and forbids it"
    } else {
        "no page is present"
    };
    let mut bits: Vec<String> = vec![access.into(), mode.into(), reason.into()];
    let rare = [
        (
            code.reserved_bit,
            "a reserved bit is set in a page-table entry",
        ),
        (code.protection_key, "a protection key forbids it"),
        (code.shadow_stack, "a shadow-stack access"),
    ];
    bits.extend(
        rare.iter()
            .filter(|(set, _)| *set)
            .map(|(_, text)| (*text).to_owned()),
    );
    if code.unknown_bits != 0 {
        bits.push(format!("unknown bits {:#x}", code.unknown_bits));
    }
    bits
}
