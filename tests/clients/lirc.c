// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * A client of infrared receivers. With LIRC INPUT it says what the devices answer, line by line: tests/data/lirc has
 * what Linux's rc-loopback says. With LIRC OBJECT N it attaches the object's decoder and prints the
 * next N scan codes.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <linux/lirc.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

static int fd, in;

static const char *result(long r)
{
	static char text[64];
	const char *name = r < 0 ? strerrorname_np(errno) : NULL;

	if (r >= 0)
		snprintf(text, sizeof(text), "%ld", r);
	else
		snprintf(text, sizeof(text), "-%s", name ? name : "?");
	return text;
}

static void request(const char *name, unsigned long cmd, unsigned value)
{
	long r = ioctl(fd, cmd, &value);

	printf("%s %s", name, result(r));
	if (r >= 0 && _IOC_DIR(cmd) & _IOC_READ)
		printf(" %#x", value);
	putchar('\n');
}
#define ASK(cmd, value) request(#cmd "(" #value ")", cmd, value)

static void send_all(const char *name, const void *data, size_t size)
{
	struct timespec a, b;
	long r, ms;

	clock_gettime(CLOCK_MONOTONIC, &a);
	r = write(fd, data, size);
	clock_gettime(CLOCK_MONOTONIC, &b);
	ms = (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
	printf("write %s: %s", name, result(r));
	if (r == 4) /* a pulse of 40 ms and more */
		printf(", %s", ms >= 40 ? "it lasts" : "it is over at once");
	putchar('\n');
}
#define SEND(name, ...)                                                                            \
	do {                                                                                       \
		unsigned _v[] = { __VA_ARGS__ };                                                   \
		send_all(name, _v, sizeof(_v));                                                    \
	} while (0)

/* Gaps are as long as we took. */
static void heard(const char *name)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
	unsigned v[600];
	long n;

	poll(NULL, 0, 200);
	poll(&p, 1, 0);
	printf("%s: poll %#x:", name, p.revents);
	while ((n = read(fd, v, sizeof(v))) > 0)
		for (long i = 0; i < n / 4; i++)
			if (i > 40)
				printf("%s", i == n / 4 - 1 ? " …" : "");
			else if (LIRC_IS_SPACE(v[i]) &&
				 (LIRC_VALUE(v[i]) < 2 || LIRC_VALUE(v[i]) > 130000))
				printf(" gap");
			else
				printf(" %x:%u", v[i] >> 24, LIRC_VALUE(v[i]));
	printf(" %s\n", result(n));
}

static void modes(void)
{
	ASK(LIRC_GET_FEATURES, 0);
	ASK(LIRC_GET_SEND_MODE, 0);
	ASK(LIRC_GET_REC_MODE, 0);
	ASK(LIRC_GET_REC_RESOLUTION, 0);
	ASK(LIRC_GET_MIN_TIMEOUT, 0);
	ASK(LIRC_GET_MAX_TIMEOUT, 0);
	ASK(LIRC_GET_REC_TIMEOUT, 0);
	ASK(LIRC_SET_SEND_MODE, 0);
	ASK(LIRC_SET_SEND_MODE, LIRC_MODE_RAW);
	ASK(LIRC_SET_SEND_MODE, LIRC_MODE_MODE2);
	ASK(LIRC_SET_SEND_MODE, LIRC_MODE_SCANCODE);
	ASK(LIRC_GET_SEND_MODE, 0);
	ASK(LIRC_SET_SEND_MODE, LIRC_MODE_PULSE);
	ASK(LIRC_SET_REC_MODE, 0);
	ASK(LIRC_SET_REC_MODE, LIRC_MODE_PULSE);
	ASK(LIRC_SET_REC_MODE, LIRC_MODE_SCANCODE);
	ASK(LIRC_GET_REC_MODE, 0);
	ASK(LIRC_SET_REC_MODE, LIRC_MODE_MODE2);
	ASK(LIRC_SET_TRANSMITTER_MASK, 1);
	ASK(LIRC_SET_TRANSMITTER_MASK, 4);
	ASK(LIRC_SET_SEND_DUTY_CYCLE, 0);
	ASK(LIRC_SET_SEND_DUTY_CYCLE, 33);
	ASK(LIRC_SET_SEND_DUTY_CYCLE, 100);
	ASK(LIRC_SET_REC_CARRIER, 0);
	ASK(LIRC_SET_REC_CARRIER_RANGE, 0);
	ASK(LIRC_SET_REC_CARRIER_RANGE, 30000);
	ASK(LIRC_SET_REC_CARRIER, 20000);
	ASK(LIRC_SET_REC_CARRIER, 40000);
	ASK(LIRC_SET_SEND_CARRIER, 38000);
	ASK(LIRC_SET_WIDEBAND_RECEIVER, 0);
	ASK(LIRC_SET_MEASURE_CARRIER_MODE, 0);
	ASK(LIRC_SET_REC_TIMEOUT_REPORTS, 1);
	ASK(LIRC_SET_REC_TIMEOUT, 0);
	ASK(LIRC_SET_REC_TIMEOUT, 0x2000000);
	ASK(LIRC_SET_REC_TIMEOUT, 100000);
	ASK(LIRC_GET_REC_TIMEOUT, 0);
	ASK(LIRC_SET_REC_TIMEOUT, 125000);
	ASK(LIRC_GET_LENGTH, 0);
	ASK(TCGETS, 0);
	printf("fault: %s\n", result(ioctl(fd, LIRC_GET_FEATURES, 1)));
}

