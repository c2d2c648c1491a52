/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * race_connect PORT ALLOWED DENIED N: connects N times to PORT, by an address in memory in which
 * another thread writes ALLOWED and DENIED, which programs refuse, by turns. Prints how many of the
 * connections went to DENIED, and whether both came to an answer.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in to = { .sin_family = AF_INET };
static volatile int ended;
static in_addr_t addresses[2];

static void *turn(void *arg)
{
	while (!ended)
		for (int i = 0; i < 2; i++)
			*(volatile in_addr_t *)&to.sin_addr.s_addr = addresses[i];
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned long reached = 0, through = 0, refused = 0;
	pthread_t thread;

	if (argc != 5)
		return 2;
	to.sin_port = htons((in_port_t)atoi(argv[1]));
	addresses[0] = inet_addr(argv[2]);
	addresses[1] = inet_addr(argv[3]);
	pthread_create(&thread, NULL, turn, NULL);
	for (int i = 0; i < atoi(argv[4]); i++) {
		int s = socket(AF_INET, SOCK_STREAM, 0);
		struct sockaddr_in peer;
		socklen_t len = sizeof(peer);
		struct linger now = { 1, 0 };

		if (connect(s, (struct sockaddr *)&to, sizeof(to)))
			refused++;
		else if (!getpeername(s, (struct sockaddr *)&peer, &len))
			*(peer.sin_addr.s_addr == addresses[1] ? &through : &reached) += 1;
		setsockopt(s, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(s);
	}
	ended = 1;
	pthread_join(thread, NULL);
	printf("%lu denied ones reached, others %s, %s\n", through, reached ? "reached" : "not",
	       refused ? "refused" : "none refused");
	return 0;
}
