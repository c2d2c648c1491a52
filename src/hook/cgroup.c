/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs of cgroups: who is attached where, in which order, and what that means for the
 * cgroups below (Linux: kernel/bpf/cgroup.c).
 *
 * Each cgroup has a list for each attach type, and the array of what is effective in it, which is
 * replaced as a whole when it or an ancestor changes. LSM hooks share ten lists, each taken by
 * the first program for another hook.
 */
#include "hook/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "btf/btf.h"
#include "hook/internal.h"
#include "object/cgroup_tree.h"

static const u8 attach_types[] = {
	BPF_CGROUP_INET_INGRESS,
	BPF_CGROUP_INET_EGRESS,
	BPF_CGROUP_INET_SOCK_CREATE,
	BPF_CGROUP_SOCK_OPS,
	BPF_CGROUP_DEVICE,
	BPF_CGROUP_INET4_BIND,
	BPF_CGROUP_INET6_BIND,
	BPF_CGROUP_INET4_CONNECT,
	BPF_CGROUP_INET6_CONNECT,
	BPF_CGROUP_INET4_POST_BIND,
	BPF_CGROUP_INET6_POST_BIND,
	BPF_CGROUP_UDP4_SENDMSG,
	BPF_CGROUP_UDP6_SENDMSG,
	BPF_CGROUP_SYSCTL,
	BPF_CGROUP_UDP4_RECVMSG,
	BPF_CGROUP_UDP6_RECVMSG,
	BPF_CGROUP_GETSOCKOPT,
	BPF_CGROUP_SETSOCKOPT,
	BPF_CGROUP_INET4_GETPEERNAME,
	BPF_CGROUP_INET6_GETPEERNAME,
	BPF_CGROUP_INET4_GETSOCKNAME,
	BPF_CGROUP_INET6_GETSOCKNAME,
	BPF_CGROUP_INET_SOCK_RELEASE,
	BPF_CGROUP_UNIX_CONNECT,
	BPF_CGROUP_UNIX_SENDMSG,
	BPF_CGROUP_UNIX_RECVMSG,
	BPF_CGROUP_UNIX_GETPEERNAME,
	BPF_CGROUP_UNIX_GETSOCKNAME,
};

enum { LSM_LISTS = 10, LSM_FIRST = ARRAY_SIZE(attach_types), LISTS = LSM_FIRST + LSM_LISTS };

struct entry {
	struct entry *next;
	struct prog_object *prog; /* referenced when .link is NULL, else the link's */
	struct link_object *link;
	u32 flags;
};

struct list {
	struct entry *first;
	u32 flags; /* BPF_F_ALLOW_OVERRIDE, BPF_F_ALLOW_MULTI */
	u64 revision;
	struct hook_progs *effective; /* NULL: none; read with load_acquire() in a slot */
	struct hook_progs *coming;    /* computed, not yet in its place */
};

struct cgroup_hooks {
	struct cgroup_hooks *next, *parent;
	struct skep_system *sys;
	u64 id;
	int fd; /* of its folder; -1: none */
	bool dead;
	struct list lists[LISTS];
};

struct cgroup_table {
	struct cgroup_hooks *first;
	u32 lsm_btf_id[LSM_LISTS]; /* 0: nobody's */
	u32 lsm_users[LSM_LISTS];
	u32 lsm_row[LSM_LISTS]; /* LSM_* + 1; 0: skep does not ask that hook */
};

struct cgroup_link {
	struct link_object l;
	struct cgroup_hooks *cg; /* NULL: detached, or the cgroup is gone */
};

static int simple_list(u32 attach_type)
{
	for (size_t i = 0; i < ARRAY_SIZE(attach_types); i++)
		if (attach_types[i] == attach_type)
			return (int)i;
	return -EINVAL;
}

bool is_cgroup_attach_type(u32 attach_type)
{
	return attach_type == BPF_LSM_CGROUP || simple_list(attach_type) >= 0;
}

