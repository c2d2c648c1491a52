/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "base/idmap.h"

#include <errno.h>

#include "base/mem.h"

static size_t home(const struct idmap *m, u64 key)
{
	return (size_t)((key * 0x9e3779b97f4a7c15ULL) >> 32) & (m->cap - 1);
}

static struct idmap_slot *find(const struct idmap *m, u64 key)
{
	size_t i = home(m, key);

	while (m->slots[i].key && m->slots[i].key != key)
		i = (i + 1) & (m->cap - 1);
	return &m->slots[i];
}

int idmap_set(struct idmap *m, u64 key, void *value)
{
	struct idmap_slot *s;

	if ((m->n + 1) * 2 > m->cap) {
		struct idmap bigger = { .cap = m->cap ? m->cap * 2 : 16, .n = m->n };

		bigger.slots = mem_calloc(bigger.cap, sizeof(*bigger.slots));
		if (!bigger.slots)
			return -ENOMEM;
		for (size_t i = 0; i < m->cap; i++)
			if (m->slots[i].key)
				*find(&bigger, m->slots[i].key) = m->slots[i];
		mem_free(m->slots);
		*m = bigger;
	}
	s = find(m, key);
	if (!s->key)
		m->n++;
	s->key = key;
	s->value = value;
	return 0;
}

void *idmap_get(const struct idmap *m, u64 key)
{
	return m->cap ? find(m, key)->value : NULL;
}

void *idmap_del(struct idmap *m, u64 key)
{
	struct idmap_slot *s = m->cap ? find(m, key) : NULL;
	size_t hole, i;
	void *old;

	if (!s || !s->key)
		return NULL;
	old = s->value;
	/* Close the gap: move back each later entry that may not stay behind it. */
	hole = (size_t)(s - m->slots);
	for (i = (hole + 1) & (m->cap - 1); m->slots[i].key; i = (i + 1) & (m->cap - 1)) {
		size_t want = home(m, m->slots[i].key);

		if (((i - want) & (m->cap - 1)) >= ((i - hole) & (m->cap - 1))) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole] = (struct idmap_slot){ 0 };
	m->n--;
	return old;
}

void idmap_free(struct idmap *m)
{
	mem_free(m->slots);
	*m = (struct idmap){ 0 };
}
