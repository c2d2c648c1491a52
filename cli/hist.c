/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Histograms: recognised by name, drawn as the tools of the trade draw them. */
#include "hist.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#define BAR 40

/* Whether @word is one of the words of @name, which '_', '.' and digits separate. */
static bool has_word(const char *name, const char *word)
{
	static const char separators[] = "_.0123456789";
	size_t n = strlen(word);

	while (*name) {
		size_t len = strcspn(name, separators);

		if (len == n && !strncmp(name, word, n))
			return true;
		name += len;
		name += strspn(name, separators);
	}
	return false;
}

enum hist_kind hist_kind_of(const char *name)
{
	static const char *const linear[] = { "linear", "lin", "lhist" };
	static const char *const log2[] = { "slots", "hist", "hists", "histogram", "dist" };

	for (size_t i = 0; name && i < sizeof(linear) / sizeof(linear[0]); i++)
		if (has_word(name, linear[i]))
			return HIST_LINEAR;
	for (size_t i = 0; name && i < sizeof(log2) / sizeof(log2[0]); i++)
		if (has_word(name, log2[i]))
			return HIST_LOG2;
	return HIST_NONE;
}

static void bar(char *text, uint64_t v, uint64_t max)
{
	/* In floating point: v * BAR may not fit in 64 bits. */
	int stars = max ? (int)((double)v / (double)max * BAR) : 0;

	for (int i = 0; i < BAR; i++)
		text[i] = i < stars ? '*' : ' ';
	text[BAR] = 0;
}

void hist_draw(FILE *out, const char *indent, enum hist_kind kind, const uint64_t *slots, size_t n)
{
	uint64_t max = 0;
	size_t first = n, end = 0;
	char text[BAR + 1];
	int width;

	for (size_t i = 0; i < n; i++) {
		if (!slots[i])
			continue;
		if (first == n)
			first = i;
		end = i + 1;
		max = slots[i] > max ? slots[i] : max;
	}
	if (!end) {
		fprintf(out, "%s(all slots are zero)\n", indent);
		return;
	}
	width = kind == HIST_LOG2 && end > 32 ? 20 : 10;
	if (kind == HIST_LOG2)
		fprintf(out, "%s%*s : count    distribution\n", indent, 2 * width + 4, "value");
	else
		fprintf(out, "%s%*s : count    distribution\n", indent, width, "value");
	for (size_t i = first; i < end; i++) {
		uint64_t low = i && i < 64 ? 1ULL << i : 0,
			 high = i < 63 ? (2ULL << i) - 1 : UINT64_MAX;

		bar(text, slots[i], max);
		if (kind == HIST_LOG2)
			fprintf(out, "%s%*" PRIu64 " -> %-*" PRIu64 " : %-8" PRIu64 " |%s|\n",
				indent, width, low, width, high, slots[i], text);
		else
			fprintf(out, "%s%*zu : %-8" PRIu64 " |%s|\n", indent, width, i, slots[i],
				text);
	}
}
