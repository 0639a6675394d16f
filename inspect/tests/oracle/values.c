/* Arguments of every kind that C has, held at one place. */

enum colour { red = 1, green = 2, negative = -3 };

struct flags {
    unsigned low : 3;
    signed high : 5;
    unsigned long long wide : 40;
};

struct node {
    struct node *next;
    const char *name;
    union {
        int number;
        unsigned char bytes[4];
    } value;
};

typedef int (*callback)(int);
typedef const volatile unsigned short odd;

static volatile int sink;

__attribute__((noinline)) void stop(void) { sink++; }

__attribute__((noinline)) int twice(int n) { return n * 2; }

__attribute__((noinline)) void all(int number, unsigned char letter, const char *text, enum colour colour,
                                   struct flags flags, struct node node, callback function, void *anything,
                                   odd *qualified, double real, long double extended)
{
    int matrix[2][3] = { { 1, 2, 3 }, { 4, 5, 6 } };
    sink = number + matrix[1][2];
    stop();
}

int main(void)
{
    struct flags flags = { 5, -4, 0x123456789aULL };
    struct node node = { 0, "first", { .number = 0x01020304 } };
    odd value = 65535;
    all(-7, 'q', "text", green, flags, node, twice, &sink, &value, -0.5, 1.0L);
    return 0;
}
