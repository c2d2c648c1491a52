/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Text from programs and processes, for JSON and for terminals. */
#include "text.h"

#include <stdlib.h>
#include <string.h>

/* Length of the UTF-8 character at @p, of @n bytes; 0: there is none. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
	size_t len = *p < 0x80 ? 1 :
		     *p < 0xc2 ? 0 :
		     *p < 0xe0 ? 2 :
		     *p < 0xf0 ? 3 :
		     *p < 0xf5 ? 4 :
				 0;

	if (!len || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0; /* overlong, surrogate, beyond U+10FFFF */
	return len;
}

cJSON *text_json(const char *bytes, size_t len)
{
	const unsigned char *p = (const unsigned char *)bytes;
	char *clean = malloc(3 * len + 1);
	cJSON *string;
	size_t out = 0;

	if (!clean)
		return cJSON_CreateString("");
	for (size_t i = 0; i < len;) {
		size_t n = utf8_length(p + i, len - i);

		memcpy(clean + out, n ? bytes + i : "\xef\xbf\xbd", n ?: 3);
		out += n ?: 3;
		i += n ?: 1;
	}
	clean[out] = 0;
	string = cJSON_CreateString(clean);
	free(clean);
	return string;
}

static void print_escaped(FILE *out, const char *bytes, size_t len, const char *also)
{
	const unsigned char *p = (const unsigned char *)bytes;

	for (size_t i = 0; i < len;) {
		size_t n = utf8_length(p + i, len - i);

		/* C1 controls (U+0080 to U+009F) can drive terminals, too. */
		if (n == 1 && p[i] >= 0x20 && p[i] != 0x7f) {
			if (strchr(also, p[i]))
				putc('\\', out);
			putc(p[i], out);
		} else if (n > 1 && !(n == 2 && p[i] == 0xc2 && p[i + 1] < 0xa0)) {
			fwrite(p + i, 1, n, out);
		} else if (p[i] == '\n') {
			fputs("\\n", out);
		} else if (p[i] == '\t') {
			fputs("\\t", out);
		} else {
			fprintf(out, "\\x%02x", p[i]);
			n = 1;
		}
		i += n ?: 1;
	}
}

void text_print_safe(FILE *out, const char *bytes, size_t len)
{
	while (len) {
		const char *tab = memchr(bytes, '\t', len);
		size_t n = tab ? (size_t)(tab - bytes) : len;

		print_escaped(out, bytes, n, "");
		bytes += n;
		len -= n;
		if (len) {
			putc('\t', out);
			bytes++;
			len--;
		}
	}
}

static int is_bare(const char *s)
{
	return *s && !s[strcspn(s, " \t\n\"'\\=,{}[]|&;<>()$`")] &&
	       !strpbrk(s, "\x01\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0d\x1b\x7f");
}

void text_print(FILE *out, const cJSON *value)
{
	char *text;

	if (cJSON_IsString(value)) {
		const char *s = cJSON_GetStringValue(value);

		if (is_bare(s)) {
			print_escaped(out, s, strlen(s), "");
		} else {
			putc('"', out);
			print_escaped(out, s, strlen(s), "\"\\");
			putc('"', out);
		}
		return;
	}
	text = cJSON_PrintUnformatted(value);
	if (text)
		print_escaped(out, text, strlen(text), "");
	free(text);
}
