/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Receivers, the pulses on their way to programs and readers, and requests to the devices (Linux:
 * drivers/media/rc/lirc_dev.c, rc-ir-raw.c, rc-loopback.c). See lirc.h.
 *
 * DIFF(lirc-scancodes): scan codes cannot be sent (LIRC_MODE_SCANCODE): as with a kernel that lacks
 * the modules of the protocols, that is EINVAL.
 */
#include "event/lirc.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SAMPLE(mode, value) ((mode) | ((value)&LIRC_VALUE_MASK))

enum {
	NARROWBAND = 1,
	WIDEBAND = 2,
	MAX_DURATION = 500000, /* us that may be sent at once */
	LONGEST_PULSE = 50000, /* us that the loop takes for one; see transmit() */
	DEFAULT_TIMEOUT = 125000,
};

u64 lirc_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000ULL + (u64)t.tv_nsec;
}

/* ---- what is received ---- */

static void report(void *arg, const struct bpf_lirc_event *e)
{
	lirc_keys_event(arg, e);
}

static void give_sample(struct lirc_dev *d, u32 sample)
{
	lirc_give(d, LIRC_MODE_MODE2, &sample, sizeof(sample));
}

/* The silence since the last timeout, which readers are told and programs are not. */
static void give_gap(struct lirc_dev *d)
{
	u64 us;

	if (!d->gap_start)
		return;
	us = (lirc_now() - d->gap_start) / 1000;
	give_sample(d, LIRC_SPACE((u32)min_t(u64, us, LIRC_VALUE_MASK)));
	d->gap_start = 0;
}

void lirc_received(struct lirc_dev *d, u32 sample)
{
	switch (sample & LIRC_MODE2_MASK) {
	case LIRC_MODE2_TIMEOUT:
		d->gap_start = lirc_now();
		break;
	case LIRC_MODE2_SPACE:
		/* What recordings have behind a timeout is that gap. */
		if (d->gap_start) {
			d->gap_start = 0;
			give_sample(d, sample);
			return;
		}
		break;
	case LIRC_MODE2_PULSE:
		give_gap(d);
		break;
	}
	lirc_progs_run(&d->progs, d->lirc->sys, sample, report, d);
	give_sample(d, sample);
}

static void receive_raw(struct lirc_dev *d, const struct lirc_raw *e)
{
	u32 sample;

	if (e->overflow) {
		sample = SAMPLE(LIRC_MODE2_OVERFLOW, LIRC_VALUE_MASK);
	} else if (e->carrier) {
		sample = SAMPLE(LIRC_MODE2_FREQUENCY, e->duration);
	} else if (e->timeout) {
		d->gap_start = lirc_now();
		sample = SAMPLE(LIRC_MODE2_TIMEOUT, e->duration);
	} else {
		give_gap(d);
		sample = SAMPLE(e->pulse ? LIRC_MODE2_PULSE : LIRC_MODE2_SPACE, e->duration);
	}
	lirc_progs_run(&d->progs, d->lirc->sys, sample, report, d);
	give_sample(d, sample);
}

/* ---- the loop: what is sent is received ---- */

static void store(struct lirc_dev *d, const struct lirc_raw *e)
{
	if (d->queued < LIRC_QUEUE)
		d->queue[d->queued++] = *e;
}

static void handle(struct lirc_dev *d)
{
	for (u32 i = 0; i < d->queued; i++)
		receive_raw(d, &d->queue[i]);
	d->queued = 0;
}

/* As a receiver with little memory of its own: like and like are one, long spaces end what was received. */
static void filter(struct lirc_dev *d, const struct lirc_raw *e)
{
	if (d->idle && !e->pulse)
		return;
	d->idle = false;
	if (!d->held.duration) {
		d->held = *e;
	} else if (d->held.pulse == e->pulse) {
		d->held.duration += e->duration;
	} else {
		store(d, &d->held);
		d->held = *e;
	}
	if (!e->pulse && d->held.duration >= d->timeout) {
		d->held.timeout = true;
		store(d, &d->held);
		memset(&d->held, 0, sizeof(d->held));
		d->idle = true;
	}
}

