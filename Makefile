# SPDX-License-Identifier: LGPL-2.1-or-later
# One makefile for everything; `make help` lists the targets. Outputs go below $(BUILD).
# A variant has a folder of its own: make CC=clang BUILD=build/clang, make SAN=address
# BUILD=build/asan. Changed flags rebuild what is in a folder.

BUILD ?= build
CC ?= cc
SAN ?=
WITH_URING ?= 1
VERSION := 0.1

PREFIX ?= /usr
prefix ?= $(PREFIX)
exec_prefix ?= $(prefix)
bindir ?= $(exec_prefix)/bin
sbindir ?= $(exec_prefix)/sbin
datadir ?= $(prefix)/share
libdir ?= $(exec_prefix)/lib
includedir ?= $(prefix)/include
pkgconfigdir ?= $(datadir)/pkgconfig
mandir ?= $(datadir)/man
# The daemon looks there, whatever the prefix is
sysconfdir ?= /etc
unitdir ?= $(prefix)/lib/systemd/system
catalogdir ?= $(prefix)/lib/systemd/catalog
sysusersdir ?= $(prefix)/lib/sysusers.d
tmpfilesdir ?= $(prefix)/lib/tmpfiles.d
bashcompletiondir ?= $(datadir)/bash-completion/completions
zshcompletiondir ?= $(datadir)/zsh/site-functions
udevrulesdir ?= $(prefix)/lib/udev/rules.d
dbuspolicydir ?= $(datadir)/dbus-1/system.d
dbusinterfacesdir ?= $(datadir)/dbus-1/interfaces
plugindir = $(libdir)/iopfd/policies
INSTALL ?= install

PKGS := libevent_core $(if $(filter-out 0,$(WITH_URING)),liburing) inih libsystemd
PKGS_MISSING := $(shell for p in $(PKGS); do pkg-config --exists $$p 2>/dev/null || echo $$p; done)
CPPFLAGS += -D_GNU_SOURCE -DIOPFD_VERSION='"$(VERSION)"' -DIOPFD_PLUGIN_DIR='"$(plugindir)"' -Iinclude -Idaemon $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
WARNINGS := -Wall -Wextra -Wshadow -Wvla -Wundef -Wmissing-prototypes -Wconversion -Wno-sign-conversion
OPT ?= -O2 -g
CFLAGS += -std=gnu11 $(OPT) $(WARNINGS) $(WERROR) -pthread -fno-strict-aliasing
LDLIBS += $(shell pkg-config --libs $(PKGS) 2>/dev/null) -pthread -lm
ifneq ($(SAN),)
CFLAGS += -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
LDFLAGS += -fsanitize=$(SAN)
endif
ifeq ($(V),1)
say = @true
else
.SILENT:
say = @echo
endif

# Everything but main() is one archive, so that tests link the same objects and may put
# their own in front of one of them.
SOURCES := $(sort $(wildcard daemon/*.c daemon/*/*.c daemon/*/*/*.c))
LEFT_OUT := daemon/loop/$(if $(filter-out 0,$(WITH_URING)),no-io_uring.c,io_uring.c daemon/loop/backends.c)
LEFT_OUT += daemon/policy/$(if $(filter-out 0,$(WITH_URING)),io-no-uring.c,io-uring.c daemon/policy/io-engines.c)
LIB_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(filter-out daemon/main.c daemon/ctl/% $(LEFT_OUT),$(SOURCES)))
LIB := $(BUILD)/libiopfd.a

# iopfctl has an archive of its own, for its tests, and nothing of the daemon's.
CTL_LIB := $(BUILD)/libiopfctl.a
CTL_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(filter-out daemon/ctl/main.c,$(filter daemon/ctl/%,$(SOURCES))))
CTL_LDLIBS := $(shell pkg-config --libs libsystemd 2>/dev/null) -lm

