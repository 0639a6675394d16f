//! Descriptor tables as text: one entry a line, runs of alike gates folded.

use std::fmt::Write;

use ukdbg_session::inspect::{GateKind, SegmentDescriptor, SegmentKind, SystemRegisters};
use ukdbg_session::view::{GateView, TablesView};

use super::{Style, Styles};
use crate::escape::{escape, escape_str};

/// Gates before these are exceptions, each of its own.
const FIRST_INTERRUPT: u8 = 32;
/// Fewer gates than this are not folded.
const WORTH_FOLDING: usize = 4;

/// The tables, one after another.
pub(crate) fn tables(view: &TablesView, styles: Styles) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{}",
        styles.paint(Style::Heading, format!("CPU {}", view.cpu.0))
    );
    out.push_str(&system_registers(&view.registers, styles));
    let heading = |out: &mut String, text: &str| {
        let _ = writeln!(out, "\n{}", styles.paint(Style::Heading, text));
    };
    if !view.gdt.is_empty() {
        heading(&mut out, "Segments (GDT)");
        for descriptor in &view.gdt {
            let _ = writeln!(out, "  {}", segment(descriptor));
        }
    }
    if !view.idt.is_empty() {
        heading(&mut out, "Interrupt gates (IDT)");
        gates(&mut out, &view.idt, styles);
    }
    if let Some(task) = &view.task {
        heading(&mut out, "Stacks of the task state (TSS)");
        for stack in &view.stacks {
            let below = match (&stack.below, stack.readable) {
                (Some(below), _) => format!("  {}", escape(below)),
                (None, true) => String::new(),
                (None, false) => "  cannot be read".to_owned(),
            };
            let _ = writeln!(out, "  {:<5} {:#018x}{below}", stack.field, stack.top.0);
        }
        if view.stacks.is_empty() {
            let _ = writeln!(out, "  none is set");
        }
        let _ = writeln!(out, "  I/O map at offset {:#x}", task.io_map);
    }
    for gap in &view.gaps {
        let _ = writeln!(out, "{}", styles.paint(Style::Dim, escape_str(gap)));
    }
    out
}

/// What leads to the tables, one register a line.
pub(super) fn system_registers(registers: &SystemRegisters, styles: Styles) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: Option<String>| {
        let name = styles.paint(Style::Strong, format!("{name:<8}"));
        let value = value.unwrap_or_else(|| styles.paint(Style::Dim, "<unavailable>"));
        let _ = writeln!(out, "{name} {value}");
    };
    for (name, table) in [("gdtr", registers.gdtr), ("idtr", registers.idtr)] {
        let value = table.map(|table| format!("{:#018x} limit {:#x}", table.base.0, table.limit));
        line(name, value);
    }
    for (name, segment) in [("ldtr", registers.ldtr), ("tr", registers.tr)] {
        let value = segment.map(|segment| match segment.selector & !3 {
            0 => "none".to_owned(),
            _ => format!(
                "{:#018x} limit {:#x}, selector {:#x}",
                segment.base.0, segment.limit, segment.selector
            ),
        });
        line(name, value);
    }
    out
}

fn segment(descriptor: &SegmentDescriptor) -> String {
    let kind = match descriptor.kind {
        SegmentKind::Code64 => "64-bit code",
        SegmentKind::Code32 => "32-bit code",
        SegmentKind::Code16 => "16-bit code",
        SegmentKind::Data => "data",
        SegmentKind::Ldt => "LDT",
        SegmentKind::TaskAvailable => "TSS, not in use",
        SegmentKind::TaskBusy => "TSS, in use",
        SegmentKind::CallGate => "call gate",
        SegmentKind::Reserved => "reserved type",
    };
    let mut text = format!(
        "{:#06x} {kind:<15} DPL{}",
        descriptor.selector, descriptor.dpl
    );
    // 64-bit code and data have no base and no limit (SDM 3A 3.4.2.1).
    if !matches!(descriptor.kind, SegmentKind::Code64 | SegmentKind::Data) {
        text.push_str(&format!(
            "  base {} limit {:#x}",
            descriptor.base, descriptor.limit
        ));
    }
    if !descriptor.present {
        text.push_str("  not present");
    }
    text
}