/* The list of an attach type; of an LSM hook: its own, else (@take) a free one. */
static int list_index(const struct cgroup_table *t, u32 attach_type, u32 btf_id, bool take)
{
	if (attach_type != BPF_LSM_CGROUP)
		return simple_list(attach_type);
	for (int i = 0; i < LSM_LISTS; i++)
		if (t->lsm_btf_id[i] == btf_id)
			return LSM_FIRST + i;
	for (int i = 0; i < LSM_LISTS && take; i++)
		if (!t->lsm_btf_id[i])
			return LSM_FIRST + i;
	return -E2BIG;
}

/* ---- which cgroups there are ---- */

static struct cgroup_hooks *find(const struct cgroup_table *t, u64 id)
{
	struct cgroup_hooks *cg;

	for (cg = t ? load_acquire(&t->first) : NULL; cg && (cg->id != id || cg->dead);
	     cg = load_acquire(&cg->next))
		;
	return cg;
}

static int compute(struct cgroup_hooks *cg, u32 list);

/* The record of cgroup @fd, and of those above it; takes @fd over. */
static struct cgroup_hooks *record(struct skep_system *sys, int fd, u32 depth, int *err)
{
	struct cgroup_hooks *cg, *parent = NULL;
	struct stat st, above;
	u64 id;
	int up;

	*err = -EBADF;
	if (cgroup_of_folder(sys, fd, &id) || fstat(fd, &st) ||
	    faccessat(fd, "cgroup.controllers", F_OK, 0)) {
		close(fd);
		return NULL;
	}
	cg = find(sys->cgroups, st.st_ino);
	if (cg) {
		close(fd);
		return cg;
	}
	up = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (up >= 0 && !fstat(up, &above) && above.st_dev == st.st_dev &&
	    above.st_ino != st.st_ino && depth < 256) {
		parent = record(sys, up, depth + 1, err);
		if (!parent && *err == -ENOMEM) {
			close(fd);
			return NULL;
		}
	} else if (up >= 0) {
		close(up);
	}
	*err = -ENOMEM;
	cg = mem_zalloc(sizeof(*cg));
	if (!cg) {
		close(fd);
		return NULL;
	}
	cg->sys = sys;
	cg->parent = parent;
	cg->id = st.st_ino;
	cg->fd = fd_move_up(fd);
	for (u32 i = 0; i < LISTS; i++) {
		cg->lists[i].revision = 1;
		if (compute(cg, i)) {
			for (u32 k = 0; k < i; k++)
				mem_free(cg->lists[k].coming);
			close(cg->fd);
			mem_free(cg);
			return NULL;
		}
	}
	for (u32 i = 0; i < LISTS; i++) {
		cg->lists[i].effective = cg->lists[i].coming;
		cg->lists[i].coming = NULL;
	}
	cg->next = sys->cgroups->first;
	store_release(&sys->cgroups->first, cg);
	*err = 0;
	return cg;
}

struct cgroup_hooks *cgroup_hooks_get(struct skep_system *sys, int fd, int *err)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	*err = -EBADF;
	if (own < 0)
		return NULL;
	if (!sys->cgroups)
		sys->cgroups = mem_zalloc(sizeof(*sys->cgroups));
	if (!sys->cgroups) {
		close(own);
		*err = -ENOMEM;
		return NULL;
	}
	return record(sys, own, 0, err);
}

/* ---- what is effective ---- */

static u32 length(const struct list *l, u32 *preorder)
{
	u32 n = 0;

	for (const struct entry *e = l->first; e; e = e->next, n++)
		if (preorder && e->flags & BPF_F_PREORDER)
			++*preorder;
	return n;
}

/*
 * Puts what is effective in @cg into list->coming: its own programs, then those of each ancestor
 * that allows several. Programs with BPF_F_PREORDER come before all others, ancestors' first.
 */
