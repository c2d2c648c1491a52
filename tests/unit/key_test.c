/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Keys and PKCS#7 signatures (tests/bpf/key.bpf.c): messages that OpenSSL has made, in tests/data/keys,
 * of a key that the host's kernel keeps. What is expected Linux 6.12 says, too, run by this same
 * program on such a kernel (SKEP_TEST_KERNEL=1).
 */
#include "isa/tag.h"
#include "object/system.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "skep/skep.h"

struct io { /* as in the programs */
	u32 data_size, message_size;
	s32 serial, found;
	u64 flags, system;
	s32 result, is_there;
	char data[1024], message[4096];
};

static struct skep_system *sys;
static struct bpf_object *obj;
static struct bpf_link *attachment;
static bool on_kernel;
static long keyring = -1, key = -1;

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN && getenv("V"))
		return vfprintf(stderr, format, args);
	return 0;
}

static u32 file(const char *name, char *bytes, size_t size)
{
	char path[512];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", getenv("KEYS") ? getenv("KEYS") : "tests/data/keys",
		 name);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	n = read(fd, bytes, size);
	close(fd);
	assert_true(n > 0 && (size_t)n < size);
	return (u32)n;
}

static struct bpf_object *load(const char *only)
{
	const char *out = getenv("O");
	struct bpf_object *o;
	struct bpf_program *p;
	char path[512];

	snprintf(path, sizeof(path), "%s/bpf/key.bpf.o", out ? out : "build");
	o = bpf_object__open_file(path, NULL);
	assert_non_null(o);
	bpf_object__for_each_program(p, o)
		bpf_program__set_autoload(p, !strcmp(bpf_program__name(p), only));
	if (bpf_object__load(o)) {
		bpf_object__close(o);
		return NULL;
	}
	return o;
}

static void run(struct io *io)
{
	int fd = bpf_object__find_map_fd_by_name(obj, "ios");
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	io->result = 12345;
	assert_int_equal(bpf_map_update_elem(fd, &(u32){ 0 }, io, 0), 0);
	assert_int_equal(
		bpf_prog_test_run_opts(
			bpf_program__fd(bpf_object__find_program_by_name(obj, "verify")), &opts),
		0);
	assert_int_equal(bpf_map_lookup_elem(fd, &(u32){ 0 }, io), 0);
}

static struct io question(const char *message)
{
	struct io io = { .serial = (s32)keyring };

	io.data_size = file("data", io.data, sizeof(io.data));
	if (message)
		io.message_size = file(message, io.message, sizeof(io.message));
	return io;
}

static void need(bool keys)
{
	if (!obj || (keys && key < 0)) {
		print_message("# %s\n", obj ? "the kernel takes no asymmetric keys" :
					      "the kernel's types have no such functions");
		skip();
	}
}

static void test_messages(void **state)
{
	static const struct {
		const char *name;
		int result, ours; /* where that is another one: DIFF(key-trust) */
	} rows[] = {
		{ "plain.p7", 0, 0 },
		{ "attributes.p7", 0, 0 },
		{ "capabilities.p7", -EKEYREJECTED, -EKEYREJECTED },
		{ "keyid.p7", 0, 0 },
		{ "sha1.p7", 0, 0 },
		{ "certificate.p7", 0, 0 },
		{ "sha384.p7", 0, 0 },
		{ "sha512.p7", 0, 0 },
		{ "within.p7", -EBADMSG, -EBADMSG },
		{ "other.p7", -ENOKEY, -ENOKEY },
	};

	need(true);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct io io = question(rows[i].name);

		run(&io);
		assert_int_equal(io.is_there, 1);
		assert_int_equal(io.found, keyring);
		if (io.result != (on_kernel ? rows[i].result : rows[i].ours))
			fail_msg("%s: %d", rows[i].name, io.result);
	}
}

static void test_tampered(void **state)
{
	static const char *const names[] = { "plain.p7", "attributes.p7" };
	struct io io;

	need(true);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		io = question(names[i]);
		io.data[3] ^= 1;
		run(&io);
		assert_int_equal(io.result, -EKEYREJECTED);
		io = question(names[i]);
		io.message[io.message_size - 9] ^= 1; /* within the signature */
		run(&io);
		assert_int_equal(io.result, -EKEYREJECTED);
	}
	/* What is cut anywhere is no message. */
	io = question("attributes.p7");
	for (u32 full = io.message_size, n = 0; n < full; n++) {
		io.message_size = n;
		run(&io);
		if (io.result != -EBADMSG)
			fail_msg("%u bytes: %d", n, io.result);
	}
}

/* Any byte changed: never taken for signed, but where nothing depends on it. */
static void test_each_byte(void **state)
{
	struct io io = question("plain.p7");
	u32 signature = io.message_size - 256;

	need(true);
	for (u32 at = 0; at < io.message_size; at += at < signature ? 1 : 51) {
		struct io other = io;

		other.message[at] ^= 0x55;
		run(&other);
		if (getenv("V")) /* to be compared with the kernel's */
			print_message("# %u: %d\n", at, other.result);
		if (at >= signature && other.result != -EKEYREJECTED)
			fail_msg("byte %u: %d", at, other.result);
		if (other.result > 0)
			fail_msg("byte %u: %d", at, other.result);
	}
}