static void reading(void)
{
	static const size_t sizes[] = { 3, 6, 4, 0 };
	void *volatile nowhere = (void *)1;
	char b[64];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		printf("read %zu: %s\n", sizes[i], result(read(fd, b, sizes[i])));
	printf("fault: %s\n", result(write(fd, nowhere, 4)));
}

static void sending(void)
{
	unsigned many[1025];

	for (size_t i = 0; i < 1025; i++)
		many[i] = 10;
	send_all("nothing", many, 0);
	send_all("3 bytes", many, 3);
	send_all("two", many, 8);
	send_all("1025", many, sizeof(many));
	send_all("1023", many, 1023 * 4);
	heard("512 of 1023");
	SEND("five", 900, 450, 560, 560, 560);
	heard("five");
	SEND("none of 0", 900, 0, 900);
	SEND("none of half a second", 500001);
	SEND("none of that together", 300000, 1, 200000);
	SEND("49000", 49000);
	heard("49000");
	SEND("60000", 60000);
	heard("an overflow");
	SEND("two of three", 100, 200, 60000, 300, 400);
	heard("one within");
	SEND("a long space", 100, 130000, 400, 20, 30);
	heard("two messages");
	ASK(LIRC_SET_MEASURE_CARRIER_MODE, 1);
	SEND("five", 900, 450, 560, 560, 560);
	heard("the carrier");
	ASK(LIRC_SET_MEASURE_CARRIER_MODE, 0);
	ASK(LIRC_SET_WIDEBAND_RECEIVER, 1);
	SEND("five", 900, 450, 560, 560, 560);
	heard("another receiver");
	ASK(LIRC_SET_TRANSMITTER_MASK, 3);
	SEND("five", 900, 450, 560, 560, 560);
	heard("both transmitters");
	ASK(LIRC_SET_WIDEBAND_RECEIVER, 0);
	ASK(LIRC_SET_SEND_CARRIER, 50000);
	SEND("five", 900, 450, 560, 560, 560);
	heard("another carrier");
	ASK(LIRC_SET_SEND_CARRIER, 38000);
}

static void scancodes(const char *path)
{
	struct lirc_scancode sc = { .rc_proto = RC_PROTO_NEC, .scancode = 0x1234, .flags = 1 };
	int ro = open(path, O_RDONLY | O_NONBLOCK), wo = open(path, O_WRONLY), own = fd;
	unsigned pulse = 10;
	char b[64];

	ASK(LIRC_SET_SEND_MODE, LIRC_MODE_SCANCODE);
	send_all("part of a scan code", &sc, 8);
	send_all("flags", &sc, sizeof(sc));
	ASK(LIRC_SET_SEND_MODE, LIRC_MODE_PULSE);
	ASK(LIRC_SET_REC_MODE, LIRC_MODE_SCANCODE);
	printf("read 4: %s\n", result(read(fd, b, 4)));
	printf("read 24: %s\n", result(read(fd, b, 24)));
	printf("for reading: %s\n", result(write(ro, &pulse, 4)));
	printf("for writing: %s\n", result(read(wo, b, 4)));
	fd = wo;
	ASK(LIRC_GET_FEATURES, 0);
	fd = ro;
	ASK(LIRC_SET_REC_MODE, LIRC_MODE_SCANCODE);
	ASK(LIRC_SET_SEND_CARRIER, 38000);
	fd = own;
}

