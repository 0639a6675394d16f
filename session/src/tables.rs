//! The descriptor tables of a CPU, with what their addresses are called.

use ukdbg_inspect::{DescriptorTables, Exception, Target, TaskState, VcpuId, read_u64};

use crate::SessionError;
use crate::addresses::{Known, Tables};
use crate::names;
use crate::session::Session;
use crate::view::{GateView, StackTop, TablesView};

/// The tables of a CPU; of the one that stopped when none is named.
pub(crate) fn view<T: Target>(
    session: &mut Session<'_, T>,
    vcpu: Option<VcpuId>,
) -> Result<TablesView, SessionError> {
    let cpu = match vcpu {
        Some(vcpu) => vcpu,
        None => session.current_vcpu()?,
    };
    let found = read(session, cpu)?;
    // The guest's own tables only add names here.
    let own = match session.root() {
        Ok(root) => Tables::read(&mut session.target, &root, &mut Vec::new()),
        Err(_) => Tables::default(),
    };
    let paging = session.paging();
    let modules = &session.modules;
    let idt = found.idt.iter().map(|gate| GateView {
        gate: *gate,
        exception: Exception::of_vector(gate.vector.into()).map(|exception| exception.mnemonic),
        symbol: gate
            .present
            .then(|| names::symbol(modules, gate.handler))
            .flatten(),
    });
    let idt = idt.collect();
    let mut known = Known {
        target: &mut session.target,
        modules,
        tables: &own,
        paging,
    };
    let tops = found.task.iter().flat_map(TaskState::stacks);
    let stacks = tops
        .map(|(field, top)| {
            let last = top.checked_sub(8).unwrap_or(top);
            StackTop {
                field,
                top,
                below: names::describe(&mut known, last),
                readable: read_u64(known.target, last).is_ok(),
            }
        })
        .collect();
    Ok(TablesView {
        cpu,
        registers: found.registers,
        gdt: found.gdt,
        idt,
        task: found.task,
        stacks,
        gaps: found.gaps.iter().map(ToString::to_string).collect(),
    })
}

/// Reads the tables through that CPU's page tables.
pub(crate) fn read<T: Target>(
    session: &mut Session<'_, T>,
    cpu: VcpuId,
) -> Result<DescriptorTables, SessionError> {
    session.target.registers(cpu)?;
    let registers = session.target.system_registers(cpu)?;
    Ok(DescriptorTables::read(&mut session.target, registers))
}
