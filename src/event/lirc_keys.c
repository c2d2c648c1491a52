/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Scan codes that decoders report, the keys that they stand for, and the input device that tells of them
 * (Linux: drivers/media/rc/rc-main.c, drivers/input/input.c and evdev.c). The table of keys is that of
 * rc-loopback, "rc-empty"; ir-keytable(1) writes another into it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "event/lirc.h"

#define NAME	  "rc-core loopback device"
#define PHYS	  "rc-core/virtual"
#define KEYS_MAX  8192 /* Linux: IR_TAB_MAX_SIZE, in bytes */
#define NS_PER_MS 1000000ULL
#define KEY_CODES (KEY_MAX + 1)
#define NEVER	  0

/* ms between the repetitions that a remote control of the protocol sends (Linux: protocols[]) */
static u32 protocol_period(u32 protocol)
{
	switch (protocol) {
	case RC_PROTO_RC5:
	case RC_PROTO_RC5X_20:
	case RC_PROTO_RC5_SZ:
	case RC_PROTO_RC6_0:
	case RC_PROTO_RC6_6A_20:
	case RC_PROTO_RC6_6A_24:
	case RC_PROTO_RC6_6A_32:
	case RC_PROTO_RC6_MCE:
	case RC_PROTO_IMON:
	case RC_PROTO_RCMM12:
	case RC_PROTO_RCMM24:
	case RC_PROTO_RCMM32:
		return 114;
	case RC_PROTO_UNKNOWN:
	case RC_PROTO_OTHER:
	case RC_PROTO_JVC:
	case RC_PROTO_SANYO:
	case RC_PROTO_SHARP:
	case RC_PROTO_XMP:
		return 125;
	case RC_PROTO_NEC:
	case RC_PROTO_NECX:
	case RC_PROTO_NEC32:
		return 110;
	case RC_PROTO_CEC:
		return 0;
	case RC_PROTO_XBOX_DVD:
		return 64;
	}
	return 100;
}

int lirc_keys_init(struct lirc_dev *d)
{
	d->repeat_delay = 500;
	d->repeat_period = 125;
	return vec_push(&d->map, ((struct lirc_key){ 0x2a, KEY_COFFEE }));
}

/* ---- the table ---- */

/* Where @scancode is, or would be: its entries are in order. */
static size_t place_of(const struct lirc_dev *d, u64 scancode)
{
	size_t i = 0;

	while (i < d->map.n && d->map.v[i].scancode < scancode)
		i++;
	return i;
}

static u32 keycode_of(const struct lirc_dev *d, u64 scancode)
{
	size_t i = place_of(d, scancode);

	return i < d->map.n && d->map.v[i].scancode == scancode ? d->map.v[i].keycode :
								  KEY_RESERVED;
}

static void remove_key(struct lirc_dev *d, size_t at)
{
	memmove(&d->map.v[at], &d->map.v[at + 1], (d->map.n - at - 1) * sizeof(d->map.v[0]));
	d->map.n--;
}

/* -EINVAL: no scan code. */
static int scancode_of(const struct input_keymap_entry *e, u64 *scancode)
{
	*scancode = 0;
	if (e->len != 1 && e->len != 2 && e->len != 4 && e->len != 8)
		return -EINVAL;
	memcpy(scancode, e->scancode, e->len);
	return 0;
}

static int get_key(const struct lirc_dev *d, struct input_keymap_entry *e)
{
	size_t at = e->index;
	u64 scancode;
	int err;

	if (!(e->flags & INPUT_KEYMAP_BY_INDEX)) {
		err = scancode_of(e, &scancode);
		if (err)
			return err;
		at = place_of(d, scancode);
		if (at == d->map.n || d->map.v[at].scancode != scancode) {
			e->index = (u16)-1;
			e->keycode = KEY_RESERVED;
			return 0;
		}
	}
	if (at >= d->map.n)
		return -EINVAL;
	e->index = (u16)at;
	e->keycode = d->map.v[at].keycode;
	e->len = sizeof(d->map.v[at].scancode);
	memcpy(e->scancode, &d->map.v[at].scancode, sizeof(d->map.v[at].scancode));
	return 0;
}

