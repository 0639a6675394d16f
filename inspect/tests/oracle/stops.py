"""Runs a program to each call of `stop` and prints the registers there; a core
file of each stop is left beside the program."""

import json

import gdb

NAMES = ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp"] + [
    "r%d" % n for n in range(8, 16)
] + ["rip"]

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
    print("STOP " + json.dumps({"registers": registers, "core": core}), flush=True)
    gdb.execute("continue", to_string=True)
    count += 1
