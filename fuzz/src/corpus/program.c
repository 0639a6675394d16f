/* A program with something of everything that DWARF describes of C. */
#include <stdint.h>

struct order;
typedef int (*visitor)(struct order *, int);
enum side { BUY = 1, SELL = -1 };
union price { int64_t ticks; double units; };
struct order {
    struct order *next;
    union price price;
    enum side side;
    unsigned live : 1, kind : 5;
    char name[12];
    int levels[2][3];
    visitor visit;
};

struct order book[4] = {{.name = "first", .side = BUY}};
static const char *const words[] = {"none", "some", "many"};
volatile int sink;

static inline int weigh(const struct order *order, int by)
{
    int sum = 0;
    for (; order; order = order->next)
        sum += (int)order->price.ticks * by + order->levels[1][2];
    return sum;
}

__attribute__((noinline)) int walk(struct order *order, int depth)
{
    int here[8] = {depth};
    if (depth > 3)
        return weigh(order, here[0]);
    for (int i = 0; i < depth; i++) {
        int weight = weigh(order, i);
        sink += weight + words[i % 3][0];
    }
    return walk(order->next ? order->next : order, depth + 1) + here[depth % 8];
}

__attribute__((noinline)) int choose(int which)
{
    switch (which) {
    case 0: return sink;
    case 1: return sink * 3;
    case 2: return walk(book, 1);
    case 3: return sink ^ 0x55;
    case 4: return sink << 3;
    case 5: return weigh(book, sink);
    default: return -1;
    }
}

int main(int count, char **arguments)
{
    (void)arguments;
    book[0].visit = walk;
    return choose(count) + walk(&book[1], 0);
}
