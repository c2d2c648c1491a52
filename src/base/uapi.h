/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The names, numbers and layouts of bpf(2) and BTF up to KVER_NEWEST: what Linux
 * has in <linux/bpf.h> and <linux/btf.h>, written anew, because the header of the
 * build host may be years older. Enumerations come from tables/. Whether a profile
 * has a name is the tables' business: everything is visible here.
 *
 * A later #include of the kernel's headers has no effect (their guards are set), an
 * earlier one is an error. Differs knowingly: 64-bit only (no padding of pointers).
 * tests/unit/uapi_test.c compares with the host's header.
 */
#ifndef SKEP_BASE_UAPI_H
#define SKEP_BASE_UAPI_H

#if defined(__LINUX_BPF_H__) || defined(__LINUX_BTF_H__)
#error "include base/uapi.h before (and instead of) <linux/bpf.h>"
#endif
#define __LINUX_BPF_H__
#define __LINUX_BTF_H__

#include <linux/types.h>
#include <linux/bpf_common.h> /* LD, LDX, ... ADD, ...: frozen since classic BPF */

/* ---- instructions ---- */

#define BPF_JMP32 0x06
#define BPF_ALU64 0x07

#define BPF_DW	   0x18
#define BPF_MEMSX  0x80
#define BPF_ATOMIC 0xc0
#define BPF_XADD   0xc0

#define BPF_MOV	    0xb0
#define BPF_ARSH    0xc0
#define BPF_END	    0xd0
#define BPF_TO_LE   0x00
#define BPF_TO_BE   0x08
#define BPF_FROM_LE BPF_TO_LE
#define BPF_FROM_BE BPF_TO_BE

#define BPF_JNE	  0x50
#define BPF_JLT	  0xa0
#define BPF_JLE	  0xb0
#define BPF_JSGT  0x60
#define BPF_JSGE  0x70
#define BPF_JSLT  0xc0
#define BPF_JSLE  0xd0
#define BPF_JCOND 0xe0
#define BPF_CALL  0x80
#define BPF_EXIT  0x90

#define BPF_FETCH     0x01
#define BPF_XCHG      (0xe0 | BPF_FETCH)
#define BPF_CMPXCHG   (0xf0 | BPF_FETCH)
#define BPF_LOAD_ACQ  0x100
#define BPF_STORE_REL 0x110

#define MAX_BPF_REG __MAX_BPF_REG

/* src_reg of ld_imm64 */
#define BPF_PSEUDO_MAP_FD	 1
#define BPF_PSEUDO_MAP_VALUE	 2
#define BPF_PSEUDO_BTF_ID	 3
#define BPF_PSEUDO_FUNC		 4
#define BPF_PSEUDO_MAP_IDX	 5
#define BPF_PSEUDO_MAP_IDX_VALUE 6
/* src_reg of a call */
#define BPF_PSEUDO_CALL	      1
#define BPF_PSEUDO_KFUNC_CALL 2

/* ---- sizes and flags that are macros ---- */

#define BPF_OBJ_NAME_LEN    16U
#define BPF_TAG_SIZE	    8
#define BPF_BUILD_ID_SIZE   20
#define MAX_BPF_ATTACH_TYPE __MAX_BPF_ATTACH_TYPE
#define MAX_BPF_LINK_TYPE   __MAX_BPF_LINK_TYPE

/* BPF_PROG_ATTACH: attach_flags */
#define BPF_F_ALLOW_OVERRIDE (1U << 0)
#define BPF_F_ALLOW_MULTI    (1U << 1)
#define BPF_F_REPLACE	     (1U << 2)
#define BPF_F_BEFORE	     (1U << 3)
#define BPF_F_AFTER	     (1U << 4)
#define BPF_F_ID	     (1U << 5)
#define BPF_F_PREORDER	     (1U << 6)
/* BPF_PROG_LOAD: prog_flags */
#define BPF_F_STRICT_ALIGNMENT	  (1U << 0)
#define BPF_F_ANY_ALIGNMENT	  (1U << 1)
#define BPF_F_TEST_RND_HI32	  (1U << 2)
#define BPF_F_TEST_STATE_FREQ	  (1U << 3)
#define BPF_F_SLEEPABLE		  (1U << 4)
#define BPF_F_XDP_HAS_FRAGS	  (1U << 5)
#define BPF_F_XDP_DEV_BOUND_ONLY  (1U << 6)
#define BPF_F_TEST_REG_INVARIANTS (1U << 7)
/* BPF_PROG_TEST_RUN */
#define BPF_F_TEST_RUN_ON_CPU		 (1U << 0)
#define BPF_F_TEST_XDP_LIVE_FRAMES	 (1U << 1)
#define BPF_F_TEST_SKB_CHECKSUM_COMPLETE (1U << 2)
/* BPF_PROG_QUERY */
#define BPF_F_QUERY_EFFECTIVE (1U << 0)
/* netfilter links */
#define BPF_F_NETFILTER_IP_DEFRAG (1U << 0)
/* helpers */
#define BPF_F_ADJ_ROOM_ENCAP_L2(len)                                                               \
	(((__u64)(len)&BPF_ADJ_ROOM_ENCAP_L2_MASK) << BPF_ADJ_ROOM_ENCAP_L2_SHIFT)
#define BPF_F_REDIRECT_FLAGS                                                                       \
	(BPF_F_INGRESS | BPF_F_EGRESS | BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS)

#define BPF_LINE_INFO_LINE_NUM(line_col) ((line_col) >> 10)
#define BPF_LINE_INFO_LINE_COL(line_col) ((line_col)&0x3ff)

#define __bpf_md_ptr(type, name) type name __attribute__((aligned(8)))

/* ---- enumerations and structures of <linux/bpf.h>, in its order ---- */

enum bpf_cond_pseudo_jmp { BPF_MAY_GOTO = 0 };