static int compute(struct cgroup_hooks *cg, u32 list)
{
	u32 n = 0, preorder = 0, at;
	struct hook_progs *progs;
	struct cgroup_hooks *p;
	int before;

	for (p = cg; p; p = p->parent)
		if (!n || p->lists[list].flags & BPF_F_ALLOW_MULTI)
			n += length(&p->lists[list], &preorder);
	cg->lists[list].coming = NULL;
	if (!n)
		return 0;
	progs = mem_zalloc(sizeof(*progs) + n * sizeof(progs->v[0]));
	if (!progs)
		return -ENOMEM;
	progs->n = n;
	at = preorder;
	before = (int)preorder;
	n = 0;
	for (p = cg; p; p = p->parent) {
		u32 own = 0;

		if (n && !(p->lists[list].flags & BPF_F_ALLOW_MULTI))
			continue;
		length(&p->lists[list], &own);
		before -= (int)own;
		own = 0;
		for (const struct entry *e = p->lists[list].first; e; e = e->next, n++) {
			struct hook_prog *to = e->flags & BPF_F_PREORDER ?
						       &progs->v[(u32)before + own++] :
						       &progs->v[at++];

			to->owner = e->prog;
			to->prog = e->prog->prog;
			to->link = e->link;
			to->key = e;
			to->cookie = p->id; /* where it is attached */
		}
	}
	cg->lists[list].coming = progs;
	return 0;
}

static void progs_free(struct arena_retired *r)
{
	mem_free(container_of(r, struct hook_progs, retired));
}

static bool is_below(const struct cgroup_hooks *cg, const struct cgroup_hooks *above)
{
	for (; cg && cg != above; cg = cg->parent)
		;
	return cg;
}

/* Brings the arrays of @top and all below it up to date. 0, or -ENOMEM and nothing is changed. */
static int update(struct cgroup_hooks *top, u32 list)
{
	struct skep_system *sys = top->sys;
	struct cgroup_hooks *cg;
	int err = 0;

	for (cg = sys->cgroups->first; cg && !err; cg = cg->next)
		if (is_below(cg, top))
			err = compute(cg, list);
	for (cg = sys->cgroups->first; cg; cg = cg->next) {
		struct list *l = &cg->lists[list];
		struct hook_progs *old = l->effective;

		if (!is_below(cg, top))
			continue;
		if (err) {
			mem_free(l->coming);
		} else {
			store_release(&l->effective, l->coming);
			if (old) {
				old->retired.free = progs_free;
				arena_retire(sys->arena, &sys->retired, &old->retired);
			}
		}
		l->coming = NULL;
	}
	if (!err)
		hooks_changed(sys);
	return err;
}

/* In the place of update() where that has no memory: takes @e out of the arrays as they are. */
static void purge(struct cgroup_hooks *top, u32 list, const struct entry *e)
{
	for (struct cgroup_hooks *cg = top->sys->cgroups->first; cg; cg = cg->next) {
		struct hook_progs *progs = cg->lists[list].effective;

		for (u32 i = 0; progs && is_below(cg, top) && i < progs->n; i++) {
			if (progs->v[i].key != e)
				continue;
			memmove(&progs->v[i], &progs->v[i + 1],
				(progs->n - i - 1) * sizeof(progs->v[0]));
			WRITE_ONCE(progs->n, progs->n - 1);
		}
	}
	hooks_changed(top->sys);
}

const struct hook_progs *cgroup_effective(const struct skep_system *sys, const u64 *ids, u32 n,
					  u32 attach_type, u32 btf_id)
{
	const struct cgroup_table *t = sys->cgroups;
	const struct cgroup_hooks *cg = NULL;
	int list;

	if (likely(!t))
		return NULL;
	list = list_index(t, attach_type, btf_id, false);
	/* A cgroup without a record has what the one above it has. */
	for (u32 i = 0; i < n && !cg && list >= 0; i++)
		cg = find(t, ids[i]);
	return cg ? load_acquire(&cg->lists[list].effective) : NULL;
}

static bool list_in_use(const struct cgroup_table *t, int list)
{
	for (const struct cgroup_hooks *cg = t ? load_acquire(&t->first) : NULL; cg && list >= 0;
	     cg = load_acquire(&cg->next))
		if (!cg->dead && load_acquire(&cg->lists[list].effective))
			return true;
	return false;
}

bool cgroup_in_use(const struct skep_system *sys, u32 attach_type)
{
	return list_in_use(sys->cgroups, simple_list(attach_type));
}

