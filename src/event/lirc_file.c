/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Open files of receivers and of their input devices (Linux: struct lirc_fh, struct evdev_client): a pipe
 * each. Its own description, so that nobody has the other end but us, and its end tells that it is closed.
 *
 * DIFF(lirc-files): a file that is open for reading and writing sends what is written by the number
 * that open() gave; by another one (dup()) that is EBADF, and fcntl(F_GETFL) says O_RDONLY.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "event/lirc.h"

void lirc_file_free(struct lirc_file *f)
{
	close(f->data);
	vec_free(&f->kept);
	mem_free(f);
}

u32 lirc_file_unread(const struct lirc_file *f)
{
	int n = 0;

	return ioctl(f->data, FIONREAD, &n) ? 0 : (u32)n;
}

/* Another description of the pipe that @fd is an end of. */
static int open_again(int fd, int flags)
{
	char path[40];
	int again;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, flags | O_CLOEXEC);
	return again < 0 ? -errno : again;
}

void lirc_file_drain(struct lirc_file *f, u8 *to, u32 size)
{
	int fd = open_again(f->data, O_RDONLY | O_NONBLOCK);
	u32 got = 0;
	ssize_t n;

	if (fd >= 0) {
		while (got < size && (n = read(fd, to + got, size - got)) > 0)
			got += (u32)n;
		close(fd);
	}
	memset(to + got, 0, size - got);
}

static u32 room(u32 mode)
{
	return mode == LIRC_MODE_MODE2 ? LIRC_QUEUE * (u32)sizeof(u32) :
					 LIRC_SCANCODES * (u32)sizeof(struct lirc_scancode);
}

/* What finds no room is lost, as in Linux. */
static void put(struct lirc_file *f, u32 mode, const void *data, size_t size)
{
	if (f->rec_mode == mode) {
		if (lirc_file_unread(f) + size <= room(mode))
			(void)!write(f->data, data, size);
		return;
	}
	if (f->kept.n + size > room(mode) || vec_reserve(&f->kept, f->kept.n + size))
		return;
	memcpy(f->kept.v + f->kept.n, data, size);
	f->kept.n += size;
}

void lirc_give(struct lirc_dev *d, u32 mode, const void *data, size_t size)
{
	for (struct lirc_file *f = d->files; f; f = f->next)
		if (!f->input && f->access != O_WRONLY)
			put(f, mode, data, size);
}

/* The queue of the other mode takes the place of this one's. */
void lirc_set_mode(struct lirc_file *f, u32 mode)
{
	u8 before[LIRC_QUEUE * sizeof(u32)];
	u32 n;

	if (f->rec_mode == mode)
		return;
	f->rec_mode = mode;
	if (f->access == O_WRONLY)
		return;
	n = min_t(u32, lirc_file_unread(f), sizeof(before));
	lirc_file_drain(f, before, n);
	if (f->kept.n)
		(void)!write(f->data, f->kept.v, f->kept.n);
	f->kept.n = 0;
	if (!vec_reserve(&f->kept, n)) {
		memcpy(f->kept.v, before, n);
		f->kept.n = n;
	}
}

int lirc_open(struct skep_system *sys, u32 index, bool input, int flags)
{
	struct lirc_file *f = mem_zalloc(sizeof(*f));
	int ends[2] = { -1, -1 }, fd = -ENOMEM, ours;
	struct stat st;

	if (!f)
		return fd;
	f->access = flags & O_ACCMODE;
	f->input = input;
	f->rec_mode = LIRC_MODE_MODE2;
	f->send_mode = LIRC_MODE_PULSE;
	f->clock = CLOCK_REALTIME;
	f->opened_at = lirc_now();
	/* What is written reaches us a call at a time. */
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK | (f->access == O_WRONLY ? O_DIRECT : 0))) {
		fd = -errno;
		goto out;
	}
	ours = f->access == O_WRONLY ? 0 : 1;
	/* Not both: nobody shall read what he has written, and poll() tells of reading alone, as in Linux. */
	fd = open_again(ends[1 - ours],
			(f->access == O_WRONLY ? O_WRONLY : O_RDONLY) | (flags & O_NONBLOCK));
	if (fd >= 0 && fstat(fd, &st)) {
		close(fd);
		fd = -errno;
	}
	close(ends[1 - ours]);
	if (fd < 0) {
		close(ends[ours]);
		goto out;
	}
	f->data = ends[ours];
	f->pipe_dev = st.st_dev;
	f->ino = st.st_ino;
	pthread_mutex_lock(&sys->lirc->lock);
	f->dev = sys->lirc->dev[index];
	f->next = f->dev->files;
	f->dev->files = f;
	pthread_mutex_unlock(&sys->lirc->lock);
	lirc_wake(sys->lirc);
	return fd;
out:
	mem_free(f);
	return fd;
}

int lirc_which(struct skep_system *sys, const struct stat *st, bool *input)
{
	struct lirc_file *f;
	int index = -1;

	pthread_mutex_lock(&sys->lirc->lock);
	f = lirc_file_of(sys, st);
	if (f) {
		index = (int)f->dev->index;
		*input = f->input;
	}
	pthread_mutex_unlock(&sys->lirc->lock);
	return index;
}

static void listened(struct lirc_dev *d)
{
	if (d->source.started)
		return;
	store_release(&d->source.started, true);
	lirc_wake(d->lirc);
}

void lirc_listened(struct skep_system *sys, const struct stat *st)
{
	struct lirc_file *f;

	pthread_mutex_lock(&sys->lirc->lock);
	f = lirc_file_of(sys, st);
	if (f && f->access != O_WRONLY)
		listened(f->dev);
	pthread_mutex_unlock(&sys->lirc->lock);
}

int lirc_may_read(struct skep_system *sys, const struct stat *st, size_t size)
{
	struct lirc_file *f;
	size_t unit = 1;
	int err = 0;

	pthread_mutex_lock(&sys->lirc->lock);
	f = lirc_file_of(sys, st);
	if (f && f->access != O_WRONLY) {
		unit = f->input			      ? sizeof(struct input_event) :
		       f->rec_mode == LIRC_MODE_MODE2 ? sizeof(u32) :
							sizeof(struct lirc_scancode);
		listened(f->dev);
	}
	/* An input device gives whole events of what there is room for, and takes 0 for a question. */
	if (f && f->input)
		err = size && size < unit ? -EINVAL : 0;
	else if (f && f->access != O_WRONLY)
		err = size < unit || size % unit ? -EINVAL : 0;
	pthread_mutex_unlock(&sys->lirc->lock);
	return err;
}
