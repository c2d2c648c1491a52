#!/usr/bin/dash
# A compile: gcc runs cc1 and as, with a temporary file between them. No headers: where they are is the machine's.
cd "$2" || exit 1
export TMPDIR=.
echo 'int puts(const char *s); int main(void) { return puts("hello") < 0; }' >hello.c
/usr/bin/gcc -ffreestanding -nostdinc -O2 -c hello.c -o hello.o || exit 2
/usr/bin/rm hello.c hello.o
exit 5
