/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* How much memory this process had resident at most since peak_forget(). */
#ifndef SKEP_TESTS_PEAK_H
#define SKEP_TESTS_PEAK_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A figure of this process in /proc/self/status ("VmHWM:", "VmRSS:"), KB; -1: not there. */
static inline long status_kb(const char *name)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	long kb = -1;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			kb = atol(line + strlen(name));
	if (f)
		fclose(f);
	return kb;
}

/* Starts anew; what is resident now, KB. */
static inline long peak_forget(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY);

	if (fd >= 0) {
		if (write(fd, "5", 1) != 1)
			fprintf(stderr, "the peak of memory cannot be reset\n");
		close(fd);
	}
	return status_kb("VmRSS:");
}

static inline long peak_kb(void)
{
	return status_kb("VmHWM:");
}

#endif
