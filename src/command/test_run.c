/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * BPF_PROG_TEST_RUN (Linux: bpf_prog_test_run() in kernel/bpf/syscall.c). What a run
 * means, and the copies from and to the caller, are the program type's .test_run.
 */
#include "object/test_run.h"

#include <errno.h>

#include "command/command.h"
#include "object/sock.h"
#include "skep/skep.h"

_Static_assert(sizeof(struct skep_lirc_event) == sizeof(struct bpf_lirc_event) &&
		       offsetof(struct skep_lirc_event, scancode) ==
			       offsetof(struct bpf_lirc_event, scancode),
	       "what leaves as data_out");

static int no_test_run(struct skep_system *sys, struct prog_object *prog, struct test_run *t)
{
	return -ENOTSUPP;
}

/* DIFF(test-run-all): what Linux does not run is run when the system has been asked to. */
static int (*run_of(const struct skep_system *sys,
		    const struct prog_object *p))(struct skep_system *sys, struct prog_object *prog,
						  struct test_run *t)
{
	if (sys->test_run_all && p->ops->own_test_run)
		return p->ops->own_test_run;
	return p->ops->test_run ? p->ops->test_run : no_test_run;
}

int command_prog_test_run(struct call *c)
{
	const union bpf_attr *attr = c->attr;
	struct test_run t = { .attr = attr, .uattr = c->uattr };
	struct prog_object *p;
	int err;

	if (!attr->test.ctx_size_in != !attr->test.ctx_in ||
	    !attr->test.ctx_size_out != !attr->test.ctx_out)
		return -EINVAL;
	p = prog_get_fd(c->sys, (int)attr->test.prog_fd, &err);
	if (!p)
		return err;
	if (prog_runnable(p))
		err = -ENOTSUPP; /* as Linux says of a program that has no test run */
	else
		err = run_of(c->sys, p)(c->sys, p, &t);
	object_put(&p->obj);
	return err;
}
