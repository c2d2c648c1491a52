// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Passes a static probe of its own, as <sys/sdt.h> makes them, a few times. */
#include <unistd.h>

#include "until.h"
#include "usdt.skel.h"

/* DTRACE_PROBE2(bootstrap, round, round, square), for machines without systemtap's header */
static void passes(int round, long square)
{
	__asm__ volatile(
		"990: nop\n"
		".pushsection .note.stapsdt, \"?\", \"note\"\n.balign 4\n"
		".4byte 992f-991f, 994f-993f, 3\n991: .asciz \"stapsdt\"\n992: .balign 4\n"
		"993: .8byte 990b, _.stapsdt.base, 0\n"
		".asciz \"bootstrap\"\n.asciz \"round\"\n.asciz \"-4@%0 -8@%1\"\n994: .balign 4\n"
		".popsection\n"
		".ifndef _.stapsdt.base\n"
		".pushsection .stapsdt.base, \"aG\", \"progbits\", .stapsdt.base, comdat\n"
		".weak _.stapsdt.base\n.hidden _.stapsdt.base\n_.stapsdt.base: .space 1\n"
		".size _.stapsdt.base, 1\n.popsection\n.endif\n"
		:
		: "nor"(round), "nor"(square));
}

int main(void)
{
	struct usdt_bpf *skel = usdt_bpf__open();
	LIBBPF_OPTS(bpf_usdt_opts, opts, .usdt_cookie = 42);
	int err;

	until_interrupted();
	if (!skel)
		return failed("open", errno);
	skel->bss->only_pid = getpid();
	err = usdt_bpf__load(skel);
	if (err)
		return failed("load", err);
	skel->links.attached_by_hand =
		bpf_program__attach_usdt(skel->progs.attached_by_hand, getpid(), "/proc/self/exe",
					 "bootstrap", "round", &opts);
	if (!skel->links.attached_by_hand)
		return failed("attach by hand", errno);
	err = usdt_bpf__attach(skel);
	if (err)
		return failed("attach", err);
	printf("attached\n");
	for (int i = 1; i <= 5 && !interrupted; i++) {
		passes(i, (long)i * i);
		usleep(100000);
	}
	printf("done\n");
	while (!interrupted)
		pause();
	usdt_bpf__destroy(skel);
	return 0;
}
