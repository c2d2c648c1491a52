/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Where a receiver's pulses come from: text as mode2(1) and ir-ctl(1) write it, or samples as /dev/lircN
 * gives them. It is not read before somebody listens: a program is attached, or a process reads, or waits for
 * what it can read. (Who reads by another number than open() gave is not seen.) What a file holds comes at its own pace, as long as each pulse and space lasts; what comes
 * by a FIFO or a device has just happened. When nothing follows for the receiver's timeout, that is told.
 *
 * One thread does this for all receivers of a system, looks after keys that are held, and after files that
 * are closed.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event/lirc.h"
#include "skep/skep.h"

#define FILES_MAX 256	    /* that are looked after */
#define READER_NS 500000000 /* who has it open for reading alone for so long listens */

/* ---- text ---- */

/* Behind what is no sample: blanks, commas, comments, mode2's greeting. */
static const char *skip(const char *p)
{
	for (;;) {
		p += strspn(p, " \t\r\n,");
		if (*p != '#' && strncmp(p, "Using ", 6) && strncmp(p, "Trying ", 7))
			return p;
		p += strcspn(p, "\n");
	}
}

static bool number(const char *p, const char **end, u32 *value)
{
	unsigned long v = 0;

	if (!isdigit((unsigned char)*p))
		return false;
	for (; isdigit((unsigned char)*p); p++)
		v = min_t(unsigned long, v * 10 + (unsigned long)(*p - '0'), LIRC_VALUE_MASK);
	if (*p && !strchr(" \t\r\n,#", *p))
		return false;
	*end = p;
	*value = (u32)v;
	return true;
}

int skep_pulse_parse(const char **text, uint32_t *sample)
{
	static const struct {
		char name[8];
		u32 mode;
	} modes[] = {
		{ "pulse", LIRC_MODE2_PULSE },
		{ "space", LIRC_MODE2_SPACE },
		{ "timeout", LIRC_MODE2_TIMEOUT },
		{ "carrier", LIRC_MODE2_FREQUENCY },
	};
	const char *p = skip(*text);
	u32 mode = LIRC_MODE2_PULSE, value;

	*text = p;
	if (!*p)
		return 0;
	if (*p == '+' || *p == '-') {
		mode = *p++ == '+' ? LIRC_MODE2_PULSE : LIRC_MODE2_SPACE;
	} else {
		size_t i = 0, len = strcspn(p, " \t\r\n,#");

		while (i < ARRAY_SIZE(modes) &&
		       (strlen(modes[i].name) != len || strncmp(p, modes[i].name, len)))
			i++;
		if (i == ARRAY_SIZE(modes))
			return -EINVAL;
		mode = modes[i].mode;
		p = skip(p + len);
	}
	if (!number(p, &p, &value))
		return -EINVAL;
	*text = p;
	*sample = mode | value;
	return 1;
}

/* ---- a source ---- */

void lirc_source_init(struct lirc_source *s, int fd)
{
	struct stat st;

	s->fd = fd;
	s->live = fd >= 0 && !fstat(fd, &st) && !S_ISREG(st.st_mode);
}

void lirc_source_free(struct lirc_source *s)
{
	if (s->fd >= 0)
		close(s->fd);
	vec_free(&s->samples);
}

void lirc_wake(struct lirc *l)
{
	eventfd_write(l->wake, 1);
}

static void add(struct lirc_source *s, u32 sample)
{
	if (s->next && s->next == s->samples.n)
		s->next = s->samples.n = 0;
	(void)!vec_push(&s->samples, sample);
}

/* One word that is none of ours does not end a recording that comes live; the rest of its line is not heard. */
static void read_text(struct lirc_dev *d, char *text)
{
	struct lirc_source *s = &d->source;
	const char *p = text;
	char line[160];
	u32 sample;
	int got;

	s->line_number++;
	while ((got = skep_pulse_parse(&p, &sample)) > 0)
		add(s, sample);
	if (!got || !d->lirc->say)
		return;
	snprintf(
		line, sizeof(line),
		"skep: lirc%u: line %llu: '%.*s': neither \"pulse N\", \"space N\" nor \"+N -N\"\n",
		d->index, (unsigned long long)s->line_number,
		(int)min_t(size_t, strcspn(p, " \t\r\n,"), 40), p);
	d->lirc->say(d->lirc->say_arg, line);
}

/* What is whole in .line; @end: nothing more comes. */
static void take_samples(struct lirc_dev *d, bool end)
{
	struct lirc_source *s = &d->source;
	char *nl;
	u32 n;

	/* The fourth byte of a sample is its kind; letters of a text are all more. */
	if (!s->known && s->used >= 4) {
		s->known = true;
		s->bytes = (u8)s->line[3] <= LIRC_MODE2_OVERFLOW >> 24;
	}
	if (!s->known && !end)
		return;
	if (s->bytes) {
		for (n = 0; n + 4 <= s->used; n += 4) {
			u32 sample;

			memcpy(&sample, s->line + n, sizeof(sample));
			add(s, sample);
		}
		memmove(s->line, s->line + n, s->used - n);
		s->used -= n;
		return;
	}
	while (s->used) {
		nl = memchr(s->line, '\n', s->used);
		if (!nl && !end && s->used < sizeof(s->line) - 1)
			return;
		n = nl ? (u32)(nl - s->line) + 1 : s->used;
		s->line[n - (nl ? 1 : 0)] = 0;
		read_text(d, s->line);
		memmove(s->line, s->line + n, s->used - n);
		s->used -= n;
	}
}

static void read_source(struct lirc_dev *d)
{
	struct lirc_source *s = &d->source;
	ssize_t n = read(s->fd, s->line + s->used, sizeof(s->line) - 1 - s->used);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		s->used += (u32)n;
		take_samples(d, false);
		return;
	}
	take_samples(d, true);
	close(s->fd);
	s->fd = -1;
}

