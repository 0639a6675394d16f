"""Steps a program one instruction at a time and prints, at each, its
registers, its stack and GDB's frames, a JSON document a line."""

import json

import gdb

NAMES = ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp"] + [
    "r%d" % n for n in range(8, 16)
] + ["rip", "eflags"]
STEPS = 1200


def value(frame, name):
    return int(frame.read_register(name)) & 0xFFFFFFFFFFFFFFFF


def snapshot(inferior, top):
    frame = gdb.newest_frame()
    registers = {name: value(frame, name) for name in NAMES}
    stack = inferior.read_memory(registers["rsp"] - 128, top - registers["rsp"] + 128)
    frames = []
    while frame is not None:
        if frame.type() != gdb.INLINE_FRAME:
            frames.append([value(frame, name) for name in ("rip", "rsp", "rbx", "rbp")])
        frame = frame.older()
    return {
        "registers": registers,
        "stack_at": registers["rsp"] - 128,
        "stack": bytes(stack).hex(),
        "frames": frames,
    }


gdb.execute("set pagination off")
gdb.execute("set backtrace past-main on")
gdb.execute("starti", to_string=True)
inferior = gdb.selected_inferior()
top = value(gdb.newest_frame(), "rsp") + 64
for _ in range(STEPS):
    gdb.execute("stepi", to_string=True)
    if not inferior.pid:
        break
    print("SNAPSHOT " + json.dumps(snapshot(inferior, top)), flush=True)
