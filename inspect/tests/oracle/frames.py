"""Steps a program one instruction at a time and prints, at each, its
registers, its stacks and GDB's frames, a JSON document a line."""

import json

import gdb

NAMES = ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp"] + [
    "r%d" % n for n in range(8, 16)
] + ["rip", "eflags"]
# What a function must give back (System V psABI, figure 3.4).
CALLEE_SAVED = ["rbx", "rbp", "r12", "r13", "r14", "r15"]
# A stack of its own, where a program has one.
OTHER_STACK = "other_stack"
STEPS = 1200


def value(frame, name):
    return int(frame.read_register(name)) & 0xFFFFFFFFFFFFFFFF


def recovered(frame, name):
    """A register of a caller; none where GDB says that it is not saved."""
    register = frame.read_register(name)
    return None if register.is_optimized_out else int(register) & 0xFFFFFFFFFFFFFFFF


def other_stack():
    symbol = gdb.lookup_global_symbol(OTHER_STACK)
    if symbol is None:
        return None
    stack = symbol.value()
    return int(stack.address), stack.type.sizeof


def snapshot(inferior, top, other):
    frame = gdb.newest_frame()
    registers = {name: value(frame, name) for name in NAMES}
    stacks = [other] if other else []
    low = registers["rsp"] - 128
    if not other or not other[0] <= registers["rsp"] <= sum(other):
        stacks.append((low, top - low))
    frames = []
    try:
        while frame is not None:
            if frame.type() != gdb.INLINE_FRAME:
                place = [value(frame, "rip"), value(frame, "rsp")]
                frames.append(place + [recovered(frame, name) for name in CALLEE_SAVED])
            frame = frame.older()
    except gdb.MemoryError:
        # Where a compiler's rules lead nowhere.
        pass
    return {
        "registers": registers,
        "stacks": [
            [at, bytes(inferior.read_memory(at, size)).hex()] for at, size in stacks
        ],
        "frames": frames,
    }


gdb.execute("set pagination off")
gdb.execute("set backtrace past-main on")
gdb.execute("starti", to_string=True)
inferior = gdb.selected_inferior()
top = value(gdb.newest_frame(), "rsp") + 64
other = other_stack()
for _ in range(STEPS):
    gdb.execute("stepi", to_string=True)
    if not inferior.pid:
        break
    print("SNAPSHOT " + json.dumps(snapshot(inferior, top, other)), flush=True)
