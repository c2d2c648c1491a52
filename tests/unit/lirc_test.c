/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Infrared receivers: what may be attached, in which order it runs, what decoders report, where pulses
 * come from. What the devices answer is compared with Linux in tests/script/lirc.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <linux/lirc.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "event/lirc.h"
#include "../lib/asm.h"
#include "../lib/system_fixture.h"

static struct skep_system *receivers(const char *kernel, int source)
{
	struct skep_system *sys = system_for(kernel);

	assert_non_null(sys);
	assert_int_equal(0, lirc_start(sys, &source, 1, NULL, NULL));
	return sys;
}

static void end(struct skep_system *sys)
{
	lirc_stop(sys);
	skep_system_free(sys);
}

static int load(struct skep_system *sys, const struct bpf_insn *insns, u32 n)
{
	int fd = sys_prog_load(sys, BPF_PROG_TYPE_LIRC_MODE2, insns, n, NULL, 0);

	assert_true(fd >= 0);
	return fd;
}

/* Linux's own test's: bit 16 of a pulse: a key, bit 17: the pointer. Protocol 0x40, or the one given. */
static int decoder(struct skep_system *sys, u32 protocol)
{
	const struct bpf_insn insns[] = {
		MOVX(6, 1),
		LD(W, 7, 1, 0),
		MOVX(2, 7),
		I(BPF_ALU64 | BPF_RSH | BPF_K, 2, 0, 0, 24),
		JK(JNE, 2, 1, 15),
		MOVX(2, 7),
		ANDK(2, 0x10000),
		JK(JEQ, 2, 0, 6),
		MOVX(1, 6),
		MOVK(2, (s32)protocol),
		MOVX(3, 7),
		ANDK(3, 0xffff),
		MOVK(4, 0),
		CALL(rc_keydown),
		ANDK(7, 0x20000),
		JK(JEQ, 7, 0, 4),
		MOVX(1, 6),
		MOVK(2, 1),
		MOVK(3, -1),
		CALL(rc_pointer_rel),
		RET(0),
	};

	return load(sys, insns, ARRAY_SIZE(insns));
}

static int idle(struct skep_system *sys)
{
	const struct bpf_insn insns[] = { RET(0) };

	return load(sys, insns, ARRAY_SIZE(insns));
}

static int attach(struct skep_system *sys, int cmd, int prog, int target, u32 flags)
{
	union bpf_attr attr = { .target_fd = (u32)target,
				.attach_bpf_fd = (u32)prog,
				.attach_type = BPF_LIRC_MODE2,
				.attach_flags = flags };

	return skep_bpf(sys, cmd, &attr, sizeof(attr));
}

static int query(struct skep_system *sys, int target, u32 *ids, u32 *n)
{
	union bpf_attr attr = { .query = { .target_fd = (u32)target,
					   .attach_type = BPF_LIRC_MODE2,
					   .prog_ids = (u64)ids,
					   .prog_cnt = *n,
					   .attach_flags = 7 } };
	int err = skep_bpf(sys, BPF_PROG_QUERY, &attr, sizeof(attr));

	*n = attr.query.prog_cnt;
	if (err != -EINVAL && err != -EBADF)
		assert_int_equal(0, attr.query.attach_flags);
	return err;
}