/* The list of security hook @row, or -ENOENT. */
static int lsm_list(const struct cgroup_table *t, u32 row)
{
	for (int i = 0; t && i < LSM_LISTS; i++)
		if (READ_ONCE(t->lsm_row[i]) == row + 1)
			return i;
	return -ENOENT;
}

bool cgroup_lsm_in_use(const struct skep_system *sys, u32 row)
{
	int i = lsm_list(sys->cgroups, row);

	return i >= 0 && list_in_use(sys->cgroups, LSM_FIRST + i);
}

static s32 run_effective(struct skep_system *sys, const u64 *ids, u32 n, u32 attach_type,
			 u32 btf_id, void *ctx, struct bpf_run *run, s32 retval,
			 struct cgroup_result *result)
{
	const struct hook_progs *progs;

	*result = (struct cgroup_result){ .ctx_retval = result->ctx_retval };
	slot_claim(sys->arena, sys->platform, run);
	progs = cgroup_effective(sys, ids, n, attach_type, btf_id);
	run->retval = retval;
	run->cgroup_attach_type = attach_type;
	for (u32 i = 0; progs && i < READ_ONCE(progs->n); i++) {
		const struct hook_prog *e = &progs->v[i];
		s32 before = run->retval;
		u32 ret;

		run->cgroup = e->cookie;
		if (result->ctx_retval)
			*result->ctx_retval = before;
		ret = (u32)bpf_prog_run(e->prog, ctx, run);
		if (result->ctx_retval && *result->ctx_retval != before)
			run->retval = *result->ctx_retval;
		result->ran = true;
		result->flags |= ret >> 1;
		if (!(ret & 1) && (run->retval >= 0 || run->retval < -4095))
			run->retval = -EPERM;
	}
	slot_release(run);
	return run->retval;
}

s32 cgroup_run(struct skep_system *sys, const u64 *ids, u32 n, u32 attach_type, void *ctx,
	       struct bpf_run *run, s32 retval, struct cgroup_result *result)
{
	return run_effective(sys, ids, n, attach_type, 0, ctx, run, retval, result);
}

s32 cgroup_run_lsm(struct skep_system *sys, const u64 *ids, u32 n, u32 row, void *ctx,
		   struct bpf_run *run)
{
	struct cgroup_result result = { .ctx_retval = NULL };
	int i = lsm_list(sys->cgroups, row);

	return i < 0 ? 0 :
		       run_effective(sys, ids, n, BPF_LSM_CGROUP, sys->cgroups->lsm_btf_id[i], ctx,
				     run, 0, &result);
}

/* ---- attaching ---- */

/* The security hook that an LSM program was loaded for. */
static u32 lsm_row_of(const struct skep_system *sys, const struct prog_object *p)
{
	static const char prefix[] = "bpf_lsm_";
	const char *name = p->attach_btf ? btf_type_name(p->attach_btf->btf, p->attach_btf_id) : "";
	int row = strncmp(name, prefix, sizeof(prefix) - 1) ?
			  -ENOENT :
			  hook_point_row(sys, HOOK_LSM, name + sizeof(prefix) - 1);

	return row < 0 ? 0 : (u32)row + 1;
}

static bool hierarchy_allows(const struct cgroup_hooks *cg, u32 list)
{
	for (const struct cgroup_hooks *p = cg->parent; p; p = p->parent) {
		const struct list *l = &p->lists[list];

		if (l->flags & BPF_F_ALLOW_MULTI)
			return true;
		if (l->first)
			return l->flags & BPF_F_ALLOW_OVERRIDE;
	}
	return true;
}

/* The entry whose place the new program takes; NULL with *err 0: none. */
static struct entry *find_replaced(const struct list *l, const struct cgroup_attach *a,
				   bool is_link, int *err)
{
	*err = 0;
	if (!(a->flags & BPF_F_ALLOW_MULTI))
		return l->first;
	for (struct entry *e = l->first; e && !is_link; e = e->next)
		if (!e->link && e->prog == a->prog && a->prog != a->replace)
			*err = -EINVAL; /* twice */
	if (*err || !a->replace)
		return NULL;
	for (struct entry *e = l->first; e; e = e->next)
		if (!e->link && e->prog == a->replace)
			return e;
	*err = -ENOENT;
	return NULL;
}

