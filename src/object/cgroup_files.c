/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The files of a cgroup: what they say, and what writing to them does (Linux: cgroup_base_files). */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "object/cgroup_nodes.h"

s64 cgroup_descendants(const struct cgroup_node *n)
{
	s64 count = 0;

	for (const struct cgroup_node *c = n->children; c; c = c->next)
		count += 1 + cgroup_descendants(c);
	return count;
}

static bool is_populated(const struct cgroup_node *n)
{
	if (n->members)
		return true;
	for (const struct cgroup_node *c = n->children; c; c = c->next)
		if (is_populated(c))
			return true;
	return false;
}

/* Without the white space around it. */
static char *strip(char *text)
{
	char *end = text + strlen(text);

	while (end > text && isspace((u8)end[-1]))
		*--end = 0;
	while (isspace((u8)*text))
		text++;
	return text;
}

/* Linux: kstrtoint() with base 0. */
static int to_int(const char *text, int *v)
{
	char *end;
	long long n;

	if (!isdigit((u8)text[*text == '-' || *text == '+']))
		return -EINVAL;
	errno = 0;
	n = strtoll(text, &end, 0);
	if (*end)
		return -EINVAL;
	if (errno || n > INT_MAX || n < INT_MIN)
		return -ERANGE;
	*v = (int)n;
	return 0;
}

/* ---- one file each ---- */

static int show_nothing(struct skep_system *sys, const struct cgroup_node *n, FILE *to)
{
	return 0;
}

static int show_events(struct skep_system *sys, const struct cgroup_node *n, FILE *to)
{
	fprintf(to, "populated %d\nfrozen 0\n", is_populated(n));
	return 0;
}

static void show_limit(s64 v, FILE *to)
{
	if (v < 0)
		fputs("max\n", to);
	else
		fprintf(to, "%lld\n", (long long)v);
}

static int show_depth(struct skep_system *sys, const struct cgroup_node *n, FILE *to)
{
	show_limit(n->max_depth, to);
	return 0;
}

static int show_descendants(struct skep_system *sys, const struct cgroup_node *n, FILE *to)
{
	show_limit(n->max_descendants, to);
	return 0;
}

static int show_members(struct skep_system *sys, const struct cgroup_node *n, FILE *to,
			bool processes)
{
	u32 tid = 0;

	while ((tid = cgroup_next_member(sys->cgroup_tree, n, tid, processes)))
		fprintf(to, "%u\n", tid);
	return 0;
}

static int show_procs(struct skep_system *sys, const struct cgroup_node *n, FILE *to)
{
	return show_members(sys, n, to, true);
}

static int show_threads(struct skep_system *sys, const struct cgroup_node *n, FILE *to)
{
	return show_members(sys, n, to, false);
}

static int show_stat(struct skep_system *sys, const struct cgroup_node *n, FILE *to)
{
	fprintf(to, "nr_descendants %lld\nnr_dying_descendants 0\n",
		(long long)cgroup_descendants(n));
	return 0;
}

static int show_type(struct skep_system *sys, const struct cgroup_node *n, FILE *to)
{
	fputs("domain\n", to);
	return 0;
}

static int store_limit(char *text, s64 *v)
{
	int value, err;

	text = strip(text);
	if (!strcmp(text, "max")) {
		*v = -1;
		return 0;
	}
	err = to_int(text, &value);
	if (err)
		return err;
	if (value < 0)
		return -ERANGE;
	*v = value;
	return 0;
}

static int store_depth(struct skep_system *sys, struct cgroup_node *n, char *text, u32 tgid)
{
	return store_limit(text, &n->max_depth);
}

static int store_descendants(struct skep_system *sys, struct cgroup_node *n, char *text, u32 tgid)
{
	return store_limit(text, &n->max_descendants);
}

static int read_pid(char *text, u32 tgid, u32 *pid)
{
	int v;

	if (to_int(strip(text), &v) || v < 0)
		return -EINVAL;
	*pid = v ? (u32)v : tgid;
	return 0;
}

static int store_procs(struct skep_system *sys, struct cgroup_node *n, char *text, u32 tgid)
{
	struct cgroup_tree *t = sys->cgroup_tree;
	struct cgroup_member *m;
	u32 pid;
	int err = read_pid(text, tgid, &pid);

	if (err)
		return err;
	m = idmap_get(&t->members, pid);
	if (!m)
		return -ESRCH;
	pid = m->tgid;
	for (size_t i = 0; i < t->members.cap; i++) {
		m = t->members.slots[i].value;
		if (t->members.slots[i].key && m->tgid == pid)
			cgroup_member_move(m, n);
	}
	return 0;
}