static void rules(void **state)
{
	struct skep_system *sys = receivers("6.18", -1), *old;
	int fd = lirc_open(sys, 0, false, O_RDWR), ro = lirc_open(sys, 0, false, O_RDONLY);
	int input = lirc_open(sys, 0, true, O_RDONLY), wo = lirc_open(sys, 0, false, O_WRONLY);
	int null = open("/dev/null", O_RDWR), progs[LIRC_PROGS_MAX + 1];
	const struct bpf_insn any[] = { RET(0) };
	u32 ids[LIRC_PROGS_MAX + 1] = { 0 }, n;
	int other = sys_prog_load(sys, BPF_PROG_TYPE_SOCKET_FILTER, any, ARRAY_SIZE(any), NULL, 0);

	for (size_t i = 0; i < ARRAY_SIZE(progs); i++)
		progs[i] = idle(sys);
	n = 8;
	assert_int_equal(0, query(sys, fd, ids, &n));
	assert_int_equal(0, n);
	assert_int_equal(-EBADF, attach(sys, BPF_PROG_ATTACH, progs[0], 1 << 20, 0));
	assert_int_equal(-EINVAL, attach(sys, BPF_PROG_ATTACH, progs[0], null, 0));
	assert_int_equal(-EINVAL, attach(sys, BPF_PROG_ATTACH, progs[0], input, 0));
	assert_int_equal(-EINVAL, attach(sys, BPF_PROG_ATTACH, progs[0], fd, BPF_F_ALLOW_MULTI));
	assert_int_equal(-EINVAL, attach(sys, BPF_PROG_ATTACH, other, fd, 0));
	assert_int_equal(-EPERM, attach(sys, BPF_PROG_ATTACH, progs[0], ro, 0));
	assert_int_equal(-ENOENT, attach(sys, BPF_PROG_DETACH, progs[0], fd, 0));
	assert_int_equal(-EBADF, attach(sys, BPF_PROG_DETACH, 1 << 20, fd, 0));
	assert_int_equal(-EINVAL, attach(sys, BPF_PROG_DETACH, other, fd, 0));
	assert_int_equal(-EPERM, attach(sys, BPF_PROG_DETACH, progs[0], ro, 0));
	assert_int_equal(0, attach(sys, BPF_PROG_ATTACH, progs[0], wo, 0));
	assert_int_equal(-EEXIST, attach(sys, BPF_PROG_ATTACH, progs[0], fd, 0));
	for (u32 i = 1; i < LIRC_PROGS_MAX; i++)
		assert_int_equal(0, attach(sys, BPF_PROG_ATTACH, progs[i], fd, 0));
	assert_int_equal(-E2BIG, attach(sys, BPF_PROG_ATTACH, progs[LIRC_PROGS_MAX], fd, 0));
	/* In the order of attachment, from any file, however much room there is. */
	n = 3;
	assert_int_equal(-ENOSPC, query(sys, ro, ids, &n));
	assert_int_equal(LIRC_PROGS_MAX, n);
	assert_int_equal(object_id(sys, progs[2]), ids[2]);
	assert_int_equal(0, ids[3]);
	assert_int_equal(0, attach(sys, BPF_PROG_DETACH, progs[1], fd, 0));
	n = ARRAY_SIZE(ids);
	assert_int_equal(0, query(sys, fd, ids, &n));
	assert_int_equal(LIRC_PROGS_MAX - 1, n);
	assert_int_equal(object_id(sys, progs[0]), ids[0]);
	assert_int_equal(object_id(sys, progs[2]), ids[1]);
	assert_int_equal(-EINVAL, query(sys, null, ids, &n));
	/* What is attached stays when nobody has it. */
	for (size_t i = 0; i < ARRAY_SIZE(progs); i++)
		close(progs[i]);
	n = 1;
	assert_int_equal(-ENOSPC, query(sys, fd, ids, &n));
	assert_true(lirc_used(sys));
	end(sys);
	/* Releases that nobody mends any more let readers attach. */
	old = receivers("6.5", -1);
	ro = lirc_open(old, 0, false, O_RDONLY);
	assert_int_equal(0, attach(old, BPF_PROG_ATTACH, idle(old), ro, 0));
	end(old);
}

/* Waits for @size bytes. */
static void read_all(int fd, void *to, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		assert_int_equal(1, poll(&p, 1, 60000));
		n = read(fd, (char *)to + done, size - done);
		assert_true(n > 0);
		done += (size_t)n;
	}
}

static bool nothing(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return !poll(&p, 1, 0);
}