/* Before or after which entry the new one goes; NULL with *err 0: the list is empty. */
static struct entry *find_anchor(struct skep_system *sys, const struct list *l,
				 const struct cgroup_attach *a, bool new_is_link, int *err)
{
	bool before = a->flags & BPF_F_BEFORE, after = a->flags & BPF_F_AFTER;
	bool link = a->flags & BPF_F_LINK, id = a->flags & BPF_F_ID;
	enum object_kind kind = link ? OBJECT_LINK : OBJECT_PROG;
	struct object *anchor = NULL;
	struct entry *e;

	*err = -EINVAL;
	if (link || id || a->relative) {
		if (before == after || link != new_is_link)
			return NULL;
		if (!id && !a->relative)
			return NULL;
		anchor = id ? object_get_id(sys, a->relative, kind, err) :
			      object_get_fd(sys, (int)a->relative, kind, err);
		if (!anchor)
			return NULL;
		object_put(anchor); /* the lock keeps it */
	} else if (l->first && before && after) {
		return NULL;
	}
	if (!anchor) {
		*err = 0;
		for (e = l->first; e && !before && e->next; e = e->next)
			;
		return e;
	}
	for (e = l->first; e; e = e->next) {
		if (link ? e->link != (void *)anchor : e->link || e->prog != (void *)anchor)
			continue;
		*err = (e->flags ^ a->flags) & BPF_F_PREORDER ? -EINVAL : 0;
		return *err ? NULL : e;
	}
	*err = -ENOENT;
	return NULL;
}

static void insert(struct list *l, struct entry *new, struct entry *anchor, bool before)
{
	struct entry **p = &l->first;

	while (*p && *p != anchor)
		p = &(*p)->next;
	if (*p && !before)
		p = &(*p)->next;
	new->next = *p;
	*p = new;
}

static void take_out(struct list *l, struct entry *e)
{
	struct entry **p = &l->first;

	while (*p != e)
		p = &(*p)->next;
	*p = e->next;
}

static int attach(struct cgroup_hooks *cg, const struct cgroup_attach *a, struct link_object *link)
{
	const u32 kept = a->flags & (BPF_F_ALLOW_OVERRIDE | BPF_F_ALLOW_MULTI);
	struct cgroup_table *t = cg->sys->cgroups;
	struct entry *e, *anchor, old = { 0 };
	u32 old_flags;
	struct list *l;
	int list, err;

	if (kept == (BPF_F_ALLOW_OVERRIDE | BPF_F_ALLOW_MULTI) ||
	    (a->flags & BPF_F_REPLACE && !(a->flags & BPF_F_ALLOW_MULTI)) ||
	    (a->flags & BPF_F_REPLACE && a->flags & (BPF_F_BEFORE | BPF_F_AFTER)) ||
	    !a->replace != !(a->flags & BPF_F_REPLACE))
		return -EINVAL;
	list = list_index(t, a->attach_type, a->prog->attach_btf_id, true);
	if (list < 0)
		return -EINVAL;
	l = &cg->lists[list];
	if (a->revision && a->revision != l->revision)
		return -ESTALE;
	if (!hierarchy_allows(cg, (u32)list))
		return -EPERM;
	if (l->first && l->flags != kept)
		return -EPERM;
	if (length(l, NULL) >= CGROUP_PROGS_MAX)
		return -E2BIG;
	e = find_replaced(l, a, link, &err);
	if (!err)
		err = map_storages_attach(a->prog, cg->id, a->attach_type);
	if (err)
		return err;
	old_flags = l->flags;
	if (e) {
		old = *e;
	} else {
		anchor = find_anchor(cg->sys, l, a, link, &err);
		if (err)
			return err;
		e = mem_zalloc(sizeof(*e));
		if (!e)
			return -ENOMEM;
		insert(l, e, anchor, a->flags & BPF_F_BEFORE);
	}
	e->prog = a->prog;
	e->link = link;
	e->flags = a->flags;
	l->flags = kept;
	err = update(cg, (u32)list);
	if (err) {
		l->flags = old_flags;
		if (old.prog) {
			*e = old;
		} else {
			take_out(l, e);
			mem_free(e);
		}
		return err;
	}
	if (!link)
		object_get(&a->prog->obj);
	l->revision++;
	if (old.prog && !old.link)
		object_put(&old.prog->obj);
	else if (list >= LSM_FIRST && !old.prog) {
		t->lsm_btf_id[list - LSM_FIRST] = a->prog->attach_btf_id;
		t->lsm_users[list - LSM_FIRST]++;
		WRITE_ONCE(t->lsm_row[list - LSM_FIRST], lsm_row_of(cg->sys, a->prog));
		hooks_changed(cg->sys);
	}
	return 0;
}

