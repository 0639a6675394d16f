"""Steps a guest instruction by instruction and prints, at each, its registers,
its stacks, GDB's frames and the next instruction's name: a JSON document a
line. UKDBG_STARTS names where to step from, in the order the guest gets there,
UKDBG_EACH how many instructions from each."""

import json
import os
import time

import gdb

NAMES = ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp"] + [
    "r%d" % n for n in range(8, 16)
] + ["rip", "eflags"]
# What a function must give back (System V psABI, figure 3.4).
CALLEE_SAVED = ["rbx", "rbp", "r12", "r13", "r14", "r15"]
# What is dumped around each frame: more than a red zone below, and as far as
# the next frame where that is near.
BELOW, LEAST, MOST = 256, 1024, 64 << 10


def value(frame, name):
    return int(frame.read_register(name)) & 0xFFFFFFFFFFFFFFFF


def recovered(frame, name):
    """A register of a caller; none where GDB says that it is not saved."""
    register = frame.read_register(name)
    return None if register.is_optimized_out else int(register) & 0xFFFFFFFFFFFFFFFF


def memory(inferior, start, end):
    """Page by page: the next one may be a guard."""
    pieces = []
    while start < end:
        stop = min(end, (start | 0xFFF) + 1)
        try:
            pieces.append([start, bytes(inferior.read_memory(start, stop - start)).hex()])
        except gdb.MemoryError:
            pass
        start = stop
    return pieces


def frames():
    found = []
    frame = gdb.newest_frame()
    while frame is not None:
        if frame.type() != gdb.INLINE_FRAME:
            place = [value(frame, "rip"), value(frame, "rsp")]
            found.append(place + [recovered(frame, name) for name in CALLEE_SAVED])
        frame = frame.older()
    return found


def snapshot(inferior):
    newest = gdb.newest_frame()
    registers = {name: value(newest, name) for name in NAMES}
    traps = 0
    frame = newest
    while frame is not None:
        traps += frame.type() == gdb.SIGTRAMP_FRAME
        frame = frame.older()
    found = frames()
    stacks = []
    for index, (_, sp, *_) in enumerate(found):
        older = found[index + 1][1] if index + 1 < len(found) else 0
        end = older if sp < older < sp + MOST else sp + LEAST
        stacks += memory(inferior, sp - BELOW, end)
    instruction = newest.architecture().disassemble(registers["rip"])[0]["asm"]
    return {
        "registers": registers,
        "stacks": stacks,
        "frames": found,
        "traps": traps,
        "instruction": instruction,
    }


def connect(socket):
    """QEMU makes its socket a little after it was started."""
    until = time.monotonic() + 30
    while True:
        try:
            return gdb.execute("target remote " + socket, to_string=True)
        except gdb.error:
            if time.monotonic() > until:
                raise


gdb.execute("set pagination off")
gdb.execute("set backtrace past-main on")
gdb.execute("set backtrace past-entry on")
# Symbols without DWARF are no expressions of Rust.
gdb.execute("set language c")
names = os.environ["UKDBG_STARTS"].split()
starts = [int(gdb.parse_and_eval("(unsigned long)&" + name)) for name in names]
connect(os.environ["UKDBG_SOCKET"])
inferior = gdb.selected_inferior()
try:
    for start in starts:
        gdb.execute("thbreak *%#x" % start, to_string=True)
        gdb.execute("continue", to_string=True)
        for _ in range(int(os.environ["UKDBG_EACH"])):
            print("SNAPSHOT " + json.dumps(snapshot(inferior)), flush=True)
            gdb.execute("stepi", to_string=True)
except gdb.error as error:
    # The guest may end before all is stepped.
    print("ended: %s" % error)
