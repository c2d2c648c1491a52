/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Namespaces and control groups of tasks (Linux: kernel/nsproxy.c, kernel/cgroup/). A namespace
 * is known by its inode number, a cgroup by that of its directory in its hierarchy, which is its id;
 * hierarchies of version 1 are the machine's.
 */
#include "world/internal.h"

#include <limits.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "object/cgroup_tree.h"
#include "world/fill.h"

/* ---- namespaces ---- */

static const struct {
	const char *kind;
	enum world_type_id type;
} ns_kinds[] = {
	{ "uts", WT_uts_namespace },
	{ "ipc", WT_ipc_namespace },
	{ "mnt", WT_mnt_namespace },
	{ "pid", WT_pid_namespace },
	{ "net", WT_net },
	{ "time", WT_time_namespace },
	{ "cgroup", WT_cgroup_namespace },
	{ "user", WT_user_namespace },
	{ "pid_for_children", WT_pid_namespace },
};

u64 world_ns(struct world *w, struct wtask *p, const char *kind)
{
	char name[64], text[64];
	const char *at;

	snprintf(name, sizeof(name), "ns/%s", kind);
	if (proc_link(w, p, name, text, sizeof(text)) < 0)
		return 0;
	at = strchr(text, '['); /* "net:[4026531840]" */
	for (u32 i = 0; at && i < ARRAY_SIZE(ns_kinds); i++) {
		struct wobj *o;

		if (strcmp(ns_kinds[i].kind, kind))
			continue;
		o = world_obj(w, ns_kinds[i].type, strtoull(at + 1, NULL, 10), 0, NULL);
		return o ? o->addr : 0;
	}
	return 0;
}

int fill_task_nsproxy(struct world *w, struct wobj *o)
{
	static const struct {
		const char *kind;
		enum world_field_id field;
	} row[] = {
		{ "uts", WF_nsproxy_uts_ns },
		{ "ipc", WF_nsproxy_ipc_ns },
		{ "mnt", WF_nsproxy_mnt_ns },
		{ "pid_for_children", WF_nsproxy_pid_ns_for_children },
		{ "net", WF_nsproxy_net_ns },
		{ "time", WF_nsproxy_time_ns },
		{ "cgroup", WF_nsproxy_cgroup_ns },
	};
	u64 at[ARRAY_SIZE(row)], key = 0;
	struct wobj *n;
	bool made;

	for (u32 i = 0; i < ARRAY_SIZE(row); i++) {
		at[i] = world_ns(w, wtask(o), row[i].kind);
		if (!at[i] && !strcmp(row[i].kind, "pid_for_children"))
			at[i] = world_ns(w, wtask(o), "pid");
		key = (key ^ at[i]) * 0x9e3779b97f4a7c15ULL + i;
	}
	if (!at[0] && !at[2]) /* on its way out it has none, and others' we may not see */
		return -ESRCH;
	n = world_obj(w, WT_nsproxy, key | 1, 0, &made);
	if (!n)
		return -ENOMEM;
	for (u32 i = 0; i < ARRAY_SIZE(row); i++)
		if (at[i])
			put(w, n, row[i].field, at[i]);
	put(w, o, WF_task_struct_nsproxy, n->addr);
	return 0;
}

int fill_nsproxy(struct world *w, struct wobj *o)
{
	return 0; /* filled where it was made */
}

int fill_cred_ns(struct world *w, struct wobj *o)
{
	struct wtask *p = world_owner(w, o);
	u64 ns = p ? world_ns(w, p, "user") : 0;

	if (!ns)
		return -ESRCH;
	put(w, o, WF_cred_user_ns, ns);
	return 0;
}

#define NS(type)                                                                                   \
	int fill_##type(struct world *w, struct wobj *o)                                           \
	{                                                                                          \
		put(w, o, WF_##type##_inum, o->key[0]);                                            \
		return 0;                                                                          \
	}
NS(uts_namespace)
NS(ipc_namespace)
NS(mnt_namespace)
NS(net)
NS(time_namespace)
NS(cgroup_namespace)
NS(user_namespace)

int fill_pid_namespace(struct world *w, struct wobj *o)
{
	put(w, o, WF_pid_namespace_inum, o->key[0]);
	if (world_own_ns("pid") == o->key[0]) /* numbers are ours: counted from us */
		put(w, o, WF_pid_namespace_level, 0);
	return 0;
}

u64 world_own_ns(const char *kind)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", kind);
	return stat(path, &st) ? 0 : st.st_ino;
}

