# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# skep's build. `make help` lists the goals. Objects go to O (default build/).
#   make CC=clang   make SAN=address,undefined   make V=1   make O=/tmp/out

O ?= build
CC ?= gcc
CLANG ?= clang
LLVM_STRIP ?= llvm-strip
PYTHON ?= python3
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(patsubst $(O)/%,%,$@)')

WARN := -Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes -Wno-unused-parameter \
	-Wno-missing-field-initializers -Wno-sign-compare
OPT ?= -O2
CPPFLAGS += -D_GNU_SOURCE -I. -Isrc -Iinclude -I$(O)/gen
CFLAGS += -std=gnu11 $(OPT) -g -fPIC -fvisibility=hidden -fno-strict-aliasing $(WARN) $(if $(DEBUG),-DSKEP_DEBUG)
ifdef SAN
CFLAGS += -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
LDFLAGS += -fsanitize=$(SAN)
endif
# The runtime also runs without libc: see "runtime" below.
RUNTIME_CFLAGS := -ffreestanding -fno-stack-protector \
	$(if $(findstring clang,$(CC)),-fno-builtin,-fno-tree-loop-distribute-patterns)

# ---- sources: wildcards, nothing listed by hand ----
RUNTIME_SRC := $(wildcard src/map/*.c src/helper/*.c src/exec/*.c src/object/rt_*.c)
LIB_SRC := $(wildcard src/*/*.c src/*/*/*.c)
LIB_SRC := $(filter-out src/front/preload%.c src/btf/builtin_types.c,$(LIB_SRC))
CLI_SRC := $(wildcard cli/*.c)
PRELOAD_SRC := $(wildcard src/front/preload*.c)
TEST_SRC := $(wildcard tests/unit/*.c)
FUZZ_SRC := $(filter-out %/entry.c,$(wildcard tests/fuzz/*.c))
TEST_LIB_SRC := $(wildcard tests/lib/*.c)
BENCH_SRC := $(filter-out %.bpf.c %.native.c,$(wildcard bench/*.c))
NATIVE_SRC := $(wildcard bench/*.native.c)
BPF_SRC := $(wildcard examples/*.bpf.c tests/bpf/*.bpf.c bench/*.bpf.c)
EMBED_SRC := $(wildcard examples/*.c)
EMBED_SRC := $(filter-out %.bpf.c,$(EMBED_SRC))
CLIENT_SRC := $(wildcard tests/clients/*.c)

obj = $(patsubst %.c,$(O)/obj/%.o,$(1))
LIB_OBJ := $(call obj,$(LIB_SRC)) $(O)/obj/gen/builtin_btf.o $(O)/obj/gen/kheaders.o
RUNTIME_OBJ := $(call obj,$(RUNTIME_SRC))
BPF_OBJ := $(patsubst %.bpf.c,$(O)/bpf/%.bpf.o,$(notdir $(BPF_SRC)))
TESTS := $(patsubst tests/unit/%.c,$(O)/tests/%,$(TEST_SRC))
# bench/X.native.c is the C twin of bench/X.bpf.c, compiled by both compilers
BENCHES := $(patsubst bench/%.c,$(O)/bench/%,$(BENCH_SRC)) \
	$(foreach c,gcc clang,$(patsubst bench/%.native.c,$(O)/bench/%.$(c).so,$(NATIVE_SRC)))
EMBED := $(patsubst examples/%.c,$(O)/examples/%,$(EMBED_SRC) $(wildcard examples/net/*.c))
# each client twice: as its own author builds it (for the preload library), and linked with skep
CLIENTS := $(patsubst tests/clients/%.c,$(O)/clients/%,$(CLIENT_SRC)) \
	$(patsubst tests/clients/%.c,$(O)/clients/%-linked,$(CLIENT_SRC))
VPATH_BPF := examples tests/bpf bench

LIBS := -lpcap -lcjson -lelf -lz -lpthread
# libbpf's calls into the system, answered by src/front/wrap.c
WRAPPED := syscall mmap64 ioctl epoll_ctl open64 fopen64 faccessat setrlimit64 uname mkdir unlink statfs64
WRAP := $(foreach s,$(WRAPPED),-Wl,--wrap=$(s))
LIBBPF := -l:libbpf.a

.PHONY: table textbook clients all docs help clean deps demo test prove soundness engines fuzz kill conformance bench check fmt runtime install
all: $(O)/skep $(O)/skep-plugin $(O)/libskep.a $(O)/libskep.so $(O)/libskep-preload.so $(BPF_OBJ) $(EMBED)

help:
	@sed -n 's/^# goal \([a-z]*\): /  make \1\t/p' Makefile

# goal demo: install what is missing, build, and run real programs on real packets
demo:
	$(Q)tools/deps.sh build test
	$(Q)$(MAKE) --no-print-directory all
	$(Q)O=$(O) examples/demo.sh

# goal deps: install the Debian packages of packages.txt
deps:
	$(Q)tools/deps.sh

# The interpreter's functions end in jumps, whatever the build; of the thousands of them in ops.c no debugger need know.
INTERP_CFLAGS := -O1 -foptimize-sibling-calls -fno-sanitize=all
$(O)/obj/src/exec/interp.o: CFLAGS += $(INTERP_CFLAGS)
$(O)/obj/src/exec/ops.o: CFLAGS += $(INTERP_CFLAGS) -g0 -fno-asynchronous-unwind-tables

$(O)/obj/%.o: %.c
	$(call say,CC)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(if $(filter $<,$(RUNTIME_SRC)),$(RUNTIME_CFLAGS)) -MMD -MP -c -o $@ $<

# What a client and its daemon compare: were they built from the same sources?
BUILD_SRC := $(LIB_SRC) $(wildcard src/*/*.h include/skep/*.h tables/*.def tables/*/*.def)
$(O)/gen/build.h: $(BUILD_SRC)
	@mkdir -p $(@D)
	$(Q)printf '#define SKEP_BUILD 0x%su\n' $$(cat $(BUILD_SRC) | sha256sum | head -c 8) > $@
