/* The interrupt descriptor table and what the guest does on an exception:
 * it steps over int3 and ud2, and stays where it is on everything else. */
#include "guest.h"

struct trap {
	u64 r15, r14, r13, r12, r11, r10, r9, r8;
	u64 rbp, rdi, rsi, rdx, rcx, rbx, rax;
	u64 vector, error_code;
	u64 rip, cs, rflags, rsp, ss;
};

struct gate {
	u16 offset_low, selector;
	u8 stack, type;
	u16 offset_middle;
	u32 offset_high, reserved;
};

extern const u64 trap_entries[32];
static struct gate gates[32];

FRAME void install_traps(void)
{
	for (int vector = 0; vector < 32; vector++) {
		u64 entry = (u64)trap_entries + trap_entries[vector];
		gates[vector] = (struct gate){
			.offset_low = entry, .selector = 8, .type = 0x8e,
			.offset_middle = entry >> 16, .offset_high = entry >> 32,
		};
	}
	struct __attribute__((packed)) {
		u16 limit;
		u64 base;
	} table = { sizeof gates - 1, (u64)gates };
	__asm__ volatile("lidt %0" : : "m"(table));
}

FRAME void on_exception(struct trap *trap)
{
	if (trap->vector == 3)
		return;
	if (trap->vector == 6) {
		trap->rip += 2;
		return;
	}
	print("exception ");
	print_hex(trap->vector);
	print(" at ");
	print_hex(trap->rip);
	print("\n");
#ifdef SPIN_IN_TRAPS
	STAY("pause");
#else
	STAY("cli; hlt"); /* frame: on_exception */
#endif
}
