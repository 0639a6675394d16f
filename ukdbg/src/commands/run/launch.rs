//! From the arguments of `run` to a started guest.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use ukdbg_gdb_bridge::{
    Accelerator, Device, Launch, LaunchError, LogDetail, QemuEnd, Started, start as start_qemu,
};
use ukdbg_session::inspect::root_note;

use super::memory_size;
use crate::arguments::{Accelerator as Asked, Global, RunArguments};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::images::Loaded;

/// The image: the positional argument, else `--image`.
pub(super) fn image(global: &Global, options: &RunArguments) -> Result<PathBuf, Failure> {
    options
        .file
        .clone()
        .or_else(|| global.image.clone())
        .ok_or_else(|| {
            Failure::text(Exit::Usage, "which image should be booted?").hint("ukdbg run IMAGE")
        })
}

/// What to start. Everything here is checked before anything runs.
pub(super) fn launch(
    options: &RunArguments,
    image: &Path,
    loaded: &Loaded,
) -> Result<Launch, Failure> {
    memory_size::check(&options.memory).map_err(|text| Failure::text(Exit::Usage, text))?;
    let ours = loaded
        .modules
        .iter()
        .any(|module| root_note(&module.image).is_some());
    let mut launch = Launch::new(image.to_path_buf());
    launch.append.clone_from(&options.append);
    launch.memory = memory_size::for_qemu(&options.memory);
    launch.cpus = NonZeroU32::new(options.smp).unwrap_or(NonZeroU32::MIN);
    launch.accelerator = match options.accel {
        Asked::Tcg => Accelerator::Tcg,
        Asked::Kvm => Accelerator::Kvm,
    };
    launch.extra = options.qemu.iter().map(OsString::from).collect();
    // Who looks at the guest beside us reads its memory without QEMU's help.
    launch.devices.push(Device::SharedMemory);
    if launch.append.is_some() && launch.boots_something_else() && !launch.boots_another_kernel() {
        return Err(Failure::text(
            Exit::Usage,
            "--append is a kernel's command line, and the arguments after -- boot something else",
        )
        .hint("leave --append out, or boot with -- -kernel FILE"));
    }
    match (ours, options.record.is_some()) {
        // isa-debug-exit ends QEMU with all of its state: only a guest that
        // is known to use it for nothing but its end gets one.
        (true, false) => launch.devices.extend([Device::DebugExit, Device::StubLine]),
        // Ending QEMU on the spot leaves a recording without an end.
        (true, true) => {}
        // Without a fault record the log is the only witness of a vector.
        (false, _) => launch.log = LogDetail::Exceptions,
    }
    Ok(launch)
}

/// Starts it.
pub(super) fn start(launch: &Launch) -> Result<Started, Failure> {
    let executable = std::env::current_exe()?;
    start_qemu(launch, &executable).map_err(|error| not_started(launch, error))
}

fn not_started(launch: &Launch, error: LaunchError) -> Failure {
    let hint = match &error {
        LaunchError::Missing { .. } => Some(
            "install it: apt-get install qemu-system-x86, dnf install qemu-system-x86-core, pacman -S qemu-system-x86, or brew install qemu".to_owned(),
        ),
        LaunchError::Died { .. } if launch.accelerator == Accelerator::Kvm => Some(
            "KVM needs a /dev/kvm that can be opened and works; --accel tcg works everywhere"
                .to_owned(),
        ),
        LaunchError::Died { .. } => Some(
            "check the image (QEMU boots an ELF with a PVH note, or a multiboot header) and the arguments after --".to_owned(),
        ),
        _ => None,
    };
    let failure = Failure::new(Exit::Unreachable, error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// QEMU ended in the middle, and not because its guest asked.
pub(super) fn emulator_died(end: QemuEnd, messages: &str) -> Failure {
    Failure::text(
        Exit::Unreachable,
        format_args!("QEMU ended while the guest ran ({end}){}", said(messages)),
    )
    .hint(
        "see whether something killed it (memory, a time limit), or pass other arguments after --",
    )
}

/// The accelerator failed, which is not the guest's fault.
pub(super) fn given_up(messages: &str) -> Failure {
    Failure::text(
        Exit::Unreachable,
        format_args!(
            "QEMU's accelerator cannot execute the guest any further{}",
            said(messages)
        ),
    )
    .hint("--accel tcg executes everything, and tells what the guest did")
}

/// QEMU's own words. A dump of registers follows KVM's; the first lines say why.
fn said(messages: &str) -> String {
    let mut lines: Vec<&str> = messages.trim().lines().collect();
    if let Some(dump) = lines
        .iter()
        .position(|line| line.starts_with("RAX=") || line.starts_with("EAX="))
    {
        lines.truncate(dump);
    }
    match lines.is_empty() {
        true => String::new(),
        false => format!(": {}", lines.join("\n")),
    }
}
