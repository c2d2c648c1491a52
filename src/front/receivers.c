/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Receivers in sysfs (Linux: drivers/media/rc/rc-main.c, drivers/input/input.c): how clients find the lirc
 * and the input device of each. Real folders, where sysfs has links to /sys/devices.
 */
#include "front/receivers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "event/lirc.h"

#define ROOT "/sys/class/rc"

/*
 * @R is the receiver's number, @M that of its input device, @E the latter's minor number, @L and @I the majors. A
 * name that ends with "/" is a folder.
 */
static const struct {
	const char *path, *text;
} entries[] = {
	{ "rc@R/", NULL },
	{ "rc@R/uevent",
	  "NAME=rc-empty\nDRV_NAME=rc-loopback\nDEV_NAME=rc-core loopback device\n" },
	{ "rc@R/protocols", "[lirc]\n" }, /* there are no decoders but programs */
	{ "rc@R/lirc@R/", NULL },
	{ "rc@R/lirc@R/dev", "@L:@R\n" },
	{ "rc@R/lirc@R/uevent", "MAJOR=@L\nMINOR=@R\nDEVNAME=lirc@R\n" },
	{ "rc@R/input@M/", NULL },
	{ "rc@R/input@M/name", "rc-core loopback device\n" },
	{ "rc@R/input@M/phys", "rc-core/virtual\n" },
	{ "rc@R/input@M/uevent",
	  "PRODUCT=6/0/0/1\nNAME=\"rc-core loopback device\"\nPHYS=\"rc-core/virtual\"\n"
	  "PROP=20\nEV=100017\nREL=3\nMSC=10\n" },
	{ "rc@R/input@M/event@M/", NULL },
	{ "rc@R/input@M/event@M/dev", "@I:@E\n" },
	{ "rc@R/input@M/event@M/uevent", "MAJOR=@I\nMINOR=@E\nDEVNAME=input/event@M\n" },
};

/* @from with the numbers of receiver @index. */
static void fill(const struct skep_system *sys, u32 index, const char *from, char *to, size_t size)
{
	u32 input = lirc_input_number(sys, index);
	size_t n = 0;

	for (; *from && n + 12 < size; from++) {
		if (*from != '@') {
			to[n++] = *from;
			continue;
		}
		from++;
		n += (size_t)sprintf(to + n, "%u",
				     *from == 'R' ? index :
				     *from == 'M' ? input :
				     *from == 'E' ? 64 + input :
				     *from == 'L' ? LIRC_MAJOR :
						    INPUT_MAJOR);
	}
	to[n] = 0;
}

/* What follows the folder: "" for itself; NULL: @path is elsewhere. */
static const char *below(const char *path)
{
	size_t len = strlen(ROOT);

	if (strncmp(path, ROOT, len) || (path[len] && path[len] != '/'))
		return NULL;
	return path + len + (path[len] == '/');
}

bool receivers_show(const struct skep_system *sys, const char *path)
{
	return lirc_count(sys) && below(path);
}

int receivers_text(const struct skep_system *sys, const char *path, char *text, size_t size)
{
	const char *name = below(path);
	char full[64];

	if (!name || !*name)
		return name ? -EISDIR : -ENOENT;
	for (u32 r = 0; r < lirc_count(sys); r++)
		for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
			size_t len;

			fill(sys, r, entries[i].path, full, sizeof(full));
			len = strlen(full);
			if (!entries[i].text) {
				full[--len] = 0;
				if (!strcmp(full, name))
					return -EISDIR;
			} else if (!strcmp(full, name)) {
				fill(sys, r, entries[i].text, text, size);
				return (int)strlen(text);
			}
		}
	return -ENOENT;
}

int receivers_list(const struct skep_system *sys, const char *path,
		   void (*fn)(void *arg, const char *name, bool folder), void *arg)
{
	const char *name = below(path);
	char full[64], text[8];
	size_t len = name ? strlen(name) : 0;
	bool folder;

	if (receivers_text(sys, path, text, sizeof(text)) != -EISDIR)
		return -ENOTDIR;
	for (u32 r = 0; r < lirc_count(sys); r++)
		for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
			char *rest = full + len;

			fill(sys, r, entries[i].path, full, sizeof(full));
			folder = !entries[i].text;
			if (folder)
				full[strlen(full) - 1] = 0;
			if (strncmp(full, name, len) || (len && *rest++ != '/') || !*rest ||
			    strchr(rest, '/'))
				continue;
			fn(arg, rest, folder);
		}
	return 0;
}