enum {
	BPF_REG_0,
	BPF_REG_1,
	BPF_REG_2,
	BPF_REG_3,
	BPF_REG_4,
	BPF_REG_5,
	BPF_REG_6,
	BPF_REG_7,
	BPF_REG_8,
	BPF_REG_9,
	BPF_REG_10,
	__MAX_BPF_REG,
};

struct bpf_insn {
	__u8 code;
	__u8 dst_reg : 4, src_reg : 4;
	__s16 off;
	__s32 imm;
};

struct bpf_lpm_trie_key {
	__u32 prefixlen;
	__u8 data[];
};

struct bpf_lpm_trie_key_hdr {
	__u32 prefixlen;
};

struct bpf_lpm_trie_key_u8 {
	union {
		struct bpf_lpm_trie_key_hdr hdr;
		__u32 prefixlen;
	};
	__u8 data[];
};

struct bpf_cgroup_storage_key {
	__u64 cgroup_inode_id;
	__u32 attach_type;
};

enum bpf_cgroup_iter_order {
	BPF_CGROUP_ITER_ORDER_UNSPEC,
	BPF_CGROUP_ITER_SELF_ONLY,
	BPF_CGROUP_ITER_DESCENDANTS_PRE,
	BPF_CGROUP_ITER_DESCENDANTS_POST,
	BPF_CGROUP_ITER_ANCESTORS_UP,
	BPF_CGROUP_ITER_CHILDREN,
};

union bpf_iter_link_info {
	struct {
		__u32 map_fd;
	} map;
	struct {
		enum bpf_cgroup_iter_order order;
		__u32 cgroup_fd;
		__u64 cgroup_id;
	} cgroup;
	struct {
		__u32 tid, pid, pid_fd;
	} task;
};

enum bpf_cmd {
#define COMMAND(value, name, ...) name = (value),
#include "tables/commands.def"
#undef COMMAND
	__MAX_BPF_CMD,
	BPF_PROG_RUN = BPF_PROG_TEST_RUN,
	BPF_COMMON_ATTRS = 1 << 16, /* or-ed into the command */
};

enum bpf_map_type {
	BPF_MAP_TYPE_UNSPEC,
#define MAP(value, name, ...) name = (value),
#include "tables/maps.def"
#undef MAP
	__MAX_BPF_MAP_TYPE,
	BPF_MAP_TYPE_CGROUP_STORAGE_DEPRECATED = BPF_MAP_TYPE_CGROUP_STORAGE,
	BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE_DEPRECATED = BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE,
};

enum bpf_prog_type {
	BPF_PROG_TYPE_UNSPEC,
#define PROG(value, name, ...) name = (value),
#include "tables/progs.def"
#undef PROG
	__MAX_BPF_PROG_TYPE,
};

enum bpf_attach_type {
#define ATTACH(value, name, ...) name = (value),
#include "tables/attach.def"
#undef ATTACH
	__MAX_BPF_ATTACH_TYPE,
};

enum bpf_link_type {
	BPF_LINK_TYPE_UNSPEC,
#define LINK(value, name, ...) name = (value),
#include "tables/links.def"
#undef LINK
	__MAX_BPF_LINK_TYPE,
};

enum bpf_perf_event_type {
	BPF_PERF_EVENT_UNSPEC,
	BPF_PERF_EVENT_UPROBE,
	BPF_PERF_EVENT_URETPROBE,
	BPF_PERF_EVENT_KPROBE,
	BPF_PERF_EVENT_KRETPROBE,
	BPF_PERF_EVENT_TRACEPOINT,
	BPF_PERF_EVENT_EVENT,
};

enum { BPF_F_KPROBE_MULTI_RETURN = 1 };

enum { BPF_F_UPROBE_MULTI_RETURN = 1, BPF_F_UPROBE_MULTI_PATH_FD = 2 };

enum bpf_addr_space_cast { BPF_ADDR_SPACE_CAST = 1 };

enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_EXIST = 2,
	BPF_F_LOCK = 4,
	BPF_F_CPU = 8,
	BPF_F_ALL_CPUS = 16,
};

enum {
	BPF_F_NO_PREALLOC = 1,
	BPF_F_NO_COMMON_LRU = 2,
	BPF_F_NUMA_NODE = 4,
	BPF_F_RDONLY = 8,
	BPF_F_WRONLY = 16,
	BPF_F_STACK_BUILD_ID = 32,
	BPF_F_ZERO_SEED = 64,
	BPF_F_RDONLY_PROG = 128,
	BPF_F_WRONLY_PROG = 0x100,
	BPF_F_CLONE = 0x200,
	BPF_F_MMAPABLE = 0x400,
	BPF_F_PRESERVE_ELEMS = 0x800,
	BPF_F_INNER_MAP = 0x1000,
	BPF_F_LINK = 0x2000,
	BPF_F_PATH_FD = 0x4000,
	BPF_F_VTYPE_BTF_OBJ_FD = 0x8000,
	BPF_F_TOKEN_FD = 0x10000,
	BPF_F_SEGV_ON_FAULT = 0x20000,
	BPF_F_NO_USER_CONV = 0x40000,
	BPF_F_RB_OVERWRITE = 0x80000,
};

enum bpf_stats_type { BPF_STATS_RUN_TIME = 0 };

enum bpf_stack_build_id_status {
	BPF_STACK_BUILD_ID_EMPTY,
	BPF_STACK_BUILD_ID_VALID,
	BPF_STACK_BUILD_ID_IP,
};

struct bpf_stack_build_id {
	__s32 status;
	unsigned char build_id[BPF_BUILD_ID_SIZE];
	union {
		__u64 offset, ip;
	};
};

struct bpf_common_attr {
	__u64 log_buf;
	__u32 log_size, log_level, log_true_size;
};

enum { BPF_STREAM_STDOUT = 1, BPF_STREAM_STDERR = 2 };