static long request(struct skep_system *sys, int fd, u32 cmd, void *data)
{
	struct stat st;
	size_t out;

	assert_int_equal(0, fstat(fd, &st));
	return lirc_ioctl(sys, &st, cmd, data, _IOC_SIZE(cmd), &out);
}

static void send_pulse(struct skep_system *sys, int fd, u32 us)
{
	struct stat st;
	u64 last;

	assert_int_equal(0, fstat(fd, &st));
	assert_int_equal(4, lirc_write(sys, &st, &us, sizeof(us), &last));
	assert_int_equal(us, last);
}

static void expect_event(int fd, u16 type, u16 code, s32 value)
{
	struct input_event e;

	read_all(fd, &e, sizeof(e));
	assert_int_equal(type, e.type);
	assert_int_equal(code, e.code);
	assert_int_equal(value, e.value);
}

/* Before 5.15 a pulse may be as long as Linux's own test wants it. */
static void decoded(void **state)
{
	struct skep_system *sys = receivers("5.10", -1);
	int fd = lirc_open(sys, 0, false, O_RDWR), input = lirc_open(sys, 0, true, O_RDONLY);
	int scan = lirc_open(sys, 0, false, O_RDONLY);
	u32 mode = LIRC_MODE_SCANCODE, back = LIRC_MODE_MODE2, raw[2];
	struct input_keymap_entry key = { .len = 4, .keycode = KEY_POWER };
	struct lirc_scancode sc[2];

	assert_int_equal(0, request(sys, scan, LIRC_SET_REC_MODE, &mode));
	assert_int_equal(0, attach(sys, BPF_PROG_ATTACH, decoder(sys, 0x40), fd, 0));
	send_pulse(sys, fd, 0x1dead);
	/* No key stands for it: a scan code alone. */
	expect_event(input, EV_MSC, MSC_SCAN, 0xdead);
	expect_event(input, EV_SYN, SYN_REPORT, 0);
	send_pulse(sys, fd, 0x20101);
	expect_event(input, EV_REL, REL_X, 1);
	expect_event(input, EV_REL, REL_Y, -1);
	expect_event(input, EV_SYN, SYN_REPORT, 0);
	read_all(scan, sc, sizeof(sc[0]));
	assert_int_equal(0xdead, sc[0].scancode);
	assert_int_equal(0x40, sc[0].rc_proto);
	assert_int_equal(0, sc[0].flags);
	assert_int_equal(KEY_RESERVED, sc[0].keycode);
	assert_true(sc[0].timestamp);
	assert_true(nothing(scan));
	/* The other queue has been filled, too. */
	assert_int_equal(0, request(sys, scan, LIRC_SET_REC_MODE, &back));
	read_all(scan, raw, sizeof(raw));
	assert_int_equal(LIRC_PULSE(0x1dead), raw[0]);
	assert_int_equal(LIRC_TIMEOUT(125000), raw[1]);
	assert_int_equal(0, request(sys, scan, LIRC_SET_REC_MODE, &mode));
	/* With a key it goes down, is told again while it is, and goes up by itself. */
	memcpy(key.scancode, &(u32){ 0xdead }, 4);
	assert_int_equal(0, request(sys, input, EVIOCSKEYCODE_V2, &key));
	send_pulse(sys, fd, 0x1dead);
	send_pulse(sys, fd, 0x1dead);
	expect_event(input, EV_MSC, MSC_SCAN, 0xdead);
	expect_event(input, EV_KEY, KEY_POWER, 1);
	expect_event(input, EV_SYN, SYN_REPORT, 0);
	expect_event(input, EV_MSC, MSC_SCAN, 0xdead);
	expect_event(input, EV_SYN, SYN_REPORT, 0);
	expect_event(input, EV_KEY, KEY_POWER, 0);
	expect_event(input, EV_SYN, SYN_REPORT, 0);
	read_all(scan, sc, sizeof(sc));
	assert_int_equal(KEY_POWER, sc[0].keycode);
	assert_int_equal(0, sc[0].flags);
	assert_int_equal(LIRC_SCANCODE_FLAG_REPEAT, sc[1].flags);
	end(sys);
}

