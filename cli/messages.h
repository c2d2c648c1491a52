/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The pages of docs/messages, as the program carries them. */
#ifndef SKEP_CLI_MESSAGES_H
#define SKEP_CLI_MESSAGES_H

#include <stddef.h>

struct message_page {
	const char *id;	     /* "MAP_VALUE_BOUNDS" */
	const char *message; /* as Linux has it, with printf's conversions */
	const char *text;    /* Markdown */
};

extern const struct message_page message_pages[]; /* ends with .id NULL; tools/embed-messages.py */

const struct message_page *message_page(const char *id); /* NULL: there is none */

#endif