union bpf_attr {
	struct { /* BPF_MAP_CREATE */
		__u32 map_type, key_size, value_size, max_entries, map_flags, inner_map_fd,
			numa_node;
		char map_name[BPF_OBJ_NAME_LEN];
		__u32 map_ifindex, btf_fd, btf_key_type_id, btf_value_type_id,
			btf_vmlinux_value_type_id;
		__u64 map_extra;
		__s32 value_type_btf_obj_fd, map_token_fd;
		__u64 excl_prog_hash;
		__u32 excl_prog_hash_size;
	};
	struct { /* BPF_MAP_*_ELEM, BPF_MAP_FREEZE */
		__u32 map_fd;
		__u64 key;
		union {
			__u64 value, next_key;
		};
		__u64 flags;
	};
	struct { /* BPF_MAP_*_BATCH */
		__u64 in_batch, out_batch, keys, values;
		__u32 count, map_fd;
		__u64 elem_flags, flags;
	} batch;
	struct { /* BPF_PROG_LOAD */
		__u32 prog_type, insn_cnt;
		__u64 insns, license;
		__u32 log_level, log_size;
		__u64 log_buf;
		__u32 kern_version, prog_flags;
		char prog_name[BPF_OBJ_NAME_LEN];
		__u32 prog_ifindex, expected_attach_type, prog_btf_fd, func_info_rec_size;
		__u64 func_info;
		__u32 func_info_cnt, line_info_rec_size;
		__u64 line_info;
		__u32 line_info_cnt, attach_btf_id;
		union {
			__u32 attach_prog_fd, attach_btf_obj_fd;
		};
		__u32 core_relo_cnt;
		__u64 fd_array, core_relos;
		__u32 core_relo_rec_size, log_true_size;
		__s32 prog_token_fd;
		__u32 fd_array_cnt;
		__u64 signature;
		__u32 signature_size;
		__s32 keyring_id;
	};
	struct { /* BPF_OBJ_PIN, BPF_OBJ_GET */
		__u64 pathname;
		__u32 bpf_fd, file_flags;
		__s32 path_fd;
	};
	struct { /* BPF_PROG_ATTACH, BPF_PROG_DETACH */
		union {
			__u32 target_fd, target_ifindex;
		};
		__u32 attach_bpf_fd, attach_type, attach_flags, replace_bpf_fd;
		union {
			__u32 relative_fd, relative_id;
		};
		__u64 expected_revision;
	};
	struct { /* BPF_PROG_TEST_RUN */
		__u32 prog_fd, retval, data_size_in, data_size_out;
		__u64 data_in, data_out;
		__u32 repeat, duration, ctx_size_in, ctx_size_out;
		__u64 ctx_in, ctx_out;
		__u32 flags, cpu, batch_size;
	} test;
	struct { /* BPF_*_GET_NEXT_ID, BPF_*_GET_FD_BY_ID */
		union {
			__u32 start_id, prog_id, map_id, btf_id, link_id;
		};
		__u32 next_id, open_flags;
		__s32 fd_by_id_token_fd;
	};
	struct { /* BPF_OBJ_GET_INFO_BY_FD */
		__u32 bpf_fd, info_len;
		__u64 info;
	} info;
	struct { /* BPF_PROG_QUERY */
		union {
			__u32 target_fd, target_ifindex;
		};
		__u32 attach_type, query_flags, attach_flags;
		__u64 prog_ids;
		union {
			__u32 prog_cnt, count;
		};
		__u64 prog_attach_flags, link_ids, link_attach_flags, revision;
	} query;
	struct { /* BPF_RAW_TRACEPOINT_OPEN */
		__u64 name;
		__u32 prog_fd;
		__u64 cookie;
	} raw_tracepoint;
	struct { /* BPF_BTF_LOAD */
		__u64 btf, btf_log_buf;
		__u32 btf_size, btf_log_size, btf_log_level, btf_log_true_size, btf_flags;
		__s32 btf_token_fd;
	};
	struct { /* BPF_TASK_FD_QUERY */
		__u32 pid, fd, flags, buf_len;
		__u64 buf;
		__u32 prog_id, fd_type;
		__u64 probe_offset, probe_addr;
	} task_fd_query;
	struct { /* BPF_LINK_CREATE */
		union {
			__u32 prog_fd, map_fd;
		};
		union {
			__u32 target_fd, target_ifindex;
		};
		__u32 attach_type, flags;
		union {
			__u32 target_btf_id;
			struct {
				__u64 iter_info;
				__u32 iter_info_len;
			};
			struct {
				__u64 bpf_cookie;
			} perf_event;
			struct {
				__u32 flags, cnt;
				__u64 syms, addrs, cookies;
			} kprobe_multi;
			struct {
				__u32 target_btf_id;
				__u64 cookie;
			} tracing;
			struct {
				__u32 pf, hooknum;
				__s32 priority;
				__u32 flags;
			} netfilter;
			struct {
				union {
					__u32 relative_fd, relative_id;
				};
				__u64 expected_revision;
			} tcx;
			struct {
				__u64 path, offsets, ref_ctr_offsets, cookies;
				__u32 cnt, flags, pid, path_fd;
			} uprobe_multi;
			struct {
				union {
					__u32 relative_fd, relative_id;
				};
				__u64 expected_revision;
			} netkit;
			struct {
				union {
					__u32 relative_fd, relative_id;
				};
				__u64 expected_revision;
			} cgroup;
			struct {
				__u64 ids, cookies;
				__u32 cnt;
			} tracing_multi;
		};
	} link_create;
	struct { /* BPF_LINK_UPDATE */
		__u32 link_fd;
		union {
			__u32 new_prog_fd, new_map_fd;
		};
		__u32 flags;
		union {
			__u32 old_prog_fd, old_map_fd;
		};
	} link_update;
	struct { /* BPF_LINK_DETACH */
		__u32 link_fd;
	} link_detach;
	struct { /* BPF_ENABLE_STATS */
		__u32 type;
	} enable_stats;
	struct { /* BPF_ITER_CREATE */
		__u32 link_fd, flags;
	} iter_create;
	struct { /* BPF_PROG_BIND_MAP */
		__u32 prog_fd, map_fd, flags;
	} prog_bind_map;
	struct { /* BPF_TOKEN_CREATE */
		__u32 flags, bpffs_fd;
	} token_create;
	struct { /* BPF_PROG_STREAM_READ_BY_FD */
		__u64 stream_buf;
		__u32 stream_buf_len, stream_id, prog_fd;
	} prog_stream_read;
	struct { /* BPF_PROG_ASSOC_STRUCT_OPS */
		__u32 map_fd, prog_fd, flags;
	} prog_assoc_struct_ops;
} __attribute__((aligned(8)));

