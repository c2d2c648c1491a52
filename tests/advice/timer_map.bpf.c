/* TIMER_MAP */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

struct alarm {
	struct bpf_timer timer;
};
MAP(alarms, ARRAY, struct alarm, 1);
MAP(others, ARRAY, struct alarm, 1);

SEC("tc")
int prog(struct __sk_buff *skb)
{
	u32 key = 0;
	struct alarm *alarm = bpf_map_lookup_elem(&alarms, &key);

	if (!alarm)
		return 0;
#ifdef ADVICE
	return bpf_timer_init(&alarm->timer, &alarms, 1);
#else
	return bpf_timer_init(&alarm->timer, &others, 1);
#endif
}
