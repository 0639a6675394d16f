/* A freestanding program of frames that are out of the ordinary, every
 * instruction of it a place to unwind from: a realigned stack, a function split
 * into a hot and a cold part, a call as a function's last instruction, a frame
 * address by an expression, a signal handler, a task on a stack of its own.
 * What needs its rules to be seen through is left out under WITHOUT_RULES. */

typedef unsigned long word;

static volatile word sink;

__attribute__((noinline)) static word leaf(word a, word b) { return a * 3 + b; }

/* More than the stack is aligned to, and a size that only running it tells: the
 * frame address is then kept in memory. */
__attribute__((noipa)) static word realigned(word n, word a, word b, word c, word d,
                                                word e, word on_the_stack)
{
    _Alignas(64) volatile word aligned[8];
    volatile char variable[n + 1];
    aligned[n & 7] = leaf(a, b);
    variable[n] = 1;
    word sum = leaf(c, d) + leaf(e, on_the_stack);
    return sum + aligned[n & 7] + variable[n] + ((word)aligned & 63);
}

__attribute__((noinline, cold)) static word complain(word a)
{
    sink = leaf(a, 1);
    return sink;
}

/* The branch that calls `complain` goes to a part of its own. */
__attribute__((noinline)) static word split(word a, word b, word c)
{
    word x = leaf(a, b), y = leaf(b, c);
    if (__builtin_expect(x > y, 0)) {
        x += complain(y) + complain(x);
        y += complain(a + b) + c;
    }
    return x * leaf(x, y) + a + b + c;
}

#ifndef WITHOUT_RULES

/* As a procedure linkage table has it: one rule for all of its entries, by how
 * far the instruction pointer is into one. */
word linked(word a, word b);
void *linked_slot;
__asm__(".text\n.p2align 4\n.type resolve, @function\nresolve:\n"
        ".cfi_startproc\n.cfi_def_cfa_offset 16\n"
        "add $8, %rsp\n.cfi_def_cfa_offset 8\n"
        "jmp resolved\n"
        ".cfi_endproc\n.size resolve, .-resolve\n"
        ".p2align 4\n.type linked, @function\nlinked:\n"
        ".cfi_startproc\n"
        /* rsp + 8 + ((rip & 15) >= 11) << 3 */
        ".cfi_escape 0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22\n"
        "jmp *linked_slot(%rip)\n"
        "linked_lazily: .byte 0x68, 0, 0, 0, 0\n"
        "jmp resolve\n"
        ".cfi_endproc\n.size linked, .-linked\n");

__attribute__((used, noinline)) static word resolved(word a, word b)
{
    return leaf(a, b) + 1;
}

/* What the C library gives the kernel to return to, its rules reading the frame
 * that the kernel pushed. A debugger looks it up one byte before it begins. */
void restorer(void);
__asm__(".text\n"
        ".cfi_startproc simple\n.cfi_signal_frame\n"
        ".cfi_escape 0x0f, 4, 0x77, 0xa0, 1, 0x06\n" /* the saved rsp */
        ".cfi_escape 0x10, 16, 3, 0x77, 0xa8, 1\n"
        ".cfi_escape 0x10, 12, 3, 0x77, 0xc8, 0\n"
        ".cfi_escape 0x10, 13, 3, 0x77, 0xd0, 0\n"
        ".cfi_escape 0x10, 14, 3, 0x77, 0xd8, 0\n"
        ".cfi_escape 0x10, 15, 3, 0x77, 0xe0, 0\n"
        ".cfi_escape 0x10, 6, 3, 0x77, 0xf8, 0\n"
        ".cfi_escape 0x10, 3, 3, 0x77, 0x80, 1\n"
        "nop\n"
        ".type restorer, @function\nrestorer:\n"
        "mov $15, %rax\nsyscall\n"
        ".cfi_endproc\n.size restorer, .-restorer\n");

__attribute__((noinline)) static void handler(int signal) { sink = leaf(signal, sink); }

static long call_kernel(long number, word a, word b, word c, word d)
{
    register word fourth __asm__("r10") = d;
    __asm__ volatile("syscall"
                     : "+a"(number)
                     : "D"(a), "S"(b), "d"(c), "r"(fourth)
                     : "rcx", "r11", "memory");
    return number;
}

