/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The tests of one of Linux's programs that end with their first failure (test_maps, test_lru_map):
 * each case in a process of its own. SUITE is that program's source, which is taken as it is; CASES
 * lists its tests, written by build.sh: CASE("name", statement). Prints "name:OK", or what the test
 * said and "name:FAIL".
 *   cases [NAME...]      all, or those named
 *   cases --but NAME...  all others
 */
#define main suite_main
#include SUITE
#undef main

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEFINE_TEST(name) extern void test_##name(void);
#ifdef MAP_TESTS
#include <map_tests/tests.h>
#endif
#undef DEFINE_TEST

#define SECONDS 900 /* that a case may last: some are a hundred processes that walk maps */

struct suite_case {
	const char *name;
	void (*run)(void);
};

/* An unnamed function for each statement. */
#define CASE(text, ...)                                                                            \
	{ text, ({ void run(void) { __VA_ARGS__; } run; }) },

static int run_case(const char *self, const char *name)
{
	int status = 1;
	pid_t pid = fork();

	if (!pid) {
		/* A program of its own: with a system of its own, as the suite's has. */
		setpgid(0, 0);
		execl(self, self, "--in", name, NULL);
		_exit(127);
	}
	for (int ms = 0; ms < SECONDS * 100; ms++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			goto out;
		usleep(10000);
	}
	printf("%s: still running after %d s\n", name, SECONDS);
	kill(-pid, SIGKILL);
	waitpid(pid, &status, 0);
out:
	kill(-pid, SIGKILL); /* what it left */
	printf("\n%s:%s\n", name, status ? "FAIL" : "OK");
	fflush(stdout);
	return status != 0;
}

int main(int argc, char **argv)
{
	struct suite_case cases[] = {
#include CASES
	};
	int bad = 0, but = argc > 1 && !strcmp(argv[1], "--but");

	setbuf(stdout, NULL);
	if (argc == 3 && !strcmp(argv[1], "--in")) {
		libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
		PREPARE;
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
			if (!strcmp(cases[i].name, argv[2])) {
				cases[i].run();
				return 0;
			}
		return 125;
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int wanted = argc < 2;

		for (int a = 1 + but; a < argc; a++)
			wanted |= !strcmp(argv[a], cases[i].name);
		if (but)
			wanted = !wanted;
		if (wanted)
			bad |= run_case(argv[0], cases[i].name);
	}
	return bad;
}
