#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Builds what `make conformance` needs of Linux's own suites, from the unmodified
# sources of Debian's linux-source packages: test_verifier of 6.1, and of 6.12 the part
# of test_progs that its tests "verifier" and "reg_bounds" consist of. Each with the libbpf of its
# own tree; and other tests of 6.12, of areas where skep wants to be complete; and of both test_maps,
# test_lru_map and test_lpm_map. Nothing of it enters the repository.
#   tools/conformance/build.sh WORKDIR      WORKDIR/6.1/test_verifier, WORKDIR/6.12/test_progs, …
set -eu
work=$(realpath -m "$1")
jobs=${JOBS:-2}
clang=${CLANG_BPF:-clang-19}

say() { printf '  %-7s %s\n' "$1" "$2" >&2; }
die() { echo "conformance: $*" >&2; exit 125; }

for v in 6.1 6.12; do
	[ -e /usr/src/linux-source-$v.tar.xz ] || missing="${missing-} linux-source-$v"
done
command -v "$clang" >/dev/null || missing="${missing-} $clang"
[ -e /usr/include/sys/capability.h ] || missing="${missing-} libcap-dev"
if [ -n "${missing-}" ]; then
	[ "$(id -u)" = 0 ] || die "needs the packages$missing"
	say APT "$missing"
	# shellcheck disable=SC2086
	apt-get install -y --no-install-recommends $missing >/dev/null || die "cannot install$missing"
fi
# The tree of release $1; extracted once for each version of the package.
extract() {
	local archive=/usr/src/linux-source-$1.tar.xz stamp
	stamp=$work/$1/.$(stat -Lc '%s-%Y' "$archive")
	[ -e "$stamp" ] && return
	say XZ "linux-source-$1"
	rm -rf "${work:?}/$1"
	mkdir -p "$work/$1"
	tar xJf "$archive" -C "$work/$1" --strip-components=1 --wildcards \
		'linux-source-*/tools' 'linux-source-*/scripts' 'linux-source-*/include/uapi' \
		'linux-source-*/include/linux' 'linux-source-*/kernel/bpf' 'linux-source-*/net/core/filter.c' \
		'linux-source-*/arch/x86/include'
	touch "$stamp"
}

