//! QEMU's text about CPUs and memory, as its monitor (`info registers`, `xp`)
//! and its log (`-d cpu_reset,int`) print it. Pure functions.

use ukdbg_inspect::{Register, Registers, SystemRegisters, SystemSegment, TableRegister, VirtAddr};

/// One CPU as `info registers` prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct CpuText {
    /// Its registers.
    pub registers: Registers,
    /// What leads to its descriptor tables.
    pub system: SystemRegisters,
    /// It executed `hlt` and waits for an interrupt.
    pub halted: bool,
}

/// `EFER.LMA` (SDM 3A 2.2.1).
const LONG_MODE: u64 = 1 << 10;
/// `RFLAGS.IF`.
const INTERRUPT_FLAG: u64 = 1 << 9;

impl CpuText {
    /// Whether nothing but a reset or an NMI can make it go on; `None` if
    /// its flags are not known.
    pub(crate) fn halted_for_good(&self) -> Option<bool> {
        let flags = self.registers.get(Register::Rflags)?;
        Some(self.halted && flags & INTERRUPT_FLAG == 0)
    }
}

/// The CPUs of `info registers -a`; without `-a` there is one and no heading.
pub(crate) fn cpus(text: &str) -> Vec<CpuText> {
    let mut cpus = Vec::new();
    let mut current: Option<CpuText> = None;
    for line in text.lines() {
        if line.trim_start().starts_with("CPU#") {
            cpus.extend(current.take());
        } else if !line.trim().is_empty() {
            register_line(line, current.get_or_insert_default());
        }
    }
    cpus.extend(current.filter(|cpu| cpu.registers.pc().is_some()));
    cpus
}

/// Takes the registers of one line of a register dump.
pub(crate) fn register_line(line: &str, cpu: &mut CpuText) {
    if let Some((name, rest)) = line.split_once('=')
        && system_line(name.trim_end(), rest, &mut cpu.system).is_some()
    {
        return;
    }
    if let Some((name, rest)) = line.split_once('=')
        && let Some((selector, base)) = segment(name.trim_end())
    {
        let mut columns = rest.split_ascii_whitespace();
        if let Some(value) = columns.next().and_then(hex) {
            cpu.registers.set(selector, value);
        }
        if let (Some(base), Some(value)) = (base, columns.next().and_then(hex)) {
            cpu.registers.set(base, value);
        }
        return;
    }
    let mut name = "";
    for word in line.split_ascii_whitespace() {
        // `R8 =…` has its name in a word of its own.
        let (left, value) = match word.split_once('=') {
            Some(("", value)) => (name, value),
            Some(both) => both,
            None => {
                name = word;
                continue;
            }
        };
        if left == "HLT" {
            cpu.halted = value == "1";
        } else if let (Some(register), Some(value)) = (by_name(left), hex(value)) {
            cpu.registers.set(register, value);
            if register == Register::Efer {
                cpu.system.long_mode = Some(value & LONG_MODE != 0);
            }
        }
    }
}

/// Takes a line about a table; none when it is about something else.
/// `GDT=     BASE LIMIT`, `TR =SELECTOR BASE LIMIT FLAGS…`.
fn system_line(name: &str, rest: &str, system: &mut SystemRegisters) -> Option<()> {
    let mut columns = rest.split_ascii_whitespace().map(hex);
    let mut column = || columns.next().flatten();
    match name {
        "GDT" | "IDT" => {
            let base = VirtAddr(column()?);
            let limit = u32::try_from(column()?).ok()?;
            let register = Some(TableRegister { base, limit });
            if name == "GDT" {
                system.gdtr = register;
            } else {
                system.idtr = register;
            }
        }
        "LDT" | "TR" => {
            let register = Some(SystemSegment {
                selector: u16::try_from(column()?).ok()?,
                base: VirtAddr(column()?),
                limit: u32::try_from(column()?).ok()?,
            });
            if name == "TR" {
                system.tr = register;
            } else {
                system.ldtr = register;
            }
        }
        _ => return None,
    }
    Some(())
}

/// A segment register, and the register that is its base where there is one.
fn segment(name: &str) -> Option<(Register, Option<Register>)> {
    Some(match name {
        "CS" => (Register::Cs, None),
        "SS" => (Register::Ss, None),
        "DS" => (Register::Ds, None),
        "ES" => (Register::Es, None),
        "FS" => (Register::Fs, Some(Register::FsBase)),
        "GS" => (Register::Gs, Some(Register::GsBase)),
        _ => return None,
    })
}

