/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A cgroup for a test's own use. */
#include "own_cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STALE 600 /* seconds; a process of another namespace may be alive unseen */

void own_cgroup_remove(const char *path)
{
	char below[4352];
	struct dirent *e;
	DIR *d;

	if (!*path || (!rmdir(path) || errno == ENOENT))
		return;
	d = opendir(path);
	while (d && (e = readdir(d))) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.' ||
		    snprintf(below, sizeof(below), "%s/%s", path, e->d_name) >= (int)sizeof(below))
			continue;
		own_cgroup_remove(below);
	}
	if (d)
		closedir(d);
	/* Who has just been reaped may still be counted. */
	for (int i = 0; i < 20 && rmdir(path) && errno == EBUSY; i++)
		usleep(5000);
}

/* Those of tests that were killed: nobody is in them, and nobody has their number. */
static void remove_stale(const char *where)
{
	char path[4352], name[32];
	struct dirent *e;
	struct stat st;
	DIR *d = opendir(where);
	int pid;

	while (d && (e = readdir(d))) {
		if (sscanf(e->d_name, "skep-%31[a-z]-%d", name, &pid) != 2 || pid <= 0 ||
		    !kill(pid, 0) || errno != ESRCH ||
		    snprintf(path, sizeof(path), "%s/%s", where, e->d_name) >= (int)sizeof(path))
			continue;
		if (!stat(path, &st) && time(NULL) - st.st_ctime > STALE)
			own_cgroup_remove(path);
	}
	if (d)
		closedir(d);
}

void own_cgroup(char *path, size_t size)
{
	char line[4352], where[4096], type[64];
	FILE *f = fopen("/proc/self/mounts", "re");

	*path = 0;
	while (f && !*path && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*s %4095s %63s", where, type) != 2 || strcmp(type, "cgroup2"))
			continue;
		remove_stale(where);
		if (snprintf(path, size, "%s/skep-test-%d", where, getpid()) >= (int)size ||
		    mkdir(path, 0755))
			*path = 0;
	}
	if (f)
		fclose(f);
}
