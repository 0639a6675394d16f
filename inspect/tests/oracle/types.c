/* Variables of every kind that C has; the program says what they hold. */
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
    SAY("points", "[%p → point { x: -1, y: 1 }, 0x0]", (void *)&origin);
    SAY("anything", "%p", anything);
    SAY("qualified", "65535");
    SAY("none", "0x0");
    SAY("operations", "operations { apply: %p <twice>, nothing: 0x0, table: [%p <thrice>, %p <twice>], label: \"operations\" }",
        (void *)twice, (void *)thrice, (void *)twice);
    SAY("origin", "point { x: -1, y: 1 }");
    SAY("words", "[\"one\", \"two\", 0x0]");
    stop();
    keep(&number), keep(&letter), keep(&small), keep(&half), keep(&wide), keep(&large), keep(&yes), keep(&single), keep(&real);
    keep(&colour), keep(&mode), keep(&flags), keep(&second), keep(&packed), keep(&texts), keep(&matrix), keep(&points);
    keep(&anything), keep(&qualified), keep(&none);
}

int main(void)
{
    everything(-7, 'q', "text", twice);
    return 0;
}
