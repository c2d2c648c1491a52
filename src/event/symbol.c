/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "event/symbol.h"

#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The address that the file gives byte @offset. */
static bool address_of(Elf *elf, u64 offset, u64 *addr)
{
	size_t n = 0;
	GElf_Phdr p;

	elf_getphdrnum(elf, &n);
	for (size_t i = 0; i < n; i++)
		if (gelf_getphdr(elf, (int)i, &p) && p.p_type == PT_LOAD && offset >= p.p_offset &&
		    offset < p.p_offset + p.p_filesz) {
			*addr = p.p_vaddr + (offset - p.p_offset);
			return true;
		}
	return false;
}

/* Of several names for a place, the shortest. */
static const char *find_in(Elf *elf, Elf_Scn *scn, const GElf_Shdr *sh, u64 addr, u64 *start)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t n = sh->sh_entsize ? sh->sh_size / sh->sh_entsize : 0;
	const char *best = NULL, *name;
	GElf_Sym sym;

	for (size_t i = 0; data && i < n; i++) {
		if (!gelf_getsym(data, (int)i, &sym) || GELF_ST_TYPE(sym.st_info) != STT_FUNC ||
		    sym.st_shndx == SHN_UNDEF || addr < sym.st_value ||
		    (addr >= sym.st_value + sym.st_size && addr != sym.st_value))
			continue;
		name = elf_strptr(elf, sh->sh_link, sym.st_name);
		if (name && (!best || strlen(name) < strlen(best))) {
			*start = sym.st_value;
			best = name;
		}
	}
	return best;
}

void symbol_name(const char *path, u64 offset, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const char *name = NULL;
	Elf_Scn *scn = NULL;
	Elf *elf = NULL;
	u64 addr, start;
	GElf_Shdr sh;

	elf_version(EV_CURRENT);
	if (fd >= 0)
		elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (elf && address_of(elf, offset, &addr))
		while (!name && (scn = elf_nextscn(elf, scn)))
			if (gelf_getshdr(scn, &sh) &&
			    (sh.sh_type == SHT_SYMTAB || sh.sh_type == SHT_DYNSYM))
				name = find_in(elf, scn, &sh, addr, &start);
	if (!name)
		snprintf(buf, size, "%s+%#llx", path, (unsigned long long)offset);
	else if (addr == start)
		snprintf(buf, size, "%s:%s", path, name);
	else
		snprintf(buf, size, "%s:%s+%#llx", path, name, (unsigned long long)(addr - start));
	elf_end(elf);
	if (fd >= 0)
		close(fd);
}