enum bpf_func_id {
	BPF_FUNC_unspec,
#define HELPER(id, name, ...) BPF_FUNC_##name = (id),
#include "tables/helpers.def"
#undef HELPER
	__BPF_FUNC_MAX_ID,
};

enum { BPF_F_RECOMPUTE_CSUM = 1, BPF_F_INVALIDATE_HASH = 2 };

enum { BPF_F_HDR_FIELD_MASK = 15 };

enum {
	BPF_F_PSEUDO_HDR = 16,
	BPF_F_MARK_MANGLED_0 = 32,
	BPF_F_MARK_ENFORCE = 64,
	BPF_F_IPV6 = 128,
};

enum { BPF_F_TUNINFO_IPV6 = 1 };

enum {
	BPF_F_SKIP_FIELD_MASK = 255,
	BPF_F_USER_STACK = 0x100,
	BPF_F_FAST_STACK_CMP = 0x200,
	BPF_F_REUSE_STACKID = 0x400,
	BPF_F_USER_BUILD_ID = 0x800,
};

enum {
	BPF_F_ZERO_CSUM_TX = 2,
	BPF_F_DONT_FRAGMENT = 4,
	BPF_F_SEQ_NUMBER = 8,
	BPF_F_NO_TUNNEL_KEY = 16,
};

enum { BPF_F_TUNINFO_FLAGS = 16 };

enum {
	BPF_F_INDEX_MASK = 0xffffffffULL,
	BPF_F_CURRENT_CPU = 0xffffffffULL,
	BPF_F_CTXLEN_MASK = 0xfffff00000000ULL,
};

enum { BPF_F_CURRENT_NETNS = -1 };

enum { BPF_CSUM_LEVEL_QUERY, BPF_CSUM_LEVEL_INC, BPF_CSUM_LEVEL_DEC, BPF_CSUM_LEVEL_RESET };

enum {
	BPF_F_ADJ_ROOM_FIXED_GSO = 1,
	BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 = 2,
	BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 = 4,
	BPF_F_ADJ_ROOM_ENCAP_L4_GRE = 8,
	BPF_F_ADJ_ROOM_ENCAP_L4_UDP = 16,
	BPF_F_ADJ_ROOM_NO_CSUM_RESET = 32,
	BPF_F_ADJ_ROOM_ENCAP_L2_ETH = 64,
	BPF_F_ADJ_ROOM_DECAP_L3_IPV4 = 128,
	BPF_F_ADJ_ROOM_DECAP_L3_IPV6 = 0x100,
};

enum { BPF_ADJ_ROOM_ENCAP_L2_MASK = 255, BPF_ADJ_ROOM_ENCAP_L2_SHIFT = 56 };

enum { BPF_F_SYSCTL_BASE_NAME = 1 };

enum { BPF_LOCAL_STORAGE_GET_F_CREATE = 1, BPF_SK_STORAGE_GET_F_CREATE = 1 };

enum { BPF_F_GET_BRANCH_RECORDS_SIZE = 1 };

enum { BPF_RB_NO_WAKEUP = 1, BPF_RB_FORCE_WAKEUP = 2 };

enum {
	BPF_RB_AVAIL_DATA,
	BPF_RB_RING_SIZE,
	BPF_RB_CONS_POS,
	BPF_RB_PROD_POS,
	BPF_RB_OVERWRITE_POS,
};

enum {
	BPF_RINGBUF_BUSY_BIT = 1U << 31,
	BPF_RINGBUF_DISCARD_BIT = 0x40000000,
	BPF_RINGBUF_HDR_SZ = 8,
};

enum { BPF_SK_LOOKUP_F_REPLACE = 1, BPF_SK_LOOKUP_F_NO_REUSEPORT = 2 };

enum bpf_adj_room_mode { BPF_ADJ_ROOM_NET = 0, BPF_ADJ_ROOM_MAC = 1 };

enum bpf_hdr_start_off { BPF_HDR_START_MAC = 0, BPF_HDR_START_NET = 1 };

enum bpf_lwt_encap_mode { BPF_LWT_ENCAP_SEG6, BPF_LWT_ENCAP_SEG6_INLINE, BPF_LWT_ENCAP_IP };

enum { BPF_F_BPRM_SECUREEXEC = 1 };

enum { BPF_F_INGRESS = 1, BPF_F_EGRESS = 2, BPF_F_BROADCAST = 8, BPF_F_EXCLUDE_INGRESS = 16 };

enum {
	BPF_SKB_TSTAMP_UNSPEC = 0,
	BPF_SKB_TSTAMP_DELIVERY_MONO = 1,
	BPF_SKB_CLOCK_REALTIME = 0,
	BPF_SKB_CLOCK_MONOTONIC = 1,
	BPF_SKB_CLOCK_TAI = 2,
};

struct bpf_flow_keys {
	__u16 nhoff, thoff, addr_proto;
	__u8 is_frag, is_first_frag, is_encap, ip_proto;
	__be16 n_proto, sport, dport;
	union {
		struct {
			__be32 ipv4_src, ipv4_dst;
		};
		struct {
			__u32 ipv6_src[4], ipv6_dst[4];
		};
	};
	__u32 flags;
	__be32 flow_label;
};

