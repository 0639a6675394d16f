//! What comes over links: cores, packets, messages, logs.

use std::fs;

use ukdbg_gdb_bridge::{Core, EmulatorLog, read_qmp, read_rsp};
use ukdbg_session::inspect::{Memory, Register, Target, VirtAddr};
use ukdbg_session::{NoSources, Request, Scope, Session};

/// Opens a core and looks at its CPUs, as `ukdbg bt core:FILE` does.
pub(super) fn ask_core(bytes: &[u8]) {
    let path = std::env::temp_dir().join(format!("ukdbg-fuzz-core-{}", std::process::id()));
    if fs::write(&path, bytes).is_err() {
        return;
    }
    let core = Core::open(&path);
    // What is open stays readable.
    let _ = fs::remove_file(&path);
    let Ok(mut core) = core else {
        return;
    };
    let mut buffer = [0; 256];
    for vcpu in core.vcpus().unwrap_or_default() {
        let Ok(registers) = core.registers(vcpu) else {
            continue;
        };
        for register in Register::ALL {
            let _ = core.read(VirtAddr(registers.get(register).unwrap_or(0)), &mut buffer);
        }
    }
    let mut session = Session::new(core, Default::default(), Box::new(NoSources));
    let _ = session.answer(Request::Backtrace(Scope::All));
    let _ = session.answer(Request::Registers { frame: 0 });
}

/// Takes what a stub sends, as a stream and as each kind of reply.
pub(super) fn ask_rsp(bytes: &[u8]) {
    read_rsp(bytes);
}

/// Takes what a monitor sends.
pub(super) fn ask_qmp(bytes: &[u8]) {
    read_qmp(bytes);
}

/// Reads a log and what it says about the end.
pub(super) fn ask_log(bytes: &[u8]) {
    let log = EmulatorLog::parse(bytes);
    let _ = (
        log.exceptions().count(),
        log.cascade(),
        log.ended_in_triple_fault(),
    );
}