static int set_key(struct lirc_dev *d, const struct input_keymap_entry *e)
{
	size_t at = e->index;
	u64 scancode;
	int err;

	if (e->keycode > KEY_MAX)
		return -EINVAL;
	if (e->flags & INPUT_KEYMAP_BY_INDEX) {
		if (at >= d->map.n)
			return -EINVAL;
	} else {
		err = scancode_of(e, &scancode);
		if (err)
			return err;
		at = place_of(d, scancode);
		if (at == d->map.n || d->map.v[at].scancode != scancode) {
			if (e->keycode == KEY_RESERVED)
				return 0;
			if (d->map.n * sizeof(d->map.v[0]) >= KEYS_MAX)
				return -ENOMEM;
			err = vec_push(&d->map, ((struct lirc_key){ 0 }));
			if (err)
				return err;
			memmove(&d->map.v[at + 1], &d->map.v[at],
				(d->map.n - at - 1) * sizeof(d->map.v[0]));
			d->map.v[at].scancode = scancode;
		}
	}
	if (e->keycode == KEY_RESERVED)
		remove_key(d, at);
	else
		d->map.v[at].keycode = e->keycode;
	return 0;
}

/* ---- events ---- */

static struct input_event stamped(const struct lirc_file *f, u16 type, u16 code, s32 value)
{
	struct input_event e = { .type = type, .code = code, .value = value };
	struct timespec now;

	clock_gettime(f->clock, &now);
	e.input_event_sec = now.tv_sec;
	e.input_event_usec = now.tv_nsec / 1000;
	return e;
}

/* What is too much for who does not read is lost, and that is told. */
static void give_packet(struct lirc_file *f, const struct lirc_dev *d)
{
	struct input_event e[ARRAY_SIZE(d->packet) + 1];
	u8 old[(LIRC_INPUT_KEPT + 1) * sizeof(e[0])];
	u32 n = 0, unread = lirc_file_unread(f);

	if (unread + d->in_packet * sizeof(e[0]) > LIRC_INPUT_KEPT * sizeof(e[0])) {
		lirc_file_drain(f, old, min_t(u32, unread, sizeof(old)));
		e[n++] = stamped(f, EV_SYN, SYN_DROPPED, 0);
	}
	for (u32 i = 0; i < d->in_packet; i++)
		e[n++] = stamped(f, d->packet[i].type, d->packet[i].code, d->packet[i].value);
	(void)!write(f->data, e, n * sizeof(e[0]));
}

static void input_sync(struct lirc_dev *d)
{
	if (!d->in_packet)
		return;
	d->packet[d->in_packet].type = EV_SYN;
	d->packet[d->in_packet].code = SYN_REPORT;
	d->packet[d->in_packet++].value = 0;
	for (struct lirc_file *f = d->files; f; f = f->next)
		if (f->input && f->access != O_WRONLY && (!d->grabbed || d->grabbed == f))
			give_packet(f, d);
	d->in_packet = 0;
}

static void input_event(struct lirc_dev *d, u16 type, u16 code, s32 value)
{
	if (d->in_packet == ARRAY_SIZE(d->packet) - 1)
		input_sync(d);
	d->packet[d->in_packet].type = type;
	d->packet[d->in_packet].code = code;
	d->packet[d->in_packet++].value = value;
}

/* No movement is no event. */
static void input_rel(struct lirc_dev *d, u16 code, s32 value)
{
	if (value)
		input_event(d, EV_REL, code, value);
}

/* ---- what decoders report ---- */

static void key_up(struct lirc_dev *d)
{
	if (!d->pressed)
		return;
	input_event(d, EV_KEY, (u16)d->last_keycode, 0);
	d->pressed = false;
	d->keyup_at = d->repeat_at = NEVER;
}

/* When the key counts as released, unless it is heard of again. */
static void stays_down(struct lirc_dev *d, u32 protocol)
{
	if (d->pressed)
		d->keyup_at =
			lirc_now() + d->timeout * 1000ULL + protocol_period(protocol) * NS_PER_MS;
}

static void give_scancode(struct lirc_dev *d, const struct lirc_scancode *sc)
{
	struct lirc_scancode s = *sc;

	s.timestamp = lirc_now();
	lirc_give(d, LIRC_MODE_SCANCODE, &s, sizeof(s));
}

static void key_down(struct lirc_dev *d, const struct bpf_lirc_event *e)
{
	u32 keycode = keycode_of(d, e->scancode);
	bool fresh = !d->pressed || d->last_protocol != e->protocol ||
		     d->last_scancode != e->scancode || d->last_toggle != e->toggle;
	struct lirc_scancode sc = {
		.scancode = e->scancode,
		.rc_proto = (u16)e->protocol,
		.keycode = keycode,
		.flags = (u16)((e->toggle ? LIRC_SCANCODE_FLAG_TOGGLE : 0) |
			       (fresh ? 0 : LIRC_SCANCODE_FLAG_REPEAT)),
	};

	give_scancode(d, &sc);
	if (fresh)
		key_up(d);
	if (e->scancode <= (u32)-1)
		input_event(d, EV_MSC, MSC_SCAN, (s32)e->scancode);
	d->last_protocol = e->protocol;
	d->last_scancode = e->scancode;
	d->last_toggle = e->toggle;
	d->last_keycode = keycode;
	if (fresh && keycode != KEY_RESERVED) {
		d->pressed = true;
		input_event(d, EV_KEY, (u16)keycode, 1);
		if (d->repeat_delay && d->repeat_period)
			d->repeat_at = lirc_now() + d->repeat_delay * NS_PER_MS;
	}
	input_sync(d);
	stays_down(d, e->protocol);
}