# Every tests/{unit,conformance}/test-*.c is a test. In tests/lib, a .c with a header of its
# name is shared by all of them, any other is a tool: a program that scripts use.
TEST_SOURCES := $(sort $(wildcard tests/unit/test-*.c tests/conformance/test-*.c))
TESTS := $(patsubst %.c,$(BUILD)/%,$(TEST_SOURCES))
SHARED_SOURCES := $(sort $(wildcard $(patsubst %.h,%.c,$(wildcard tests/lib/*.h))))
TOOL_SOURCES := $(sort $(filter-out $(SHARED_SOURCES),$(wildcard tests/lib/*.c)) $(filter-out $(if $(filter 0,$(WITH_URING)),tests/bench/reads.c),$(wildcard tests/bench/*.c)) $(wildcard tests/vm/test-*.c tests/uml/test-*.c))
TOOLS := $(patsubst %.c,$(BUILD)/%,$(TOOL_SOURCES))
BENCH_LIB_SOURCES := $(sort $(wildcard tests/bench/lib/*.c))
BENCH_LIB := $(BUILD)/tests/libbench.a
TEST_LIB := $(BUILD)/tests/libtest.a
# What stands in for the loop is not for all: it is linked into the tests of the pager only.
PAGER_TESTS := $(filter $(BUILD)/tests/unit/test-pager%,$(TESTS))
PAGER_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(filter tests/lib/t-pager%,$(SHARED_SOURCES)))
TEST_LIB_OBJECTS := $(filter-out $(PAGER_OBJECTS),$(patsubst %.c,$(BUILD)/%.o,$(SHARED_SOURCES)))

# What drives the devices in the rig's machines: all of a folder is one program.
DRIVERS := $(if $(wildcard tests/vm/*.c),$(BUILD)/tests/vm/drive) $(if $(wildcard tests/uml/*.c),$(BUILD)/tests/uml/trigger)
ENGINE_TESTS := $(wildcard tests/vm/test-*.c tests/uml/test-*.c)
DRIVER_SOURCES := $(sort $(filter-out $(ENGINE_TESTS),$(wildcard tests/vm/*.c tests/uml/*.c)))
DRIVER_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(DRIVER_SOURCES))

# The daemon with one more policy, which fails: daemon tests show that they notice.
FAULTY := $(patsubst tests/daemon/%.c,$(BUILD)/tests/iopfd-%,$(wildcard tests/daemon/faulty.c))

# The daemon without statistics, for the benchmark of what they cost.
SILENT := $(BUILD)/tests/iopfd-silent
SILENT_SOURCES := $(wildcard tests/bench/silent/*.c)

# Example plugins, and those of misfit.c: one object for each way to be refused.
MISFITS := version small first large lie symbol function name fill flags submits
PLUGINS := $(patsubst %.c,$(BUILD)/%.so,$(filter-out %/misfit.c,$(sort $(wildcard tests/plugins/*.c)))) \
	$(patsubst %,$(BUILD)/tests/plugins/misfit-%.so,$(MISFITS))

# What `make check` runs besides programs.
CHECKS := $(sort $(wildcard tests/check-*.sh))
DAEMON_TESTS := $(sort $(wildcard tests/daemon/*.sh))
UML_TESTS := $(sort $(wildcard tests/uml/test-*.sh))
VM_TESTS := $(sort $(wildcard tests/vm/test-*.sh))
BENCHES := $(sort $(wildcard tests/bench/*.sh))
RUN = CC='$(CC)' IOPFD_BUILD='$(abspath $(BUILD))' tests/run

all: $(BUILD)/iopfd $(BUILD)/iopfctl

$(BUILD)/iopfd: $(BUILD)/daemon/main.o $(LIB)
	$(say) "  LD    $@"
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(LIB): $(LIB_OBJECTS)
	rm -f $@
	$(AR) qcs $@ $^

$(BUILD)/iopfctl: $(BUILD)/daemon/ctl/main.o $(CTL_LIB)
	$(say) "  LD    $@"
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(CTL_LDLIBS)

$(CTL_LIB): $(CTL_OBJECTS)
	rm -f $@
	$(AR) qcs $@ $^

$(TEST_LIB): $(TEST_LIB_OBJECTS)
	rm -f $@
	$(AR) qcs $@ $^

$(BENCH_LIB): $(patsubst %.c,$(BUILD)/%.o,$(BENCH_LIB_SOURCES))
	rm -f $@
	$(AR) qcs $@ $^

$(BUILD)/%.o: %.c $(BUILD)/flags
	$(say) "  CC    $<"
	mkdir -p $(dir $@)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/tests/%.o: CPPFLAGS += -Itests/lib
$(BUILD)/tests/bench/%.o: CPPFLAGS += -Itests/bench/lib -Itests

# The kernel's own headers, for the one test that compares ours with them.
$(BUILD)/tests/unit/test-uapi.o: CPPFLAGS += -isystem tests/rig/include -DHAVE_UAPI

# Tests of the device engines have a kernel of their own (tests/lib/fake-iommufd.h).
$(foreach t,vfio ioas mock,$(eval TEST_LDFLAGS_test-$t := -Wl,--wrap=ioctl,--wrap=open,--wrap=close))

# Those that count what is allocated (tests/lib/counted-memory.h).
$(foreach t,room life,$(eval TEST_LDFLAGS_test-pager-$t := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=reallocarray))

# A kernel with swap, on command.
TEST_LDFLAGS_test-swap := -Wl,--wrap=sysinfo,--wrap=syscall

# A kernel that can do this or that.
TEST_LDFLAGS_test-kernel := -Wl,--wrap=ioctl,--wrap=open,--wrap=stat

# Files that cannot be opened, read or written, and kernels without io_uring, on command.
TEST_LDFLAGS_test-policy-io := -Wl,--wrap=io_uring_queue_init
TEST_LDFLAGS_test-policy-file := -Wl,--wrap=io_uring_queue_init,--wrap=preadv2
TEST_LDFLAGS_test-policy-file-open := -Wl,--wrap=open
TEST_LDFLAGS_test-policy-file-retry := -Wl,--wrap=io_uring_queue_init,--wrap=pread,--wrap=preadv2,--wrap=pwrite

$(TESTS) $(TOOLS): $(BUILD)/%: $(BUILD)/%.o $(TEST_LIB) $(LIB)
	$(say) "  LD    $@"
	$(CC) $(CFLAGS) $(LDFLAGS) $(TEST_LDFLAGS_$(notdir $@)) -o $@ $(filter %.o,$^) $(filter %bench.a,$^) $(filter-out %bench.a,$(filter %.a,$^)) $(LDLIBS)

$(filter $(BUILD)/tests/unit/test-ctl-%,$(TESTS)): $(CTL_LIB)

$(PAGER_TESTS): $(PAGER_OBJECTS)

# A stand-in for iopfctl with the verbs that look at a machine instead of at the daemon.
$(BUILD)/tests/lib/probe-main: $(patsubst %.c,$(BUILD)/%.o,$(wildcard daemon/ctl/probe*.c daemon/ctl/bind*.c))

# The device that they drive.
$(BUILD)/tests/vm/test-policies $(patsubst %,$(BUILD)/tests/bench/%,load-dma reads umap): $(BUILD)/tests/vm/iopf-dma.o
$(BUILD)/tests/bench/load-mock $(BUILD)/tests/bench/start: $(BUILD)/tests/uml/mock.o
$(patsubst %.c,$(BUILD)/%,$(filter tests/bench/%,$(TOOL_SOURCES))): $(BENCH_LIB)

# It loads them.
$(BUILD)/tests/unit/test-plugin: $(PLUGINS)

# One suite over several engines, each with a fixture.
$(BUILD)/tests/conformance/test-device: $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/conformance/device-*.c))
$(BUILD)/tests/conformance/test-policy: $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/conformance/policy-*.c)) $(PLUGINS)
$(BUILD)/tests/conformance/test-policy: private LDFLAGS += -Wl,--wrap=io_uring_queue_init,--wrap=preadv2

.SECONDEXPANSION:
$(DRIVERS): $$(filter $$(dir $$@)%,$$(DRIVER_OBJECTS)) $(TEST_LIB) $(LIB)
	$(say) "  LD    $@"
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(FAULTY): $(BUILD)/tests/iopfd-%: $(BUILD)/daemon/main.o $(BUILD)/tests/daemon/%.o $(LIB)
	$(say) "  LD    $@"
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(SILENT): $(BUILD)/daemon/main.o $(SILENT_SOURCES:%.c=$(BUILD)/%.o) $(LIB)
	$(say) "  LD    $@"
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

plugin = $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -MMD -MP -MF $(@:.so=.d) -MT $@ -shared -fPIC -o $@ $<

$(BUILD)/tests/plugins/misfit-%.so: tests/plugins/misfit.c $(BUILD)/flags
	$(say) "  LD    $@"
	mkdir -p $(dir $@)
	$(plugin) -DMISFIT_$*

$(BUILD)/tests/plugins/%.so: tests/plugins/%.c $(BUILD)/flags
	$(say) "  LD    $@"
	mkdir -p $(dir $@)
	$(plugin)

# Changes only when the flags do, and everything depends on it.
FLAGS := $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(LDLIBS)
$(BUILD)/flags: FORCE
	if [ -n '$(PKGS_MISSING)' ]; then \
		echo "not found by pkg-config: $(PKGS_MISSING); run \`make deps' first" >&2; exit 1; fi
	mkdir -p $(BUILD)
	printf '%s\n' '$(subst ','\'',$(FLAGS))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(FLAGS))' > $@

tests: $(TESTS) $(TOOLS) $(DRIVERS) $(FAULTY) $(SILENT) $(PLUGINS)

# What needs packages gets them first; then a second make finds them with pkg-config.
deps:
	tests/deps.sh

SUBMAKE = +$(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

check:
	tests/deps.sh build demo check
	$(SUBMAKE) all tests
	$(RUN) $(CHECKS) $(TESTS) $(DAEMON_TESTS) $(UML_TESTS) $(VM_TESTS)

check-unit:
	$(SUBMAKE) tests
	$(RUN) $(TESTS)

SAN_OF_asan := address
SAN_OF_ubsan := undefined
SAN_OF_tsan := thread
check-asan check-ubsan check-tsan:
	tests/deps.sh build demo check
	$(SUBMAKE) BUILD=$(BUILD)/$(@:check-%=%) SAN=$(SAN_OF_$(@:check-%=%)) run-sanitized

# Under the thread sanitizer what has threads: it takes several times as long.
TSAN_TESTS := $(PAGER_TESTS) $(patsubst %,$(BUILD)/tests/%,conformance/test-device conformance/test-policy \
	unit/test-mailbox unit/test-plugin unit/test-sim-dma unit/test-stats unit/test-trace)
TSAN_DAEMON_TESTS := $(patsubst %,tests/daemon/%.sh,budget file move plugin regions shards start-stop statistics trace)
run-sanitized: all tests
	ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS=halt_on_error=1 $(RUN) \
		$(if $(filter thread,$(SAN)),$(TSAN_TESTS) $(TSAN_DAEMON_TESTS),$(TESTS) $(filter-out %/install.sh %/unit.sh,$(DAEMON_TESTS)))

check-vm check-uml:
	tests/deps.sh build demo check
	$(SUBMAKE) all tests
	$(RUN) $(if $(filter %uml,$@),$(UML_TESTS),$(VM_TESTS))

demo:
	tests/deps.sh build demo
	$(SUBMAKE) all $(BUILD)/tests/lib/notify-sink
	IOPFD_BUILD='$(abspath $(BUILD))' tests/demo/demo.sh

# BENCH='--only B3 --rounds 1' and the like
bench bench-json:
	tests/deps.sh build bench
	$(SUBMAKE) all tests >&2
	IOPFD_BUILD='$(abspath $(BUILD))' python3 -B tests/bench/bench.py $(if $(filter %-json,$@),--json) $(BENCH)

bench-more:
	tests/deps.sh build bench
	$(SUBMAKE) all tests
	for b in $(BENCHES); do IOPFD_BUILD='$(abspath $(BUILD))' $$b || exit 1; done

# FILE:FOLDER:MODE[:NAME] of all that is installed, but for the sample configuration, which may
# be the administrator's by now.
INSTALLED := $(BUILD)/iopfd:$(sbindir):755 \
	$(BUILD)/iopfctl:$(bindir):755 \
	$(BUILD)/iopfd.service:$(unitdir):644 \
	systemd/iopfd.catalog:$(catalogdir):644 \
	systemd/60-iopfd.rules:$(udevrulesdir):644 \
	systemd/iopfd-metrics.service:$(unitdir):644 \
	systemd/iopfd-metrics.timer:$(unitdir):644 \
	systemd/iopfd.sysusers.conf:$(sysusersdir):644:iopfd.conf \
	systemd/iopfd.tmpfiles.conf:$(tmpfilesdir):644:iopfd.conf \
	conf/iopfctl.bash:$(bashcompletiondir):644:iopfctl \
	conf/_iopfctl:$(zshcompletiondir):644 \
	conf/org.iopfd1.conf:$(dbuspolicydir):644 \
	conf/org.iopfd1.xml:$(dbusinterfacesdir):644 \
	include/iopfd/policy.h:$(includedir)/iopfd:644 \
	$(BUILD)/iopfd.pc:$(pkgconfigdir):644 \
	$(foreach m,$(wildcard man/*.[1-8]),$(m):$(mandir)/man$(subst .,,$(suffix $(m))):644)
CONFIG := $(DESTDIR)$(sysconfdir)/iopfd
field = $(word $2,$(subst :, ,$1))
target = $(DESTDIR)$(call field,$1,2)/$(or $(call field,$1,4),$(notdir $(call field,$1,1)))

$(BUILD)/iopfd.service: systemd/iopfd.service.in FORCE
	mkdir -p $(BUILD)
	sed 's|@sbindir@|$(sbindir)|g; s|@bindir@|$(bindir)|g' $< > $@

$(BUILD)/iopfd.pc: conf/iopfd.pc.in FORCE
	mkdir -p $(BUILD)
	sed 's|@includedir@|$(includedir)|g; s|@plugindir@|$(plugindir)|g; s|@VERSION@|$(VERSION)|g' $< > $@

install: all $(BUILD)/iopfd.service $(BUILD)/iopfd.pc
	$(foreach f,$(INSTALLED),$(INSTALL) -D -m $(call field,$f,3) $(call field,$f,1) $(call target,$f) &&) true
	$(INSTALL) -d -m 755 $(CONFIG)/iopfd.conf.d $(DESTDIR)$(plugindir)
	[ -e $(CONFIG)/iopfd.conf ] || $(INSTALL) -m 644 conf/iopfd.conf $(CONFIG)/iopfd.conf

# A configuration that differs from the sample stays, and the folder with it.
uninstall:
	rm -f $(foreach f,$(INSTALLED),$(call target,$f))
	! cmp -s conf/iopfd.conf $(CONFIG)/iopfd.conf || rm -f $(CONFIG)/iopfd.conf
	rmdir $(CONFIG)/iopfd.conf.d $(CONFIG) $(DESTDIR)$(plugindir) $(dir $(DESTDIR)$(plugindir)) $(DESTDIR)$(includedir)/iopfd 2>/dev/null || true

clean:
	rm -rf $(BUILD)

help:
	@echo 'all          build/iopfd and build/iopfctl (need the libraries: deps)'
	@echo 'deps         install the Debian packages that any target needs, or say how'
	@echo 'demo         the daemon on two simulated devices, for about ten seconds'
	@echo 'check        every test; those on a real kernel need a rig (IOPFD_RIG, ../shared/rig)'
	@echo 'check-unit   unit and conformance tests only'
	@echo 'check-asan   unit, conformance and daemon tests with the address and leak sanitizer'
	@echo 'check-ubsan  the same with the undefined behaviour sanitizer'
	@echo 'check-tsan   what has threads, with the thread sanitizer'
	@echo 'check-uml    tests on the mock device of a user-mode kernel'
	@echo 'check-vm     tests on VFIO devices of an emulated machine'
	@echo 'bench        iopfd beside other fault loops, about 15 minutes: a table, plots in build/bench/'
	@echo 'bench-json   the same, one JSON object for each line of the table that has a target'
	@echo 'bench-more   what stands for itself: eviction beside LRU and the optimum, a slow store, ...'
	@echo 'install      below DESTDIR; PREFIX, sbindir, sysconfdir, ... as usual'
	@echo 'uninstall    what install put there; a configuration that was changed stays'
	@echo 'clean        remove build/'
	@echo
	@echo 'Variables: BUILD=folder CC=clang OPT=-O0 WERROR=-Werror SAN=address|undefined|thread WITH_URING=0 V=1'

FORCE:
.PHONY: all tests deps check check-unit check-asan check-ubsan check-tsan check-uml check-vm run-sanitized \
	demo bench bench-json bench-more install uninstall clean help FORCE
.SECONDARY:
-include $(patsubst %.c,$(BUILD)/%.d,$(SOURCES) $(TEST_SOURCES) $(TOOL_SOURCES) $(SHARED_SOURCES) $(BENCH_LIB_SOURCES) $(SILENT_SOURCES) $(DRIVER_SOURCES) $(wildcard tests/conformance/*.c tests/daemon/*.c)) $(PLUGINS:.so=.d)
