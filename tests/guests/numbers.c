/* Numbers in SSE registers, and a line that repeats. */

struct pair {
	double first;
	long second;
};

volatile double total = 3;
volatile unsigned long spun;

__attribute__((noinline)) double halved(double value)
{
	double half = value * 0.5;
	total = half;
	return half;
}

__attribute__((noinline)) float doubled(float value)
{
	return value + value;
}

__attribute__((noinline)) struct pair paired(double value)
{
	return (struct pair){ .first = value + 0.25, .second = 42 };
}

__attribute__((noinline)) void spin(void)
{
	spun = 0;
	for (unsigned long i = 0; i < 1000000; i++) spun = spun + 1;
	total = 7;
}

void guest_main(void)
{
	halved(total);
	total = doubled(2.25f);
	total = paired(total).first;
	spin();
}
