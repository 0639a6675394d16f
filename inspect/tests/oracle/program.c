/* A freestanding program whose every instruction is a place to unwind from:
 * leaf functions, recursion, a variable-length array, calls through pointers,
 * a tail call, many saved registers, an early return. */

typedef unsigned long word;

static volatile word sink;

__attribute__((noinline)) static word leaf(word a, word b) { return a * 3 + b; }

__attribute__((noinline)) static word early(word a)
{
    if (a & 1)
        return a;
    sink = leaf(a, sink);
    return sink + 1;
}

__attribute__((noinline)) static word many(word a, word b, word c, word d, word e)
{
    word x = leaf(a, b), y = leaf(c, d), z = leaf(e, x), w = early(y);
    return x + y + z + w + a + b + c + d + e + early(w);
}

__attribute__((noinline)) static word variable(word n)
{
    word values[n + 1];
    for (word i = 0; i <= n; i++)
        values[i] = leaf(i, n);
    word sum = 0;
    for (word i = 0; i <= n; i++)
        sum += values[i];
    sink = sum;
    return sum + early(sum);
}

__attribute__((noinline)) static word recurse(word depth)
{
    if (depth == 0)
        return variable(2);
    return recurse(depth - 1) + depth;
}

typedef word (*operation)(word);
static operation volatile operations[] = { early, variable, recurse };

__attribute__((noinline)) static word tail(word n) { return operations[n % 3](n); }

__attribute__((noreturn, noinline)) static void leave(word status)
{
    sink = leaf(status, 1);
    __asm__ volatile("syscall" : : "a"(60L), "D"(0L) : "rcx", "r11", "memory");
    for (;;)
        ;
}

__attribute__((used, noreturn)) void run(void)
{
    word sum = many(1, 2, 3, 4, 5);
    for (word i = 0; i < 3; i++)
        sum += tail(i);
    leave(sum + recurse(4));
}

__asm__(".text\n.global _start\n.type _start, @function\n_start:\n"
        ".cfi_startproc\n.cfi_undefined rip\n"
        "xor %ebp, %ebp\nand $-16, %rsp\ncall run\nud2\n"
        ".cfi_endproc\n.size _start, .-_start\n");
