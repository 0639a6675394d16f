/* The workload: a chain of calls whose every frame is known, ended in one of
 * several ways inside the innermost one (END_*). */
#include "guest.h"

struct venue {
	u64 fees[4];
	u64 settled;
};

struct order {
	u64 id;
	u32 price;
	u32 quantity;
	struct venue *venue;
};

static struct order book[4];

/* Each way to end is one statement, so that its line is known. */
#if defined(END_SPIN)
#define END(order) STAY("pause")
#elif defined(END_FAULT)
#define END(order) ((order)->venue->settled += 1)
#elif defined(END_PANIC)
#define END(order) panic("the book is crossed")
#elif defined(END_IDLE)
/* Waits with interrupts on and every line masked at both controllers. */
#define END(order) do { out8(0x21, 0xff); out8(0xa1, 0xff); STAY("sti; hlt"); } while (0)
#elif defined(END_HANDLED)
#define END(order) do { __asm__ volatile("int3; ud2"); power_off(3); } while (0)
#elif defined(END_HANDLEDTHENPANIC)
#define END(order) do { __asm__ volatile("int3; ud2"); panic("the book is crossed"); } while (0)
#elif defined(END_RESET)
#define END(order) do { out8(0x64, 0xfe); STAY("pause"); } while (0)
#elif defined(END_APPLICATION)
/* Calls an application that was loaded beside it. */
#define END(order) ((void (*)(void))0x2001000)()
#else
#error "say how the guest ends: -DEND_..."
#endif

FRAME u64 settle(struct order *order, u32 fee)
{
	u64 total = (u64)order->price * order->quantity + fee;
	END(order); /* frame: settle */
	order->id += total;
	return total;
}

FRAME u64 match(struct order *order, int depth)
{
	u64 total = settle(order, depth + 7); /* frame: match */
	order->quantity -= 1;
	return total;
}

static inline u64 best_level(struct order *order, int side)
{
	u64 total = match(order, side * 10); /* frame: best_level */
	order->price += 1;
	return total;
}

static inline u64 route(struct order *order, int side)
{
	u64 total = best_level(order, side + 1); /* frame: route */
	return total ^ order->id;
}

FRAME u64 submit(struct order *order, int side)
{
	u64 total = route(order, side); /* frame: submit */
	order->quantity -= 1;
	return total;
}

FRAME u64 replay(u32 count)
{
	u64 sum = 0;
	for (u32 i = 0; i < count; i++) {
		book[i].id = i + 40;
		book[i].price = 100;
		book[i].quantity = 5;
		sum += submit(&book[i], 1); /* frame: replay */
	}
	return sum;
}

FRAME int guest_main(void)
{
	print("guest started\n");
#ifdef WITH_TRAPS
	install_traps();
#endif
	u64 sum = replay(3); /* frame: guest_main */
	print_hex(sum);
	return 0;
}