/// A register by QEMU's name; 32-bit modes print the low halves.
fn by_name(name: &str) -> Option<Register> {
    let lower = match name {
        "RFL" | "EFL" => return Some(Register::Rflags),
        "EFER" => return Some(Register::Efer),
        _ => name.to_ascii_lowercase(),
    };
    let long = match lower.strip_prefix('e') {
        Some(rest) if lower.len() == 3 => format!("r{rest}"),
        _ => lower,
    };
    Register::ALL
        .into_iter()
        .find(|register| register.name() == long)
}

fn hex(digits: &str) -> Option<u64> {
    u64::from_str_radix(digits, 16).ok()
}

/// The words of `xp /NNxg ADDRESS`, up to the first that is missing.
pub(crate) fn words(text: &str) -> Vec<u64> {
    let values = text.lines().flat_map(|line| {
        line.split_once(':')
            .map_or("", |(_, values)| values)
            .split_ascii_whitespace()
    });
    values
        .map_while(|value| hex(value.strip_prefix("0x")?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "\nCPU#0\nRAX=000000000000002a RBX=0 RCX=0 RDX=00000000000003f8\n\
        R8 =0000000000000008 R9 =9 R10=000000000000000a R11=b\n\
        RIP=00000000001010aa RFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=1\n\
        ES =0010 0000000000000000 ffffffff 00cf9300 DPL=0 DS   [-WA]\n\
        FS =0000 0000000000001234 ffffffff 00cf9300 DPL=0 DS   [-WA]\n\
        LDT=0000 0000000000000000 0000ffff 00008200 DPL=0 LDT\n\
        TR =0040 fffffe0000003000 00004087 00008900 DPL=0 TSS64-avl\n\
        GDT=     fffffe0000001000 0000007f\nIDT=     fffffe0000000000 00000fff\n\
        CR0=80000011 CR2=0000000000000008 CR3=0000000000105000 CR4=00000020\nEFER=0000000000000500\n\
        \nCPU#1\nEAX=00000001\nEIP=0000fff0 EFL=00000202 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=1\n";

    #[test]
    fn register_dumps() {
        let found = cpus(TWO);
        assert_eq!(found.len(), 2);
        let cases = [
            (Register::Rax, Some(0x2a)),
            (Register::R8, Some(8)),
            (Register::R10, Some(10)),
            (Register::Rip, Some(0x10_10aa)),
            (Register::Es, Some(0x10)),
            (Register::FsBase, Some(0x1234)),
            (Register::Cr2, Some(8)),
            (Register::Cr3, Some(0x10_5000)),
            (Register::Efer, Some(0x500)),
            (Register::R15, None),
        ];
        for (register, expected) in cases {
            assert_eq!(
                found[0].registers.get(register),
                expected,
                "{}",
                register.name()
            );
        }
        let system = found[0].system;
        assert_eq!(system.gdtr.map(|gdt| gdt.limit), Some(0x7f));
        assert_eq!(
            system.idtr.map(|idt| idt.base.0),
            Some(0xffff_fe00_0000_0000)
        );
        let tr = system.tr.expect("its line is there");
        assert_eq!(
            (tr.selector, tr.base.0, tr.limit),
            (0x40, 0xffff_fe00_0000_3000, 0x4087)
        );
        assert_eq!(system.ldtr.map(|ldt| ldt.selector), Some(0));
        assert_eq!(system.long_mode, Some(true));
        assert_eq!(found[1].system, SystemRegisters::default());
        assert_eq!(found[0].halted_for_good(), Some(true));
        assert_eq!(found[1].registers.get(Register::Rax), Some(1));
        assert_eq!(found[1].halted_for_good(), Some(false), "interrupts are on");
        assert!(cpus("").is_empty());
        assert_eq!(CpuText::default().halted_for_good(), None);
    }

    #[test]
    fn memory_dumps() {
        let text = "0000000000101000: 0x000000001badb002 0xba00ffff\r\n0000000000101010: 0x1\n";
        assert_eq!(words(text), [0x1bad_b002, 0xba00_ffff, 1]);
        assert_eq!(words("0000000000101000: Cannot access memory\n"), [0; 0]);
    }
}
