/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What the kernel's own headers define beside types: for programs that are compiled where they
 * are loaded (BCC). Behind the types, which come from BTF, and the constants of its interface.
 */
#undef NULL
#define NULL ((void *)0)
#undef offsetof
#define offsetof(type, member)		    __builtin_offsetof(type, member)
#define container_of(ptr, type, member)	    ((type *)((char *)(ptr)-offsetof(type, member)))
#define list_entry(ptr, type, member)	    container_of(ptr, type, member)
#define list_first_entry(ptr, type, member) list_entry((ptr)->next, type, member)
#define hlist_entry(ptr, type, member)	    container_of(ptr, type, member)
#define rb_entry(ptr, type, member)	    container_of(ptr, type, member)

#define __user
#define __kernel
#define __iomem
#define __rcu
#define __percpu
#define __force
#define __init
#define __must_check
#define __read_mostly
#define __maybe_unused __attribute__((unused))
#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#define noinline __attribute__((noinline))
#ifndef __packed
#define __packed __attribute__((packed))
#endif
#define __aligned(n)		   __attribute__((aligned(n)))
#define likely(x)		   __builtin_expect(!!(x), 1)
#define unlikely(x)		   __builtin_expect(!!(x), 0)
#define barrier()		   __asm__ volatile("" ::: "memory")
#define READ_ONCE(x)		   (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)	   (*(volatile __typeof__(x) *)&(x) = (v))
#define BUILD_BUG_ON(x)		   _Static_assert(!(x), #x)
#define ARRAY_SIZE(a)		   (sizeof(a) / sizeof((a)[0]))
#define sizeof_field(type, member) sizeof(((type *)0)->member)
#define min(a, b)                                                                                  \
	({                                                                                         \
		__typeof__(a) _a = (a);                                                            \
		__typeof__(b) _b = (b);                                                            \
		_a < _b ? _a : _b;                                                                 \
	})
#define max(a, b)                                                                                  \
	({                                                                                         \
		__typeof__(a) _a = (a);                                                            \
		__typeof__(b) _b = (b);                                                            \
		_a > _b ? _a : _b;                                                                 \
	})
#define min_t(type, a, b)                                                                          \
	({                                                                                         \
		type _a = (a);                                                                     \
		type _b = (b);                                                                     \
		_a < _b ? _a : _b;                                                                 \
	})
#define max_t(type, a, b)                                                                          \
	({                                                                                         \
		type _a = (a);                                                                     \
		type _b = (b);                                                                     \
		_a > _b ? _a : _b;                                                                 \
	})
#define roundup(x, n)	   ((((x) + (n)-1) / (n)) * (n))
#define DIV_ROUND_UP(x, n) (((x) + (n)-1) / (n))
#define BITS_PER_LONG	   64
#define BITS_PER_BYTE	   8
#define BIT(n)		   (1UL << (n))
#define BIT_ULL(n)	   (1ULL << (n))
#define GENMASK(h, l)	   ((~0UL << (l)) & (~0UL >> (63 - (h))))
#define ilog2(n)	   (63 - __builtin_clzll(n))

#define PAGE_SHIFT	  12
#define PAGE_SIZE	  (1UL << PAGE_SHIFT)
#define PAGE_MASK	  (~(PAGE_SIZE - 1))
#define THREAD_SIZE	  (4UL * PAGE_SIZE)
#define HZ		  250
#define USEC_PER_SEC	  1000000L
#define NSEC_PER_SEC	  1000000000L
#define NSEC_PER_MSEC	  1000000L
#define NSEC_PER_USEC	  1000L
#define MSEC_PER_SEC	  1000L
#define TASK_COMM_LEN	  16
#define DNAME_INLINE_LEN  40
#define NR_OPEN_DEFAULT	  BITS_PER_LONG
#define KSYM_NAME_LEN	  512
#define MAX_ERRNO	  4095
#define IS_ERR_VALUE(x)	  ((unsigned long)(void *)(x) >= (unsigned long)-MAX_ERRNO)
#define IS_ERR(x)	  IS_ERR_VALUE(x)
#define IS_ERR_OR_NULL(x) (!(x) || IS_ERR_VALUE(x))
#define PTR_ERR(x)	  ((long)(x))
#define ERESTARTSYS	  512
#define ENOTSUPP	  524

