#include <stdlib.h>
#include <stdio.h>
__attribute__((noinline)) int sw1(int x){ switch(x){case 0:return 3;case 1:return 7;case 2:return x*9;case 3:return puts("c");case 4:abort();case 5:return x^5;case 6: return 19; default:return -1;} }
__attribute__((noinline)) int sw2(unsigned char x){ switch(x&7){case 0:return puts("0");case 1:return puts("1");case 2:return puts("2");case 3:return puts("3");case 4:return puts("4");case 5:return puts("5");case 6:return puts("6");case 7:return puts("7");} return 0; }
enum e {A,B,C,D,E,F};
__attribute__((noinline)) int sw3(enum e x){ switch(x){case A:return puts("0");case B:return puts("1");case C:return puts("2");case D:return puts("3");case E:return puts("4");case F:return puts("5");} __builtin_unreachable(); }
__attribute__((noinline)) void die(const char*s){ puts(s); exit(3); }
__attribute__((noinline)) int sp(long x){ if(x==5) die("five"); switch(x){case -3:puts("m3");case -2:puts("m2");break;case 100:return 1;case 1000:return 2;case 101:return puts("x");case 102:return puts("y");case 103:return puts("q");case 104: return puts("u");} return 9; }
int main(int c,char**v){ int s=0; for(int i=0;i<c;i++) s+=sw1(atoi(v[i]))+sw2(c)+sw3((enum e)(c%6))+sp(c); printf("%d\n",s); return s; }