/* All that is attached runs, in its order. */
static void in_order(void **state)
{
	struct skep_system *sys = receivers("5.10", -1);
	int fd = lirc_open(sys, 0, false, O_RDWR), first = decoder(sys, 2);
	u32 mode = LIRC_MODE_SCANCODE;
	struct lirc_scancode sc[3];

	assert_int_equal(0, request(sys, fd, LIRC_SET_REC_MODE, &mode));
	assert_int_equal(0, attach(sys, BPF_PROG_ATTACH, first, fd, 0));
	assert_int_equal(0, attach(sys, BPF_PROG_ATTACH, decoder(sys, 1), fd, 0));
	send_pulse(sys, fd, 0x10005);
	read_all(fd, sc, 2 * sizeof(sc[0]));
	assert_int_equal(2, sc[0].rc_proto);
	assert_int_equal(1, sc[1].rc_proto);
	assert_int_equal(0, attach(sys, BPF_PROG_DETACH, first, fd, 0));
	send_pulse(sys, fd, 0x10006);
	read_all(fd, sc, sizeof(sc[0]));
	assert_int_equal(1, sc[0].rc_proto);
	assert_int_equal(6, sc[0].scancode);
	assert_true(nothing(fd));
	end(sys);
}

/* What one file does not read does not last for ever, nor keep others from reading. */
static void full(void **state)
{
	struct skep_system *sys = receivers("6.18", -1);
	int fd = lirc_open(sys, 0, false, O_RDWR), slow = lirc_open(sys, 0, false, O_RDONLY);
	u32 got[LIRC_QUEUE + 8];
	struct stat st;
	u32 sample;

	for (u32 i = 0; i < LIRC_QUEUE + 100; i++) {
		send_pulse(sys, fd, 10);
		do
			read_all(fd, &sample, sizeof(sample));
		while (LIRC_IS_SPACE(sample)); /* the gap */
		assert_int_equal(LIRC_PULSE(10), sample);
		read_all(fd, &sample, sizeof(sample));
		assert_int_equal(LIRC_TIMEOUT(125000), sample);
	}
	assert_int_equal(LIRC_QUEUE * 4, read(slow, got, sizeof(got)));
	assert_int_equal(0, fstat(fd, &st));
	assert_int_equal(0, lirc_may_read(sys, &st, 8));
	assert_int_equal(-EINVAL, lirc_may_read(sys, &st, 6));
	assert_int_equal(-EINVAL, lirc_may_read(sys, &st, 0));
	end(sys);
}

static int file_with(const char *text, size_t size)
{
	char path[] = "/tmp/lirc-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(size, write(fd, text, size));
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static void expect_samples(int fd, const u32 *want, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		u32 sample;

		read_all(fd, &sample, sizeof(sample));
		assert_int_equal(want[i], sample);
	}
}

/* A file waits for who listens; as text or as bytes it says the same. */
static void from_files(void **state)
{
	static const char text[] =
		"Using driver devinput\n# a comment\npulse 900\nspace 450, +560 -560\n"
		"timeout 1000\n-2000 pulse 16777215999\n";
	const u32 want[] = { LIRC_PULSE(900), LIRC_SPACE(450),	  LIRC_PULSE(560),
			     LIRC_SPACE(560), LIRC_TIMEOUT(1000), LIRC_SPACE(2000) };
	const u32 bytes[] = { LIRC_PULSE(9024), LIRC_SPACE(70000) };
	const u32 then[] = { LIRC_PULSE(9024), LIRC_SPACE(70000), LIRC_TIMEOUT(125000) };
	struct skep_system *sys = receivers("6.18", file_with(text, sizeof(text) - 1));
	int fd = lirc_open(sys, 0, false, O_RDONLY);
	struct stat st;

	poll(NULL, 0, 50);
	assert_true(nothing(fd));
	assert_int_equal(0, fstat(fd, &st));
	lirc_listened(sys, &st);
	expect_samples(fd, want, ARRAY_SIZE(want));
	end(sys);
	sys = receivers("6.18", file_with((const char *)bytes, sizeof(bytes)));
	fd = lirc_open(sys, 0, false, O_RDWR);
	assert_int_equal(0, attach(sys, BPF_PROG_ATTACH, idle(sys), fd, 0));
	expect_samples(fd, then, ARRAY_SIZE(then));
	end(sys);
}