static void transmit(struct lirc_dev *d, const u32 *durations, size_t n)
{
	/* A pulse that long is an overflow: since 5.15. */
	bool overflows = visible(d->lirc->sys->profile, KVER(5, 15));
	struct lirc_raw e = { .pulse = false };

	if (d->tx_carrier < d->rx_carrier_min || d->tx_carrier > d->rx_carrier_max ||
	    !(d->tx_mask & (d->wideband ? WIDEBAND : NARROWBAND)))
		return;
	for (size_t i = 0; i < n; i++) {
		e.pulse = !(i % 2);
		e.duration = durations[i];
		if (overflows && e.pulse && e.duration > LONGEST_PULSE) {
			store(d, &(struct lirc_raw){ .overflow = true });
			d->idle = true;
		} else {
			filter(d, &e);
		}
	}
	e.pulse = false;
	if (d->carrier_reports) {
		e.carrier = true; /* and so is the silence that follows, as rc-loopback has it */
		e.duration = d->tx_carrier;
		store(d, &e);
	}
	e.duration = d->timeout;
	filter(d, &e);
	handle(d);
}

long lirc_write(struct skep_system *sys, const struct stat *st, const void *data, size_t size,
		u64 *last)
{
	const u32 *durations = data;
	u64 sum = 0;
	struct lirc_file *f;
	long result = (long)size;

	*last = 0;
	pthread_mutex_lock(&sys->lirc->lock);
	f = lirc_file_of(sys, st);
	if (!f || f->access == O_RDONLY) {
		result = -EBADF;
	} else if (f->input) {
		result = lirc_keys_write(f->dev, data, size);
	} else if (f->send_mode == LIRC_MODE_SCANCODE || size < 4 || size % 4 ||
		   size / 4 > LIRC_WRITE_MAX || !(size / 4 % 2)) {
		result = -EINVAL;
	} else {
		for (size_t i = 0; i < size / 4 && result > 0; i++) {
			if (!durations[i] || durations[i] > MAX_DURATION - sum)
				result = -EINVAL;
			sum += durations[i];
		}
		if (result > 0) {
			transmit(f->dev, durations, size / 4);
			*last = sum;
		}
	}
	pthread_mutex_unlock(&sys->lirc->lock);
	if (result > 0)
		lirc_wake(sys->lirc); /* keys are down */
	return result;
}

/* ---- requests ---- */

static long set_carrier_range(struct lirc_dev *d, u32 min, u32 max)
{
	if (!min || min > max)
		return -EINVAL;
	d->rx_carrier_min = min;
	d->rx_carrier_max = max;
	return 0;
}

