/* Arguments that are gone where the program stops, and were passed in ways
   that their callers still know, or do not. */

static volatile int sink;

__attribute__((noinline)) void stop(void) { sink++; }

/* Used before the stop only. */
__attribute__((noinline, noclone)) int dead(int number, long wide)
{
    sink = number + (int)wide;
    stop();
    return sink;
}

/* Passes on what it was entered with. */
__attribute__((noinline, noclone)) int passes(long wide)
{
    int result = dead(7, wide);
    stop();
    return result + sink;
}

/* Leaves to `dead` by a jump: its caller never called `dead`. */
__attribute__((noinline, noclone)) int jumps(int number) { return dead(number + 1, 99); }

int even(int number);

/* Entered by jumps of `even`, too. */
__attribute__((noinline, noclone)) int odd(int number)
{
    sink = number;
    if (number > 2)
        return even(number - 1);
    stop();
    return sink;
}

__attribute__((noinline, noclone)) int even(int number)
{
    sink = number + 1;
    return odd(number - 1);
}

int main(int count, char **arguments)
{
    (void)arguments;
    int sum = dead(5, 6);
    int kept = sink + count;
    sum += dead(kept, -1);
    sum += passes(1234567890123);
    sum += jumps(20);
    sum += odd(7);
    return (sum + kept) & 1;
}