struct bpf_sock {
	__u32 bound_dev_if, family, type, protocol, mark, priority, src_ip4, src_ip6[4], src_port;
	__be16 dst_port;
	__u16 : 16;
	__u32 dst_ip4, dst_ip6[4], state;
	__s32 rx_queue_mapping;
};

struct __sk_buff {
	__u32 len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci, vlan_proto,
		priority, ingress_ifindex, ifindex, tc_index, cb[5], hash, tc_classid, data,
		data_end, napi_id, family, remote_ip4, local_ip4, remote_ip6[4], local_ip6[4],
		remote_port, local_port, data_meta;
	__bpf_md_ptr(struct bpf_flow_keys *, flow_keys);
	__u64 tstamp;
	__u32 wire_len, gso_segs;
	__bpf_md_ptr(struct bpf_sock *, sk);
	__u32 gso_size;
	__u8 tstamp_type;
	__u32 : 24;
	__u64 hwtstamp;
};

struct bpf_tunnel_key {
	__u32 tunnel_id;
	union {
		__u32 remote_ipv4, remote_ipv6[4];
	};
	__u8 tunnel_tos, tunnel_ttl;
	union {
		__u16 tunnel_ext;
		__be16 tunnel_flags;
	};
	__u32 tunnel_label;
	union {
		__u32 local_ipv4, local_ipv6[4];
	};
};

struct bpf_xfrm_state {
	__u32 reqid, spi;
	__u16 family, ext;
	union {
		__u32 remote_ipv4, remote_ipv6[4];
	};
};

enum bpf_ret_code {
	BPF_OK = 0,
	BPF_DROP = 2,
	BPF_REDIRECT = 7,
	BPF_LWT_REROUTE = 128,
	BPF_FLOW_DISSECTOR_CONTINUE = 129,
};

struct bpf_tcp_sock {
	__u32 snd_cwnd, srtt_us, rtt_min, snd_ssthresh, rcv_nxt, snd_nxt, snd_una, mss_cache,
		ecn_flags, rate_delivered, rate_interval_us, packets_out, retrans_out,
		total_retrans, segs_in, data_segs_in, segs_out, data_segs_out, lost_out, sacked_out;
	__u64 bytes_received, bytes_acked;
	__u32 dsack_dups, delivered, delivered_ce, icsk_retransmits;
};

struct bpf_sock_tuple {
	union {
		struct {
			__be32 saddr, daddr;
			__be16 sport, dport;
		} ipv4;
		struct {
			__be32 saddr[4], daddr[4];
			__be16 sport, dport;
		} ipv6;
	};
};

enum tcx_action_base { TCX_NEXT = -1, TCX_PASS = 0, TCX_DROP = 2, TCX_REDIRECT = 7 };

struct bpf_xdp_sock {
	__u32 queue_id;
};

enum xdp_action { XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX, XDP_REDIRECT };

struct xdp_md {
	__u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex;
};

struct bpf_devmap_val {
	__u32 ifindex;
	union {
		int fd;
		__u32 id;
	} bpf_prog;
};

struct bpf_cpumap_val {
	__u32 qsize;
	union {
		int fd;
		__u32 id;
	} bpf_prog;
};

enum sk_action { SK_DROP = 0, SK_PASS = 1 };

struct sk_msg_md {
	__bpf_md_ptr(void *, data);
	__bpf_md_ptr(void *, data_end);
	__u32 family, remote_ip4, local_ip4, remote_ip6[4], local_ip6[4], remote_port, local_port,
		size;
	__bpf_md_ptr(struct bpf_sock *, sk);
};

struct sk_reuseport_md {
	__bpf_md_ptr(void *, data);
	__bpf_md_ptr(void *, data_end);
	__u32 len, eth_protocol, ip_protocol, bind_inany, hash;
	__bpf_md_ptr(struct bpf_sock *, sk);
	__bpf_md_ptr(struct bpf_sock *, migrating_sk);
};

struct bpf_prog_info {
	__u32 type, id;
	__u8 tag[BPF_TAG_SIZE];
	__u32 jited_prog_len, xlated_prog_len;
	__u64 jited_prog_insns, xlated_prog_insns, load_time;
	__u32 created_by_uid, nr_map_ids;
	__u64 map_ids;
	char name[BPF_OBJ_NAME_LEN];
	__u32 ifindex;
	__u32 gpl_compatible : 1, : 31;
	__u64 netns_dev, netns_ino;
	__u32 nr_jited_ksyms, nr_jited_func_lens;
	__u64 jited_ksyms, jited_func_lens;
	__u32 btf_id, func_info_rec_size;
	__u64 func_info;
	__u32 nr_func_info, nr_line_info;
	__u64 line_info, jited_line_info;
	__u32 nr_jited_line_info, line_info_rec_size, jited_line_info_rec_size, nr_prog_tags;
	__u64 prog_tags, run_time_ns, run_cnt, recursion_misses;
	__u32 verified_insns, attach_btf_obj_id, attach_btf_id;
} __attribute__((aligned(8)));

struct bpf_map_info {
	__u32 type, id, key_size, value_size, max_entries, map_flags;
	char name[BPF_OBJ_NAME_LEN];
	__u32 ifindex, btf_vmlinux_value_type_id;
	__u64 netns_dev, netns_ino;
	__u32 btf_id, btf_key_type_id, btf_value_type_id, btf_vmlinux_id;
	__u64 map_extra, hash;
	__u32 hash_size;
} __attribute__((aligned(8)));

struct bpf_btf_info {
	__u64 btf;
	__u32 btf_size, id;
	__u64 name;
	__u32 name_len, kernel_btf;
} __attribute__((aligned(8)));