/* *@val: the argument, and what is given back. */
static long request(struct lirc_file *f, u32 cmd, u32 *val)
{
	struct lirc_dev *d = f->dev;

	switch (cmd) {
	case LIRC_GET_FEATURES:
		*val = LIRC_CAN_REC_MODE2 | LIRC_CAN_GET_REC_RESOLUTION | LIRC_CAN_SEND_PULSE |
		       LIRC_CAN_SET_TRANSMITTER_MASK | LIRC_CAN_SET_SEND_CARRIER |
		       LIRC_CAN_SET_SEND_DUTY_CYCLE | LIRC_CAN_SET_REC_CARRIER |
		       LIRC_CAN_SET_REC_CARRIER_RANGE | LIRC_CAN_USE_WIDEBAND_RECEIVER |
		       LIRC_CAN_MEASURE_CARRIER | LIRC_CAN_SET_REC_TIMEOUT;
		return 0;
	case LIRC_GET_REC_MODE:
		*val = f->rec_mode;
		return 0;
	case LIRC_SET_REC_MODE:
		if (*val != LIRC_MODE_MODE2 && *val != LIRC_MODE_SCANCODE)
			return -EINVAL;
		lirc_set_mode(f, *val);
		return 0;
	case LIRC_GET_SEND_MODE:
		*val = f->send_mode;
		return 0;
	case LIRC_SET_SEND_MODE:
		if (*val != LIRC_MODE_PULSE && *val != LIRC_MODE_SCANCODE)
			return -EINVAL;
		f->send_mode = *val;
		return 0;
	case LIRC_SET_TRANSMITTER_MASK:
		if (*val & ~(u32)(NARROWBAND | WIDEBAND))
			return 2; /* how many there are */
		d->tx_mask = *val;
		return 0;
	case LIRC_SET_SEND_CARRIER:
		d->tx_carrier = *val;
		return 0;
	case LIRC_SET_SEND_DUTY_CYCLE:
		return *val && *val < 100 ? 0 : -EINVAL;
	case LIRC_SET_REC_CARRIER:
		return set_carrier_range(d, f->carrier_low, *val);
	case LIRC_SET_REC_CARRIER_RANGE:
		if (!*val)
			return -EINVAL;
		f->carrier_low = *val;
		return 0;
	case LIRC_GET_REC_RESOLUTION:
		*val = 1;
		return 0;
	case LIRC_SET_WIDEBAND_RECEIVER:
		d->wideband = *val;
		return 0;
	case LIRC_SET_MEASURE_CARRIER_MODE:
		d->carrier_reports = *val;
		return 0;
	case LIRC_GET_MIN_TIMEOUT:
		*val = 1;
		return 0;
	case LIRC_GET_MAX_TIMEOUT:
		*val = LIRC_VALUE_MASK;
		return 0;
	case LIRC_SET_REC_TIMEOUT:
		if (!*val || *val > LIRC_VALUE_MASK)
			return -EINVAL;
		d->timeout = *val;
		return 0;
	case LIRC_GET_REC_TIMEOUT:
		*val = d->timeout;
		return 0;
	case LIRC_SET_REC_TIMEOUT_REPORTS:
		return 0;
	}
	return -ENOTTY;
}

long lirc_ioctl(struct skep_system *sys, const struct stat *st, u32 cmd, void *data, size_t size,
		size_t *out)
{
	struct lirc_file *f;
	long result = -ENOTTY;

	*out = 0;
	pthread_mutex_lock(&sys->lirc->lock);
	f = lirc_file_of(sys, st);
	if (f && f->input) {
		result = lirc_keys_ioctl(f, cmd, data, size, out);
	} else if (f && size >= sizeof(u32)) {
		result = request(f, cmd, data);
		*out = _IOC_DIR(cmd) & _IOC_READ ? sizeof(u32) : 0;
	}
	pthread_mutex_unlock(&sys->lirc->lock);
	if (result < 0)
		*out = 0;
	return result;
}

/* ---- receivers ---- */

static struct lirc_progs *progs_of(struct skep_system *sys, const struct stat *st, bool *writable)
{
	struct lirc_progs *p = NULL;
	struct lirc_file *f;

	pthread_mutex_lock(&sys->lirc->lock);
	f = lirc_file_of(sys, st);
	if (f && !f->input) {
		p = &f->dev->progs;
		*writable = f->access != O_RDONLY;
	}
	pthread_mutex_unlock(&sys->lirc->lock);
	return p;
}

static void attached(struct lirc_progs *p)
{
	struct lirc_dev *d = container_of(p, struct lirc_dev, progs);

	store_release(&d->source.started, true);
	lirc_wake(d->lirc);
}

static void dev_free(struct lirc_dev *d)
{
	struct lirc_file *f;

	if (!d)
		return;
	while ((f = d->files)) {
		d->files = f->next;
		lirc_file_free(f);
	}
	lirc_progs_free(&d->progs);
	lirc_source_free(&d->source);
	vec_free(&d->map);
	mem_free(d);
}