$(O)/obj/src/daemon/wire.o: $(O)/gen/build.h

# Which helpers run: tools/helper-coverage.py
ifdef COVERAGE
$(O)/obj/src/helper/%.o: CFLAGS += --coverage -fprofile-update=prefer-atomic
LDFLAGS += --coverage -Wl,--wrap=_exit $(O)/coverage_exit.o
$(O)/libskep.a $(O)/libskep-preload.so $(O)/libskep.so: | $(O)/coverage_exit.o
$(O)/coverage_exit.o: tests/tools/coverage_exit.c
	@mkdir -p $(@D)
	$(Q)$(CC) -O2 -fPIC -c -o $@ $<
WRAP += -Wl,-u,__wrap_mkdir # the counters' library makes folders, too
endif

# Kernel types for hosts without /sys/kernel/btf/vmlinux: BTF of one small file of ours.
# BTF has an enum only if something names it: those of uapi.h get names.
$(O)/gen/named/base/uapi.h: src/base/uapi.h
	@mkdir -p $(@D)
	$(Q)awk '/^enum \{/ { sub(/^enum/, "enum skep_uapi_" ++n); names = names " E(skep_uapi_" n ")" } { print } \
		END { print "#define UAPI_ENUMS" names }' $< > $@
$(O)/gen/builtin_btf.o.bpf: src/btf/builtin_types.c $(O)/gen/named/base/uapi.h
	$(call say,BTF)
	@mkdir -p $(@D) $(O)/obj/gen
	$(Q)$(CLANG) -target bpf -g -O2 -Wall -Werror -I$(O)/gen/named -I. -Isrc -I/usr/include/$(shell uname -m)-linux-gnu \
		-MMD -MP -MF $(O)/obj/gen/builtin_types.d -MT $@ -c -o $@ $<
