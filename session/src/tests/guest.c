/* A program with an inlined chain, a recursion and a halt, for tests that
 * never run it: they stand a machine at its instructions by hand. */

static inline __attribute__((always_inline)) int price(int *order) {
    return *order + 1;
}

static inline __attribute__((always_inline)) int level(int *order) {
    return price(order) * 2;
}

__attribute__((noinline)) int commit(int *order, int depth) {
    if (depth)
        return commit(order, depth - 1) + 1;
    return level(order);
}

void idle(void) {
    __asm__ volatile("cli\nhlt\nnop");
}

void halting_jump(void) {
    /* A jump whose last byte is that of a halt, and a nop behind it. */
    __asm__ volatile(".byte 0xeb, 0xf4\nnop");
}

int book = 7;

void _start(void) {
    commit(&book, 3);
    idle();
    halting_jump();
}
