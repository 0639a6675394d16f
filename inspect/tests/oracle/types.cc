// Variables of the kinds that C++ adds; the program says what they hold.
#include <cstdint>
#include <cstdio>

static volatile int sink;
extern "C" __attribute__((noinline)) void stop() { sink = sink + 1; }
static void keep(const volatile void *place) { __asm__ volatile("" : : "r"(place) : "memory"); }

#define SAY(name, ...) (printf("SAYS %s = ", name), printf(__VA_ARGS__), putchar('\n'), fflush(stdout))

namespace kernel {

enum class state : uint8_t { idle, busy = 7 };

class device {
public:
    explicit device(int number) : number(number) {}
    virtual ~device() {}
    virtual int read() { return number; }
    int number;
    static int count;
};

struct locked {
    bool held = true;
};

class disk : public device, public locked {
public:
    explicit disk(int number) : device(number), sectors(2048) {}
    int read() override { return 2; }
    uint64_t sectors;
    state now = state::busy;
};

template <typename T, int N> struct fixed {
    T items[N];
    int count;
};

int device::count = 3;

} // namespace kernel

struct point {
    int x, y;
    point operator+(point other) const { return { x + other.x, y + other.y }; }
};

__attribute__((noinline)) static void everything(const point &reference, point &&moved)
{
    kernel::disk disk(5);
    kernel::device *base = &disk;
    kernel::fixed<short, 3> items = { { 1, -2, 3 }, 3 };
    kernel::state state = kernel::state::busy;
    int &alias = items.count;
    char16_t wide = u'\u00df';
    char32_t wider = U'\U0001f980';
    auto lambda = [state, &alias](int n) { return n + alias + static_cast<int>(state); };
    point (*nothing)(point) = nullptr;
    auto table = *reinterpret_cast<void **>(&disk);
    SAY("reference", "%p → point { x: 1, y: 2 }", (const void *)&reference);
    SAY("moved", "%p → point { x: 3, y: 4 }", (void *)&moved);
    SAY("disk", "disk { device { _vptr.device: %p <{vtable(kernel::disk)}+0x10> → %p <kernel::disk::~disk()>, number: 5 }, locked { held: true }, "
                "sectors: 2048, now: busy }", table, *static_cast<void **>(table));
    SAY("base", "%p → device { _vptr.device: %p <{vtable(kernel::disk)}+0x10> → %p <kernel::disk::~disk()>, number: 5 }", (void *)base, table, *static_cast<void **>(table));
    SAY("items", "fixed { items: [1, -2, 3], count: 3 }");
    SAY("state", "busy");
    SAY("alias", "%p → 3", (void *)&alias);
    SAY("wide", "'ß'");
    SAY("wider", "'🦀'");
    SAY("lambda", "{ __state: busy, __alias: %p → 3 }", (void *)&alias);
    SAY("nothing", "0x0");
    SAY("kernel::device::count", "3");
    stop();
    keep(&disk), keep(&base), keep(&items), keep(&state), keep(&alias), keep(&wide), keep(&wider), keep(&lambda), keep(&nothing);
    keep(&reference), keep(&moved);
}

int main()
{
    point first = { 1, 2 };
    keep(&first);
    everything(first, point{ 3, 4 });
}