/* What comes live has happened; silence is told, and then what is said again. */
static void live(void **state)
{
	const u32 want[] = { LIRC_PULSE(500000), LIRC_SPACE(500000), LIRC_PULSE(7),
			     LIRC_TIMEOUT(125000) };
	int ends[2], fd;
	struct skep_system *sys;
	u32 sample;

	assert_int_equal(0, pipe2(ends, O_CLOEXEC | O_NONBLOCK));
	sys = receivers("6.18", ends[0]);
	fd = lirc_open(sys, 0, false, O_RDWR);
	assert_int_equal(0, attach(sys, BPF_PROG_ATTACH, idle(sys), fd, 0));
	assert_int_equal(31, write(ends[1], "pulse 500000\nspace 500000\npulse", 31));
	assert_int_equal(6, write(ends[1], " 7\n+3x", 6));
	expect_samples(fd, want, ARRAY_SIZE(want));
	assert_int_equal(7, write(ends[1], "\nspace\n", 7)); /* neither is one */
	assert_int_equal(9, write(ends[1], "pulse 11\n", 9));
	read_all(fd, &sample, sizeof(sample));
	assert_true(LIRC_IS_SPACE(sample));
	read_all(fd, &sample, sizeof(sample));
	assert_int_equal(LIRC_PULSE(11), sample);
	close(ends[1]);
	end(sys);
}

static void parsed(void **state)
{
	static const struct {
		const char *text;
		int results[4];
	} rows[] = {
		{ "", { 0 } },
		{ " # all of it\n", { 0 } },
		{ "pulse 1 space 2", { 1, 1, 0 } },
		{ "+1-2", { -EINVAL } },
		{ "pulse", { -EINVAL } },
		{ "pulse -1", { -EINVAL } },
		{ "timeout 5 carrier 38000,", { 1, 1, 0 } },
		{ "pulses 5", { -EINVAL } },
		{ "scancode nec:1", { -EINVAL } },
	};
	uint32_t sample;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *at = rows[i].text;

		for (int k = 0; k == 0 || rows[i].results[k - 1] > 0; k++)
			assert_int_equal(rows[i].results[k], skep_pulse_parse(&at, &sample));
	}
}

/* A closed file is forgotten, and one that has grabbed the input device gives it back. */
static void closed(void **state)
{
	struct skep_system *sys = receivers("6.18", -1);
	int a = lirc_open(sys, 0, true, O_RDONLY), b = lirc_open(sys, 0, true, O_RDONLY);
	u32 one = 1;
	int err;

	assert_int_equal(0, request(sys, a, EVIOCGRAB, &one));
	assert_int_equal(-EBUSY, request(sys, b, EVIOCGRAB, &one));
	close(a);
	for (int i = 0; i < 6000; i++) {
		err = (int)request(sys, b, EVIOCGRAB, &one);
		if (err != -EBUSY)
			break;
		poll(NULL, 0, 10);
	}
	assert_int_equal(0, err);
	end(sys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules),  cmocka_unit_test(decoded),	cmocka_unit_test(in_order),
		cmocka_unit_test(full),	  cmocka_unit_test(from_files), cmocka_unit_test(live),
		cmocka_unit_test(parsed), cmocka_unit_test(closed),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