$(O)/gen/builtin_btf.c: $(O)/gen/builtin_btf.o.bpf tools/embed-btf.py
	$(Q)$(PYTHON) tools/embed-btf.py $< > $@
$(O)/obj/gen/builtin_btf.o: $(O)/gen/builtin_btf.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# What /sys/kernel/kheaders.tar.xz has beside types
$(O)/gen/kheaders.c: src/front/kheaders/macros.h tools/embed-kheaders.py
	@mkdir -p $(@D)
	$(Q)$(PYTHON) tools/embed-kheaders.py $(CLANG) $< > $@
$(O)/obj/gen/kheaders.o: $(O)/gen/kheaders.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(O)/libskep.a: $(LIB_OBJ)
	$(call say,AR)
	$(Q)rm -f $@ && ar rcs $@ $^

# wrap.c belongs to statically linked programs only
SO_OBJ := $(filter-out %/front/wrap.o,$(LIB_OBJ))

$(O)/libskep.so: $(SO_OBJ)
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -shared -o $@ -Wl,-soname,libskep.so.0 $^ $(LIBS)

$(O)/libskep-preload.so: $(call obj,$(PRELOAD_SRC)) $(SO_OBJ)
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -shared -o $@ $^ $(LIBS) -ldl

# The pages of docs/messages, for skep explain
$(O)/gen/messages.c: $(wildcard docs/messages/*.md) tools/embed-messages.py
	@mkdir -p $(@D)
	$(Q)$(PYTHON) tools/embed-messages.py docs/messages > $@
$(O)/obj/gen/messages.o: $(O)/gen/messages.c cli/messages.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Icli $(CFLAGS) -c -o $@ $<
$(O)/obj/cli/reports.o: CPPFLAGS += -DSKEP_DOC_DIR='"$(PREFIX)/share/doc/skep"'

CLI_OBJ := $(call obj,$(CLI_SRC)) $(O)/obj/gen/messages.o
$(O)/skep: $(CLI_OBJ) $(O)/libskep.a
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(WRAP) -o $@ $(CLI_OBJ) -Wl,--start-group $(O)/libskep.a $(LIBBPF) -Wl,--end-group $(LIBS) -lZydis

vpath %.bpf.c $(VPATH_BPF)
$(O)/bpf/%.bpf.o: %.bpf.c | $(O)/gen/vmlinux.h
	$(call say,BPF)
	@mkdir -p $(@D)
	$(Q)$(CLANG) -target bpf -D__TARGET_ARCH_$(BPF_ARCH) -g -O2 -mcpu=v3 -Wall -Werror -I$(O)/gen \
		-I/usr/include/$(shell uname -m)-linux-gnu -MMD -MP -c -o $@ $<

# The kernel types in force here; any others would do, since programs relocate (CO-RE).
BPF_ARCH := $(subst x86_64,x86,$(subst aarch64,arm64,$(shell uname -m)))
$(O)/gen/vmlinux.h: $(O)/skep
	$(call say,BTF)
	$(Q)$(O)/skep btf dump vmlinux format c > $@.new
	$(Q)cmp -s $@.new $@ && rm $@.new || mv $@.new $@

# pointers in map values are tagged by clang 15 and later only
$(O)/bpf/kfunc.bpf.o $(O)/bpf/kfunc_new.bpf.o $(O)/bpf/timer.bpf.o $(O)/bpf/arena.bpf.o $(O)/bpf/lru_objects.bpf.o $(O)/bpf/ext.bpf.o $(O)/bpf/ext_by.bpf.o $(O)/bpf/congestion.bpf.o $(O)/bpf/crypto.bpf.o $(O)/bpf/uptr.bpf.o $(O)/bpf/test_kfuncs.bpf.o: CLANG := $(or $(shell command -v clang-19),$(CLANG))

$(O)/tests/%: $(O)/obj/tests/unit/%.o $(call obj,$(TEST_LIB_SRC)) $(O)/libskep.a
	$(call say,LD)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(WRAP) -o $@ -Wl,--start-group $^ $(LIBBPF) -Wl,--end-group -lcmocka $(LIBS)

# kernel functions by their types
$(O)/bpf/task_kfunc.bpf.o $(O)/bpf/files.bpf.o $(O)/bpf/file_dynptr.bpf.o: CLANG := $(or $(shell command -v clang-19),$(CLANG))

# Kernel functions as recorded programs see them: tests/functions
$(O)/gen/function_probes.bpf.c $(O)/gen/function_rows.h &: tests/functions/probes.py tables/functions.def
	@mkdir -p $(@D)
	$(Q)$(PYTHON) $< bpf > $(O)/gen/function_probes.bpf.c
	$(Q)$(PYTHON) $< rows > $(O)/gen/function_rows.h
$(O)/functions/probes.bpf.o: $(O)/gen/function_probes.bpf.c tests/functions/probes.h tests/lib/function_record.h
	$(call say,BPF)
	@mkdir -p $(@D)
	$(Q)$(CLANG) -target bpf -g -O2 -mcpu=v3 -Wall -Werror -I. -Itests/functions -I/usr/include/$(shell uname -m)-linux-gnu -c -o $@ $<
	$(Q)$(LLVM_STRIP) -g $@
$(O)/functions/memory: tests/functions/memory.c
	@mkdir -p $(@D)
	$(Q)gcc -std=gnu11 -O1 -Wall -Wextra -static -o $@ $<
$(O)/functions/workload: tests/functions/workload.c
	@mkdir -p $(@D)
	$(Q)gcc -std=gnu11 -O1 -Wall -Wextra -static -o $@ $<
# What tools of other projects look at: tests/tools
$(O)/tools/work: tests/tools/work.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O1 -static -Wall -o $@ $< -lpthread
$(O)/tools/race_connect: tests/tools/race_connect.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O1 -static -Wall -o $@ $< -lpthread
$(O)/tools/unix_names: tests/tools/unix_names.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O2 -Wall -o $@ $< -lbpf -lpthread
$(O)/tools/sockmaps: tests/tools/sockmaps.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O2 -Wall -o $@ $< -lbpf -lpthread
$(O)/tools/reuseport: tests/tools/reuseport.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O2 -Wall -o $@ $< -lbpf
$(O)/tools/sock_clone: tests/tools/sock_clone.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O2 -Wall -o $@ $< -lbpf
$(O)/tools/sock_destroy: tests/tools/sock_destroy.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O2 -Wall -o $@ $< -lbpf
$(O)/tools/traffic: tests/tools/traffic.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O2 -Wall -o $@ $<
$(O)/tools/attach: tests/tools/attach.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O2 -Wall -o $@ $< -lbpf
$(O)/tools/observe: tests/tools/observe.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O2 -Wall -o $@ $< -lbpf

$(O)/tools/decisions: tests/tools/decisions.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O1 -static -Wall -o $@ $<
$(O)/tools/escape: tests/tools/escape.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O1 -static -Wall -o $@ $< -lpthread

$(O)/tools/files: tests/tools/files.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O1 -static -Wall -o $@ $<

$(O)/tools/asks: tests/tools/asks.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O1 -static -Wall -o $@ $<
$(O)/tools/busy: tests/tools/busy.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O1 -static -fno-omit-frame-pointer -Wall -o $@ $<

# Skeleton programs: examples/bootstrap
BOOTSTRAP := $(patsubst examples/bootstrap/%.c,$(O)/bootstrap/%,$(filter-out %.bpf.c,$(wildcard examples/bootstrap/*.c)))
$(O)/bootstrap/%.bpf.o: examples/bootstrap/%.bpf.c $(O)/gen/vmlinux.h
	$(call say,BPF)
	@mkdir -p $(@D)
	$(Q)$(CLANG) -target bpf -D__TARGET_ARCH_$(BPF_ARCH) -g -O2 -mcpu=v3 -Wall -Werror -I$(O)/gen -I/usr/include/$(shell uname -m)-linux-gnu \
		-MMD -MP -c -o $@ $<
	$(Q)$(LLVM_STRIP) -g $@
$(O)/bootstrap/seven.bpf.o: $(O)/bpf/seven.bpf.o
	@mkdir -p $(@D)
	$(Q)cp $< $@
$(O)/bootstrap/%.skel.h: $(O)/bootstrap/%.bpf.o
	$(Q)PATH=$$PATH:/usr/sbin bpftool gen skeleton $< name $*_bpf > $@
$(O)/bootstrap/%: examples/bootstrap/%.c $(O)/bootstrap/%.skel.h examples/bootstrap/until.h
	$(call say,LD)
	$(Q)$(CC) -std=gnu11 -O1 -g -Wall -Iexamples/bootstrap -I$(O)/bootstrap -o $@ $< -lbpf -lelf -lz

# What textbooks print: tests/textbook
$(O)/textbook/%.bpf.o: tests/textbook/%.bpf.c $(O)/gen/vmlinux.h
	$(call say,BPF)
	@mkdir -p $(@D)
	$(Q)$(CLANG) -target bpf -D__TARGET_ARCH_x86 -g -O2 -mcpu=v3 -Wall -Werror -I$(O)/gen -I/usr/include/$(shell uname -m)-linux-gnu -c -o $@ $<
$(O)/textbook/loader: tests/textbook/loader.c
	@mkdir -p $(@D)
	$(Q)$(CC) -O1 -Wall -o $@ $< -lbpf -lelf -lz
$(O)/textbook/attach_device: tests/textbook/attach_device.c
	@mkdir -p $(@D)
	$(Q)$(CC) -O1 -Wall -static -o $@ $<
$(O)/go/opens.bpf.o: tests/go/opens.bpf.c
	$(call say,BPF)
	@mkdir -p $(@D)
	$(Q)$(CLANG) -target bpf -g -O2 -mcpu=v3 -Wall -Werror -I/usr/include/$(shell uname -m)-linux-gnu -c -o $@ $<
TEXTBOOK := $(addprefix $(O)/textbook/,hello.bpf.o declared.bpf.o kinds.bpf.o xdp-example.bpf.o tc-example.bpf.o loader attach_device)

$(O)/functions/recorder: tests/functions/recorder.c tests/lib/function_trace.c $(O)/gen/function_rows.h
	@mkdir -p $(@D)
	$(Q)gcc -D_GNU_SOURCE -O1 -Wall -Wextra -I. -Itests/lib -I$(O)/gen -o $@ $(filter %.c,$^) $(LIBBPF) -lelf -lz
$(O)/obj/tests/lib/function_trace.o: $(O)/gen/function_rows.h
$(O)/tests/functions_test: | $(O)/functions/probes.bpf.o $(O)/functions/workload $(O)/functions/memory

$(O)/tests/fuzz_test: $(call obj,$(FUZZ_SRC))

# goal fuzz: every fuzzer for FUZZ_SECONDS under sanitizers, beginning with its corpus; what it finds worth
# keeping goes to build/fuzz/corpus, a failing input to build/fuzz/NAME-crash-…
FUZZ_SECONDS ?= 60
FUZZ_CC ?= clang
FUZZ_TARGETS ?= prog btf attr
fuzz:
	$(Q)$(MAKE) --no-print-directory O=$(O)/fuzz CC=$(FUZZ_CC) SAN=fuzzer-no-link,address,undefined $(O)/fuzz/fuzzer
	$(Q)O=$(O)/fuzz FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run $(FUZZ_TARGETS)
$(O)/fuzzer: $(call obj,$(FUZZ_SRC) tests/fuzz/entry.c) $(O)/libskep.a
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) -fsanitize=fuzzer,address,undefined -o $@ -Wl,--start-group $^ -Wl,--end-group $(LIBS)

# bpf_conformance plugin: a test tool that runs the engines past the verifier
$(O)/skep-plugin: $(O)/obj/tests/plugin/skep-plugin.o $(O)/obj/tests/lib/hand_prog.o $(O)/libskep.a
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(O)/bench/%.gcc.so $(O)/bench/%.clang.so: bench/%.native.c $(wildcard bench/*.h)
	$(call say,NATIVE)
	@mkdir -p $(@D)
	$(Q)gcc -O2 -shared -fPIC -o $(O)/bench/$*.gcc.so $<
	$(Q)$(CLANG) -O2 -shared -fPIC -o $(O)/bench/$*.clang.so $<

# a client: its calls are Linux's own
$(O)/bench/notify: $(O)/obj/bench/notify.o
	$(call say,LD)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -o $@ $< -lpthread
$(O)/bench/%: $(O)/obj/bench/%.o $(O)/libskep.a
	$(call say,LD)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(WRAP) -o $@ -Wl,--start-group $^ $(LIBBPF) -Wl,--end-group $(LIBS) -lm

# libbpf's programs, which know nothing of skep
$(O)/examples/net/%: examples/net/%.c
	$(call say,LD)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O2 -Wall -o $@ $< -lbpf -lelf -lz
$(O)/examples/%: examples/%.c $(O)/libskep.a
	$(call say,LD)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(WRAP) -o $@ $< -Wl,--start-group $(O)/libskep.a $(LIBBPF) -Wl,--end-group $(LIBS)

$(O)/clients/%-linked: tests/clients/%.c $(O)/libskep.a
	$(call say,LD)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(WRAP) -o $@ $< -Wl,--start-group $(O)/libskep.a $(LIBBPF) -Wl,--end-group $(LIBS)
$(O)/clients/%: tests/clients/%.c
	$(call say,LD)
	@mkdir -p $(@D)
	$(Q)$(CC) -O2 -g -o $@ $< -lbpf

# goal runtime: prove that maps, helpers and execution need no libc and have no writable data
runtime: $(RUNTIME_OBJ)
	$(Q)O=$(O) tools/check-runtime.sh $(RUNTIME_OBJ)

# goal docs: write what the tables say into docs/features.md and the READMEs
docs:
	$(Q)$(PYTHON) tools/gen-docs.py

# goal check: include directions, documents against code and tables, formatting
check:
	$(Q)$(PYTHON) tools/check-includes.py
	$(Q)$(PYTHON) tools/check-differences.py
	$(Q)$(PYTHON) tools/gen-docs.py --check
	$(Q)$(PYTHON) tools/helper-coverage.py --check
	$(Q)$(PYTHON) tools/flag-coverage.py --check
	$(Q)tools/check-format.sh

# goal test: everything that must hold; prints 'N passed, N failed, N skipped'
test: all $(TESTS) $(CLIENTS) $(BOOTSTRAP) $(O)/bootstrap/task_iter.bpf.o $(O)/tools/work $(O)/tools/asks $(O)/tools/busy $(O)/tools/traffic $(O)/tools/race_connect $(O)/tools/unix_names $(O)/tools/sockmaps $(O)/tools/reuseport $(O)/tools/sock_clone $(O)/tools/sock_destroy $(O)/tools/attach $(O)/tools/observe $(O)/tools/decisions $(O)/tools/files $(O)/tools/escape $(O)/go/opens.bpf.o
	$(Q)O=$(O) $(or $(RUN_TESTS),tests/run)

# goal conformance: Linux's own verifier suites over skep, built in WORKDIR (default ~/.cache/skep/conformance)
conformance: all
	$(Q)O=$(O) $(PYTHON) tools/conformance/run.py $(if $(WORKDIR),--work $(WORKDIR))

# goal textbook: what textbooks print, as they print it, by unmodified clients in an instance; 'N of M, absent: …'
textbook: all $(TEXTBOOK)
	$(Q)O=$(O) tests/textbook/run $(LINES)

# goal clients: other projects' programs with skep as their kernel, as an ordinary user and under a container's filter; a count of each
clients: all $(BOOTSTRAP) $(addprefix $(O)/bootstrap/,task_iter.bpf.o) $(addprefix $(O)/tools/,work asks busy attach) $(O)/go/opens.bpf.o
	$(Q)O=$(O) tests/clients/run $(NAMES)

# goal prove: proofs of the verifier's operators on numbers, and injected bugs that they refute
prove: $(O)/prove
	$(Q)$(O)/prove
	$(Q)$(PYTHON) tests/prove/mutants.py
$(O)/prove: $(wildcard tests/prove/*.cc tests/prove/*.h) $(addprefix src/verifier/,tnum.h tnum.c scalar.h scalar.c)
	$(call say,PROVE)
	@mkdir -p $(@D)
	$(Q)$(CXX) -std=c++17 -O1 -w -fpermissive -Isrc -Itests/prove -o $@ tests/prove/prove.cc -lz3

# goal soundness: a night's run of accepted programs against what the verifier recorded, and bugs that it finds
# (goes on where an interrupted run stopped)
SOUNDNESS_COUNT ?= 10000000
soundness: $(O)/tests/soundness_test
	$(Q)O=$(O) $(PYTHON) tests/soundness/run.py --count $(SOUNDNESS_COUNT)
	$(Q)$(PYTHON) tests/soundness/mutants.py

# goal engines: a night's random programs by interpreter, compiler and, a sample, the running kernel
# (goes on where an interrupted run stopped)
ENGINES_COUNT ?= 100000000
engines: $(O)/tests/exec_random_test $(O)/tests/verdict_diff_test
	$(Q)O=$(O) $(PYTHON) tests/engines/run.py --count $(ENGINES_COUNT)

# goal kill: writers of maps of every type killed and stopped at random, MAPS_KILLS times; the daemon's clients, CLIENT_KILLS times
MAPS_KILLS ?= 20000
CLIENT_KILLS ?= 10000
kill: $(O)/tests/map_storm_test $(O)/skep
	$(Q)MAPS_KILLS=$(MAPS_KILLS) $(O)/tests/map_storm_test
	$(Q)O=$(O) CLIENT_KILLS=$(CLIENT_KILLS) tests/script/kills

# goal bench: the figures of the README, measured here and now
bench: all $(BENCHES)
	$(Q)O=$(O) bench/run

# goal table: the README's table of what running, loading and helpers cost, measured here and now
table: all $(BENCHES)
	$(Q)O=$(O) $(PYTHON) bench/table.py

# goal fmt: rewrite C files as make check wants them
fmt:
	$(Q)tools/check-format.sh --fix

PREFIX ?= /usr/local
install: all
	install -D -m755 $(O)/skep $(DESTDIR)$(PREFIX)/bin/skep
	install -D -m644 -t $(DESTDIR)$(PREFIX)/lib $(O)/libskep.a $(O)/libskep.so $(O)/libskep-preload.so
	install -D -m644 -t $(DESTDIR)$(PREFIX)/include/skep $(wildcard include/skep/*.h)
	install -D -m644 -t $(DESTDIR)$(PREFIX)/share/man/man1 $(wildcard docs/man/*.1)
	install -D -m644 -t $(DESTDIR)$(PREFIX)/share/man/man2 docs/man/skep-bpf.2
	install -D -m644 -t $(DESTDIR)$(PREFIX)/share/man/man7 docs/man/skep-helpers.7
	install -D -m644 -t $(DESTDIR)$(PREFIX)/share/doc/skep/messages $(wildcard docs/messages/*.md)

clean:
	rm -rf $(O)

-include $(shell find $(O)/obj $(O)/bpf $(O)/bootstrap -name '*.d' 2>/dev/null)