/* Ours only: another's names cannot be read from outside. */
int fill_uts_name(struct world *w, struct wobj *o)
{
	struct utsname name;

	if (world_own_ns("uts") != o->key[0] || uname(&name))
		return -ENODATA;
#define NAME(field, from) put_bytes(w, o, WF_uts_namespace_##field, from, (u32)strlen(from));
	NAME(sysname, name.sysname)
	NAME(nodename, name.nodename)
	NAME(release, name.release)
	NAME(version, name.version)
	NAME(machine, name.machine)
	NAME(domainname, name.domainname)
#undef NAME
	return 0;
}

/* ---- control groups ---- */

const char *world_cgroup_mount(struct world *w)
{
	char line[4096], at[1024];
	FILE *f;

	if (w->cgroup_mount)
		return w->cgroup_mount;
	f = fopen("/proc/self/mountinfo", "re");
	while (f && !w->cgroup_mount && fgets(line, sizeof(line), f))
		if (strstr(line, " - cgroup2 ") && sscanf(line, "%*s %*s %*s %*s %1023s", at) == 1)
			w->cgroup_mount = mem_strdup(at);
	if (f)
		fclose(f);
	if (!w->cgroup_mount)
		w->cgroup_mount = mem_strdup("");
	return w->cgroup_mount ? w->cgroup_mount : "";
}

/* The task's directory in the unified hierarchy, as our namespace shows it: "/", "/user.slice". */
static int cgroup_path(struct world *w, struct wtask *p, char *path, u32 size)
{
	char text[8192], *line, *end;
	long n;

	if (cgroup_tree_path_of(w->sys, (u32)p->tid, path, size))
		return 0;
	n = proc_read(w, p, "cgroup", text, sizeof(text));
	if (n < 0)
		return (int)n;
	line = !strncmp(text, "0::", 3) ? text : strstr(text, "\n0::");
	if (!line)
		return -ENODATA;
	line = strstr(line, "0::") + 3;
	end = strchr(line, '\n');
	if (end)
		*end = 0;
	end = strstr(line, " (deleted)");
	if (end)
		*end = 0;
	if (strlen(line) >= size)
		return -ENAMETOOLONG;
	strcpy(path, line);
	return 0;
}

u64 world_cgroup_path_id(struct world *w, const char *path)
{
	const char *mount = world_cgroup_mount(w);
	char full[2048];
	struct stat st;

	if (w->sys->cgroup_tree)
		return cgroup_tree_id(w->sys, path);
	if (*mount && snprintf(full, sizeof(full), "%s%s", mount, path) < (int)sizeof(full) &&
	    !stat(full, &st))
		return st.st_ino;
	return !strcmp(path, "/") ? 1 : 0; /* the root has this one, mounted or not */
}

static u32 depth_of(const char *path)
{
	u32 n = 0;

	for (; *path; path++)
		n += *path == '/' && path[1];
	return n;
}

u64 world_cgroup_id(struct world *w, struct wtask *p, int level)
{
	char path[1024], *s = path;

	if (cgroup_path(w, p, path, sizeof(path)))
		return 0;
	if (level > (int)depth_of(path))
		return 0;
	if (level >= 0) { /* cut behind so many components */
		for (s++; level; level--)
			s += strcspn(s, "/") + (level > 1);
		*s = 0;
	}
	return world_cgroup_path_id(w, path);
}

static struct wobj *cgroup_obj(struct world *w, const char *path)
{
	u64 id = world_cgroup_path_id(w, path);
	struct wobj *o = id ? world_obj(w, WT_cgroup, id, 0, NULL) : NULL;

	if (o && !o->priv)
		o->priv = mem_strdup(path);
	return o && o->priv ? o : NULL;
}

/* Whether option @name is among @options, which ',' separates. */
static bool has_option(const char *options, const char *name, size_t len)
{
	for (; *options; options += *options == ',') {
		size_t n = strcspn(options, ",\n");

		if (n == len && !memcmp(options, name, n))
			return true;
		options += n;
		if (*options == '\n')
			break;
	}
	return false;
}

/*
 * Where hierarchy @id of version 1 is mounted for us: by the first of its controllers, or its name, which
 * only one hierarchy has. 0 or -ENOENT.
 */