#define TASK_RUNNING	     0x00000000
#define TASK_INTERRUPTIBLE   0x00000001
#define TASK_UNINTERRUPTIBLE 0x00000002
#define PF_KTHREAD	     0x00200000

#define MINORBITS     20
#define MINORMASK     ((1U << MINORBITS) - 1)
#define MAJOR(dev)    ((unsigned int)((dev) >> MINORBITS))
#define MINOR(dev)    ((unsigned int)((dev)&MINORMASK))
#define MKDEV(ma, mi) (((ma) << MINORBITS) | (mi))
#define FMODE_READ    0x1
#define FMODE_WRITE   0x2
#ifndef FMODE_CREATED
#define FMODE_CREATED 0x100000
#endif
#define S_ISLNK(m)  (((m)&S_IFMT) == S_IFLNK)
#define S_ISREG(m)  (((m)&S_IFMT) == S_IFREG)
#define S_ISDIR(m)  (((m)&S_IFMT) == S_IFDIR)
#define S_ISCHR(m)  (((m)&S_IFMT) == S_IFCHR)
#define S_ISBLK(m)  (((m)&S_IFMT) == S_IFBLK)
#define S_ISFIFO(m) (((m)&S_IFMT) == S_IFIFO)
#define S_ISSOCK(m) (((m)&S_IFMT) == S_IFSOCK)

#define AF_UNSPEC  0
#define AF_UNIX	   1
#define AF_LOCAL   1
#define AF_INET	   2
#define AF_BRIDGE  7
#define AF_INET6   10
#define AF_NETLINK 16
#define AF_PACKET  17
#define AF_VSOCK   40
#define AF_XDP	   44
#define PF_UNIX	   AF_UNIX
#define PF_INET	   AF_INET
#define PF_INET6   AF_INET6

/* x86 is little-endian. */
#define __constant_swab16(x) ((unsigned short)__builtin_bswap16(x))
#define __constant_swab32(x) ((unsigned int)__builtin_bswap32(x))
#define __constant_swab64(x) ((unsigned long long)__builtin_bswap64(x))
#define htons(x)	     __constant_swab16(x)
#define ntohs(x)	     __constant_swab16(x)
#define htonl(x)	     __constant_swab32(x)
#define ntohl(x)	     __constant_swab32(x)
#define __constant_htons(x)  __constant_swab16(x)
#define __constant_ntohs(x)  __constant_swab16(x)
#define __constant_htonl(x)  __constant_swab32(x)
#define __constant_ntohl(x)  __constant_swab32(x)
#define __be16_to_cpu(x)     __constant_swab16(x)
#define __be32_to_cpu(x)     __constant_swab32(x)
#define __be64_to_cpu(x)     __constant_swab64(x)
#define __cpu_to_be16(x)     __constant_swab16(x)
#define __cpu_to_be32(x)     __constant_swab32(x)
#define __cpu_to_be64(x)     __constant_swab64(x)
#define be16_to_cpu(x)	     __constant_swab16(x)
#define be32_to_cpu(x)	     __constant_swab32(x)
#define be64_to_cpu(x)	     __constant_swab64(x)
#define cpu_to_be16(x)	     __constant_swab16(x)
#define cpu_to_be32(x)	     __constant_swab32(x)
#define cpu_to_be64(x)	     __constant_swab64(x)

#define inet_sk(sk)    ((struct inet_sock *)(sk))
#define tcp_sk(sk)     ((struct tcp_sock *)(sk))
#define inet_csk(sk)   ((struct inet_connection_sock *)(sk))
#define task_pid_nr(t) ((t)->pid)