static void input(void)
{
	struct input_keymap_entry key = { .flags = INPUT_KEYMAP_BY_INDEX };
	unsigned char bits[96];
	unsigned repeat[2] = { 0 };
	struct input_id id = { 0 };
	char text[256] = "";
	int version = 0;
	long r;

	r = ioctl(in, EVIOCGNAME(sizeof(text)), text);
	printf("name %s %s\n", result(r), text);
	r = ioctl(in, EVIOCGPHYS(sizeof(text)), text);
	printf("phys %s %s\n", result(r), text);
	printf("uniq %s\n", result(ioctl(in, EVIOCGUNIQ(sizeof(text)), text)));
	r = ioctl(in, EVIOCGID, &id);
	printf("id %s %x %x %x %x\n", result(r), id.bustype, id.vendor, id.product, id.version);
	r = ioctl(in, EVIOCGVERSION, &version);
	printf("version %s %x\n", result(r), version);
	for (int type = 0; type < EV_CNT; type++) {
		memset(bits, 0, sizeof(bits));
		r = ioctl(in, EVIOCGBIT(type, sizeof(bits)), bits);
		printf("bits of %d: %s", type, result(r));
		for (size_t i = 0; i < sizeof(bits); i++)
			if (bits[i])
				printf(" %zu=%02x", i, bits[i]);
		putchar('\n');
	}
	r = ioctl(in, EVIOCGREP, repeat);
	printf("repeat %s %u %u\n", result(r), repeat[0], repeat[1]);
	memset(bits, 0, sizeof(bits));
	r = ioctl(in, EVIOCGPROP(8), bits);
	printf("properties %s %x\n", result(r), bits[0]);
	r = ioctl(in, EVIOCGKEYCODE_V2, &key);
	printf("first key %s %u %x=%u\n", result(r), key.len, key.scancode[0], key.keycode);
	key.index = 1;
	printf("second key %s\n", result(ioctl(in, EVIOCGKEYCODE_V2, &key)));
	key = (struct input_keymap_entry){ .len = 4, .keycode = KEY_POWER };
	key.scancode[1] = 1;
	printf("set %s\n", result(ioctl(in, EVIOCSKEYCODE_V2, &key)));
	key.keycode = 0;
	r = ioctl(in, EVIOCGKEYCODE_V2, &key);
	printf("get %s %u %u %u\n", result(r), key.index, key.len, key.keycode);
	key = (struct input_keymap_entry){ .flags = INPUT_KEYMAP_BY_INDEX };
	for (int i = 0; i < 3; i++)
		printf("clear %s\n", result(ioctl(in, EVIOCSKEYCODE_V2, &key)));
}

static int decode(const char *object, int n)
{
	struct bpf_object *o = bpf_object__open_file(object, NULL);
	unsigned mode = LIRC_MODE_SCANCODE;
	struct bpf_program *p;
	struct lirc_scancode sc;
	int err;

	bpf_object__for_each_program(p, o) if (strcmp(bpf_program__name(p), "decode"))
		bpf_program__set_autoload(p, false);
	p = o ? bpf_object__find_program_by_name(o, "decode") : NULL;
	if (!p || bpf_object__load(o) || ioctl(fd, LIRC_SET_REC_MODE, &mode)) {
		perror(object);
		return 1;
	}
	err = bpf_prog_attach(bpf_program__fd(p), fd, BPF_LIRC_MODE2, 0);
	if (err) {
		printf("attach: %s\n", strerror(-err));
		return 1;
	}
	fcntl(fd, F_SETFL, 0);
	for (int i = 0; i < n && read(fd, &sc, sizeof(sc)) == sizeof(sc); i++)
		printf("proto %u scancode %#llx flags %u\n", sc.rc_proto,
		       (unsigned long long)sc.scancode, sc.flags);
	err = bpf_prog_detach2(bpf_program__fd(p), fd, BPF_LIRC_MODE2);
	printf("detach: %s\n", err ? strerror(-err) : "done");
	return 0;
}

int main(int argc, char **argv)
{
	struct stat st;

	if (argc < 3)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	fd = open(argv[1], O_RDWR | O_NONBLOCK);
	if (fd < 0) {
		perror(argv[1]);
		return 1;
	}
	if (argc == 4)
		return decode(argv[2], atoi(argv[3]));
	in = open(argv[2], O_RDONLY | O_NONBLOCK);
	if (in < 0 || fstat(fd, &st)) {
		perror(argv[2]);
		return 1;
	}
	printf("type %o\n", st.st_mode & S_IFMT);
	modes();
	reading();
	sending();
	scancodes(argv[1]);
	input();
	return 0;
}