# The types of a kernel of release $1: the suites name its functions and structures.
kernel_types() {
	local meta package tmp
	[ -e "$work/$1/vmlinux.btf" ] && return
	case $1 in
	6.1) meta=linux-image-amd64 ;;
	*) meta=linux-image-$1-amd64 ;;
	esac
	package=$(apt-cache depends "$meta" | sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p' | head -1)
	[ -n "$package" ] || die "apt knows no package $meta"
	say APT "$package"
	tmp=$(mktemp -d -p "$work")
	(cd "$tmp" && apt-get download -qq "$package" && dpkg -x ./*.deb x) >/dev/null 2>&1 || die "cannot get $package"
	"$work/$1/scripts/extract-vmlinux" "$tmp"/x/boot/vmlinuz-* >"$tmp/vmlinux" 2>/dev/null || die "no kernel in $package"
	objcopy --dump-section .BTF="$work/$1/vmlinux.btf" "$tmp/vmlinux" /dev/null || die "no types in $package"
	rm -rf "$tmp"
}

# The types of bpf_testmod, the kernel module that some tests of 6.12 call: built as Linux builds it,
# by the headers of Debian's kernel, and loaded nowhere. In a directory as /sys/kernel/btf is, beside the kernel's.
module_types() {
	local btf=$work/6.12/btf tmp headers need=()
	[ -e "$btf/vmlinux" ] && return
	headers=$(apt-cache depends linux-headers-6.12-amd64 | sed -n 's/^ *Depends: \(linux-headers-.*\)/\1/p' | head -1)
	[ -e "/usr/src/$headers/Makefile" ] || need+=("$headers")
	command -v pahole >/dev/null || need+=(dwarves)
	if [ ${#need[@]} != 0 ]; then
		[ "$(id -u)" = 0 ] || die "needs the packages ${need[*]}"
		say APT "${need[*]}"
		apt-get install -y --no-install-recommends "${need[@]}" >/dev/null 2>&1 || die "cannot install ${need[*]}"
	fi
	say MODULE bpf_testmod
	tmp=$(mktemp -d -p "$work")
	cp -r "$work/6.12/tools/testing/selftests/bpf/bpf_testmod" "$tmp/"
	make -s -C "/usr/src/$headers" M="$tmp/bpf_testmod" modules >"$tmp/log" 2>&1 || die "bpf_testmod does not build: see $tmp/log"
	pahole -J --btf_base "$work/6.12/vmlinux.btf" "$tmp/bpf_testmod/bpf_testmod.ko" >>"$tmp/log" 2>&1 ||
		die "no types in bpf_testmod.ko: see $tmp/log"
	mkdir -p "$btf"
	objcopy --dump-section .BTF="$btf/bpf_testmod" "$tmp/bpf_testmod/bpf_testmod.ko" /dev/null
	ln -s ../vmlinux.btf "$btf/vmlinux"
	rm -rf "$tmp"
}

libbpf() {
	[ -e "$work/$1/out/lib/libbpf.a" ] && return
	say LIBBPF "$1"
	mkdir -p "$work/$1/out/lib" "$work/$1/out/include"
	make -s -j"$jobs" -C "$work/$1/tools/lib/bpf" OUTPUT="$work/$1/out/lib/" \
		DESTDIR="$work/$1/out" prefix= "$work/$1/out/lib/libbpf.a" install_headers >"$work/$1/out/log" 2>&1 ||
		die "libbpf of $1 does not build: see $work/$1/out/log"
}

flags() {
	local t=$work/$1/tools
	echo -g -O1 -w -rdynamic -fno-omit-frame-pointer -D_GNU_SOURCE -I"$t/testing/selftests/bpf" -I"$work/$1/out/include" \
		-I"$work/$1/include/generated" -I"$t/lib" -I"$t/include" -I"$t/arch/x86/include" -I"$t/include/uapi" -I"$work/$1/out"
}

build_6_1() {
	local v=6.1 s=$work/6.1/tools/testing/selftests/bpf f

	extract $v
	kernel_types $v
	libbpf $v
	[ -e "$work/$v/test_verifier" ] && return
	say SUITE "test_verifier of $v"
	{
		echo '#ifdef FILL_ARRAY'
		for f in "$s"/verifier/*.c; do echo "#include \"$(basename "$f")\""; done
		echo '#endif'
	} >"$s/verifier/tests.h"
	# shellcheck disable=SC2046
	(cd "$s" && gcc $(flags $v) test_verifier.c testing_helpers.c cap_helpers.c "$work/$v/out/lib/libbpf.a" \
		-lelf -lz -lrt -lpthread -lcap -o "$work/$v/test_verifier")
}

build_6_12() {
	local v=6.12 s=$work/6.12/tools/testing/selftests/bpf o=$work/6.12/out includes f n

	extract $v
	kernel_types $v
	libbpf $v
	[ -e "$work/$v/test_progs" ] && return
	if [ ! -e "$o/bpftool/bootstrap/bpftool" ]; then
		say BPFTOOL "$v"
		mkdir -p "$o/bpftool"
		make -s -j"$jobs" -C "$work/$v/tools/bpf/bpftool" OUTPUT="$o/bpftool/" bootstrap >"$o/log" 2>&1 ||
			die "bpftool of $v does not build: see $o/log"
	fi
	"$o/bpftool/bootstrap/bpftool" btf dump file "$work/$v/vmlinux.btf" format c >"$o/vmlinux.h"
	includes=$($clang -v -E - </dev/null 2>&1 |
		sed -n '/<...> search starts here:/,/End of search list./{ s| \(/.*\)|-idirafter \1|p }')
	# the runner's list of tests: these two alone
	sed -nE 's/^void (serial_)?test_([a-zA-Z0-9_]+)\((void)?\).*/DEFINE_TEST(\2)/p' \
		"$s"/prog_tests/{verifier,reg_bounds}.c | sort >"$s/prog_tests/tests.h"
	# programs that "verifier" names; one job each
	sed -n 's/^#include "\(.*\)\.skel\.h"/\1/p' "$s/prog_tests/verifier.c" |
		while read -r n; do [ -e "$o/$n.skel.h" ] || echo "$n"; done |
		xargs -r -P "$jobs" -I{} bash -c '
			set -e
			s=$1 o=$2 v=$3 clang=$4 n=$5
			extra=; shift 5
			cd "$s"
			$clang -g -w -D__TARGET_ARCH_x86 -mlittle-endian -I"$o" -I"$o/include" -I"$s" -I"$v/tools/include/uapi" \
				"$@" -O2 --target=bpf -mcpu=v3 -c "progs/$n.c" -o "$o/$n.bpf.o"
			"$o/bpftool/bootstrap/bpftool" gen skeleton "$o/$n.bpf.o" name "$n" >"$o/$n.skel.h.tmp"
			mv "$o/$n.skel.h.tmp" "$o/$n.skel.h"
			printf "  BPF     %s\n" "$n" >&2
		' - "$s" "$o" "$work/$v" "$clang" {} $includes
	# what its tests look for in the directory they run in: the types of a kernel
	for n in btf__core_reloc_bitfields; do
		# shellcheck disable=SC2086
		[ -e "$work/$v/$n.bpf.o" ] || (cd "$s" && $clang -g -w -D__TARGET_ARCH_x86 -mlittle-endian -I"$o" -I"$o/include" -I"$s" \
			-I"$work/$v/tools/include/uapi" $includes -O2 --target=bpf -mcpu=v3 -c "progs/$n.c" -o "$work/$v/$n.bpf.o")
	done
	say SUITE "test_progs of $v"
	for f in "$s"/{test_progs,test_loader,testing_helpers,cap_helpers,unpriv_helpers,cgroup_helpers,network_helpers,netlink_helpers,trace_helpers,btf_helpers,json_writer,disasm_helpers,disasm,jit_disasm_helpers,flow_dissector_load}.c \
		"$s"/prog_tests/{verifier,reg_bounds}.c; do
		n=$o/$(basename "$f" .c).o
		# shellcheck disable=SC2046
		[ -e "$n" ] || (cd "$o" && gcc $(flags $v) -c "$f" -o "$n")
	done
	(cd "$o" && gcc -rdynamic {test_progs,test_loader,testing_helpers,cap_helpers,unpriv_helpers,cgroup_helpers,network_helpers,netlink_helpers,trace_helpers,btf_helpers,json_writer,disasm_helpers,disasm,jit_disasm_helpers,verifier,reg_bounds}.o \
		"$o/lib/libbpf.a" -lelf -lz -lrt -lpthread -lcap -o "$work/$v/test_progs")
}

# The tests that tests/conformance/$1.list names, in a binary of their own; with light skeletons,
# and in the directory that they run in the objects which they open themselves.
build_list() {
	local list v=6.12 s=$work/6.12/tools/testing/selftests/bpf o=$work/6.12/out tests=() sources=() includes f n k

	list=$(dirname "$0")/../../tests/conformance/$1.list
	mapfile -t tests < <(sed '/^#/d; /^$/d' "$list")
	[ "$work/$v/test_progs_$1" -nt "$list" ] && return
	includes=$($clang -v -E - </dev/null 2>&1 |
		sed -n '/<...> search starts here:/,/End of search list./{ s| \(/.*\)|-idirafter \1|p }')
	for n in "${tests[@]}"; do sources+=("$s/prog_tests/$n.c"); done
	{
		sed -nE 's/^#include ["<](.*)\.(l?skel)\.h[">]/\1 \2/p' "${sources[@]}" | sort -u |
			while read -r n k; do [ -e "$o/$n.$k.h" ] || echo "$n $k"; done
		grep -ho '"\(\./\)\?[a-z0-9_]*\.bpf\.o"' "${sources[@]}" | tr -d '"' | sed 's|^\./||; s|\.bpf\.o$||' | sort -u |
			while read -r n; do [ -e "$work/$v/$n.bpf.o" ] || [ ! -e "$s/progs/$n.c" ] || echo "$n file"; done
		# names that these make by macros
		case " ${tests[*]} " in *" core_reloc "*)
			(cd "$s/progs" && ls btf__core_reloc_*.c test_core_reloc_*.c btf_dump_test_case_*.c) | sed 's/\.c$//' |
				while read -r n; do [ -e "$work/$v/$n.bpf.o" ] || echo "$n file"; done
			;;
		esac
	} | xargs -r -P "$jobs" -L1 bash -c '
		set -e
		s=$1 o=$2 v=$3 clang=$4 n=${*: -2:1} k=${*: -1}
		cd "$s"
		# shellcheck disable=SC2068
		$clang -g -w -D__TARGET_ARCH_x86 -mlittle-endian -I"$o" -I"$o/include" -I"$s" -I"$v/tools/include/uapi" \
			${@:5:$#-6} -O2 --target=bpf -mcpu=v3 -c "progs/$n.c" -o "$o/$n.bpf.o"
		case $k in
		file) cp "$o/$n.bpf.o" "$v/" ;;
		*)
			[ $k = lskel ] && light=-L suffix=_lskel || light= suffix=
			"$o/bpftool/bootstrap/bpftool" gen skeleton $light "$o/$n.bpf.o" name "$n$suffix" >"$o/$n.$k.h.tmp"
			mv "$o/$n.$k.h.tmp" "$o/$n.$k.h"
			;;
		esac
		printf "  BPF     %s\n" "$n" >&2
	' - "$s" "$o" "$work/$v" "$clang" $includes
	say SUITE "test_progs of $v: $1"
	# sources that btf_dump reads, and what core_reloc calls
	[ -e "$work/$v/progs" ] || ln -s "$s/progs" "$work/$v/progs"
	[ -e "$work/$v/bpftool" ] || ln -s "$o/bpftool/bootstrap/bpftool" "$work/$v/bpftool"
	mkdir -p "$o/areas"
	for f in "${sources[@]}"; do
		n=$o/areas/$(basename "$f" .c).o
		# shellcheck disable=SC2046
		[ -e "$n" ] || (cd "$o" && gcc $(flags $v) -c "$f" -o "$n")
	done
	# the runner takes its list of tests from a file beside its source
	cp "$s/prog_tests/tests.h" "$o/areas/tests.h.before"
	sed -nE 's/^void (serial_)?test_([a-zA-Z0-9_]+)\((void)?\).*/DEFINE_TEST(\2)/p' "${sources[@]}" | sort >"$s/prog_tests/tests.h"
	# shellcheck disable=SC2046
	(cd "$o" && gcc $(flags $v) -c "$s/test_progs.c" -o "areas/runner-$1.o")
	cp "$o/areas/tests.h.before" "$s/prog_tests/tests.h"
	(cd "$o" && gcc -rdynamic "areas/runner-$1.o" {test_loader,testing_helpers,cap_helpers,unpriv_helpers,cgroup_helpers,network_helpers,netlink_helpers,trace_helpers,btf_helpers,json_writer,disasm_helpers,disasm,jit_disasm_helpers}.o \
		$(printf "areas/%s.o " "${tests[@]}") "$o/lib/libbpf.a" -lelf -lz -lrt -lpthread -lcap -o "$work/$v/test_progs_$1")
}