/* A thread leaves its process's cgroup in threaded ones only. */
static int store_threads(struct skep_system *sys, struct cgroup_node *n, char *text, u32 tgid)
{
	struct cgroup_member *m;
	u32 tid;
	int err = read_pid(text, tgid, &tid);

	if (err)
		return err;
	m = idmap_get(&sys->cgroup_tree->members, tid);
	if (!m)
		return -ESRCH;
	return m->node == n ? 0 : -EOPNOTSUPP;
}

static int store_type(struct skep_system *sys, struct cgroup_node *n, char *text, u32 tgid)
{
	return strcmp(strip(text), "threaded") ? -EINVAL : -EOPNOTSUPP;
}

/* No controller is there to be enabled. */
static int store_control(struct skep_system *sys, struct cgroup_node *n, char *text, u32 tgid)
{
	static const char *const known[] = { "cpuset",	"cpu",	"io",	"memory", "perf_event",
					     "hugetlb", "pids", "rdma", "misc" };
	char *rest = NULL;
	bool enable = false;

	for (char *word = strtok_r(strip(text), " ", &rest); word;
	     word = strtok_r(NULL, " ", &rest)) {
		bool is_known = false;

		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			is_known |= !strcmp(word + 1, known[i]);
		if ((*word != '+' && *word != '-') || !is_known)
			return -EINVAL;
		enable |= *word == '+';
	}
	return enable ? -ENOENT : 0;
}

static void kill_members(const struct cgroup_tree *t, const struct cgroup_node *n)
{
	u32 tid = 0;

	while ((tid = cgroup_next_member(t, n, tid, true)))
		kill((pid_t)tid, SIGKILL);
	for (const struct cgroup_node *c = n->children; c; c = c->next)
		kill_members(t, c);
}

static int store_kill(struct skep_system *sys, struct cgroup_node *n, char *text, u32 tgid)
{
	int v, err = to_int(strip(text), &v);

	if (err)
		return err;
	if (v != 1)
		return -ERANGE;
	kill_members(sys->cgroup_tree, n);
	return 0;
}

/* ---- all of them ---- */

static const struct {
	const char *name;
	u32 mode;
	bool root; /* the root has it, too */
	int (*show)(struct skep_system *sys, const struct cgroup_node *n, FILE *to);
	int (*store)(struct skep_system *sys, struct cgroup_node *n, char *text, u32 tgid);
	kver since;
} files[] = {
	{ "cgroup.controllers", 0444, true, show_nothing, NULL, KVER(4, 5) },
	{ "cgroup.events", 0444, false, show_events, NULL, KVER(4, 5) },
	{ "cgroup.kill", 0200, false, NULL, store_kill, KVER(5, 14) },
	{ "cgroup.max.depth", 0644, true, show_depth, store_depth, KVER(4, 5) },
	{ "cgroup.max.descendants", 0644, true, show_descendants, store_descendants, KVER(4, 5) },
	{ "cgroup.procs", 0644, true, show_procs, store_procs, KVER(4, 5) },
	{ "cgroup.stat", 0444, true, show_stat, NULL, KVER(4, 5) },
	{ "cgroup.subtree_control", 0644, true, show_nothing, store_control, KVER(4, 5) },
	{ "cgroup.threads", 0644, true, show_threads, store_threads, KVER(4, 5) },
	{ "cgroup.type", 0644, false, show_type, store_type, KVER(4, 5) },
};

const char *cgroup_file_name(int file, u32 *mode)
{
	if ((size_t)file >= ARRAY_SIZE(files))
		return NULL;
	*mode = files[file].mode;
	return files[file].name;
}

int cgroup_file_named(const struct skep_system *sys, const struct cgroup_node *n, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (!strcmp(files[i].name, name))
			return (n->parent || files[i].root) &&
					       visible(sys->profile, files[i].since) ?
				       (int)i :
				       -1;
	return -1;
}

int cgroup_file_show(struct skep_system *sys, const struct cgroup_node *n, int file, FILE *to)
{
	return files[file].show ? files[file].show(sys, n, to) : -EINVAL;
}

int cgroup_file_store(struct skep_system *sys, struct cgroup_node *n, int file, char *text,
		      u32 tgid)
{
	return files[file].store ? files[file].store(sys, n, text, tgid) : -EINVAL;
}
