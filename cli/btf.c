/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* skep btf dump: types as a C header (libbpf's btf_dump), or one line per type. */
#include "object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>

static void print_c(void *ctx, const char *fmt, va_list ap)
{
	vprintf(fmt, ap);
}

struct to_c {
	void (*emit)(void *arg, const char *text, size_t len);
	void *arg;
	int err;
};

static void emit_c(void *ctx, const char *fmt, va_list ap)
{
	struct to_c *c = ctx;
	char text[512], *big = NULL;
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	if (n >= (int)sizeof(text) && vasprintf(&big, fmt, again) < 0)
		c->err = -ENOMEM;
	else
		c->emit(c->arg, big ? big : text, (size_t)n);
	va_end(again);
	free(big);
}

int btf_to_c(const void *data, size_t size, void (*emit)(void *arg, const char *text, size_t len),
	     void *arg)
{
	struct btf *btf = btf__new(data, (__u32)size);
	struct to_c c = { emit, arg, 0 };
	struct btf_dump *d = btf ? btf_dump__new(btf, emit_c, &c, NULL) : NULL;
	int err = d ? 0 : -errno;

	for (__u32 id = 1; !err && id < btf__type_cnt(btf); id++)
		err = btf_dump__dump_type(d, id);
	btf_dump__free(d);
	btf__free(btf);
	return err ? err : c.err;
}

/* The same frame as bpftool's, so that a header of either can stand for the other. */
static int dump_c(const struct cli *cli, const struct btf *btf)
{
	struct btf_dump *d = btf_dump__new(btf, print_c, NULL, NULL);
	int err = 0;

	if (!d)
		return cli_error(cli, "cannot dump types: %s", strerror(errno));
	puts("#ifndef __VMLINUX_H__\n#define __VMLINUX_H__\n\n"
	     "#ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n"
	     "#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = "
	     "record)\n"
	     "#endif\n");
	for (__u32 id = 1; id < btf__type_cnt(btf) && !err; id++)
		err = btf_dump__dump_type(d, id);
	puts("#ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n#pragma clang attribute pop\n#endif\n\n"
	     "#endif /* __VMLINUX_H__ */");
	btf_dump__free(d);
	return err ? cli_error(cli, "cannot dump types: %s", strerror(-err)) : EXIT_DONE;
}

static struct btf *open_btf(const struct cli *cli, const char *source)
{
	struct btf *btf;
	bool kernel = !strcmp(source, "vmlinux");

	libbpf_messages_start(cli);
	btf = kernel ? btf__load_vmlinux_btf() : btf__parse(source, NULL);
	if (!btf)
		cli_error(cli, "%s: no BTF can be read: %s", kernel ? "kernel types" : source,
			  errno == ENODATA ?
				  "the file has no section .BTF (compile with clang -g)" :
				  strerror(errno));
	return btf;
}

static int print_text(void *arg, const char *text, size_t len)
{
	return fwrite(text, 1, len, stdout) == len ? 0 : -EIO;
}

static int run(struct cli *cli, int argc, char **argv)
{
	const char *source, *format = "raw";
	struct btf *btf;
	const void *data;
	__u32 size;
	int status, err;

	if (argc < 3 || strcmp(argv[1], "dump"))
		return cli_usage(&cmd_btf, argc < 2 ? "what to do?" : "which types?");
	source = argv[2];
	if (argc == 5 && !strcmp(argv[3], "format"))
		format = argv[4];
	else if (argc != 3)
		return cli_usage(&cmd_btf, "do not understand %s", argv[3]);
	if (strcmp(format, "c") && strcmp(format, "raw"))
		return cli_usage(&cmd_btf, "format is c or raw, not %s", format);
	btf = open_btf(cli, source);
	if (!btf)
		return EXIT_REFUSED;
	if (!strcmp(format, "c")) {
		status = dump_c(cli, btf);
	} else {
		data = btf__raw_data(btf, &size);
		err = data ? skep_btf_dump(data, size, cli->json, print_text, NULL) : -ENOMEM;
		status = err < 0 ? cli_error(cli, "%s: cannot dump types: %s", source,
					     strerror(-err)) :
				   EXIT_DONE;
	}
	btf__free(btf);
	return status;
}

const struct command cmd_btf = {
	.name = "btf",
	.synopsis = "btf dump FILE|vmlinux [format c|raw]",
	.help = "Prints the types of raw BTF or of an ELF object with a section .BTF; vmlinux "
		"means the\n"
		"kernel types in force (--btf, else the host's, else built-in ones).\n\n"
		"  format c           a C header that compiles (vmlinux.h)\n"
		"  format raw         one line per type (default); JSON with --json\n",
	.run = run,
	.needs_system = true,
};