# test_lpm_map as it is; test_maps and test_lru_map, which end with their first failure, as one
# process for each case (cases.c). What test_maps opens lies where it runs.
build_maps() {
	local v=$1 s=$work/$1/tools/testing/selftests/bpf o=$work/$1/out bpftool=$work/6.12/out/bpftool/bootstrap/bpftool
	local here includes f n flag t
	here=$(cd "$(dirname "$0")" && pwd)

	[ "$work/$v/test_maps" -nt "$here/cases.c" ] && [ "$work/$v/test_maps" -nt "$here/build.sh" ] && return
	say SUITE "test_maps, test_lru_map, test_lpm_map of $v"
	mkdir -p "$o/maps"
	"$bpftool" btf dump file "$work/$v/vmlinux.btf" format c >"$o/vmlinux.h"
	includes=$($clang -v -E - </dev/null 2>&1 |
		sed -n '/<...> search starts here:/,/End of search list./{ s| \(/.*\)|-idirafter \1|p }')
	for n in sockmap_parse_prog sockmap_verdict_prog sockmap_tcp_msg_prog test_map_in_map test_map_in_map_invalid \
		$(sed -n 's/^#include "\(.*\)\.skel\.h"/\1/p' "$s"/map_tests/*.c); do
		# shellcheck disable=SC2086
		[ -e "$work/$v/$n.bpf.o" ] || (cd "$s" && $clang -g -w -D__TARGET_ARCH_x86 -mlittle-endian -I"$o" -I"$o/include" -I"$s" \
			-I"$work/$v/tools/include/uapi" $includes -O2 --target=bpf -mcpu=v3 -c "progs/$n.c" -o "$work/$v/$n.bpf.o")
		"$bpftool" gen skeleton "$work/$v/$n.bpf.o" name "$n" >"$o/$n.skel.h"
	done
	sed -nE 's/^void (serial_)?test_([a-zA-Z0-9_]+)\((void)?\).*/DEFINE_TEST(\2)/p' "$s"/map_tests/*.c >"$s/map_tests/tests.h"
	{
		for flag in 0 BPF_F_NO_PREALLOC; do
			sed -n '/^static void run_all_tests/,/^}/{ s/^\t\(test_\([a-z_]*\)(.*);\)$/\1 \2/p }' "$s/test_maps.c" |
				sed "s|^\(.*\); \(.*\)|CASE(\"\2$([ $flag = 0 ] || echo /no_prealloc)\", map_opts.map_flags = $flag; \1)|"
		done
		sed 's/DEFINE_TEST(\(.*\))/CASE("\1", test_\1())/' "$s/map_tests/tests.h"
	} >"$o/maps/maps.h"
	for t in LRU_HASH LRU_PERCPU_HASH; do
		for flag in 0 BPF_F_NO_COMMON_LRU; do
			for n in 0 1 2 3 4 5 6 7 8; do
				echo "CASE(\"sanity$n/$t$([ $flag = 0 ] || echo /no_common_lru)\", test_lru_sanity$n(BPF_MAP_TYPE_$t, $flag" \
					"$(case $n in 1 | 2 | 3 | 4 | 6) [ $flag = 0 ] && echo ', LOCAL_FREE_TARGET' || echo ', PERCPU_FREE_TARGET' ;; esac)))"
			done
		done
	done >"$o/maps/lru.h"
	# shellcheck disable=SC2046
	(
		cd "$s"
		gcc $(flags "$v") -I"$s" -DMAP_TESTS -DSUITE='"test_maps.c"' -DCASES="\"$o/maps/maps.h\"" -DPREPARE='srand(time(NULL))' \
			"$here/cases.c" map_tests/*.c testing_helpers.c "$o/lib/libbpf.a" -lelf -lz -lrt -lpthread -lcap -o "$work/$v/test_maps"
		gcc $(flags "$v") -I"$s" -DSUITE='"test_lru_map.c"' -DCASES="\"$o/maps/lru.h\"" -DPREPARE='nr_cpus = bpf_num_possible_cpus()' \
			"$here/cases.c" testing_helpers.c "$o/lib/libbpf.a" -lelf -lz -lrt -lpthread -lcap -o "$work/$v/test_lru_map"
		gcc $(flags "$v") test_lpm_map.c "$o/lib/libbpf.a" -lelf -lz -lrt -lpthread -o "$work/$v/test_lpm_map"
	)
}

mkdir -p "$work"
build_6_1
build_6_12
module_types
build_list areas
build_list objects
build_maps 6.1
build_maps 6.12