static void test_lookup(void **state)
{
	struct io io = question("plain.p7");

	need(false);
	/* A thread has a keyring when it wants one. */
	io.serial = KEY_SPEC_THREAD_KEYRING;
	run(&io);
	assert_int_equal(io.is_there, 0);
	io.flags = 4;
	run(&io);
	assert_int_equal(io.is_there, 0);
	io.flags = 1; /* KEY_LOOKUP_CREATE */
	run(&io);
	assert_int_equal(io.is_there, 1);
	assert_true(io.found > 0);
	assert_int_equal(io.result, -ENOKEY);
	io.serial = 0x7ffffff1;
	run(&io);
	assert_int_equal(io.is_there, 0);
	io.serial = KEY_SPEC_USER_KEYRING;
	run(&io);
	assert_int_equal(io.is_there, 1);
	/* The kernel's own. */
	io.serial = 0;
	for (io.system = 0; io.system < 3; io.system++) {
		run(&io);
		assert_int_equal(io.is_there, 1);
		assert_int_equal(io.found, -1);
		assert_int_equal(io.result, -ENOKEY);
	}
	run(&io);
	assert_int_equal(io.is_there, 0);
	if (key < 0)
		return;
	/* A key that is no keyring. */
	io = question("plain.p7");
	io.serial = (s32)key;
	run(&io);
	assert_int_equal(io.is_there, 1);
	assert_int_equal(io.result, -ENOKEY);
	/* One that has been revoked. */
	io.serial = (s32)syscall(SYS_add_key, "keyring", "skep revoked", NULL, 0,
				 KEY_SPEC_PROCESS_KEYRING);
	assert_true(io.serial > 0);
	assert_int_equal(syscall(SYS_keyctl, KEYCTL_REVOKE, io.serial), 0);
	run(&io);
	if (io.is_there)
		assert_int_equal(io.result, -EKEYREVOKED);
}

/* Of a supervised process, its own: the shell that asks is the one that has the key. */
static void test_task(void **state)
{
	static char name[] = "sh", flag[] = "-c", script[] = "nice >/dev/null; exit 3",
		    *const argv[] = { name, flag, script, NULL };
	struct skep_spawn_opts opts = { .sz = sizeof(opts) };
	struct io io = question("plain.p7");
	struct bpf_object *o;
	struct bpf_link *attached;
	struct skep_process *p;
	char error[256];
	int fd, status;

	need(true);
	if (on_kernel)
		skip();
	o = load("of_task");
	assert_non_null(o);
	fd = bpf_object__find_map_fd_by_name(o, "ios");
	io.serial = KEY_SPEC_SESSION_KEYRING; /* which it shares with us */
	io.result = 12345;
	assert_int_equal(bpf_map_update_elem(fd, &(u32){ 0 }, &io, 0), 0);
	attached = bpf_program__attach(bpf_object__find_program_by_name(o, "of_task"));
	assert_non_null(attached);
	assert_int_equal(skep_spawn(sys, "sh", argv, &opts, &p, error, sizeof(error)), 0);
	assert_int_equal(skep_process_wait(p, true, 60000, &status), 0);
	assert_int_equal(WEXITSTATUS(status), 3);
	assert_int_equal(bpf_map_lookup_elem(fd, &(u32){ 0 }, &io), 0);
	assert_int_equal(io.is_there, 1);
	assert_int_equal(io.result, 0);
	skep_process_free(p);
	bpf_link__destroy(attached);
	bpf_object__close(o);
}

/* FIPS 180-4's examples, and what they do at the ends of blocks. */
static void test_digests(void **state)
{
	static const struct {
		const char *name, *digest;
	} rows[] = {
		{ "sha1", "a9993e364706816aba3e25717850c26c9cd0d89d" },
		{ "sha224", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7" },
		{ "sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "sha384", "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
			    "8086072ba1e7cc2358baeca134c825a7" },
		{ "sha512", "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
			    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f" },
	};
	u8 digest[DIGEST_MAX];
	char hex[2 * DIGEST_MAX + 1];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		u32 n = digest_by_name(rows[i].name, digest, "abc", 3);

		for (u32 k = 0; k < n; k++)
			snprintf(hex + 2 * k, 3, "%02x", digest[k]);
		assert_string_equal(hex, rows[i].digest);
	}
	assert_int_equal(digest_by_name("md5", digest, "abc", 3), 0);
}

static int start(void **state)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "6.18", .caps = "full" };
	char cert[2048];
	u32 n = file("certificate.der", cert, sizeof(cert));

	libbpf_set_print(quiet);
	on_kernel = getenv("SKEP_TEST_KERNEL");
	if (!on_kernel) {
		sys = skep_system_new(&opts);
		assert_non_null(sys);
	}
	skep_front_use(sys);
	obj = load("verify");
	if (obj)
		attachment = bpf_program__attach(bpf_object__find_program_by_name(obj, "verify"));
	/* A session of our own: nobody else finds what we put there. */
	syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	keyring = syscall(SYS_add_key, "keyring", "skep test", NULL, 0, KEY_SPEC_SESSION_KEYRING);
	if (keyring >= 0)
		key = syscall(SYS_add_key, "asymmetric", "", cert, n, keyring);
	return 0;
}

static int stop(void **state)
{
	bpf_link__destroy(attachment);
	bpf_object__close(obj);
	skep_front_use(NULL);
	skep_system_free(sys);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),  cmocka_unit_test(test_tampered),
		cmocka_unit_test(test_each_byte), cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_task),	  cmocka_unit_test(test_digests),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, start, stop);
}