__attribute__((noinline)) static word interrupted(word a, word b)
{
    struct {
        void (*handler)(int);
        word flags;
        void (*restorer)(void);
        word mask;
    } action = { handler, 0x04000000, restorer, 0 };
    call_kernel(13, 10, (word)&action, 0, 8);
    word before = leaf(a, b);
    /* To itself, from the middle of this function. */
    call_kernel(62, call_kernel(39, 0, 0, 0, 0), 10, 0, 0);
    return before + leaf(b, a);
}

/* Two stacks, and the switch between them by hand. */
word other_stack[128];
static word *saved[2];
void switch_stacks(word **from, word **to);
void task_start(void);
__asm__(".text\n.type switch_stacks, @function\nswitch_stacks:\n"
        ".cfi_startproc\n"
        "push %rbp\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset rbp, 0\n"
        "push %rbx\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset rbx, 0\n"
        "push %r12\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset r12, 0\n"
        "mov %rsp, (%rdi)\n"
        "mov (%rsi), %rsp\n"
        "pop %r12\n.cfi_adjust_cfa_offset -8\n.cfi_restore r12\n"
        "pop %rbx\n.cfi_adjust_cfa_offset -8\n.cfi_restore rbx\n"
        "pop %rbp\n.cfi_adjust_cfa_offset -8\n.cfi_restore rbp\n"
        "ret\n"
        ".cfi_endproc\n.size switch_stacks, .-switch_stacks\n"
        /* Nobody called it: the byte before it has its rules. */
        ".cfi_startproc\n.cfi_undefined rip\nnop\n"
        ".type task_start, @function\ntask_start:\n"
        "call task\nud2\n"
        ".cfi_endproc\n.size task_start, .-task_start\n");

__attribute__((used, noinline)) static void task(void)
{
    for (word i = 0;; i++) {
        sink += leaf(i, sink);
        switch_stacks(&saved[1], &saved[0]);
    }
}

__attribute__((noinline)) static word cooperate(word rounds)
{
    word *top = other_stack + 127;
    *--top = (word)task_start;
    saved[1] = top - 3;
    for (word i = 0; i < rounds; i++)
        switch_stacks(&saved[0], &saved[1]);
    return sink;
}

extern char linked_lazily[];

__attribute__((noinline)) static word with_rules(word a)
{
    linked_slot = linked_lazily;
    word sum = linked(a, 2);
    sum += interrupted(a, 3);
    return sum + cooperate(2);
}
#else
static word with_rules(word a) { return a; }
#endif

__attribute__((noreturn, noinline)) static void leave(word status)
{
    sink = leaf(status, 1);
    __asm__ volatile("syscall" : : "a"(60L), "D"(0L) : "rcx", "r11", "memory");
    for (;;)
        ;
}

/* Ends with a call: its return address is the first byte of what follows, which
 * has other rules. */
__asm__(".text\n.type last_call, @function\nlast_call:\n"
        ".cfi_startproc\n"
        "push %rbx\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset rbx, 0\n"
        "sub $32, %rsp\n.cfi_adjust_cfa_offset 32\n"
        "call leave_early\n"
        ".cfi_endproc\n.size last_call, .-last_call\n"
        ".type behind_last_call, @function\nbehind_last_call:\n"
        ".cfi_startproc\n"
        "push %rbx\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset rbx, 0\n"
        "pop %rbx\n.cfi_adjust_cfa_offset -8\n.cfi_restore rbx\n"
        "ret\n"
        ".cfi_endproc\n.size behind_last_call, .-behind_last_call\n");
void last_call(word status) __attribute__((noreturn));
__attribute__((used, noreturn)) void leave_early(word status) { leave(status); }

__attribute__((used, noreturn)) void run(void)
{
    word sum = realigned(5, 1, 2, 3, 4, 5, 6);
    sum += split(1, 2, 3) + split(9, 1, 0);
    last_call(sum + with_rules(sum));
}

__asm__(".text\n.global _start\n.type _start, @function\n_start:\n"
        ".cfi_startproc\n.cfi_undefined rip\n"
        "xor %ebp, %ebp\nand $-16, %rsp\ncall run\nud2\n"
        ".cfi_endproc\n.size _start, .-_start\n");
