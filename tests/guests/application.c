/* A position-independent application, linked at 0, that a kernel enters and
 * never gets back. Not here: who loads it. */
#include "guest.h"

/* The last request. In .data: nobody clears a .bss. */
static volatile u64 served = 1;

FRAME u64 serve(u64 request)
{
	served = request; /* frame: serve */
	return request + 1;
}

/* What lies between it and its caller is more than anybody guesses at. */
FRAME void serve_all(void)
{
	volatile u64 buffer[512];

	for (u64 i = 0; i < 512; i++)
		buffer[i] = i;
	out8(COM1, '!');
	for (u64 request = 1;;)
		request = serve(request) + buffer[0]; /* frame: serve_all */
}

__attribute__((section(".text.entry"))) void application_entry(void)
{
	serve_all(); /* frame: application_entry */
	__builtin_unreachable();
}
