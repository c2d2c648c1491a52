// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Prints what the iterator of task_iter.bpf.c says. */
#include <unistd.h>

#include <bpf/bpf.h>

#include "task_iter.skel.h"
#include "until.h"

int main(void)
{
	struct task_iter_bpf *skel = task_iter_bpf__open_and_load();
	char buf[4096];
	ssize_t n;
	int err, fd;

	until_interrupted();
	if (!skel)
		return failed("load", errno);
	err = task_iter_bpf__attach(skel);
	if (err)
		return failed("attach", err);
	fd = bpf_iter_create(bpf_link__fd(skel->links.each_task));
	if (fd < 0)
		return failed("iterator", errno);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, n, stdout);
	if (n < 0)
		return failed("read", errno);
	close(fd);
	task_iter_bpf__destroy(skel);
	return 0;
}
