/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Programs of infrared receivers, see lirc.h (Linux: drivers/media/rc/bpf-lirc.c). */
#include "hook/lirc.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "object/caller.h"

void lirc_progs_init(struct lirc_progs *p)
{
	pthread_mutex_init(&p->lock, NULL);
}

void lirc_progs_free(struct lirc_progs *p)
{
	while (p->n)
		object_put(&p->v[--p->n]->obj);
	pthread_mutex_destroy(&p->lock);
}

/* Who attaches must have it open for writing: since 6.6, and the last releases of branches that were kept. */
static bool asks_for_write(kver profile)
{
	static const kver kept[] = { KVER(4, 19), KVER(5, 4), KVER(5, 10), KVER(5, 15),
				     KVER(6, 1) };

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (profile == kept[i])
			return true;
	return visible(profile, KVER(6, 6));
}

struct lirc_progs *lirc_progs_of_fd(struct skep_system *sys, int fd, bool write, int *err)
{
	struct lirc_progs *p = NULL;
	bool writable = true;
	struct stat st;

	*err = caller_fstat(fd, &st);
	if (*err) {
		*err = -EBADF;
		return NULL;
	}
	if (sys->receiver_of)
		p = sys->receiver_of(sys, &st, &writable);
	if (!p)
		*err = -EINVAL;
	else if (write && !writable && asks_for_write(sys->profile))
		*err = -EPERM;
	return *err ? NULL : p;
}

static int index_of(const struct lirc_progs *p, const struct prog_object *prog)
{
	for (u32 i = 0; i < p->n; i++)
		if (p->v[i] == prog)
			return (int)i;
	return -ENOENT;
}

int lirc_progs_attach(struct lirc_progs *p, struct prog_object *prog)
{
	int err = 0;

	pthread_mutex_lock(&p->lock);
	if (p->n == LIRC_PROGS_MAX)
		err = -E2BIG;
	else if (index_of(p, prog) >= 0)
		err = -EEXIST;
	if (!err) {
		object_get(&prog->obj);
		p->v[p->n++] = prog;
	}
	pthread_mutex_unlock(&p->lock);
	if (!err && p->attached)
		p->attached(p);
	return err;
}

int lirc_progs_detach(struct lirc_progs *p, struct prog_object *prog)
{
	int at;

	pthread_mutex_lock(&p->lock);
	at = index_of(p, prog);
	if (at >= 0) {
		p->n--;
		memmove(&p->v[at], &p->v[at + 1], (p->n - (u32)at) * sizeof(p->v[0]));
	}
	pthread_mutex_unlock(&p->lock);
	if (at >= 0)
		object_put(&prog->obj);
	return min(at, 0);
}

u32 lirc_progs_ids(struct lirc_progs *p, u32 *ids, u32 max)
{
	u32 n;

	pthread_mutex_lock(&p->lock);
	n = p->n;
	for (u32 i = 0; i < min(n, max); i++)
		ids[i] = p->v[i]->obj.id;
	pthread_mutex_unlock(&p->lock);
	return n;
}

void lirc_progs_run(struct lirc_progs *p, struct skep_system *sys, u32 sample,
		    void (*report)(void *arg, const struct bpf_lirc_event *e), void *arg)
{
	struct bpf_rt_lirc ctx = { .sample = sample };

	pthread_mutex_lock(&p->lock);
	for (u32 i = 0; i < p->n; i++) {
		struct bpf_run run = { .task = NULL };

		ctx.nr_events = 0;
		slot_claim(sys->arena, sys->platform, &run);
		bpf_prog_run(p->v[i]->prog, &ctx, &run);
		slot_release(&run);
		for (u32 k = 0; k < ctx.nr_events; k++)
			report(arg, &ctx.events[k]);
	}
	pthread_mutex_unlock(&p->lock);
}