static int cgroup1_mount(u64 id, char *at, u32 size)
{
	char line[4096], name[256] = "", place[1024];
	const char *options;
	unsigned long long nr;
	int err = -ENOENT;
	FILE *f;

	f = fopen("/proc/self/cgroup", "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%llu:%255[^,:]", &nr, place) == 2 && nr == id)
			snprintf(name, sizeof(name), "%.255s", place);
	if (f)
		fclose(f);
	if (!*name)
		return err;
	f = fopen("/proc/self/mountinfo", "re");
	while (f && err && fgets(line, sizeof(line), f)) {
		options = strstr(line, " - cgroup ");
		if (!options || sscanf(line, "%*s %*s %*s %*s %1023s", place) != 1)
			continue;
		options = strrchr(options, ' ') + 1;
		if (has_option(options, name, strlen(name)) && strlen(place) < size) {
			strcpy(at, place);
			err = 0;
		}
	}
	if (f)
		fclose(f);
	return err;
}

/* The folder of cgroup @path in a hierarchy: 0 is the unified one, of the machine. */
static int folder_of(struct world *w, u64 hierarchy, const char *path, char *full, u32 size)
{
	char mount[1024];
	int err = 0;

	if (!hierarchy)
		snprintf(mount, sizeof(mount), "%s", world_cgroup_mount(w));
	else
		err = cgroup1_mount(hierarchy, mount, sizeof(mount));
	if (err || !*mount)
		return -ENOENT;
	return snprintf(full, size, "%s%s", mount, path) < (int)size ? 0 : -ENAMETOOLONG;
}

/* A cgroup of version 1: .key[1] is its hierarchy. NULL: it is not in sight. */
static struct wobj *cgroup1_obj(struct world *w, u64 hierarchy, const char *path)
{
	char full[2048];
	struct wobj *o;
	struct stat st;

	if (!path[1]) /* the root has this one, mounted or not */
		st.st_ino = 1;
	else if (folder_of(w, hierarchy, path, full, sizeof(full)) || stat(full, &st))
		return NULL;
	o = world_obj(w, WT_cgroup, st.st_ino, hierarchy, NULL);
	if (o && !o->priv)
		o->priv = mem_strdup(path);
	return o && o->priv ? o : NULL;
}

static struct wobj *obj_in(struct world *w, u64 hierarchy, const char *path)
{
	return hierarchy ? cgroup1_obj(w, hierarchy, path) : cgroup_obj(w, path);
}

static struct wobj *parent_of(struct world *w, u64 hierarchy, const char *path)
{
	char up[1024], *slash;

	if (!path[1] || strlen(path) >= sizeof(up))
		return NULL;
	strcpy(up, path);
	slash = strrchr(up, '/');
	slash[slash == up] = 0;
	return obj_in(w, hierarchy, up);
}

/* ---- control groups for kernel functions ---- */

static struct wobj *cgroup_at(struct world *w, u64 cgroup)
{
	struct wobj *o = world_at(w, cgroup);

	return o && o->addr == cgroup && o->type->id == WT_cgroup && o->priv ? o : NULL;
}

int world_cgroup_level(struct world *w, u64 cgroup)
{
	struct wobj *o = cgroup_at(w, cgroup);

	return o ? (int)depth_of(o->priv) : -1;
}

u64 world_cgroup_ancestor(struct world *w, u64 cgroup, int level)
{
	struct wobj *o = cgroup_at(w, cgroup);
	int depth = o ? (int)depth_of(o->priv) : -1;

	if (level < 0 || level > depth)
		return 0;
	for (; o && depth > level; depth--)
		o = parent_of(w, o->key[1], o->priv);
	return o ? o->addr : 0;
}

u64 world_task_cgroup1(struct world *w, struct wtask *p, u32 hierarchy)
{
	char text[8192], *line = text, *path;
	struct wobj *o;

	if (!hierarchy || proc_read(w, p, "cgroup", text, sizeof(text)) < 0)
		return 0;
	for (; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strtoul(line, NULL, 10) != hierarchy)
			continue;
		path = strchr(line, '/');
		if (!path)
			return 0;
		path[strcspn(path, "\n")] = 0;
		o = cgroup1_obj(w, hierarchy, path);
		return o ? o->addr : 0;
	}
	return 0;
}

