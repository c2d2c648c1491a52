/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Test runs that Linux does not have, of programs whose context is plain memory (registers,
 * records of tracepoints, device nodes), of samples of infrared receivers, and of sysctls.
 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "object/sock.h"
#include "prog/test_run_io.h"

#define TEXT_MAX 4096 /* of a sysctl: a page */

static int no_options(const struct test_run *t)
{
	const union bpf_attr *a = t->attr;

	return a->test.flags || a->test.cpu || a->test.batch_size ? -EINVAL : 0;
}

static int finish(struct skep_system *sys, const struct test_run *t, const void *ctx, u32 size)
{
	int err = test_run_write_data(sys, t, &(struct test_run_part){ NULL, 0 }, 1);

	return err ? err : test_run_write_ctx(sys, t, ctx, size);
}

int flat_test_run(struct skep_system *sys, struct prog_object *prog, struct test_run *t)
{
	const union bpf_attr *a = t->attr;
	struct bpf_run run = { .event = NULL };
	u32 size = prog->ops->ctx_size;
	void *user, *ctx = NULL;
	int err = no_options(t);

	if (err || a->test.data_in || a->test.data_size_in)
		return -EINVAL;
	err = test_run_read_ctx(sys, t, size, &user);
	if (err)
		return err;
	ctx = user ? user : mem_zalloc(size);
	if (!ctx)
		return -ENOMEM;
	t->block = (struct compare_block){ ctx, size };
	err = test_run_repeat(sys, prog, ctx, t, &run);
	if (!err)
		err = finish(sys, t, user, size);
	mem_free(ctx);
	return err;
}

/* ---- infrared: each sample of data_in is one run; what is decoded is data_out ---- */

struct lirc_sum {
	struct bpf_rt_lirc run;
	struct bpf_lirc_event all[64];
};

int lirc_test_run(struct skep_system *sys, struct prog_object *prog, struct test_run *t)
{
	const union bpf_attr *a = t->attr;
	u32 n = a->test.data_size_in / 4, retval = 0, seen = 0;
	struct bpf_run run = { .event = NULL };
	struct lirc_sum *s;
	u32 *samples = NULL, *single;
	void *user = NULL;
	int err = no_options(t);

	if (err || a->test.data_size_in % 4 || a->test.data_size_in > 1 << 20)
		return -EINVAL;
	s = mem_zalloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	err = test_run_read_ctx(sys, t, 4, &user);
	if (err)
		goto out;
	single = user;
	if (n) {
		samples = mem_alloc(n * 4);
		err = samples ? 0 : -ENOMEM;
		if (!err && user_read(sys, samples, a->test.data_in, n * 4))
			err = -EFAULT;
	}
	t->block = (struct compare_block){ &s->run, sizeof(s->run) };
	for (u32 i = 0; !err && i < (n ? n : 1); i++) {
		s->run.sample = n ? samples[i] : single ? *single : 0;
		s->run.nr_events = 0;
		err = test_run_repeat(sys, prog, &s->run, t, &run);
		retval = t->retval;
		for (u32 k = 0; k < s->run.nr_events && seen < ARRAY_SIZE(s->all); k++)
			s->all[seen++] = s->run.events[k];
	}
	t->retval = retval;
	if (!err)
		err = test_run_write_data(
			sys, t, &(struct test_run_part){ s->all, seen * sizeof(s->all[0]) }, 1);
	if (!err)
		err = test_run_write_ctx(sys, t, user, 4);
out:
	mem_free(samples);
	mem_free(user);
	mem_free(s);
	return err;
}

/* ---- sysctls: data_in is "name\0value\0new value\0"; data_out is what would be written ---- */

struct sysctl_run {
	struct bpf_rt_sysctl ctx;
	char new_val[TEXT_MAX];
	char text[TEXT_MAX];
};

/* The next text of @r->text, NULL behind the last. */
static char *next_text(struct sysctl_run *r, u32 size, u32 *at)
{
	char *s = r->text + *at;

	if (*at >= size)
		return NULL;
	*at += (u32)strnlen(s, size - *at) + 1;
	return s;
}

static int sysctl_fill(struct skep_system *sys, struct sysctl_run *r, const struct test_run *t)
{
	u32 size = t->attr->test.data_size_in, at = 0;
	char *new_val;

	if (size >= sizeof(r->text))
		return -EINVAL;
	if (size && user_read(sys, r->text, t->attr->test.data_in, size))
		return -EFAULT;
	r->ctx.name = next_text(r, size, &at);
	if (!r->ctx.name)
		r->ctx.name = "";
	r->ctx.cur = next_text(r, size, &at);
	r->ctx.cur_len = r->ctx.cur ? (u32)strlen(r->ctx.cur) : 0;
	new_val = next_text(r, size, &at);
	r->ctx.new_val = r->new_val;
	if (r->ctx.u.write && new_val) {
		r->ctx.new_len = (u32)strlen(new_val);
		memcpy(r->new_val, new_val, r->ctx.new_len + 1);
	}
	return 0;
}

int sysctl_test_run(struct skep_system *sys, struct prog_object *prog, struct test_run *t)
{
	struct bpf_run run = { .event = NULL };
	struct sysctl_run *r;
	void *user;
	int err = no_options(t);

	if (err)
		return err;
	err = test_run_read_ctx(sys, t, sizeof(r->ctx.u), &user);
	if (err)
		return err;
	r = mem_zalloc(sizeof(*r));
	if (!r) {
		mem_free(user);
		return -ENOMEM;
	}
	if (user)
		memcpy(&r->ctx.u, user, sizeof(r->ctx.u));
	err = sysctl_fill(sys, r, t);
	t->block = (struct compare_block){ r, sizeof(*r) };
	if (!err)
		err = test_run_repeat(sys, prog, &r->ctx, t, &run);
	if (err)
		goto out;
	if (user)
		memcpy(user, &r->ctx.u, sizeof(r->ctx.u));
	err = test_run_write_data(sys, t, &(struct test_run_part){ r->new_val, r->ctx.new_len }, 1);
	if (!err)
		err = test_run_write_ctx(sys, t, user, sizeof(r->ctx.u));
out:
	mem_free(user);
	mem_free(r);
	return err;
}
