/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Iterators: BPF_LINK_CREATE of BPF_TRACE_ITER programs and BPF_ITER_CREATE (Linux:
 * kernel/bpf/bpf_iter.c). The targets are in iter_targets.c.
 *
 * DIFF(iter-read): the program goes over everything when the iterator is created (or a pin of it is
 * opened), not while it is read: the descriptor is of a sealed file with the text. What does not fit
 * what one read() would give, or returns 1, is asked for again as by the next read(); when that
 * does not help the text ends there.
 */
#include "command/iter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "btf/btf.h"
#include "command/link.h"
#include "hook/hook.h"
#include "object/caller.h"
#include "object/pins.h"
#include "world/world.h"

#define SEQ_SIZE (8 * PAGE_BYTES) /* what one object may write: bpf_seq_read()'s buffer */

static const struct bpf_link_ops iter_link_ops;

/* ---- going over everything ---- */

u64 iter_object(struct iter_walk *w, const char *type, u64 nr)
{
	u64 args[] = { (u64)(uintptr_t)type, 0x1e400 + nr };
	u64 addr = w->sys->platform->world(&w->run, WORLD_MADE_UP, args);

	return (s64)addr < 0 ? 0 : addr;
}

void iter_put(struct iter_walk *w, u64 object, const char *field, const void *v, u32 size)
{
	u64 args[] = { object, (u64)(uintptr_t)field, (u64)(uintptr_t)v, size };

	if (object)
		w->sys->platform->world(&w->run, WORLD_PUT, args);
}

static int keep(struct iter_walk *w, const char *text, size_t len)
{
	size_t cap = w->cap ? w->cap : SEQ_SIZE;
	char *grown;

	while (cap - w->len < len)
		cap *= 2;
	if (cap != w->cap) {
		grown = mem_realloc(w->text, cap);
		if (!grown)
			return -ENOMEM;
		w->text = grown;
		w->cap = cap;
	}
	memcpy(w->text + w->len, text, len);
	w->len += len;
	return 0;
}

/* Runs the program; @last: behind the last object, on NULL. */
static int show(struct iter_walk *w, const u64 *args, bool last)
{
	u64 ctx[1 + 4] = { 0 }, seq = iter_object(w, "seq_file", 0);
	u64 meta = iter_object(w, "bpf_iter_meta", 1);
	u64 ret;

	/* The number is that of the newest object; it stays when there is no next one. */
	w->seq_num += !last && w->shown;
	w->shown = true;
	ITER_PUT(w, meta, "seq", seq);
	ITER_PUT(w, meta, "session_id", w->session);
	ITER_PUT(w, meta, "seq_num", w->seq_num);
	ctx[0] = meta;
	memcpy(&ctx[1], args, w->link->ops->nr_args * sizeof(u64));
	w->run.seq = &w->seq;
	for (;;) {
		w->seq.len = 0;
		w->seq.size = SEQ_SIZE - w->chunk;
		w->seq.overflow = false;
		ret = bpf_prog_run(w->link->l.prog->prog, ctx, &w->run);
		w->ended = ret && w->link->ops->ends && !last;
		if (!(ret && !w->link->ops->ends) && !w->seq.overflow)
			break;
		w->err = ret ? -EAGAIN : -E2BIG;
		if (!w->chunk)
			return w->err;
		/* A read() would give what there is; the next one begins with this object. */
		w->chunk = 0;
	}
	w->chunk += w->seq.len;
	w->err = keep(w, w->seq.buf, w->seq.len);
	return w->err ? w->err : w->ended;
}

int iter_show(struct iter_walk *w, const u64 *args)
{
	return show(w, args, false);
}

static int walk_all(struct skep_system *sys, void *arg)
{
	struct iter_walk *w = arg;

	slot_claim(sys->arena, sys->platform, &w->run);
	if (!w->link->ops->walk(w) || w->ended)
		show(w, w->last, true);
	slot_release(&w->run);
	return 0;
}