struct bpf_link_info {
	__u32 type, id, prog_id;
	union {
		struct {
			__u64 tp_name;
			__u32 tp_name_len;
			__u64 cookie;
		} raw_tracepoint;
		struct {
			__u32 attach_type, target_obj_id, target_btf_id;
			__u64 cookie;
		} tracing;
		struct {
			__u64 cgroup_id;
			__u32 attach_type;
		} cgroup;
		struct {
			__u64 target_name;
			__u32 target_name_len;
			union {
				struct {
					__u32 map_id;
				} map;
			};
			union {
				struct {
					__u64 cgroup_id;
					__u32 order;
				} cgroup;
				struct {
					__u32 tid, pid;
				} task;
			};
		} iter;
		struct {
			__u32 netns_ino, attach_type;
		} netns;
		struct {
			__u32 ifindex;
		} xdp;
		struct {
			__u32 map_id;
		} struct_ops;
		struct {
			__u32 pf, hooknum;
			__s32 priority;
			__u32 flags;
		} netfilter;
		struct {
			__u64 addrs;
			__u32 count, flags;
			__u64 missed, cookies;
		} kprobe_multi;
		struct {
			__u64 path, offsets, ref_ctr_offsets, cookies;
			__u32 path_size, count, flags, pid;
		} uprobe_multi;
		struct {
			__u32 attach_type, count, btf_obj_id;
			__u64 ids, addrs, cookies;
		} tracing_multi;
		struct {
			__u32 type;
			union {
				struct {
					__u64 file_name;
					__u32 name_len, offset;
					__u64 cookie, ref_ctr_offset;
				} uprobe;
				struct {
					__u64 func_name;
					__u32 name_len, offset;
					__u64 addr, missed, cookie;
				} kprobe;
				struct {
					__u64 tp_name;
					__u32 name_len;
					__u64 cookie;
				} tracepoint;
				struct {
					__u64 config;
					__u32 type;
					__u64 cookie;
				} event;
			};
		} perf_event;
		struct {
			__u32 ifindex, attach_type;
		} tcx;
		struct {
			__u32 ifindex, attach_type;
		} netkit;
		struct {
			__u32 map_id, attach_type;
		} sockmap;
	};
} __attribute__((aligned(8)));

struct bpf_token_info {
	__u64 allowed_cmds, allowed_maps, allowed_progs, allowed_attachs;
} __attribute__((aligned(8)));

struct bpf_sock_addr {
	__u32 user_family, user_ip4, user_ip6[4], user_port, family, type, protocol, msg_src_ip4,
		msg_src_ip6[4];
	__bpf_md_ptr(struct bpf_sock *, sk);
};

struct bpf_sock_ops {
	__u32 op;
	union {
		__u32 args[4], reply, replylong[4];
	};
	__u32 family, remote_ip4, local_ip4, remote_ip6[4], local_ip6[4], remote_port, local_port,
		is_fullsock, snd_cwnd, srtt_us, bpf_sock_ops_cb_flags, state, rtt_min, snd_ssthresh,
		rcv_nxt, snd_nxt, snd_una, mss_cache, ecn_flags, rate_delivered, rate_interval_us,
		packets_out, retrans_out, total_retrans, segs_in, data_segs_in, segs_out,
		data_segs_out, lost_out, sacked_out, sk_txhash;
	__u64 bytes_received, bytes_acked;
	__bpf_md_ptr(struct bpf_sock *, sk);
	__bpf_md_ptr(void *, skb_data);
	__bpf_md_ptr(void *, skb_data_end);
	__u32 skb_len, skb_tcp_flags;
	__u64 skb_hwtstamp;
};

enum {
	BPF_SOCK_OPS_RTO_CB_FLAG = 1,
	BPF_SOCK_OPS_RETRANS_CB_FLAG = 2,
	BPF_SOCK_OPS_STATE_CB_FLAG = 4,
	BPF_SOCK_OPS_RTT_CB_FLAG = 8,
	BPF_SOCK_OPS_PARSE_ALL_HDR_OPT_CB_FLAG = 16,
	BPF_SOCK_OPS_PARSE_UNKNOWN_HDR_OPT_CB_FLAG = 32,
	BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG = 64,
	BPF_SOCK_OPS_ALL_CB_FLAGS = 127,
};

enum { SK_BPF_CB_TX_TIMESTAMPING = 1, SK_BPF_CB_MASK = 1 };

enum {
	BPF_SOCK_OPS_VOID,
	BPF_SOCK_OPS_TIMEOUT_INIT,
	BPF_SOCK_OPS_RWND_INIT,
	BPF_SOCK_OPS_TCP_CONNECT_CB,
	BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB,
	BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB,
	BPF_SOCK_OPS_NEEDS_ECN,
	BPF_SOCK_OPS_BASE_RTT,
	BPF_SOCK_OPS_RTO_CB,
	BPF_SOCK_OPS_RETRANS_CB,
	BPF_SOCK_OPS_STATE_CB,
	BPF_SOCK_OPS_TCP_LISTEN_CB,
	BPF_SOCK_OPS_RTT_CB,
	BPF_SOCK_OPS_PARSE_HDR_OPT_CB,
	BPF_SOCK_OPS_HDR_OPT_LEN_CB,
	BPF_SOCK_OPS_WRITE_HDR_OPT_CB,
	BPF_SOCK_OPS_TSTAMP_SCHED_CB,
	BPF_SOCK_OPS_TSTAMP_SND_SW_CB,
	BPF_SOCK_OPS_TSTAMP_SND_HW_CB,
	BPF_SOCK_OPS_TSTAMP_ACK_CB,
	BPF_SOCK_OPS_TSTAMP_SENDMSG_CB,
};

enum {
	BPF_TCP_ESTABLISHED = 1,
	BPF_TCP_SYN_SENT = 2,
	BPF_TCP_SYN_RECV = 3,
	BPF_TCP_FIN_WAIT1 = 4,
	BPF_TCP_FIN_WAIT2 = 5,
	BPF_TCP_TIME_WAIT = 6,
	BPF_TCP_CLOSE = 7,
	BPF_TCP_CLOSE_WAIT = 8,
	BPF_TCP_LAST_ACK = 9,
	BPF_TCP_LISTEN = 10,
	BPF_TCP_CLOSING = 11,
	BPF_TCP_NEW_SYN_RECV = 12,
	BPF_TCP_BOUND_INACTIVE = 13,
	BPF_TCP_MAX_STATES = 14,
};

