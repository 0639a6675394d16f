/* Printing, panicking and powering off. Not here: the workload. */
#include "guest.h"

FRAME void print(const char *text)
{
	while (*text)
		out8(COM1, *text++);
}

FRAME void print_hex(u64 value)
{
	for (int shift = 60; shift >= 0; shift -= 4)
		out8(COM1, "0123456789abcdef"[value >> shift & 15]);
}

FRAME void panic(const char *why)
{
	print("panic: ");
	print(why);
	print("\n");
	STAY("cli; hlt"); /* frame: panic */
	__builtin_unreachable();
}

FRAME void power_off(u8 value)
{
	out8(0x501, value);
}
