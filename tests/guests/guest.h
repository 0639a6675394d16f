/* What the files of a guest share: port access, printing, the ways to end. */
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

/* Keeps a function, its arguments and its name as written at every
 * optimisation level, so that the call chain is known. */
#define FRAME __attribute__((noipa))

#define COM1 0x3f8

static inline __attribute__((always_inline)) void out8(u16 port, u8 value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

/* Prints the last byte and stays, in one statement: whoever reads '!' on the
 * console knows where the guest is. */
#define STAY(how) __asm__ volatile("outb %0, %1; 1: " how "; jmp 1b" : : "a"((u8)'!'), "d"((u16)COM1))

void print(const char *text);
void print_hex(u64 value);
void install_traps(void);
void panic(const char *why) __attribute__((noreturn));
/* Ends QEMU with status `value << 1 | 1`, where it has an isa-debug-exit. */
void power_off(u8 value);