u64 world_task_cgroup(struct world *w, struct wtask *p)
{
	char path[1024];
	struct wobj *o = cgroup_path(w, p, path, sizeof(path)) ? NULL : cgroup_obj(w, path);

	return o ? o->addr : 0;
}

/* By a handle, which takes CAP_DAC_READ_SEARCH; else only those that have been seen. */
u64 world_cgroup_of(struct world *w, u64 id)
{
	struct {
		struct file_handle h;
		u64 id;
	} handle = { { sizeof(u64), 0xfe /* FILEID_KERNFS */ }, id };
	const char *mount = world_cgroup_mount(w);
	struct wobj *o = world_find(w, WT_cgroup, id, 0);
	char link[64], path[2048];
	size_t len = strlen(mount);
	int at, fd;
	ssize_t n;

	if (w->sys->cgroup_tree) {
		if (!o && cgroup_tree_path(w->sys, id, path, sizeof(path)))
			o = cgroup_obj(w, path);
		return o && o->priv ? o->addr : 0;
	}
	if (id == 1)
		o = cgroup_obj(w, "/");
	if (o || !*mount)
		return o && o->priv ? o->addr : 0;
	at = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = at < 0 ? -1 : open_by_handle_at(at, &handle.h, O_PATH | O_CLOEXEC);
	if (fd >= 0) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, path, sizeof(path) - 1);
		path[max_t(ssize_t, n, 0)] = 0;
		if (n > 0 && !strncmp(path, mount, len))
			o = cgroup_obj(w, path[len] ? path + len : "/");
		close(fd);
	}
	if (at >= 0)
		close(at);
	return o && o->key[0] == id ? o->addr : 0;
}

u64 world_cgroup(struct skep_system *sys, u64 id, const char *path)
{
	WORLD_HOLD(sys);
	struct world *w = world_of(sys);
	struct wobj *o;

	if (!w || !path)
		return w ? world_cgroup_of(w, id) : 0;
	o = world_obj(w, WT_cgroup, id, 0, NULL);
	if (o && !o->priv)
		o->priv = mem_strdup(path);
	return o && o->priv ? o->addr : 0;
}

const char *world_cgroup_path(struct skep_system *sys, u64 cgroup)
{
	WORLD_HOLD(sys);
	struct world *w = world_of(sys);
	struct wobj *o = w ? cgroup_at(w, cgroup) : NULL;

	return o ? o->priv : NULL;
}

int world_cgroup_folder(struct world *w, u64 cgroup, char *path, u32 size)
{
	struct wobj *o = cgroup_at(w, cgroup);
	char shown[1100];

	if (!o)
		return -ENOENT;
	if (w->sys->cgroup_tree && !o->key[1]) {
		snprintf(shown, sizeof(shown), CGROUP_MOUNT "%s", (char *)o->priv);
		return cgroup_tree_real(w->sys, shown, path, size);
	}
	return folder_of(w, o->key[1], o->priv, path, size);
}

/* The child with the smallest id above @id; NULL. */
static struct wobj *child_after(struct world *w, struct wobj *o, u64 id)
{
	const char *path = o->priv;
	char full[2048], child[1024] = "";
	u64 least = (u64)-1;
	struct dirent *e;
	DIR *d;

	if (w->sys->cgroup_tree && !o->key[1]) {
		char name[256];

		if (!cgroup_tree_child(w->sys, o->key[0], id, name, sizeof(name)) ||
		    snprintf(child, sizeof(child), "%s/%s", path[1] ? path : "", name) >=
			    (int)sizeof(child))
			return NULL;
		return cgroup_obj(w, child);
	}
	if (folder_of(w, o->key[1], path, full, sizeof(full)))
		return NULL;
	d = opendir(full);
	while (d && (e = readdir(d))) {
		if (e->d_type != DT_DIR || *e->d_name == '.' || e->d_ino <= id || e->d_ino > least)
			continue;
		if (snprintf(child, sizeof(child), "%s/%s", path[1] ? path : "", e->d_name) <
		    (int)sizeof(child))
			least = e->d_ino;
	}
	if (d)
		closedir(d);
	return least != (u64)-1 ? obj_in(w, o->key[1], child) : NULL;
}

static struct wobj *deepest(struct world *w, struct wobj *o)
{
	struct wobj *child;

	while ((child = child_after(w, o, 0)))
		o = child;
	return o;
}

