//! The example in each command's help is carried out, so that none of them
//! rots: a command without a line here fails the test.

use serde_json::Value;
use ukdbg_tests::{Tool, Ukdbg, available, kernel_image};

use super::parsed;

/// Every example once, in an order in which each of them can do its work, with
/// what has to be said between. `end` is the one line that is no command.
const SCRIPT: &str = "\
advance main
step
next 2
stepi 3
nexti
until
set confirm off
set pagination off
set listsize 20
show listsize
break main
condition 1 $rsp != 0
ignore 1 2
disable 1
enable 1
commands 1
silent
end
delete 1
tbreak main
hbreak main
thbreak main
rbreak main$
info breakpoints
delete
break Book::cross
continue
backtrace 5
up
down
frame 0
info registers
info registers rip rsp
info all-registers
info locals
info args
info frame
info threads
info cpus
info symbol $pc
info line main
info source
info functions main
info variables a
info files
info target
info abilities
info display
thread
print/x $rip
output 6 * 7
set variable $rax = 5
set $rax = 5
display/i $pc
undisplay 1
x/4gx $rsp
whois $rsp
tables
list main
set disassembly-flavor att
disassemble main
cfg main
trace list 5
task boot
report
dump core
monitor info status
source my.ukdbg
add-symbol-file app.elf
echo here\\n
shell true
help break
apropos memory
set step-interrupts delivered
set step-interrupts masked
delete
jump *$pc
interrupt
finish
watch *(unsigned *)$rsp
rwatch *(unsigned *)$rsp
delete
awatch *(unsigned *)$rsp
delete
catch event order.accepted
continue
delete
catch switch
continue
delete
logpoint main, stack at {$rsp:x}
delete
catch panic
catch fault
trap
quit
";

fn examples(commands: &Value, found: &mut Vec<String>) {
    for command in commands.as_array().expect("a list") {
        let example = command["example"].as_str().expect("a text");
        found.push(example.to_owned());
        examples(&command["parts"], found);
    }
}

#[test]
fn every_command_does_what_its_example_says() {
    if !available(&[Tool::Qemu]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("my.ukdbg"), "# a comment\n\necho from a file\\n\n").expect("a file");
    std::fs::copy(kernel_image(), path("app.elf")).expect("a file");
    std::fs::write(path("script"), SCRIPT).expect("a file");
    let finished = Ukdbg::new(["run", "--batch", "--json", "--timeout", "30s"])
        .and([kernel_image()])
        .and(["-x", "script", "-e", "help"])
        .working_in(folder.path())
        .run();
    let documents = parsed(&finished);
    let failed = documents
        .iter()
        .find(|document| document["schema"] == "ukdbg.error/1");
    assert!(failed.is_none(), "{failed:#?}\n{}", finished.stderr);
    assert_eq!(finished.code, Some(0), "{finished}");
    assert!(path("core").is_file());
}

#[test]
fn every_example_is_carried_out() {
    let endpoint = format!("image:{}", kernel_image().display());
    let finished = Ukdbg::new(["attach", &endpoint, "--batch", "--json", "-e", "help"]).run();
    assert_eq!(finished.code, Some(0), "{finished}");
    let help = parsed(&finished).remove(0);
    assert_eq!(help["schema"], "ukdbg.help/1");
    let mut all = Vec::new();
    examples(&help["commands"], &mut all);
    assert!(all.len() > 60, "{all:?}");
    // These end a session, or need a recording; tests of their own do them.
    let elsewhere = [
        "detach",
        "kill",
        "help",
        "reverse-continue",
        "reverse-stepi",
        "reverse-finish",
    ];
    for example in all {
        let is_done = SCRIPT.lines().any(|line| line == example);
        let is_elsewhere = elsewhere.contains(&&*example);
        assert!(is_done || is_elsewhere, "nobody carries out {example:?}");
    }
}
