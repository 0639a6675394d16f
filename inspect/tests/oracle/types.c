/* Variables of every kind that C has; the program says what they hold. */
#include <complex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum colour { red = 1, green = 2, negative = -3 };
enum mode { idle, busy = 0x80000000u };

struct flags {
    unsigned low : 3;
    signed high : 5;
    unsigned long long wide : 40;
    enum colour colour : 4;
    bool set : 1;
    unsigned : 0;
    unsigned char next : 7;
};

struct point {
    int x, y;
};

struct node {
    struct node *next;
    const char *name;
    union {
        int number;
        unsigned char bytes[4];
    } value;
    union {
        struct point at;
        uint64_t word;
    };
};

struct packed {
    char tag;
    uint32_t word;
    struct point points[2];
} __attribute__((packed));

struct text {
    char name[16];
    char full[4];
    char empty[4];
    unsigned char bytes[3];
    int count;
    char tail[];
};

struct operations {
    int (*apply)(int);
    void (*nothing)(void);
    int (*table[2])(int);
    const char *label;
};

enum rights { readable = 1, writable = 2, executable = 4 };
typedef int lanes __attribute__((vector_size(16)));

struct bits {
    unsigned char lead;
    unsigned long long head : 33, middle : 30, tail : 1;
    long long low : 37;
    unsigned short over : 9;
    enum rights rights : 3;
    unsigned long long whole : 64;
    signed char sign : 1;
} __attribute__((packed));

typedef int (*callback)(int);
typedef const volatile unsigned short odd;

static volatile int sink;

__attribute__((noinline)) void stop(void) { sink++; }
__attribute__((noinline)) int twice(int n) { return n * 2 + sink; }
static __attribute__((noinline)) int thrice(int n) { return n * 3 + sink; }

struct operations operations = { twice, 0, { thrice, twice }, "operations" };
static struct point origin = { -1, 1 };
const char *const words[] = { "one", "two", 0 };

#define SAY(name, ...) (printf("SAYS %s = ", name), printf(__VA_ARGS__), putchar('\n'), fflush(stdout))

static void keep(const volatile void *place) { __asm__ volatile("" : : "r"(place) : "memory"); }

