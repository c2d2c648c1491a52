/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Infrared receivers of an instance: /dev/lirc0 and its like, each with the input device of its keys
 * (Linux: drivers/media/rc; what the devices answer is what rc-loopback's answer). Pulses come from a
 * file, a FIFO or another receiver, and from who transmits with the device: it hears itself.
 *
 *   lirc.c		receivers, pulses on their way to programs and readers, transmitting, requests
 *   lirc_file.c	open files
 *   lirc_keys.c	scan codes, keys, the input device
 *   lirc_source.c	where pulses come from, and the thread that all this is done in
 *
 * What a process reads is in a pipe, whose other end is ours: it waits, polls and is woken by the kernel. Only how
 * much it may ask for, and what it writes, is ours to answer (src/daemon/receivers.c).
 */
#ifndef SKEP_EVENT_LIRC_H
#define SKEP_EVENT_LIRC_H

#include <linux/lirc.h>
#include <stdio.h>

#include "base/vec.h"
#include "hook/lirc.h"

#define LIRC_DEVICES	8
#define LIRC_QUEUE	512  /* Linux: MAX_IR_EVENT_SIZE */
#define LIRC_SCANCODES	32   /* that one file keeps */
#define LIRC_WRITE_MAX	1024 /* Linux: LIRCBUF_SIZE */
#define LIRC_INPUT_KEPT 64   /* events */
#define LIRC_MAJOR	245
#define INPUT_MAJOR	13

struct lirc;
struct lirc_dev;

/* A pulse or a space of @duration us, or what else there is to tell (Linux: struct ir_raw_event). */
struct lirc_raw {
	u32 duration; /* or a carrier's frequency */
	bool pulse, overflow, timeout, carrier;
};

/* An open file of a receiver, or of its input device. */
struct lirc_file {
	struct lirc_file *next;
	struct lirc_dev *dev;
	u64 pipe_dev, ino; /* of the pipe that the process has */
	int access;	   /* O_RDONLY … */
	bool input;
	int data; /* our end of what it reads, or (O_WRONLY) writes */
	u32 rec_mode, send_mode, carrier_low;
	VEC(u8) kept;  /* for the mode that it is not in */
	int clock;     /* of input events */
	u64 opened_at; /* ns */
};

struct lirc_key {
	u64 scancode;
	u32 keycode;
};

/* Where pulses come from; see lirc_source.c. */
struct lirc_source {
	int fd;		   /* -1: nowhere */
	bool live;	   /* what comes has happened: a FIFO, a device */
	bool started;	   /* somebody listens */
	bool bytes, known; /* .bytes: samples as 32 bits */
	char line[4096];
	u32 used;
	VEC(u32) samples; /* from .next on to come */
	size_t next;
	u64 due;       /* ns: when the next has passed */
	u64 silent_at; /* when silence is a timeout; 0: it has been told, or never */
	u64 line_number;
};

struct lirc_dev {
	struct lirc *lirc;
	u32 index, input_number;
	struct lirc_progs progs;
	struct lirc_file *files;
	/* rc-loopback's settings */
	u32 tx_mask, tx_carrier, rx_carrier_min, rx_carrier_max;
	bool wideband, carrier_reports, idle;
	u32 timeout; /* us */
	/* what is on its way */
	struct lirc_raw queue[LIRC_QUEUE], held;
	u32 queued;
	u64 gap_start; /* ns; 0: none */
	/* keys */
	VEC(struct lirc_key) map;
	bool pressed;
	u32 last_protocol, last_keycode, last_toggle;
	u64 last_scancode, keyup_at, repeat_at; /* ns; 0: never */
	u32 repeat_delay, repeat_period;	/* ms */
	struct {
		u16 type, code;
		s32 value;
	} packet[16]; /* of input events, until it is complete */
	u32 in_packet;
	const struct lirc_file *grabbed;
	struct lirc_source source;
};

struct lirc {
	struct skep_system *sys;
	pthread_mutex_t lock; /* of all but what is attached */
	struct lirc_dev *dev[LIRC_DEVICES];
	u32 n;
	int wake;
	pthread_t thread;
	bool ending;
	void (*say)(void *arg, const char *text); /* to who should know of a damaged source */
	void *say_arg;
};

/*
 * Receivers of @sys, one for each of @n descriptors @sources, which are taken over. 0, -EBUSY (it has some) or
 * -ENOMEM and the like.
 */
int lirc_start(struct skep_system *sys, const int *sources, u32 n,
	       void (*say)(void *arg, const char *text), void *arg);
/* Before the system ends. */
void lirc_stop(struct skep_system *sys);
u32 lirc_count(const struct skep_system *sys);
/* Whether programs are attached to any. */
bool lirc_used(const struct skep_system *sys);
/* The number of receiver @index's /dev/input/eventN. */
u32 lirc_input_number(const struct skep_system *sys, u32 index);

/* Opens receiver @index, or its input device: a descriptor for the caller, or -errno. */
int lirc_open(struct skep_system *sys, u32 index, bool input, int flags);
/* What a descriptor with @st is open on: its receiver's index, or -1. */
int lirc_which(struct skep_system *sys, const struct stat *st, bool *input);
/* read() of @size bytes: 0 (it is the pipe's to answer) or -errno. Starts the source. */
int lirc_may_read(struct skep_system *sys, const struct stat *st, size_t size);
/* Somebody waits for the device. */
void lirc_listened(struct skep_system *sys, const struct stat *st);
/* write() of @data: how many, or -errno; *@last: us until it has been sent. */
long lirc_write(struct skep_system *sys, const struct stat *st, const void *data, size_t size,
		u64 *last);
/*
 * ioctl(): its result or -errno. @data: the argument's @size bytes, read before if the request says so, to be
 * written after if *@out (bytes).
 */
long lirc_ioctl(struct skep_system *sys, const struct stat *st, u32 request, void *data,
		size_t size, size_t *out);

/* ---- between the files; the lock is held ---- */

/* lirc.c */
struct lirc_file *lirc_file_of(struct skep_system *sys, const struct stat *st);
/* A sample as it was received, LIRC_MODE_MODE2's format. */
void lirc_received(struct lirc_dev *d, u32 sample);
u64 lirc_now(void); /* ns, CLOCK_MONOTONIC */

/* lirc_file.c */
void lirc_file_free(struct lirc_file *f);
/* Gives every file what it reads in mode @mode. */
void lirc_give(struct lirc_dev *d, u32 mode, const void *data, size_t size);
void lirc_set_mode(struct lirc_file *f, u32 mode);
/* How many bytes nobody has read yet; takes them away. */
u32 lirc_file_unread(const struct lirc_file *f);
void lirc_file_drain(struct lirc_file *f, u8 *to, u32 size);

/* lirc_keys.c */
int lirc_keys_init(struct lirc_dev *d);
void lirc_keys_event(struct lirc_dev *d, const struct bpf_lirc_event *e);
/* Does what is due; ns when there is more, 0: never. */
u64 lirc_keys_tick(struct lirc_dev *d, u64 now);
long lirc_keys_ioctl(struct lirc_file *f, u32 request, void *data, size_t size, size_t *out);
long lirc_keys_write(struct lirc_dev *d, const void *data, size_t size);

/* lirc_source.c */
void lirc_source_init(struct lirc_source *s, int fd);
void lirc_source_free(struct lirc_source *s);
void *lirc_thread(void *lirc);
void lirc_wake(struct lirc *l);

#endif
