/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The kernel's types: of the host, of a file, of an ELF object's .BTF section, or
 * built in (Linux: btf_parse_vmlinux(); libbpf: btf__load_vmlinux_btf(), btf__parse()).
 *
 * The host's is mapped where sysfs allows that (since 6.16), so 5 MB of types cost one
 * pass over them and no copy.
 */
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "btf/builtin.h"
#include "btf/internal.h"

#ifndef SYSFS_MAGIC
#define SYSFS_MAGIC 0x62656572
#endif

/* ---- ELF: only enough of it to find one section, in either byte order ---- */

struct elf {
	int fd;
	u64 size;
	bool swap, is64;
};

static int read_at(int fd, u64 off, void *buf, u64 n)
{
	u8 *p = buf;

	while (n) {
		ssize_t got = pread(fd, p, n, off);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EINVAL;
		p += got;
		off += got;
		n -= got;
	}
	return 0;
}

/* A field of @n bytes; 0 outside the file, which no check mistakes for a section. */
static u64 elf_get(const struct elf *e, u64 off, u32 n)
{
	u8 raw[8];
	u64 v = 0;
	u32 i;

	if (off > e->size || n > e->size - off || read_at(e->fd, off, raw, n))
		return 0;
	for (i = 0; i < n; i++)
		v |= (u64)raw[i] << 8 * (e->swap ? n - 1 - i : i);
	return v;
}

static bool elf_name_is(const struct elf *e, u64 off, const char *name)
{
	size_t n = strlen(name) + 1;
	char raw[16];

	return n <= sizeof(raw) && off <= e->size && n <= e->size - off &&
	       !read_at(e->fd, off, raw, n) && !memcmp(raw, name, n);
}

/* -ENODATA: no such section; -EINVAL: not within the file. */
static int elf_section(const struct elf *e, const char *name, u64 *off, u64 *len)
{
	u64 shoff, at, names, word = e->is64 ? 8 : 4;
	u32 entsize, count, strndx, i;

	shoff = e->is64 ? elf_get(e, offsetof(Elf64_Ehdr, e_shoff), 8) :
			  elf_get(e, offsetof(Elf32_Ehdr, e_shoff), 4);
	at = e->is64 ? offsetof(Elf64_Ehdr, e_shentsize) : offsetof(Elf32_Ehdr, e_shentsize);
	entsize = elf_get(e, at, 2);
	count = elf_get(e, at + 2, 2);
	strndx = elf_get(e, at + 4, 2);
	if (!shoff || shoff >= e->size ||
	    entsize < (e->is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr)))
		return -ENODATA;
	/* sh_name, sh_type: 4 bytes each; sh_flags, sh_addr, sh_offset, sh_size: a word each */
	names = elf_get(e, shoff + (u64)strndx * entsize + 8 + 2 * word, word);
	for (i = 0; i < count; i++) {
		at = shoff + (u64)i * entsize;
		if (at >= e->size)
			break;
		if (!elf_name_is(e, names + elf_get(e, at, 4), name))
			continue;
		if (elf_get(e, at + 4, 4) == SHT_NOBITS)
			return -ENODATA;
		*off = elf_get(e, at + 8 + 2 * word, word);
		*len = elf_get(e, at + 8 + 3 * word, word);
		if (*off > e->size || *len > e->size - *off || *len > UINT32_MAX)
			return -EINVAL;
		return *len ? 0 : -ENODATA;
	}
	return -ENODATA;
}

/* ---- loading ---- */

/* The types in @fd into @btf: mapped from sysfs, which nobody can truncate, else copied. */
static int read_types(int fd, struct btf *btf)
{
	u8 ident[EI_NIDENT] = { 0 };
	u64 off = 0, len;
	struct statfs fs;
	struct stat st;
	struct elf e;
	void *p;
	int err;

	if (fstat(fd, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode) || st.st_size <= 0)
		return -EINVAL;
	len = st.st_size;
	err = read_at(fd, 0, ident, min_t(u64, len, sizeof(ident)));
	if (err)
		return err;
	if (!memcmp(ident, ELFMAG, SELFMAG)) {
		e = (struct elf){ fd, len, ident[EI_DATA] == ELFDATA2MSB,
				  ident[EI_CLASS] == ELFCLASS64 };
		err = elf_section(&e, ".BTF", &off, &len);
		if (err)
			return err;
	} else if (!fstatfs(fd, &fs) && fs.f_type == SYSFS_MAGIC) {
		p = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
		if (p != MAP_FAILED) {
			btf->data = p;
			btf->size = len;
			btf->own = BTF_DATA_MAPPED;
			return 0;
		}
	}
	if (len > UINT32_MAX)
		return -EINVAL;
	p = mem_alloc(len);
	if (!p)
		return -ENOMEM;
	btf->data = p;
	btf->size = len;
	btf->own = BTF_DATA_OWNED;
	return read_at(fd, off, p, len);
}

int btf_load_file(const char *path, struct btf *base, struct btf **out)
{
	struct btf *btf = NULL;
	int fd, err = -ENOMEM;

	*out = NULL;
	/* openat(), because open() and fopen() may be answered by ourselves (src/front). */
	fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	btf = btf_new(base);
	if (btf)
		err = read_types(fd, btf);
	close(fd);
	if (!err)
		err = btf_open_trusted(btf);
	if (err)
		btf_free(btf);
	else
		*out = btf;
	return err;
}

int btf_load_kernel(const char *path, struct btf **out, const char **origin)
{
	const char *from = path ? path : BTF_HOST_PATH;
	bool builtin = path && !strcmp(path, "builtin");
	char inside[PATH_MAX];
	struct stat st;
	int err;

	if (!builtin && !stat(from, &st) && S_ISDIR(st.st_mode)) {
		snprintf(inside, sizeof(inside), "%s/vmlinux", from);
		err = btf_load_file(inside, NULL, out);
	} else {
		err = builtin ? -ENOENT : btf_load_file(from, NULL, out);
	}

	/* A host's that is damaged is as good as none; a file that was asked for is not. */
	if (builtin || (err && err != -ENOMEM && !path)) {
		from = BTF_BUILTIN_ORIGIN;
		err = btf_parse_static(skep_builtin_btf, skep_builtin_btf_size, out);
	}
	if (origin)
		*origin = err ? NULL : from;
	return err;
}
