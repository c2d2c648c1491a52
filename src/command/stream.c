/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* BPF_PROG_STREAM_READ_BY_FD: what a program wrote to its streams (Linux: kernel/bpf/stream.c). */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "command/command.h"

int command_prog_stream_read(struct call *c)
{
	const union bpf_attr *attr = c->attr;
	u32 id = attr->prog_stream_read.stream_id, size = attr->prog_stream_read.stream_buf_len;
	struct prog_stream *stream;
	struct prog_object *p;
	int err;

	p = prog_get_fd(c->sys, (int)attr->prog_stream_read.prog_fd, &err);
	if (!p)
		return err;
	if (id != 1 && id != 2) {
		object_put(&p->obj);
		return -ENOENT;
	}
	pthread_mutex_lock(&c->sys->lock);
	stream = &p->streams[id - 1];
	size = min(size, stream->len);
	err = size ? user_write(c->sys, attr->prog_stream_read.stream_buf, stream->text, size) : 0;
	if (!err) {
		stream->len -= size;
		memmove(stream->text, stream->text + size, stream->len);
	}
	if (!stream->len) {
		mem_free(stream->text);
		stream->text = NULL;
	}
	pthread_mutex_unlock(&c->sys->lock);
	object_put(&p->obj);
	return err ? err : (int)size;
}