/* The first number from @from on that is no input device of the machine's. */
static u32 free_number(u32 from)
{
	char path[40];
	struct stat st;

	for (;; from++) {
		snprintf(path, sizeof(path), "/dev/input/event%u", from);
		if (stat(path, &st))
			return from;
	}
}

static struct lirc_dev *dev_new(struct lirc *l, int source)
{
	struct lirc_dev *d = mem_zalloc(sizeof(*d));

	if (!d) {
		close(source);
		return NULL;
	}
	d->lirc = l;
	d->index = l->n;
	d->input_number = free_number(l->n ? l->dev[l->n - 1]->input_number + 1 : 0);
	d->tx_mask = NARROWBAND;
	d->tx_carrier = 36000;
	d->rx_carrier_min = 1;
	d->rx_carrier_max = (u32)-1;
	d->idle = true;
	d->timeout = DEFAULT_TIMEOUT;
	lirc_progs_init(&d->progs);
	d->progs.attached = attached;
	lirc_source_init(&d->source, source);
	if (lirc_keys_init(d)) {
		dev_free(d);
		return NULL;
	}
	return d;
}

static void lirc_free(struct lirc *l)
{
	for (u32 i = 0; i < l->n; i++)
		dev_free(l->dev[i]);
	if (l->wake >= 0)
		close(l->wake);
	pthread_mutex_destroy(&l->lock);
	mem_free(l);
}

int lirc_start(struct skep_system *sys, const int *sources, u32 n,
	       void (*say)(void *arg, const char *text), void *arg)
{
	struct lirc *l = sys->lirc ? NULL : mem_zalloc(sizeof(*l));
	u32 i = 0;
	int err = sys->lirc ? -EBUSY : -ENOMEM;

	if (!l)
		goto out;
	l->sys = sys;
	l->say = say;
	l->say_arg = arg;
	pthread_mutex_init(&l->lock, NULL);
	l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (; i < n && l->wake >= 0; i++) {
		l->dev[l->n] = dev_new(l, sources[i]);
		if (!l->dev[l->n])
			break;
		l->n++;
	}
	err = l->wake < 0 ? -errno :
	      i < n	  ? -ENOMEM :
			    -pthread_create(&l->thread, NULL, lirc_thread, l);
	if (err) {
		lirc_free(l);
	} else {
		sys->receiver_of = progs_of;
		store_release(&sys->lirc, l);
	}
	i += i < n && err == -ENOMEM && l; /* that one has been closed */
out:
	for (; i < n; i++)
		close(sources[i]);
	return err;
}

void lirc_stop(struct skep_system *sys)
{
	struct lirc *l = sys->lirc;

	if (!l)
		return;
	store_release(&l->ending, true);
	lirc_wake(l);
	pthread_join(l->thread, NULL);
	sys->receiver_of = NULL;
	sys->lirc = NULL;
	lirc_free(l);
}

u32 lirc_count(const struct skep_system *sys)
{
	const struct lirc *l = load_acquire(&sys->lirc);

	return l ? l->n : 0;
}

bool lirc_used(const struct skep_system *sys)
{
	const struct lirc *l = load_acquire(&sys->lirc);

	for (u32 i = 0; l && i < l->n; i++)
		if (READ_ONCE(l->dev[i]->progs.n))
			return true;
	return false;
}

u32 lirc_input_number(const struct skep_system *sys, u32 index)
{
	return sys->lirc->dev[index]->input_number;
}

struct lirc_file *lirc_file_of(struct skep_system *sys, const struct stat *st)
{
	struct lirc *l = sys->lirc;

	for (u32 i = 0; i < l->n; i++)
		for (struct lirc_file *f = l->dev[i]->files; f; f = f->next)
			if (f->ino == st->st_ino && f->pipe_dev == st->st_dev)
				return f;
	return NULL;
}