u64 world_next_cgroup(struct world *w, u64 root, u64 pos, bool children_first)
{
	struct wobj *top = cgroup_at(w, root), *o = pos ? cgroup_at(w, pos) : NULL, *next;

	if (!top || (pos && !o))
		return 0;
	if (!pos)
		return children_first ? deepest(w, top)->addr : root;
	next = children_first ? NULL : child_after(w, o, 0);
	if (next)
		return next->addr;
	while (o != top) {
		struct wobj *parent = parent_of(w, o->key[1], o->priv);

		if (!parent)
			return 0;
		next = child_after(w, parent, o->key[0]);
		if (next)
			return children_first ? deepest(w, next)->addr : next->addr;
		if (children_first)
			return parent->addr;
		o = parent;
	}
	return 0;
}

u64 world_cgroup_task(struct world *w, u64 cgroup, struct wobj *task, bool leaders)
{
	struct wobj *o = cgroup_at(w, cgroup), *next;
	int tid, after = task ? wtask(task)->tid : 0, least = INT_MAX;
	char path[2048];
	FILE *f;

	if (o && w->sys->cgroup_tree && !o->key[1]) {
		tid = (int)cgroup_tree_member(w->sys, o->key[0], (u32)after, leaders);
		next = tid ? world_tid_obj(w, tid) : NULL;
		return next ? next->addr : 0;
	}
	if (!o || folder_of(w, o->key[1], o->priv, path, sizeof(path) - 32))
		return 0;
	strcat(path, leaders ? "/cgroup.procs" : o->key[1] ? "/tasks" : "/cgroup.threads");
	f = fopen(path, "re");
	while (f && fscanf(f, "%d", &tid) == 1)
		if (tid > after && tid < least)
			least = tid;
	if (f)
		fclose(f);
	next = least < INT_MAX ? world_tid_obj(w, least) : NULL;
	return next ? next->addr : 0;
}

int fill_task_cgroups(struct world *w, struct wobj *o)
{
	char path[1024];
	struct wobj *cgroup, *set;
	int err = cgroup_path(w, wtask(o), path, sizeof(path));

	if (err)
		return err;
	cgroup = cgroup_obj(w, path);
	set = cgroup ? world_obj(w, WT_css_set, cgroup->key[0], 0, NULL) : NULL;
	if (!set)
		return -ENODATA;
	put(w, set, WF_css_set_dfl_cgrp, cgroup->addr);
	put(w, o, WF_task_struct_cgroups, set->addr);
	return 0;
}

int fill_css_set(struct world *w, struct wobj *o)
{
	return 0; /* filled where it was made */
}

int fill_cgroup(struct world *w, struct wobj *o)
{
	struct wobj *up, *kn = world_obj(w, WT_kernfs_node, o->key[0], o->key[1], NULL);
	const char *path = o->priv;

	if (!path || !kn)
		return -ENODATA;
	if (!kn->priv)
		kn->priv = mem_strdup(path);
	up = parent_of(w, o->key[1], path);
	put(w, o, WF_cgroup_kn, kn->addr);
	put(w, o, WF_cgroup_level, depth_of(path));
	put(w, o, WF_cgroup_self_id,
	    o->key[0]); /* a number that nobody sees elsewhere, and no other has */
	put(w, o, WF_cgroup_self_cgroup, o->addr);
	put(w, o, WF_cgroup_self_parent, up ? world_field(w->sys, up->addr, "self") : 0);
	return 0;
}

int fill_kernfs_node(struct world *w, struct wobj *o)
{
	const char *path = o->priv, *name;
	struct wobj *up, *kn = NULL;

	if (!path)
		return -ENODATA;
	name = strrchr(path, '/');
	name = name ? name + 1 : path;
	up = parent_of(w, o->key[1], path);
	if (up)
		kn = world_obj(w, WT_kernfs_node, up->key[0], up->key[1], NULL);
	if (kn && !kn->priv)
		kn->priv = mem_strdup(up->priv);
	put(w, o, WF_kernfs_node_id, o->key[0]);
	put(w, o, WF_kernfs_node_name, world_bytes(w, o->addr, 0, name, (u32)strlen(name) + 1));
	put(w, o, WF_kernfs_node_parent, kn ? kn->addr : 0);
	up = world_find(w, WT_cgroup, o->key[0], o->key[1]);
	put(w, o, WF_kernfs_node_priv, up ? up->addr : 0);
	return 0;
}
