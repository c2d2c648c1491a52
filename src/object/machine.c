/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The machine: how long a tick of its kernel is, and which memory is near to which CPU (Linux:
 * kernel/time/jiffies.c, cpu_to_node()). It does not change while it runs; programs are
 * answered from the arena.
 */
#include "object/machine.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TICK_250HZ 4000000
#define NODES	   "/sys/devices/system/node"

/* The coarse clock goes from tick to tick, and says so. */
static u64 tick_ns(void)
{
	struct timespec step;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &step) || step.tv_sec || step.tv_nsec < 100000)
		return TICK_250HZ;
	return (u64)step.tv_nsec;
}

/* @list: "0-3,8,10-11" */
static void put_cpus(struct arena *arena, const char *list, u32 node)
{
	while (*list >= '0' && *list <= '9') {
		char *end;
		u64 first = strtoul(list, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (u64 i = first; i <= last && i < arena->nr_slots; i++)
			arena->slots[i].node = node;
		list = *end == ',' ? end + 1 : end;
	}
}

/* A machine with one node has number 0, which slots have anyway. */
static void put_nodes(struct arena *arena)
{
	DIR *dir = opendir(NODES);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		char path[sizeof(NODES) + sizeof(e->d_name) + 16], list[4096] = "", *end;
		u32 node;
		FILE *f;

		if (strncmp(e->d_name, "node", 4) != 0)
			continue;
		node = (u32)strtoul(e->d_name + 4, &end, 10);
		if (*end || !node)
			continue;
		snprintf(path, sizeof(path), NODES "/%s/cpulist", e->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fgets(list, sizeof(list), f))
			put_cpus(arena, list, node);
		fclose(f);
	}
	if (dir)
		closedir(dir);
}

void machine_describe(struct arena *arena)
{
	arena->tick_ns = tick_ns();
	put_nodes(arena);
}