__attribute__((noinline)) static void everything(int number, unsigned char letter, const char *text, callback function)
{
    signed char small = -100;
    short half = -30000;
    long long wide = -1234567890123LL;
    unsigned long large = ~0UL;
    bool yes = true;
    float single = 0.1f;
    double real = -0.5;
    enum colour colour = negative;
    enum mode mode = busy;
    struct flags flags = { 5, -4, 0x123456789aULL, negative, true, 99 };
    struct node first = { 0, "first", { .number = 0x01020304 }, .at = { 3, -4 } };
    struct node second = { &first, 0, { .number = -1 }, .word = 5 };
    struct packed packed = { 'p', 0xdeadbeef, { { 1, 2 }, { 3, 4 } } };
    struct text texts = { "name", { 'f', 'u', 'l', 'l' }, "", { 1, 2, 3 }, 7 };
    int matrix[2][3] = { { 1, 2, 3 }, { 4, 5, 6 } };
    struct point *points[2] = { &origin, 0 };
    void *anything = &first;
    odd qualified = 65535;
    wchar_t *none = 0;
    struct bits bits = { 1, 0x1ffffffff, 0x2aaaaaaa, 1, -0xabcdef012, 0x1ff, readable | executable, ~0ULL, -1 };
    enum rights rights = writable | executable, more = executable | 0x20, no_rights = 0;
    lanes vector = { 1, -2, 3, -4 };
    long double extended = 1.5L, inexact = 0.1L;
    double complex turn = 1.5 - 2.0 * I;
    float complex narrow = 0.5f + 0.25f * I;
    __int128 huge = -((__int128)1 << 100);
    unsigned __int128 vast = ~(unsigned __int128)0;
    char grid[2][4] = { "ab", "cd" };
    char broken[6] = { 'a', '\xff', '\n', '"', 0, 0 };
    const char *strange = "tab\t\"quote\" \x1b[0m";
    void (**handlers)(void) = 0;
    int (*row)[3] = &matrix[1];
    _Bool wrong;
    *(unsigned char *)&wrong = 2;
    union { float fraction; unsigned word; } either = { .word = 0x40490fdb };
    SAY("number", "%d", number);
    SAY("letter", "%d '%c'", letter, letter);
    SAY("text", "\"%s\"", text);
    SAY("function", "%p <twice>", (void *)function);
    SAY("small", "%d", small);
    SAY("half", "%d", half);
    SAY("wide", "%lld", wide);
    SAY("large", "%lu", large);
    SAY("yes", "true");
    SAY("single", "%g", single);
    SAY("real", "%g", real);
    SAY("colour", "negative");
    SAY("mode", "busy");
    SAY("flags", "flags { low: %d, high: %d, wide: %llu, colour: negative, set: true, next: 99 'c' }", flags.low,
        flags.high, (unsigned long long)flags.wide);
    SAY("first", "node { next: 0x0, name: \"first\", value: { number: %d, bytes: [4, 3, 2, 1] }, "
                 "{ at: point { x: 3, y: -4 }, word: %lu } }",
        first.value.number, first.word);
    SAY("second", "node { next: %p → node { next: 0x0, name: \"first\", value: { number: %d, bytes: [4, 3, 2, 1] }, "
                  "{ at: point { x: 3, y: -4 }, word: %lu } }, name: 0x0, "
                  "value: { number: -1, bytes: [255, 255, 255, 255] }, { at: point { x: 5, y: 0 }, word: 5 } }",
        (void *)&first, first.value.number, first.word);
    SAY("packed", "packed { tag: 112 'p', word: %u, points: [point { x: 1, y: 2 }, point { x: 3, y: 4 }] }", packed.word);
    SAY("texts", "text { name: \"name\", full: \"full\", empty: \"\", bytes: [1, 2, 3], count: 7, tail: [] }");
    SAY("matrix", "[[1, 2, 3], [4, 5, 6]]");
    SAY("points", "[%p <origin> → point { x: -1, y: 1 }, 0x0]", (void *)&origin);
    SAY("anything", "%p", anything);
    SAY("qualified", "65535");
    SAY("none", "0x0");
    SAY("bits", "bits { lead: 1, head: 8589934591, middle: 715827882, tail: 1, low: %lld, over: 511, "
                "rights: readable | executable, whole: 18446744073709551615, sign: -1 }", -0xabcdef012LL);
    SAY("rights", "writable | executable");
    SAY("more", "executable | 0x20");
    SAY("no_rights", "0");
    SAY("vector", "[1, -2, 3, -4]");
    SAY("extended", "%.1Lf", extended);
    SAY("inexact", "≈%Lg", inexact);
    SAY("turn", "%.1f + %.1fi", creal(turn), cimag(turn));
    SAY("narrow", "%g + %gi", crealf(narrow), cimagf(narrow));
    SAY("huge", "-1267650600228229401496703205376");
    SAY("vast", "340282366920938463463374607431768211455");
    SAY("grid", "[\"ab\", \"cd\"]");
    SAY("broken", "\"a�\\n\\\"\"");
    SAY("strange", "\"tab\\t\\\"quote\\\" \\u{1b}[0m\"");
    SAY("handlers", "0x0");
    SAY("row", "%p → [4, 5, 6]", (void *)row);
    SAY("wrong", "<invalid bool 0x2>");
    SAY("either", "{ fraction: %.8g, word: %u }", either.fraction, either.word);
    SAY("operations", "operations { apply: %p <twice>, nothing: 0x0, table: [%p <thrice>, %p <twice>], label: \"operations\" }",
        (void *)twice, (void *)thrice, (void *)twice);
    SAY("origin", "point { x: -1, y: 1 }");
    SAY("words", "[\"one\", \"two\", 0x0]");
    stop();
    keep(&number), keep(&letter), keep(&small), keep(&half), keep(&wide), keep(&large), keep(&yes), keep(&single), keep(&real);
    keep(&colour), keep(&mode), keep(&flags), keep(&second), keep(&packed), keep(&texts), keep(&matrix), keep(&points);
    keep(&bits), keep(&rights), keep(&more), keep(&no_rights), keep(&vector), keep(&extended), keep(&inexact), keep(&turn);
    keep(&narrow), keep(&huge), keep(&vast), keep(grid), keep(broken), keep(&strange), keep(&handlers), keep(&row), keep(&wrong);
    keep(&either);
    keep(&anything), keep(&qualified), keep(&none);
}

int main(void)
{
    everything(-7, 'q', "text", twice);
    return 0;
}
