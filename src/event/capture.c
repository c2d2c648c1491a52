/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Capture files through libpcap: pcap and pcapng in, pcap out. */
#include "event/capture.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ETH_HLEN 14

int capture_fail(char *error, size_t size, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (error && size)
		vsnprintf(error, size, fmt, ap);
	va_end(ap);
	return -err;
}

static int add_packet(struct capture *c, const struct pcap_pkthdr *h, const u8 *data)
{
	struct capture_packet pkt = { .off = c->bytes.n,
				      .len = h->caplen,
				      .wire_len = h->len,
				      .ns = (u64)h->ts.tv_sec * 1000000000 + (u64)h->ts.tv_usec };
	int err = vec_reserve(&c->bytes, c->bytes.n + h->caplen);

	if (!err)
		err = vec_push(&c->packets, pkt);
	if (err)
		return err;
	memcpy(c->bytes.v + c->bytes.n, data, h->caplen);
	c->bytes.n += h->caplen;
	c->longest = h->caplen > c->longest ? h->caplen : c->longest;
	return 0;
}

int capture_read(struct capture *c, const char *path, u32 max, char *error, size_t error_size)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	struct pcap_pkthdr *h;
	const u8 *data;
	pcap_t *in;
	int more, err = 0;

	errno = 0;
	in = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!in)
		return capture_fail(error, error_size,
				    errno == ENOENT || errno == EACCES ? errno : EINVAL,
				    strstr(why, path) ? "%.0s%s" : "%s: %s", path, why);
	if (pcap_datalink(in) != DLT_EN10MB) {
		const char *name = pcap_datalink_val_to_name(pcap_datalink(in));

		err = capture_fail(error, error_size, EINVAL,
				   "%s: link type %s; programs for packets need Ethernet (EN10MB)",
				   path, name ?: "unknown");
		goto out;
	}
	while ((more = pcap_next_ex(in, &h, &data)) == 1 && !err) {
		if (h->caplen < ETH_HLEN)
			err = capture_fail(
				error, error_size, EINVAL,
				"%s: packet %zu: %u bytes are less than an Ethernet header", path,
				c->packets.n + 1, h->caplen);
		else if (h->caplen > max)
			err = capture_fail(error, error_size, EINVAL,
					   "%s: packet %zu: %u bytes; at most %u can be handled",
					   path, c->packets.n + 1, h->caplen, max);
		else if (add_packet(c, h, data))
			err = capture_fail(error, error_size, ENOMEM,
					   "%s: out of memory at packet %zu", path,
					   c->packets.n + 1);
	}
	if (!err && more == PCAP_ERROR)
		err = capture_fail(error, error_size, EINVAL, "%s: packet %zu: %s", path,
				   c->packets.n + 1, pcap_geterr(in));
out:
	pcap_close(in);
	return err;
}

void capture_free(struct capture *c)
{
	vec_free(&c->packets);
	vec_free(&c->bytes);
}

struct capture_writer {
	pcap_t *format;
	pcap_dumper_t *to;
	char *path;
};

int capture_open(struct capture_writer **out, const char *path, char *error, size_t error_size)
{
	struct capture_writer *w;
	int err;

	*out = NULL;
	if (!path)
		return 0;
	w = mem_zalloc(sizeof(*w));
	if (!w)
		return capture_fail(error, error_size, ENOMEM, "%s: out of memory", path);
	w->path = mem_strdup(path);
	w->format = pcap_open_dead_with_tstamp_precision(DLT_EN10MB, 262144,
							 PCAP_TSTAMP_PRECISION_NANO);
	err = !w->path || !w->format ? ENOMEM : 0;
	if (!err) {
		w->to = pcap_dump_open(w->format, path);
		if (!w->to)
			err = errno ? errno : EIO;
	}
	if (err) {
		capture_fail(error, error_size, err, "%s: cannot be written: %s", path,
			     strerror(err));
		if (w->format)
			pcap_close(w->format);
		mem_free(w->path);
		mem_free(w);
		return -err;
	}
	*out = w;
	return 0;
}

void capture_write(struct capture_writer *w, const struct capture_packet *pkt, const u8 *data,
		   u32 len)
{
	struct pcap_pkthdr h = { .caplen = len, .len = len + (pkt->wire_len - pkt->len) };

	if (!w)
		return;
	h.ts.tv_sec = (time_t)(pkt->ns / 1000000000);
	h.ts.tv_usec = (suseconds_t)(pkt->ns % 1000000000); /* the file holds nanoseconds */
	pcap_dump((u8 *)w->to, &h, data);
}

int capture_close(struct capture_writer *w, char *error, size_t error_size)
{
	int err = 0;

	if (!w)
		return 0;
	if (pcap_dump_flush(w->to) || ferror(pcap_dump_file(w->to)))
		err = capture_fail(error, error_size, EIO, "%s: cannot be written: %s", w->path,
				   strerror(errno));
	pcap_dump_close(w->to);
	pcap_close(w->format);
	mem_free(w->path);
	mem_free(w);
	return err;
}