static void repeat(struct lirc_dev *d)
{
	struct lirc_scancode sc = {
		.scancode = d->last_scancode,
		.rc_proto = (u16)d->last_protocol,
		.keycode = d->pressed ? d->last_keycode : KEY_RESERVED,
		.flags = (u16)(LIRC_SCANCODE_FLAG_REPEAT |
			       (d->last_toggle ? LIRC_SCANCODE_FLAG_TOGGLE : 0)),
	};

	give_scancode(d, &sc);
	if (d->last_scancode <= (u32)-1) {
		input_event(d, EV_MSC, MSC_SCAN, (s32)d->last_scancode);
		input_sync(d);
	}
	stays_down(d, d->last_protocol);
}

void lirc_keys_event(struct lirc_dev *d, const struct bpf_lirc_event *e)
{
	switch (e->kind) {
	case LIRC_KEYDOWN:
		key_down(d, e);
		break;
	case LIRC_REPEAT:
		repeat(d);
		break;
	case LIRC_POINTER:
		input_rel(d, REL_X, e->x);
		input_rel(d, REL_Y, e->y);
		input_sync(d);
		break;
	}
}

u64 lirc_keys_tick(struct lirc_dev *d, u64 now)
{
	if (d->keyup_at && now >= d->keyup_at) {
		key_up(d);
		input_sync(d);
	}
	if (d->repeat_at && now >= d->repeat_at) {
		input_event(d, EV_KEY, (u16)d->last_keycode, 2);
		input_sync(d);
		d->repeat_at = d->repeat_period ? now + d->repeat_period * NS_PER_MS : NEVER;
	}
	if (!d->keyup_at || !d->repeat_at)
		return d->keyup_at ?: d->repeat_at;
	return min(d->keyup_at, d->repeat_at);
}

/* What a process writes is as if the device had said so. */
long lirc_keys_write(struct lirc_dev *d, const void *data, size_t size)
{
	const struct input_event *e = data;
	size_t done = 0;

	if (size && size < sizeof(*e))
		return -EINVAL;
	for (; size - done >= sizeof(*e); done += sizeof(*e), e++) {
		if (e->type == EV_SYN && e->code == SYN_REPORT)
			input_sync(d);
		else if ((e->type == EV_MSC && e->code == MSC_SCAN) ||
			 (e->type == EV_KEY && e->code <= KEY_MAX))
			input_event(d, e->type, e->code, e->value);
		else if (e->type == EV_REL && e->code <= REL_Y)
			input_rel(d, e->code, e->value);
	}
	return (long)done;
}

/* ---- requests (Linux: evdev_do_ioctl()) ---- */

static void set_bit_of(u8 *bits, u32 nr)
{
	bits[nr / 8] |= (u8)(1u << nr % 8);
}

/* The first @size bytes of @from: how many. */
static long give(void *to, size_t size, size_t *out, const void *from, size_t n)
{
	*out = min(size, n);
	memcpy(to, from, *out);
	return (long)*out;
}

/* Which events of type @type there are; 0: which types. */
static long give_bits(const struct lirc_dev *d, u32 type, void *to, size_t size, size_t *out)
{
	u8 bits[KEY_CODES / 8] = { 0 };
	u32 codes;

	switch (type) {
	case 0:
		codes = EV_CNT;
		for (u32 t = EV_SYN; t <= EV_MSC; t++)
			if (t != EV_ABS)
				set_bit_of(bits, t);
		set_bit_of(bits, EV_REP);
		break;
	case EV_KEY:
		codes = KEY_CNT;
		for (size_t i = 0; i < d->map.n; i++)
			set_bit_of(bits, d->map.v[i].keycode);
		break;
	case EV_REL:
		codes = REL_CNT;
		set_bit_of(bits, REL_X);
		set_bit_of(bits, REL_Y);
		break;
	case EV_ABS:
		codes = ABS_CNT;
		break;
	case EV_MSC:
		codes = MSC_CNT;
		set_bit_of(bits, MSC_SCAN);
		break;
	case EV_SW:
		codes = SW_CNT;
		break;
	case EV_LED:
		codes = LED_CNT;
		break;
	case EV_SND:
		codes = SND_CNT;
		break;
	case EV_FF:
		codes = FF_CNT;
		break;
	default:
		return -EINVAL;
	}
	return give(to, size, out, bits, round_up(codes, 64) / 8);
}

