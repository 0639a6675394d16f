//! Registers as text, with the flags named and what addresses point at.

use std::fmt::Write;

use ukdbg_session::RegisterSet;
use ukdbg_session::inspect::Register;
use ukdbg_session::view::RegistersView;

use super::{Style, Styles};
use crate::escape::escape;

/// Bits of RFLAGS (SDM 1 3.4.3).
const FLAGS: [(u64, &str); 17] = [
    (1 << 0, "CF"),
    (1 << 2, "PF"),
    (1 << 4, "AF"),
    (1 << 6, "ZF"),
    (1 << 7, "SF"),
    (1 << 8, "TF"),
    (1 << 9, "IF"),
    (1 << 10, "DF"),
    (1 << 11, "OF"),
    (1 << 14, "NT"),
    (1 << 16, "RF"),
    (1 << 17, "VM"),
    (1 << 18, "AC"),
    (1 << 19, "VIF"),
    (1 << 20, "VIP"),
    (1 << 21, "ID"),
    (3 << 12, "IOPL"),
];
/// Bits of CR0 (SDM 3A 2.5).
const CR0: [(u64, &str); 11] = [
    (1 << 0, "PE"),
    (1 << 1, "MP"),
    (1 << 2, "EM"),
    (1 << 3, "TS"),
    (1 << 4, "ET"),
    (1 << 5, "NE"),
    (1 << 16, "WP"),
    (1 << 18, "AM"),
    (1 << 29, "NW"),
    (1 << 30, "CD"),
    (1 << 31, "PG"),
];
/// Bits of CR4 (SDM 3A 2.5).
const CR4: [(u64, &str); 24] = [
    (1 << 0, "VME"),
    (1 << 1, "PVI"),
    (1 << 2, "TSD"),
    (1 << 3, "DE"),
    (1 << 4, "PSE"),
    (1 << 5, "PAE"),
    (1 << 6, "MCE"),
    (1 << 7, "PGE"),
    (1 << 8, "PCE"),
    (1 << 9, "OSFXSR"),
    (1 << 10, "OSXMMEXCPT"),
    (1 << 11, "UMIP"),
    (1 << 12, "LA57"),
    (1 << 13, "VMXE"),
    (1 << 14, "SMXE"),
    (1 << 16, "FSGSBASE"),
    (1 << 17, "PCIDE"),
    (1 << 18, "OSXSAVE"),
    (1 << 20, "SMEP"),
    (1 << 21, "SMAP"),
    (1 << 22, "PKE"),
    (1 << 23, "CET"),
    (1 << 24, "PKS"),
    (1 << 28, "LAM_SUP"),
];
/// Bits of EFER (SDM 3A 2.2.1).
const EFER: [(u64, &str); 8] = [
    (1 << 0, "SCE"),
    (1 << 8, "LME"),
    (1 << 10, "LMA"),
    (1 << 11, "NXE"),
    // AMD's, which QEMU's processors have too (APM volume 2, 3.1.7).
    (1 << 12, "SVME"),
    (1 << 13, "LMSLE"),
    (1 << 14, "FFXSR"),
    (1 << 15, "TCE"),
];

/// One line each; without `All` those only that programs compute with.
pub(crate) fn registers(view: &RegistersView, set: RegisterSet, styles: Styles) -> String {
    let mut out = String::new();
    let shown = view
        .registers
        .iter()
        .filter(|value| set == RegisterSet::All || value.register <= Register::Rflags);
    for value in shown {
        let name = styles.paint(Style::Strong, format!("{:<8}", value.register.name()));
        let Some(word) = value.value else {
            let _ = writeln!(out, "{name} {}", styles.paint(Style::Dim, "<unavailable>"));
            continue;
        };
        let meaning = value
            .points_at
            .as_ref()
            .map(|symbol| format!("<{}>", escape(symbol)))
            .or_else(|| bits(value.register, word.0))
            .unwrap_or_default();
        let line = format!("{name} {:#018x} {meaning}", word.0);
        let _ = writeln!(out, "{}", line.trim_end());
    }
    for vector in &view.vectors {
        let name = styles.paint(Style::Strong, format!("{:<8}", vector.register));
        let line = match vector.value {
            Some(value) => wide(value.0, vector.bytes),
            None => styles.paint(Style::Dim, "<unavailable>"),
        };
        let _ = writeln!(out, "{name} {line}");
    }
    if let Some(system) = &view.system {
        out.push_str(&super::tables::system_registers(system, styles));
    }
    out
}

/// A register of the x87 or SSE unit, two numbers of double precision beside
/// its digits.
fn wide(value: u128, bytes: usize) -> String {
    let digits = format!("{value:#0width$x}", width = 2 + bytes * 2);
    if bytes != 16 {
        return digits;
    }
    let half = |half: u128| f64::from_bits((half & u128::from(u64::MAX)) as u64);
    format!("{digits} [{:?}, {:?}]", half(value), half(value >> 64))
}

fn bits(register: Register, value: u64) -> Option<String> {
    let names: &[(u64, &str)] = match register {
        Register::Rflags => &FLAGS,
        Register::Cr0 => &CR0,
        Register::Cr4 => &CR4,
        Register::Efer => &EFER,
        _ => return None,
    };
    let set: Vec<String> = names
        .iter()
        .filter(|(mask, _)| value & mask != 0)
        .map(|&(mask, name)| match mask.count_ones() {
            1 => name.to_owned(),
            _ => format!("{name}={}", (value & mask) >> mask.trailing_zeros()),
        })
        .collect();
    Some(format!("[{}]", set.join(" ")))
}

#[cfg(test)]
mod tests {
    use ukdbg_session::inspect::Register;

    use super::bits;

    #[test]
    fn bits_have_names() {
        let check = |register: Register, value: u64, expected: Option<&str>| {
            assert_eq!(bits(register, value).as_deref(), expected);
        };
        check(Register::Rflags, 0x246, Some("[PF ZF IF]"));
        check(Register::Rflags, 0x3002, Some("[IOPL=3]"));
        check(Register::Cr0, 0x8001_0011, Some("[PE ET WP PG]"));
        check(Register::Efer, 0xd00, Some("[LME LMA NXE]"));
        check(Register::Rax, 1, None);
    }
}