static u64 length_ns(u32 sample)
{
	u32 mode = sample & LIRC_MODE2_MASK;

	return mode == LIRC_MODE2_FREQUENCY || mode == LIRC_MODE2_OVERFLOW ?
		       0 :
		       (sample & LIRC_VALUE_MASK) * 1000ULL;
}

/* Gives what has happened by @now; when there is more to do, 0: not before something comes. */
static u64 source_tick(struct lirc_dev *d, u64 now)
{
	struct lirc_source *s = &d->source;
	u32 sample, mode;

	while (s->next < s->samples.n) {
		sample = s->samples.v[s->next];
		if (!s->live) {
			if (!s->due)
				s->due = now + length_ns(sample);
			if (now < s->due)
				return s->due;
		}
		lirc_received(d, sample);
		mode = sample & LIRC_MODE2_MASK;
		s->silent_at = mode == LIRC_MODE2_PULSE || mode == LIRC_MODE2_SPACE ?
				       (s->live ? now : s->due) + d->timeout * 1000ULL :
				       0;
		s->next++;
		/* From one to the next without the thread's own delays. */
		if (!s->live && s->next < s->samples.n)
			s->due += length_ns(s->samples.v[s->next]);
	}
	s->due = 0;
	if (s->silent_at && now >= s->silent_at) {
		s->silent_at = 0;
		lirc_received(d, LIRC_TIMEOUT(d->timeout));
	}
	return s->silent_at;
}

/* Whether somebody listens who has not been seen to; else when to look again, 0: at the next event. */
static u64 listened_tick(struct lirc_dev *d, u64 now)
{
	u64 next = 0, due;

	for (struct lirc_file *f = d->files; f && !load_acquire(&d->source.started); f = f->next) {
		if (f->input || f->access != O_RDONLY)
			continue;
		due = f->opened_at + READER_NS;
		if (now >= due)
			store_release(&d->source.started, true);
		else if (!next || due < next)
			next = due;
	}
	return next;
}

/* ---- the thread ---- */

/* What somebody writes who has the file by another number than open() gave it; see lirc_file.c. */
static void read_written(struct lirc *l, struct lirc_file *f)
{
	u32 durations[LIRC_WRITE_MAX];
	ssize_t n = read(f->data, durations, sizeof(durations));
	struct stat st = { .st_dev = f->pipe_dev, .st_ino = f->ino };
	u64 last;

	if (n <= 0)
		return;
	pthread_mutex_unlock(&l->lock);
	lirc_write(l->sys, &st, durations, (size_t)n, &last);
	pthread_mutex_lock(&l->lock);
}

static void close_file(struct lirc_dev *d, struct lirc_file *f)
{
	for (struct lirc_file **p = &d->files; *p; p = &(*p)->next)
		if (*p == f) {
			*p = f->next;
			break;
		}
	if (d->grabbed == f)
		d->grabbed = NULL;
	lirc_file_free(f);
}

struct watched {
	struct pollfd fds[FILES_MAX];
	struct lirc_dev *dev[FILES_MAX];
	struct lirc_file *file[FILES_MAX]; /* NULL: the device's source */
	nfds_t n;
};

static void watch(struct watched *w, int fd, short events, struct lirc_dev *d, struct lirc_file *f)
{
	if (w->n == FILES_MAX)
		return;
	w->fds[w->n] = (struct pollfd){ .fd = fd, .events = events };
	w->dev[w->n] = d;
	w->file[w->n++] = f;
}

static void look(struct lirc *l, struct watched *w)
{
	for (nfds_t i = 1; i < w->n; i++) {
		struct lirc_file *f = w->file[i];

		if (!w->fds[i].revents)
			continue;
		if (!f)
			read_source(w->dev[i]);
		else if (w->fds[i].revents & POLLIN)
			read_written(l, f);
		else if (w->fds[i].revents & (POLLERR | POLLHUP))
			close_file(w->dev[i], f);
	}
}

void *lirc_thread(void *arg)
{
	struct watched *w = mem_zalloc(sizeof(*w));
	struct lirc *l = arg;
	eventfd_t ignored;
	u64 now, next;

	while (w && !load_acquire(&l->ending)) {
		now = lirc_now();
		next = 0;
		w->n = 0;
		watch(w, l->wake, POLLIN, NULL, NULL);
		pthread_mutex_lock(&l->lock);
		for (u32 i = 0; i < l->n; i++) {
			struct lirc_dev *d = l->dev[i];
			u64 due[] = { source_tick(d, now), lirc_keys_tick(d, now),
				      listened_tick(d, now) };

			for (size_t k = 0; k < ARRAY_SIZE(due); k++)
				if (due[k] && (!next || due[k] < next))
					next = due[k];
			if (d->source.fd >= 0 && load_acquire(&d->source.started) &&
			    d->source.next == d->source.samples.n)
				watch(w, d->source.fd, POLLIN, d, NULL);
			for (struct lirc_file *f = d->files; f; f = f->next)
				watch(w, f->data, f->access == O_WRONLY ? POLLIN : 0, d, f);
		}
		pthread_mutex_unlock(&l->lock);
		now = lirc_now();
		if (poll(w->fds, w->n,
			 !next ? -1 :
			 next <= now ?
				 0 :
				 (int)min_t(u64, (next - now + 999999) / 1000000, 60000)) <= 0)
			continue;
		if (w->fds[0].revents)
			eventfd_read(l->wake, &ignored);
		pthread_mutex_lock(&l->lock);
		look(l, w);
		pthread_mutex_unlock(&l->lock);
	}
	mem_free(w);
	return NULL;
}