static long keymap_request(struct lirc_dev *d, bool set, void *data, size_t size, size_t *out)
{
	struct input_keymap_entry e = { .len = 4 };
	u32 old[2];
	long err;

	/* EVIOCGKEYCODE: scan code and key code, of 32 bits each. */
	if (size == sizeof(old)) {
		memcpy(old, data, sizeof(old));
		memcpy(e.scancode, &old[0], sizeof(old[0]));
		e.keycode = old[1];
	} else if (size == sizeof(e)) {
		memcpy(&e, data, sizeof(e));
		if (e.len > sizeof(e.scancode))
			return -EINVAL;
	} else {
		return -EINVAL;
	}
	if (set)
		return set_key(d, &e);
	err = get_key(d, &e);
	if (err)
		return err;
	old[1] = e.keycode;
	if (size == sizeof(old))
		give(data, size, out, old, sizeof(old));
	else
		give(data, size, out, &e, sizeof(e));
	return 0;
}

static long grab(struct lirc_file *f, bool take)
{
	struct lirc_dev *d = f->dev;

	if (take) {
		if (d->grabbed)
			return -EBUSY;
		d->grabbed = f;
		return 0;
	}
	if (d->grabbed != f)
		return -EINVAL;
	d->grabbed = NULL;
	return 0;
}

static long set_clock(struct lirc_file *f, u32 clock)
{
	u8 old[LIRC_INPUT_KEPT * sizeof(struct input_event)];

	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME)
		return -EINVAL;
	if (f->clock != (int)clock)
		lirc_file_drain(f, old, min_t(u32, lirc_file_unread(f), sizeof(old)));
	f->clock = (int)clock;
	return 0;
}

long lirc_keys_ioctl(struct lirc_file *f, u32 cmd, void *data, size_t size, size_t *out)
{
	static const struct input_id id = { .bustype = BUS_VIRTUAL, .version = 1 };
	struct lirc_dev *d = f->dev;
	u32 word = 0, repeat[2] = { d->repeat_delay, d->repeat_period };
	u8 bits[KEY_CODES / 8] = { 0 };

	switch (cmd) {
	case EVIOCGVERSION:
		word = EV_VERSION;
		give(data, size, out, &word, sizeof(word));
		return 0;
	case EVIOCGID:
		give(data, size, out, &id, sizeof(id));
		return 0;
	case EVIOCGREP:
		give(data, size, out, repeat, sizeof(repeat));
		return 0;
	case EVIOCSREP:
		memcpy(repeat, data, sizeof(repeat));
		d->repeat_delay = repeat[0];
		d->repeat_period = repeat[1];
		return 0;
	case EVIOCGKEYCODE:
	case EVIOCGKEYCODE_V2:
		return keymap_request(d, false, data, size, out);
	case EVIOCSKEYCODE:
	case EVIOCSKEYCODE_V2:
		return keymap_request(d, true, data, size, out);
	case EVIOCGRAB:
		memcpy(&word, data, sizeof(word)); /* the argument itself */
		return grab(f, word);
	case EVIOCSCLOCKID:
		memcpy(&word, data, sizeof(word));
		return set_clock(f, word);
	}
	if (_IOC_TYPE(cmd) != 'E' || _IOC_DIR(cmd) != _IOC_READ)
		return -EINVAL;
	if (_IOC_NR(cmd) == _IOC_NR(EVIOCGNAME(0)))
		return give(data, size, out, NAME, sizeof(NAME));
	if (_IOC_NR(cmd) == _IOC_NR(EVIOCGPHYS(0)))
		return give(data, size, out, PHYS, sizeof(PHYS));
	if (_IOC_NR(cmd) == _IOC_NR(EVIOCGUNIQ(0)))
		return -ENOENT;
	if (_IOC_NR(cmd) == _IOC_NR(EVIOCGPROP(0))) {
		set_bit_of(bits, INPUT_PROP_POINTING_STICK);
		return give(data, size, out, bits, round_up(INPUT_PROP_CNT, 64) / 8);
	}
	if (_IOC_NR(cmd) == _IOC_NR(EVIOCGKEY(0))) {
		if (d->pressed)
			set_bit_of(bits, d->last_keycode);
		return give(data, size, out, bits, KEY_CODES / 8);
	}
	if (_IOC_NR(cmd) >= _IOC_NR(EVIOCGBIT(0, 0)) &&
	    _IOC_NR(cmd) < _IOC_NR(EVIOCGBIT(EV_CNT, 0)))
		return give_bits(d, _IOC_NR(cmd) - _IOC_NR(EVIOCGBIT(0, 0)), data, size, out);
	return -EINVAL;
}
