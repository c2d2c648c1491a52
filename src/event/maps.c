/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "event/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE	   4096ULL
#define NEAR	   ((2ULL << 30) - (64ULL << 10)) /* with room for instructions and slots */
#define LOWEST	   65536ULL			  /* vm.mmap_min_addr */
#define HEAP_ROOM  (1ULL << 30)			  /* not where the heap will grow */
#define STACK_ROOM (16ULL << 20)

static u64 hex(char **p)
{
	return strtoull(*p, p, 16);
}

/* "55d0-55d4 r-xp 00002000 fd:01 1234    /path" */
static bool parse_line(char *p, struct mapping *m)
{
	u64 major;

	memset(m, 0, sizeof(*m));
	m->start = hex(&p);
	if (*p++ != '-')
		return false;
	m->end = hex(&p);
	if (*p != ' ' || strlen(p) < 6)
		return false;
	m->flags = (p[1] == 'r' ? VMA_R : 0) | (p[2] == 'w' ? VMA_W : 0) |
		   (p[3] == 'x' ? VMA_X : 0) | (p[4] == 's' ? VMA_SHARE : 0);
	p += 5;
	m->offset = hex(&p);
	major = hex(&p);
	if (*p++ != ':')
		return false;
	m->dev = major << 32 | hex(&p);
	m->ino = strtoull(p, &p, 10);
	while (*p == ' ')
		p++;
	if (!strncmp(p, "[heap]", 6))
		m->flags |= VMA_HEAP;
	if (!strncmp(p, "[stack]", 7))
		m->flags |= VMA_STACK;
	return true;
}

static int read_list(int fd, struct maps *m)
{
	struct mapping one;
	FILE *f = fdopen(fd, "r");
	char *line = NULL;
	size_t cap = 0;
	int err = 0;

	m->map.n = 0;
	if (!f) {
		close(fd);
		return -ENOMEM;
	}
	while (!err && getline(&line, &cap, f) > 0)
		if (parse_line(line, &one))
			err = vec_push(&m->map, one);
	free(line);
	fclose(f);
	return err;
}

int maps_read(struct task *t, struct maps *m)
{
	int fd = task_open_proc(t, "maps");

	return fd < 0 ? fd : read_list(fd, m);
}

void maps_free(struct maps *m)
{
	vec_free(&m->map);
}

const struct mapping *maps_find(const struct maps *m, u64 addr)
{
	size_t lo = 0, hi = m->map.n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (addr >= m->map.v[mid].end)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < m->map.n && addr >= m->map.v[lo].start ? &m->map.v[lo] : NULL;
}

int maps_identity(const char *path, u64 dev, u64 ino, u64 *map_dev, u64 *map_ino)
{
	const struct mapping *found;
	struct maps own = { 0 };
	void *page = MAP_FAILED;
	struct stat st;
	int err, fd = open(path, O_RDONLY | O_CLOEXEC), list;

	if (fd < 0)
		return -errno;
	err = -ESTALE;
	if (fstat(fd, &st) || st.st_dev != dev || st.st_ino != ino)
		goto out;
	page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	err = -errno;
	if (page == MAP_FAILED)
		goto out;
	list = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	err = list < 0 ? -errno : read_list(list, &own);
	if (err)
		goto out;
	found = maps_find(&own, (u64)page);
	err = found && found->ino ? 0 : -ENOENT;
	if (!err) {
		*map_dev = found->dev;
		*map_ino = found->ino;
	}
out:
	if (page != MAP_FAILED)
		munmap(page, PAGE);
	maps_free(&own);
	close(fd);
	return err;
}

u64 maps_room_near(const struct maps *m, u64 from, u64 to)
{
	u64 low = to > NEAR ? to - NEAR : 0, high = from + NEAR, best = 0, gap = LOWEST;

	low = max(low, LOWEST);
	for (size_t i = 0; i <= m->map.n; i++) {
		const struct mapping *above = i < m->map.n ? &m->map.v[i] : NULL;
		u64 end = above ? above->start : 1ULL << 47, at;

		if (above && above->flags & VMA_STACK)
			end -= min(end, STACK_ROOM);
		if (i && m->map.v[i - 1].flags & VMA_HEAP)
			gap += HEAP_ROOM;
		/* Below the code, the page nearest to it; above, likewise. */
		if (end <= from) {
			at = end - PAGE;
			if (end >= PAGE && at >= max(gap, low))
				best = at;
		} else if (!best) {
			at = max(gap, to);
			if (at + PAGE <= end && at + PAGE <= high && end != 1ULL << 47)
				return at;
		}
		if (above)
			gap = above->end;
	}
	return best;
}