enum {
	TCP_BPF_IW = 1001,
	TCP_BPF_SNDCWND_CLAMP = 1002,
	TCP_BPF_DELACK_MAX = 1003,
	TCP_BPF_RTO_MIN = 1004,
	TCP_BPF_SYN = 1005,
	TCP_BPF_SYN_IP = 1006,
	TCP_BPF_SYN_MAC = 1007,
	TCP_BPF_SOCK_OPS_CB_FLAGS = 1008,
	SK_BPF_CB_FLAGS = 1009,
	SK_BPF_BYPASS_PROT_MEM = 1010,
};

enum { BPF_LOAD_HDR_OPT_TCP_SYN = 1 };

enum { BPF_WRITE_HDR_TCP_CURRENT_MSS = 1, BPF_WRITE_HDR_TCP_SYNACK_COOKIE = 2 };

struct bpf_perf_event_value {
	__u64 counter, enabled, running;
};

enum { BPF_DEVCG_ACC_MKNOD = 1, BPF_DEVCG_ACC_READ = 2, BPF_DEVCG_ACC_WRITE = 4 };

enum { BPF_DEVCG_DEV_BLOCK = 1, BPF_DEVCG_DEV_CHAR = 2 };

struct bpf_cgroup_dev_ctx {
	__u32 access_type, major, minor;
};

struct bpf_raw_tracepoint_args {
	__u64 args[0];
};

enum {
	BPF_FIB_LOOKUP_DIRECT = 1,
	BPF_FIB_LOOKUP_OUTPUT = 2,
	BPF_FIB_LOOKUP_SKIP_NEIGH = 4,
	BPF_FIB_LOOKUP_TBID = 8,
	BPF_FIB_LOOKUP_SRC = 16,
	BPF_FIB_LOOKUP_MARK = 32,
};

enum {
	BPF_FIB_LKUP_RET_SUCCESS,
	BPF_FIB_LKUP_RET_BLACKHOLE,
	BPF_FIB_LKUP_RET_UNREACHABLE,
	BPF_FIB_LKUP_RET_PROHIBIT,
	BPF_FIB_LKUP_RET_NOT_FWDED,
	BPF_FIB_LKUP_RET_FWD_DISABLED,
	BPF_FIB_LKUP_RET_UNSUPP_LWT,
	BPF_FIB_LKUP_RET_NO_NEIGH,
	BPF_FIB_LKUP_RET_FRAG_NEEDED,
	BPF_FIB_LKUP_RET_NO_SRC_ADDR,
};

struct bpf_fib_lookup {
	__u8 family, l4_protocol;
	__be16 sport, dport;
	union {
		__u16 tot_len, mtu_result;
	};
	__u32 ifindex;
	union {
		__u8 tos;
		__be32 flowinfo;
		__u32 rt_metric;
	};
	union {
		__be32 ipv4_src;
		__u32 ipv6_src[4];
	};
	union {
		__be32 ipv4_dst;
		__u32 ipv6_dst[4];
	};
	union {
		struct {
			__be16 h_vlan_proto, h_vlan_TCI;
		};
		__u32 tbid;
	};
	union {
		struct {
			__u32 mark;
		};
		struct {
			__u8 smac[6], dmac[6];
		};
	};
};

struct bpf_redir_neigh {
	__u32 nh_family;
	union {
		__be32 ipv4_nh;
		__u32 ipv6_nh[4];
	};
};

enum bpf_check_mtu_flags { BPF_MTU_CHK_SEGS = 1 };

enum bpf_check_mtu_ret {
	BPF_MTU_CHK_RET_SUCCESS,
	BPF_MTU_CHK_RET_FRAG_NEEDED,
	BPF_MTU_CHK_RET_SEGS_TOOBIG,
};

enum bpf_task_fd_type {
	BPF_FD_TYPE_RAW_TRACEPOINT,
	BPF_FD_TYPE_TRACEPOINT,
	BPF_FD_TYPE_KPROBE,
	BPF_FD_TYPE_KRETPROBE,
	BPF_FD_TYPE_UPROBE,
	BPF_FD_TYPE_URETPROBE,
};

enum {
	BPF_FLOW_DISSECTOR_F_PARSE_1ST_FRAG = 1,
	BPF_FLOW_DISSECTOR_F_STOP_AT_FLOW_LABEL = 2,
	BPF_FLOW_DISSECTOR_F_STOP_AT_ENCAP = 4,
};

struct bpf_func_info {
	__u32 insn_off, type_id;
};

struct bpf_line_info {
	__u32 insn_off, file_name_off, line_off, line_col;
};

struct bpf_spin_lock {
	__u32 val;
};

struct bpf_timer {
	__u64 __opaque[2];
} __attribute__((aligned(8)));

struct bpf_task_work {
	__u64 __opaque;
} __attribute__((aligned(8)));

struct bpf_wq {
	__u64 __opaque[2];
} __attribute__((aligned(8)));

struct bpf_dynptr {
	__u64 __opaque[2];
} __attribute__((aligned(8)));

struct bpf_list_head {
	__u64 __opaque[2];
} __attribute__((aligned(8)));

struct bpf_list_node {
	__u64 __opaque[3];
} __attribute__((aligned(8)));

struct bpf_rb_root {
	__u64 __opaque[2];
} __attribute__((aligned(8)));

struct bpf_rb_node {
	__u64 __opaque[4];
} __attribute__((aligned(8)));

struct bpf_refcount {
	__u32 __opaque[1];
};

struct bpf_sysctl {
	__u32 write, file_pos;
};

struct bpf_sockopt {
	__bpf_md_ptr(struct bpf_sock *, sk);
	__bpf_md_ptr(void *, optval);
	__bpf_md_ptr(void *, optval_end);
	__s32 level, optname, optlen, retval;
};