fn gates(out: &mut String, gates: &[GateView], styles: Styles) {
    let mut rest = gates;
    while let Some(first) = rest.first() {
        let (run, others) = rest.split_at(alike(rest));
        rest = others;
        let gate = &first.gate;
        let vectors = match run {
            [_] => format!("{:>3}    ", gate.vector),
            [.., last] => format!("{:>3}-{:<3}", gate.vector, last.gate.vector),
            [] => break,
        };
        if !gate.present {
            let text = format!("  {vectors}       not present");
            let _ = writeln!(out, "{}", styles.paint(Style::Dim, text));
            continue;
        }
        let symbol = first.symbol.as_ref().map_or_else(String::new, escape);
        let apart = match run {
            [first, second, ..] => second.gate.handler.0.wrapping_sub(first.gate.handler.0),
            _ => 0,
        };
        let apart = match (apart, run.len()) {
            (_, 1) => String::new(),
            (0, _) => ", all".to_owned(),
            (apart, _) => format!(", {apart} bytes apart"),
        };
        let line = format!(
            "  {vectors} {:<4} {:#018x} {:<9} {:<5}{:<5}{symbol}{apart}",
            first
                .exception
                .filter(|_| run.len() == 1)
                .unwrap_or_default(),
            gate.handler.0,
            match gate.kind {
                GateKind::Interrupt => "interrupt",
                GateKind::Trap => "trap",
                GateKind::Invalid => "invalid",
            },
            nonzero("IST", gate.ist),
            nonzero("DPL", gate.dpl),
        );
        let _ = writeln!(out, "{}", line.trim_end());
    }
}

fn nonzero(name: &str, number: u8) -> String {
    match number {
        0 => String::new(),
        number => format!("{name}{number}"),
    }
}

/// How many gates from the first on are one line: absent ones, and interrupts
/// whose handlers are evenly apart.
fn alike(gates: &[GateView]) -> usize {
    let [first, second, ..] = gates else {
        return gates.len();
    };
    let absent = gates.iter().take_while(|view| !view.gate.present).count();
    if absent > 0 {
        return absent;
    }
    if first.gate.vector < FIRST_INTERRUPT {
        return 1;
    }
    let apart = second.gate.handler.0.wrapping_sub(first.gate.handler.0);
    let pairs = gates.windows(2).take_while(|pair| {
        let (one, next) = (&pair[0].gate, &pair[1].gate);
        let same = (one.kind, one.ist, one.dpl, one.present)
            == (next.kind, next.ist, next.dpl, next.present);
        same && next.handler.0.wrapping_sub(one.handler.0) == apart
    });
    match pairs.count() + 1 {
        run if run >= WORTH_FOLDING => run,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use ukdbg_session::inspect::{Gate, GateKind, VirtAddr};
    use ukdbg_session::view::GateView;

    use super::{Styles, gates};

    fn gate(vector: u8, handler: u64) -> GateView {
        GateView {
            gate: Gate {
                vector,
                handler: VirtAddr(handler),
                selector: 8,
                ist: u8::from(vector == 8),
                dpl: if vector == 3 { 3 } else { 0 },
                kind: GateKind::Interrupt,
                present: handler != 0,
            },
            exception: (vector == 3).then_some("#BP"),
            symbol: (vector == 3).then(|| "entry".into()),
        }
    }

    #[test]
    fn runs_are_folded() {
        let vectors = (0..=40).map(|vector| match vector {
            3 | 8 => gate(vector, 0x1000 + u64::from(vector)),
            32..=38 => gate(vector, 0x2000 + 16 * u64::from(vector - 32)),
            39 => gate(vector, 0x9000),
            _ => gate(vector, 0),
        });
        let vectors: Vec<_> = vectors.collect();
        let mut out = String::new();
        gates(&mut out, &vectors, Styles::PLAIN);
        let expected = "\
\x20   0-2         not present
    3     #BP  0x0000000000001003 interrupt      DPL3 entry
    4-7         not present
    8          0x0000000000001008 interrupt IST1
    9-31        not present
   32-38       0x0000000000002000 interrupt           , 16 bytes apart
   39          0x0000000000009000 interrupt
   40           not present
";
        assert_eq!(out, expected);
    }
}
