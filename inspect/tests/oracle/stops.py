"""Runs a program to each call of `stop` and prints the registers there; a core
file of each stop is left beside the program."""

import json

import gdb

NAMES = ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp"] + [
    "r%d" % n for n in range(8, 16)
] + ["rip"]



def caller(frame):
    """The function that called `stop`, which others may be inlined into."""
    while frame.name() != STOP:
        frame = frame.older()
    return frame.older()


def lost(frame):
    """The caller's variables of which GDB finds no value either."""
    names, block = [], frame.block()
    while True:
        for symbol in block:
            if not (symbol.is_variable or symbol.is_argument):
                continue
            try:
                if frame.read_var(symbol, block).is_optimized_out:
                    names.append(symbol.name)
            except gdb.error:
                names.append(symbol.name)
        if block.function:
            return names
        block = block.superblock


gdb.execute("set pagination off")
gdb.execute("break %s" % STOP, to_string=True)
gdb.execute("run", to_string=True)
count = 0
while gdb.selected_inferior().pid:
    frame = gdb.newest_frame()
    registers = {
        name: int(frame.read_register(name)) & 0xFFFFFFFFFFFFFFFF for name in NAMES
    }
    core = "%s.core%d" % (gdb.current_progspace().filename, count)
    gdb.execute("generate-core-file " + core, to_string=True)
    stop = {"registers": registers, "core": core, "lost": lost(caller(frame))}
    print("STOP " + json.dumps(stop), flush=True)
    gdb.execute("continue", to_string=True)
    count += 1