int cgroup_attach(struct cgroup_hooks *cg, const struct cgroup_attach *a)
{
	return attach(cg, a, NULL);
}

/* Takes @e off. Its program's reference goes, if it is the list's. */
static void remove_entry(struct cgroup_hooks *cg, u32 list, struct entry *e)
{
	struct cgroup_table *t = cg->sys->cgroups;
	struct list *l = &cg->lists[list];

	take_out(l, e);
	if (update(cg, list))
		purge(cg, list, e);
	l->revision++;
	if (!l->first)
		l->flags = 0;
	if (list >= LSM_FIRST && !--t->lsm_users[list - LSM_FIRST]) {
		WRITE_ONCE(t->lsm_row[list - LSM_FIRST], 0);
		t->lsm_btf_id[list - LSM_FIRST] = 0;
	}
	if (!e->link)
		object_put(&e->prog->obj);
	mem_free(e);
}

int cgroup_detach(struct cgroup_hooks *cg, struct prog_object *prog, u32 attach_type, u64 revision)
{
	int list = list_index(cg->sys->cgroups, attach_type, prog ? prog->attach_btf_id : 0, true);
	struct list *l;
	struct entry *e;

	if (list < 0)
		return -EINVAL;
	l = &cg->lists[list];
	if (revision && revision != l->revision)
		return -ESTALE;
	e = l->first;
	if (!(l->flags & BPF_F_ALLOW_MULTI)) {
		if (!e)
			return -ENOENT;
	} else {
		if (!prog)
			return -EINVAL;
		while (e && (e->link || e->prog != prog))
			e = e->next;
		if (!e)
			return -ENOENT;
	}
	remove_entry(cg, (u32)list, e);
	return 0;
}

/* ---- links ---- */

static struct entry *entry_of(const struct cgroup_link *l, u32 *list)
{
	for (u32 i = 0; l->cg && i < LISTS; i++)
		for (struct entry *e = l->cg->lists[i].first; e; e = e->next)
			if (e->link == &l->l) {
				*list = i;
				return e;
			}
	return NULL;
}

static void link_release(struct link_object *link)
{
	struct cgroup_link *l = (struct cgroup_link *)link;
	struct entry *e;
	u32 list;

	e = entry_of(l, &list);
	if (e)
		remove_entry(l->cg, list, e);
	l->cg = NULL;
}

static int link_detach(struct link_object *link)
{
	link_release(link);
	return 0;
}

static int link_update(struct link_object *link, struct prog_object *new_prog,
		       struct prog_object *old_prog)
{
	struct cgroup_link *l = (struct cgroup_link *)link;
	struct entry *e;
	u32 list;
	int err;

	cgroups_sweep(link->obj.sys);
	if (!l->cg)
		return -ENOLINK;
	if (old_prog && link->prog != old_prog)
		return -EPERM;
	if (link->prog->prog->type != new_prog->prog->type)
		return -EINVAL;
	e = entry_of(l, &list);
	if (!e || (list >= LSM_FIRST && link->prog->attach_btf_id != new_prog->attach_btf_id))
		return -ENOENT;
	e->prog = new_prog;
	err = update(l->cg, list);
	if (err) {
		e->prog = link->prog;
		return err;
	}
	l->cg->lists[list].revision++;
	object_put(&link->prog->obj);
	link->prog = new_prog;
	return 0;
}

