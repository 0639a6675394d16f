/* Switches in the shapes compilers make tables of: by comparison, in a loop,
   by mask. Not run. */
extern int f0(int), f1(int), f2(int), f3(int), f4(int);
extern void die(void) __attribute__((noreturn));

int compared(int x, int y) {
    switch (x) {
    case 3: return f0(y);
    case 4: return f1(y);
    case 5: return f2(y) + 1;
    case 6: return f3(y) * 2;
    case 7: return f4(y);
    case 9: return y + 3;
    default: die();
    }
}

int looped(const unsigned char *p, int n) {
    int a = 0;
    for (int i = 0; i < n; i++) {
        switch (p[i]) {
        case 'a': a++; break;
        case 'b': a += f0(a); break;
        case 'c': a -= 3; break;
        case 'd': a *= 5; break;
        case 'e': a ^= f1(a); break;
        case 'f': a = f2(i); break;
        case 'g': return a;
        default: a--;
        }
    }
    return a;
}

int masked(unsigned x, int y) {
    switch (x & 7) {
    case 0: return f0(y);
    case 1: return f1(y);
    case 2: return f2(y) + 1;
    case 3: return f3(y) * 2;
    case 4: return f4(y);
    case 5: return y + 3;
    case 6: return y * 9;
    case 7: return f0(y + 2);
    }
    return 0;
}

int f0(int a) { return a; }
int f1(int a) { return a + 1; }
int f2(int a) { return a * 3; }
int f3(int a) { return a - 7; }
int f4(int a) { return a | 1; }
void die(void) { for (;;); }

/* Its arguments are not known, so that nothing is specialised for them. */
int _start(int x, const unsigned char *p) {
    return compared(x, x + 1) + looped(p, x) + masked(x, x + 2);
}
