// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * Prints a line for each sample: who, and its stack, by names where they are known.
 *   profile [HERTZ]
 */
#include <fcntl.h>
#include <gelf.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "profile.h"
#include "profile.skel.h"
#include "until.h"

/* Which function of a process's program it is; only of one that lies where its file says. NULL: not known */
static const char *function_of(int pid, unsigned long long address, char *name, size_t size)
{
	const char *found = NULL;
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;
	GElf_Ehdr ehdr;
	char path[32];
	Elf *elf;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!elf || !gelf_getehdr(elf, &ehdr) || ehdr.e_type != ET_EXEC)
		goto out;
	while (!found && (scn = elf_nextscn(elf, scn))) {
		Elf_Data *data;
		GElf_Sym sym;

		if (!gelf_getshdr(scn, &shdr) || shdr.sh_type != SHT_SYMTAB ||
		    !(data = elf_getdata(scn, NULL)))
			continue;
		for (int i = 0; !found && gelf_getsym(data, i, &sym); i++)
			if (GELF_ST_TYPE(sym.st_info) == STT_FUNC &&
			    address - sym.st_value < sym.st_size)
				found = elf_strptr(elf, shdr.sh_link, sym.st_name);
	}
	if (found) {
		snprintf(name, size, "%s", found);
		found = name;
	}
out:
	elf_end(elf);
	close(fd);
	return found;
}

static int show(void *ctx, void *data, size_t size)
{
	const struct profile_sample *s = data;
	const char *function;
	char name[64];

	printf("%s (%d) on CPU %d:", s->comm, s->pid, s->cpu);
	for (int i = 0; i < PROFILE_DEPTH && i < s->user_size / 8; i++) {
		function = function_of(s->pid, s->user[i], name, sizeof(name));
		if (function)
			printf(" %s", function);
		else
			printf(" %llx", s->user[i]);
		if (function && !strcmp(function, "main"))
			break;
	}
	printf("\n");
	return 0;
}

int main(int argc, char **argv)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_freq = argc > 1 ? strtoull(argv[1], NULL, 10) : 49,
		.freq = 1,
	};
	int cpus = libbpf_num_possible_cpus(), attached = 0, err;
	struct profile_bpf *skel = profile_bpf__open_and_load();
	struct ring_buffer *ring;

	until_interrupted();
	elf_version(EV_CURRENT);
	if (!skel)
		return failed("load", errno);
	for (int cpu = 0; cpu < cpus; cpu++) {
		int fd =
			(int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

		if (fd < 0 && errno == ENODEV) /* it is off */
			continue;
		if (fd < 0)
			return failed("perf_event_open", errno);
		if (!bpf_program__attach_perf_event(skel->progs.on_tick, fd))
			return failed("attach", errno);
		attached++;
	}
	ring = ring_buffer__new(bpf_map__fd(skel->maps.samples), show, NULL, NULL);
	if (!ring)
		return failed("ring buffer", errno);
	printf("attached to %d CPUs\n", attached);
	while (!interrupted) {
		err = ring_buffer__poll(ring, 100);
		if (err < 0 && err != -EINTR)
			return failed("poll", err);
	}
	ring_buffer__free(ring);
	profile_bpf__destroy(skel);
	return 0;
}
