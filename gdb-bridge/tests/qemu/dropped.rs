//! Links that drop in the middle of a session come back, with the guest as it
//! was and the breakpoints in it.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use ukdbg_gdb_bridge::{Leave, Machine};
use ukdbg_inspect::{
    BreakpointAt, BreakpointKind, Control, Memory, Resume, StopReason, Target, TargetError,
    VirtAddr,
};

use crate::attach::Foreign;
use crate::guest::{COUNTER, ENTRY, GATE};
use crate::launch::{CPU, STEP, stop};

/// A line to a stub that can be cut.
struct Cut {
    directory: TempDir,
    open: Arc<Mutex<Vec<UnixStream>>>,
}

impl Cut {
    fn before(foreign: &Foreign) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("line")).unwrap();
        let open = Arc::new(Mutex::new(Vec::new()));
        let stub = PathBuf::from(foreign.path("unix:").trim_start_matches("unix:"));
        let kept = Arc::clone(&open);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(stub) = UnixStream::connect(&stub) else {
                    continue;
                };
                let both = [client, stub];
                for (from, to) in [(0, 1), (1, 0)] {
                    let (from, to) = (both[from].try_clone(), both[to].try_clone());
                    std::thread::spawn(move || copy(from.unwrap(), to.unwrap()));
                }
                kept.lock().unwrap().extend(both);
            }
        });
        Self { directory, open }
    }

    fn machine(&self) -> Machine {
        let endpoint = format!("unix:{}", self.directory.path().join("line").display());
        Machine::connect(&endpoint.parse().unwrap()).unwrap_or_else(|error| panic!("{error}"))
    }

    fn cut(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

fn copy(mut from: UnixStream, mut to: UnixStream) {
    let mut bytes = [0; 4096];
    while let Ok(count) = from.read(&mut bytes) {
        if count == 0 || to.write_all(&bytes[..count]).is_err() {
            return;
        }
    }
}

fn watch_counter() -> BreakpointAt {
    BreakpointAt {
        kind: BreakpointKind::Write,
        address: VirtAddr(COUNTER),
        length: 4,
    }
}

pub(crate) fn while_it_stands_still() {
    let foreign = Foreign::new(&[]);
    let line = Cut::before(&foreign);
    let mut machine = line.machine();
    machine.insert(watch_counter()).unwrap();
    machine.resume(Resume::Continue).unwrap();
    assert!(matches!(
        stop(&mut machine).reason,
        StopReason::Watch { .. }
    ));
    let registers = machine.registers(CPU).unwrap();
    line.cut();
    let mut code = [0; 4];
    assert_eq!(machine.read(VirtAddr(ENTRY), &mut code), Ok(4));
    assert_eq!(machine.registers(CPU), Ok(registers));
    line.cut();
    machine.insert(watch_counter()).unwrap();
    machine.resume(Resume::Continue).unwrap();
    assert!(matches!(
        stop(&mut machine).reason,
        StopReason::Watch { .. }
    ));
    // Once is enough to take it out, however often it was put in.
    machine.remove(watch_counter()).unwrap();
    machine.resume(Resume::Continue).unwrap();
    assert_eq!(
        machine.poll(Instant::now() + Duration::from_millis(100)),
        Ok(None)
    );
    machine.interrupt().unwrap();
    stop(&mut machine);
    line.cut();
    machine.detach(Leave::AsFound).unwrap();
    assert!(foreign.runs());
}

pub(crate) fn while_it_runs() {
    let foreign = Foreign::new(&[]);
    let line = Cut::before(&foreign);
    let mut machine = line.machine();
    let never = BreakpointAt {
        address: VirtAddr(GATE),
        ..watch_counter()
    };
    machine.insert(never).unwrap();
    machine.resume(Resume::Continue).unwrap();
    line.cut();
    assert_eq!(
        machine.poll(Instant::now() + Duration::from_millis(300)),
        Ok(None)
    );
    assert!(machine.is_running());
    // One that stops meanwhile has its stop told.
    machine.interrupt().unwrap();
    stop(&mut machine);
    machine.insert(watch_counter()).unwrap();
    machine.resume(Resume::Continue).unwrap();
    line.cut();
    stop(&mut machine);
    machine.detach(Leave::AsFound).unwrap();
    assert!(foreign.runs());
}

pub(crate) fn and_another_guest_is_there() {
    let foreign = Foreign::new(&[]);
    let line = Cut::before(&foreign);
    let mut machine = line.machine();
    machine.insert(watch_counter()).unwrap();
    machine.resume(Resume::Continue).unwrap();
    stop(&mut machine);
    machine.registers(CPU).unwrap();
    line.cut();
    // Somebody else moves it on meanwhile.
    let mut other = foreign.machine("unix:");
    other.resume(STEP).unwrap();
    stop(&mut other);
    other.detach(Leave::Stopped).unwrap();
    let error = machine.read(VirtAddr(ENTRY), &mut [0; 4]).unwrap_err();
    assert!(error.to_string().contains("ended"), "{error}");
    assert!(matches!(
        machine.vcpus(),
        Err(TargetError::Disconnected { .. })
    ));
}