/* The text of @link as a descriptor of ours, or -errno. */
static int iterate(struct iter_link *link)
{
	struct skep_system *sys = link->l.obj.sys;
	struct iter_walk w = { .sys = sys, .link = link };
	int fd = -1, err;

	w.self = (pid_t)(caller_pid_tgid() >> 32);
	w.session = __atomic_add_fetch(&sys->iter_sessions, 1, __ATOMIC_RELAXED);
	w.seq.size = SEQ_SIZE;
	w.seq.buf = mem_alloc(SEQ_SIZE);
	if (!w.seq.buf)
		return -ENOMEM;
	/* Here, for it takes the system's lock, which who reads a pin has, and the supervisor waits for. */
	if (!sys->world)
		world_start(sys);
	/* Tasks are the supervisor's; it answers, or there is none. */
	if (!link->ops->tasks || !sys->supervisor_ask ||
	    sys->supervisor_ask(sys, walk_all, &w) == -ECHILD)
		walk_all(sys, &w);
	err = w.len ? 0 : w.err;
	if (!err) {
		fd = memfd_create("bpf_iter", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		err = fd < 0 ? -errno : 0;
	}
	for (size_t done = 0; !err && done < w.len;) {
		ssize_t n = write(fd, w.text + done, w.len - done);

		if (n <= 0)
			err = n ? -errno : -EIO;
		else
			done += (size_t)n;
	}
	mem_free(w.seq.buf);
	mem_free(w.text);
	if (err) {
		if (fd >= 0)
			close(fd);
		return err;
	}
	fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

int command_iter_create(struct call *c)
{
	struct link_object *l;
	int err;

	if (c->attr->iter_create.flags)
		return -EINVAL;
	l = (struct link_object *)object_get_fd(c->sys, (int)c->attr->iter_create.link_fd,
						OBJECT_LINK, &err);
	if (!l)
		return err;
	err = l->ops == &iter_link_ops ? caller_give_fd(iterate((struct iter_link *)l), true) :
					 -EINVAL;
	object_put(&l->obj);
	return err;
}

int iter_pin_text(struct skep_system *sys, struct link_object *l)
{
	return l->ops == &iter_link_ops ? iterate((struct iter_link *)l) : -EIO;
}

/* ---- links ---- */

static void link_release(struct link_object *link)
{
	struct iter_link *l = (struct iter_link *)link;

	object_put((struct object *)l->map);
	l->map = NULL;
}

static int link_update(struct link_object *link, struct prog_object *new_prog,
		       struct prog_object *old_prog)
{
	if (old_prog && link->prog != old_prog)
		return -EPERM;
	if (link->prog->prog->type != new_prog->prog->type ||
	    link->prog->prog->expected_attach_type != new_prog->prog->expected_attach_type ||
	    link->prog->attach_btf_id != new_prog->attach_btf_id)
		return -EINVAL;
	object_put(&link->prog->obj);
	link->prog = new_prog;
	return 0;
}

static int link_fill_info(const struct link_object *link, struct bpf_link_info *info)
{
	const struct iter_link *l = (const struct iter_link *)link;
	struct skep_system *sys = link->obj.sys;
	u32 room = info->iter.target_name_len, len = (u32)strlen(l->ops->name);
	u64 to = info->iter.target_name;

	if (!room != !to)
		return -EINVAL;
	info->iter.target_name_len = len + 1;
	if (to && room > len) {
		if (user_write(sys, to, l->ops->name, len + 1))
			return -EFAULT;
	} else if (to) {
		if (user_write(sys, to, l->ops->name, room - 1) ||
		    user_write(sys, to + room - 1, "", 1))
			return -EFAULT;
		return -ENOSPC;
	}
	if (l->map)
		info->iter.map.map_id = l->map->obj.id;
	if (l->order) {
		info->iter.cgroup.order = l->order;
		info->iter.cgroup.cgroup_id = l->cgroup;
	}
	if (l->ops->tasks && visible(sys->profile, KVER(6, 1))) {
		info->iter.task.tid = l->asked_tid;
		info->iter.task.pid = l->asked_pid;
	}
	return 0;
}

static const struct bpf_link_ops iter_link_ops = {
	.release = link_release,
	.update_prog = link_update,
	.fill_info = link_fill_info,
};

/* What of the target is asked for: the caller's structure, however long it is. */
static int read_info(struct call *c, union bpf_iter_link_info *info)
{
	u64 uinfo = c->attr->link_create.iter_info;
	u32 len = c->attr->link_create.iter_info_len;
	int err;

	memset(info, 0, sizeof(*info));
	if (!uinfo != !len)
		return -EINVAL;
	if (!uinfo)
		return 0;
	err = check_tail_zero(c->sys, uinfo, sizeof(*info), len);
	if (err)
		return err;
	return user_read(c->sys, info, uinfo, min_t(u32, len, sizeof(*info))) ? -EFAULT : 0;
}

struct link_object *attach_iter(struct call *c, struct prog_object *p, int *err)
{
	const struct iter_ops *ops;
	union bpf_iter_link_info info;
	struct iter_link *l;

	*err = -EINVAL;
	if (c->attr->link_create.target_fd || c->attr->link_create.flags)
		return NULL;
	*err = read_info(c, &info);
	if (*err)
		return NULL;
	ops = iter_ops_of(p->attach_btf ? btf_type_name(p->attach_btf->btf, p->attach_btf_id) :
					  NULL,
			  c->sys->profile);
	*err = -ENOENT;
	if (!ops)
		return NULL;
	/* Sleepable programs: targets that may be left between two objects. */
	*err = -EINVAL;
	if (p->prog->sleepable && !ops->sleeps)
		return NULL;
	l = (struct iter_link *)link_object_sized(c->sys, sizeof(*l), BPF_LINK_TYPE_ITER,
						  BPF_TRACE_ITER, &iter_link_ops);
	*err = -ENOMEM;
	if (!l)
		return NULL;
	object_get(&p->obj);
	l->l.prog = p;
	l->ops = ops;
	*err = ops->attach ? ops->attach(c, l, &info) : 0;
	if (*err) {
		object_put(&l->l.obj);
		return NULL;
	}
	return &l->l;
}
