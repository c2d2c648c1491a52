/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * An ordinary libbpf program: knows nothing of skep. Opens and loads an object,
 * test-runs it, uses its maps, its mmap-ed global data, ring and perf buffers.
 * Run under the preload library, linked with skep, or (as root) on the kernel.
 *   libbpf_client OBJECT        prints TAP
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

struct event {
	unsigned number, length;
	char text[16];
};

static int count, failed;

static void check(int good, const char *what)
{
	printf("%sok %d - %s%s%s\n", good ? "" : "not ", ++count, what, good ? "" : ": errno ",
	       good ? "" : strerror(errno));
	failed += !good;
}

static int seen_ring, seen_perf;
static struct event last_ring, last_perf;

static int on_ring(void *ctx, void *data, size_t size)
{
	seen_ring++;
	memcpy(&last_ring, data, sizeof(last_ring));
	return 0;
}

static void on_perf(void *ctx, int cpu, void *data, __u32 size)
{
	seen_perf++;
	memcpy(&last_perf, data, sizeof(last_perf));
}

static void on_lost(void *ctx, int cpu, __u64 lost)
{
}

/* As a skeleton does with global data. */
static unsigned *map_pages(const struct bpf_map *map)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	return p == MAP_FAILED ? NULL : p;
}

static int run(int fd, unsigned size, unsigned *retval)
{
	unsigned char packet[256] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = packet, .data_size_in = size);
	int err = bpf_prog_test_run_opts(fd, &o);

	*retval = o.retval;
	return err;
}

int main(int argc, char **argv)
{
	struct bpf_map *bss, *data, *rodata, *lengths;
	struct bpf_prog_info info = { 0 };
	unsigned info_size = sizeof(info), key = 100, retval = 99;
	unsigned long long value = 0;
	struct perf_buffer *pb;
	struct ring_buffer *rb;
	struct bpf_object *obj;
	struct bpf_program *prog;
	unsigned *runs, *step;
	size_t size;
	int fd;

	printf("1..19\n");
	obj = bpf_object__open_file(argc > 1 ? argv[1] : "client.bpf.o", NULL);
	check(obj != NULL, "open");
	if (!obj)
		return 1;
	rodata = bpf_object__find_map_by_name(obj, ".rodata");
	*(unsigned *)bpf_map__initial_value(rodata, &size) = 128;
	check(!bpf_object__load(obj), "load");
	prog = bpf_object__find_program_by_name(obj, "observe");
	fd = bpf_program__fd(prog);
	check(fd >= 0, "the program has a descriptor");
	if (fd < 0)
		return 1;
	rb = ring_buffer__new(bpf_object__find_map_fd_by_name(obj, "ring"), on_ring, NULL, NULL);
	check(rb != NULL, "ring buffer opened");
	pb = perf_buffer__new(bpf_object__find_map_fd_by_name(obj, "perf"), 8, on_perf, on_lost,
			      NULL, NULL);
	check(pb != NULL, "perf buffer opened");

	check(!run(fd, 100, &retval) && retval == 2, "100 bytes pass");
	check(!run(fd, 200, &retval) && retval == 1, "200 bytes are dropped (.rodata limit)");
	bss = bpf_object__find_map_by_name(obj, ".bss");
	runs = map_pages(bss);
	check(runs && *runs == 6, ".bss, mmap-ed, shows what the program wrote");
	data = bpf_object__find_map_by_name(obj, ".data");
	step = map_pages(data);
	if (step)
		*step = 10;
	run(fd, 100, &retval);
	check(runs && *runs == 16, ".data, mmap-ed, is what the program reads");

	lengths = bpf_object__find_map_by_name(obj, "lengths");
	check(!bpf_map_lookup_elem(bpf_map__fd(lengths), &key, &value) && value == 2,
	      "hash lookup sees two packets of 100 bytes");
	key = 101;
	check(bpf_map_lookup_elem(bpf_map__fd(lengths), &key, &value) < 0 && errno == ENOENT,
	      "hash lookup of an absent key is ENOENT");
	value = 7;
	check(!bpf_map_update_elem(bpf_map__fd(lengths), &key, &value, BPF_NOEXIST), "hash update");
	run(fd, 101, &retval);
	check(!bpf_map_lookup_elem(bpf_map__fd(lengths), &key, &value) && value == 8,
	      "the program added to the client's value");

	check(rb && ring_buffer__poll(rb, 1000) == 4 && seen_ring == 4,
	      "four ring records by poll");
	check(!strcmp(last_ring.text, "ring") && last_ring.length == 101 && last_ring.number == 26,
	      "the last ring record is the last run's");
	check(pb && perf_buffer__poll(pb, 1000) >= 0 && seen_perf == 4,
	      "four perf records by poll");
	check(!strcmp(last_perf.text, "perf") && last_perf.length == 101, "the last perf record");
	check(!bpf_obj_get_info_by_fd(fd, &info, &info_size) && !strcmp(info.name, "observe") &&
		      info.nr_map_ids >= 6 && info.type == BPF_PROG_TYPE_XDP,
	      "program info: name, type and maps");
	perf_buffer__free(pb);
	ring_buffer__free(rb);
	bpf_object__close(obj);
	munmap(runs, 4096);
	munmap(step, 4096);
	check(bpf_prog_get_fd_by_id(info.id) < 0 && errno == ENOENT, "closed: the program is gone");
	return failed != 0;
}
