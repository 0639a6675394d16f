//! Programs run in GDB to their stops, and the memory and registers there.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use serde_json::Value as Json;
use ukdbg_image::{Image, LinkAddr};
use ukdbg_inspect::{
    Backtrace, FoundBy, Memory, MemoryError, Register, Registers, Unwinder, VirtAddr,
};

use super::{load, modules, run, source};

/// A core file's memory; read-only parts that it leaves out are the image's.
pub(crate) struct Core {
    images: [Arc<Image<'static>>; 2],
}

impl Memory for Core {
    fn read(&mut self, at: VirtAddr, buf: &mut [u8]) -> Result<usize, MemoryError> {
        let bytes = self.images.iter().find_map(|image| {
            image.segments().iter().find_map(|segment| {
                let offset = LinkAddr(at.0).offset_from(segment.addresses.start)?;
                let rest = segment.bytes.get(usize::try_from(offset).ok()?..)?;
                (!rest.is_empty()).then_some(rest)
            })
        });
        let bytes = bytes.ok_or(MemoryError::Unmapped { at })?;
        let size = bytes.len().min(buf.len());
        buf[..size].copy_from_slice(&bytes[..size]);
        Ok(size)
    }
}

/// A program that stopped.
pub(crate) struct Stop {
    pub(crate) memory: Core,
    pub(crate) backtrace: Backtrace,
    /// What the program printed since the stop before.
    pub(crate) printed: Vec<String>,
    /// Variables of the caller of which GDB finds no value.
    pub(crate) lost: Vec<String>,
}

/// The stops of a program at each call of a function.
pub(crate) fn stops(program: &Path, image: &Arc<Image<'static>>, stop: &str) -> Vec<Stop> {
    let setting = format!("python STOP = '{stop}'");
    let text = run(Command::new("gdb")
        .args(["-nx", "-batch", "-ex", &setting, "-x"])
        .args([&source("stops.py"), program]));
    let mut printed = Vec::new();
    let mut stops = Vec::new();
    for line in text.lines() {
        let Some(json) = line.strip_prefix("STOP ") else {
            printed.push(line.to_owned());
            continue;
        };
        let json: Json = serde_json::from_str(json).expect("stops.py prints JSON");
        let core = Path::new(json["core"].as_str().expect("a path"));
        let mut memory = Core {
            images: [load(core), Arc::clone(image)],
        };
        // Its bytes are read; a large program's cores fill a disk.
        std::fs::remove_file(core).expect("it was just written");
        let mut registers = Registers::default();
        for register in Register::ALL {
            if let Some(value) = json["registers"][register.name()].as_u64() {
                registers.set(register, value);
            }
        }
        let modules = modules(image);
        let backtrace = Unwinder::new(&modules).unwind(&registers, FoundBy::Stop, &mut memory);
        stops.push(Stop {
            memory,
            backtrace,
            printed: std::mem::take(&mut printed),
            lost: serde_json::from_value(json["lost"].clone()).expect("names"),
        });
    }
    stops
}