struct bpf_pidns_info {
	__u32 pid, tgid;
};

struct bpf_sk_lookup {
	union {
		__bpf_md_ptr(struct bpf_sock *, sk);
		__u64 cookie;
	};
	__u32 family, protocol, remote_ip4, remote_ip6[4];
	__be16 remote_port;
	__u32 local_ip4, local_ip6[4], local_port, ingress_ifindex;
};

struct btf_ptr {
	void *ptr;
	__u32 type_id, flags;
};

enum { BTF_F_COMPACT = 1, BTF_F_NONAME = 2, BTF_F_PTR_RAW = 4, BTF_F_ZERO = 8 };

enum bpf_core_relo_kind {
	BPF_CORE_FIELD_BYTE_OFFSET,
	BPF_CORE_FIELD_BYTE_SIZE,
	BPF_CORE_FIELD_EXISTS,
	BPF_CORE_FIELD_SIGNED,
	BPF_CORE_FIELD_LSHIFT_U64,
	BPF_CORE_FIELD_RSHIFT_U64,
	BPF_CORE_TYPE_ID_LOCAL,
	BPF_CORE_TYPE_ID_TARGET,
	BPF_CORE_TYPE_EXISTS,
	BPF_CORE_TYPE_SIZE,
	BPF_CORE_ENUMVAL_EXISTS,
	BPF_CORE_ENUMVAL_VALUE,
	BPF_CORE_TYPE_MATCHES,
};

struct bpf_core_relo {
	__u32 insn_off, type_id, access_str_off;
	enum bpf_core_relo_kind kind;
};

enum { BPF_F_TIMER_ABS = 1, BPF_F_TIMER_CPU_PIN = 2 };

struct bpf_iter_num {
	__u64 __opaque[1];
} __attribute__((aligned(8)));

enum bpf_kfunc_flags { BPF_F_PAD_ZEROS = 1 };

struct bpf_insn_array_value {
	__u32 orig_off, xlated_off, jitted_off;
	__u32 : 32;
};

/* ---- <linux/btf.h> ---- */

struct btf_layout {
	__u8 info_sz, elem_sz;
	__u16 flags;
};

/*
 * As until 7.1, which is what compilers write. 7.2 appends layout_off and layout_len
 * (struct btf_layout for each kind) and widens kind and vlen of btf_type.info to 7
 * and 24 bits: see BTF_INFO_KIND_WIDE.
 */
struct btf_header {
	__u16 magic;
	__u8 version, flags;
	__u32 hdr_len, type_off, type_len, str_off, str_len;
};

#define BTF_MAGIC		      0xeB9F
#define BTF_VERSION		      1
#define BTF_MAX_TYPE		      0x000fffff
#define BTF_MAX_NAME_OFFSET	      0x00ffffff
#define BTF_MAX_VLEN		      0xffff
#define BTF_INFO_KIND(info)	      (((info) >> 24) & 0x1f)
#define BTF_INFO_VLEN(info)	      ((info)&0xffff)
#define BTF_INFO_KFLAG(info)	      ((info) >> 31)
#define BTF_INFO_KIND_WIDE(info)      (((info) >> 24) & 0x7f)
#define BTF_INFO_VLEN_WIDE(info)      ((info)&0xffffff)
#define BTF_INT_ENCODING(val)	      (((val)&0x0f000000) >> 24)
#define BTF_INT_OFFSET(val)	      (((val)&0x00ff0000) >> 16)
#define BTF_INT_BITS(val)	      ((val)&0x000000ff)
#define BTF_INT_SIGNED		      (1 << 0)
#define BTF_INT_CHAR		      (1 << 1)
#define BTF_INT_BOOL		      (1 << 2)
#define BTF_MEMBER_BITFIELD_SIZE(val) ((val) >> 24)
#define BTF_MEMBER_BIT_OFFSET(val)    ((val)&0xffffff)

struct btf_type {
	__u32 name_off, info;
	union {
		__u32 size, type;
	};
};

enum {
	BTF_KIND_UNKN,
#define BTF_KIND(value, name, ...) BTF_KIND_##name = (value),
#include "tables/btf_kinds.def"
#undef BTF_KIND
	NR_BTF_KINDS,
	BTF_KIND_MAX = NR_BTF_KINDS - 1,
};

struct btf_enum {
	__u32 name_off;
	__s32 val;
};

struct btf_array {
	__u32 type, index_type, nelems;
};

struct btf_member {
	__u32 name_off, type, offset;
};

struct btf_param {
	__u32 name_off, type;
};

enum { BTF_VAR_STATIC, BTF_VAR_GLOBAL_ALLOCATED, BTF_VAR_GLOBAL_EXTERN };

enum btf_func_linkage { BTF_FUNC_STATIC, BTF_FUNC_GLOBAL, BTF_FUNC_EXTERN };

struct btf_var {
	__u32 linkage;
};

struct btf_var_secinfo {
	__u32 type, offset, size;
};

struct btf_decl_tag {
	__s32 component_idx;
};

struct btf_enum64 {
	__u32 name_off, val_lo32, val_hi32;
};

_Static_assert(sizeof(struct bpf_insn) == 8, "bpf_insn");
_Static_assert(sizeof(struct __sk_buff) == 192, "__sk_buff");
_Static_assert(sizeof(struct xdp_md) == 24, "xdp_md");
_Static_assert(sizeof(struct bpf_sock) == 80, "bpf_sock");
_Static_assert(__MAX_BPF_CMD == 39 && __MAX_BPF_MAP_TYPE == 36 && __MAX_BPF_PROG_TYPE == 33 &&
		       __MAX_BPF_ATTACH_TYPE == 62 && __MAX_BPF_LINK_TYPE == 16 &&
		       __BPF_FUNC_MAX_ID == 212 && NR_BTF_KINDS == 20,
	       "rows of tables/ are in order and complete");

#endif