static int link_fill_info(const struct link_object *link, struct bpf_link_info *info)
{
	const struct cgroup_link *l = (const struct cgroup_link *)link;

	cgroups_sweep(link->obj.sys);
	info->cgroup.cgroup_id = l->cg ? l->cg->id : 0;
	info->cgroup.attach_type = link->attach_type;
	return 0;
}

static const struct bpf_link_ops cgroup_link_ops = {
	.release = link_release,
	.detach = link_detach,
	.update_prog = link_update,
	.fill_info = link_fill_info,
};

struct link_object *link_attach_cgroup(struct cgroup_hooks *cg, const struct cgroup_attach *a,
				       int *err)
{
	struct cgroup_attach copy = *a;
	struct cgroup_link *l;

	object_get(&a->prog->obj);
	l = (struct cgroup_link *)link_new(cg->sys, sizeof(*l), BPF_LINK_TYPE_CGROUP,
					   a->attach_type, &cgroup_link_ops, a->prog);
	if (!l) {
		object_put(&a->prog->obj);
		*err = -ENOMEM;
		return NULL;
	}
	copy.flags |= BPF_F_ALLOW_MULTI;
	*err = attach(cg, &copy, &l->l);
	if (*err) {
		object_put(&l->l.obj);
		return NULL;
	}
	l->cg = cg;
	return &l->l;
}

/* ---- what is attached ---- */

u32 cgroup_attached(const struct cgroup_hooks *cg, u32 attach_type, bool effective,
		    struct cgroup_attached *v, u32 max, u32 *flags, u64 *revision)
{
	int from = simple_list(attach_type), to = from;
	u32 n = 0;

	if (attach_type == BPF_LSM_CGROUP) {
		from = LSM_FIRST;
		to = LISTS - 1;
	}
	*flags = from == to && !effective ? cg->lists[from].flags : 0;
	*revision = from == to && !effective ? cg->lists[from].revision : 0;
	for (int i = from; i <= to; i++) {
		const struct list *l = &cg->lists[i];

		if (effective) {
			for (u32 k = 0; l->effective && k < l->effective->n; k++, n++)
				if (n < max)
					v[n] = (struct cgroup_attached){ l->effective->v[k].owner,
									 0 };
			continue;
		}
		for (const struct entry *e = l->first; e; e = e->next, n++)
			if (n < max)
				v[n] = (struct cgroup_attached){ e->prog, l->flags };
	}
	return n;
}

/* ---- the end ---- */

/* Takes everything off @cg; links stay, of nothing. */
static void empty(struct cgroup_hooks *cg)
{
	for (u32 i = 0; i < LISTS; i++) {
		struct entry *e;

		while ((e = cg->lists[i].first)) {
			if (e->link)
				((struct cgroup_link *)e->link)->cg = NULL;
			remove_entry(cg, i, e);
		}
	}
}

void cgroups_sweep(struct skep_system *sys)
{
	for (struct cgroup_hooks *cg = sys->cgroups ? sys->cgroups->first : NULL; cg;
	     cg = cg->next) {
		if (cg->dead || !faccessat(cg->fd, "cgroup.controllers", F_OK, 0))
			continue;
		/* The record stays: a run may be looking at it. */
		empty(cg);
		map_storages_forget(sys, cg->id);
		cg->dead = true;
		close(cg->fd);
		cg->fd = -1;
	}
}

void cgroups_stop(struct skep_system *sys)
{
	struct cgroup_hooks *cg;

	if (!sys->cgroups)
		return;
	for (cg = sys->cgroups->first; cg; cg = cg->next)
		empty(cg);
	while ((cg = sys->cgroups->first)) {
		sys->cgroups->first = cg->next;
		for (u32 i = 0; i < LISTS; i++)
			mem_free(cg->lists[i].effective);
		if (cg->fd >= 0)
			close(cg->fd);
		mem_free(cg);
	}
	mem_free(sys->cgroups);
	sys->cgroups = NULL;
}
