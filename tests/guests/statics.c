/* Statics of one name in a file, a function and a block. It never runs. */

int count = 1;

int counted(int by)
{
	static int count = 2;

	if (by) {
		static int inner = 3;
		return inner += by;
	}
	return ++count;
}

static int hidden(void)
{
	static int count = 4;
	return ++count;
}

void _start(void)
{
	counted(hidden());
}
