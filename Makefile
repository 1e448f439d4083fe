# Kedge. The targets a person types:
#
#   make            build kedge-api, kedge-worker and kedge-scheduler into build/
#   make run        everything on this machine: install, build, start, show a drift
#   make test       install what the tests need, then lint, unit, e2e and a short fuzz
#   make lint unit e2e fuzz-smoke chaos bench     one part of it
#   make asan       unit and e2e under AddressSanitizer and UBSan
#   make test-ship  Debian 13, the container image, the Debian package: as root, half an hour
#   make format docs clean
#   make install uninstall man deb       PREFIX, SYSCONFDIR and DESTDIR say where; deb into build/
#
# V=release|asan|tsan|fuzz|cov chooses the variant; each has its own build/$(V).

V      ?= release
B      := build/$(V)
CC     ?= gcc
VERSION  := 0.1.0
RELEASED := 2026-11-22

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# ---- flags -------------------------------------------------------------------------------
WARN := -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wformat=2 \
        -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wcast-qual -Wvla -Wswitch-enum \
        -Wimplicit-fallthrough -Wnull-dereference -Wpointer-arith -Wwrite-strings \
        -Wno-format-zero-length
WARN_GCC := -Wjump-misses-init -Wlogical-op -Wduplicated-cond
HARDEN := -fstack-protector-strong -fstack-clash-protection -fPIE -fno-common
ifeq ($(shell uname -m),x86_64)
HARDEN += -fcf-protection=full
endif

CPPFLAGS_release := -D_FORTIFY_SOURCE=3
CFLAGS_release   := -O2 -g $(WARN_GCC)
CFLAGS_asan      := -O1 -g1 -fno-omit-frame-pointer -fsanitize=address,undefined \
                    -fno-sanitize-recover=undefined $(WARN_GCC)
CFLAGS_tsan      := -O1 -g -fno-omit-frame-pointer -fsanitize=thread $(WARN_GCC)
CFLAGS_cov       := -O0 -g --coverage $(WARN_GCC)
CFLAGS_fuzz      := -O1 -g1 -fno-omit-frame-pointer -fsanitize=address,undefined,fuzzer-no-link
ifeq ($(V),fuzz)
CC := clang
endif
ifdef CI
WARN += -Werror
endif

PKGS := hiredis libcjson libgit2 libmicrohttpd libcurl libcrypto zlib yaml-0.1
# -isystem: a library's own headers are not ours to lint.
INCLUDES := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags-only-I $(PKGS) 2>/dev/null))
CPPFLAGS += -D_GNU_SOURCE -I. -I$(B)/gen $(INCLUDES) $(CPPFLAGS_$(V))
CFLAGS   += -std=gnu17 $(WARN) $(HARDEN) $(CFLAGS_$(V)) -MMD -MP
LDFLAGS  += -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(filter -fsanitize=address% -fsanitize=thread --coverage,$(CFLAGS_$(V)))

# TLS to Redis: where hiredis lets its reads and writes be replaced.
REDIS_TLS := $(shell pkg-config --exists 'hiredis >= 1.0' libssl && echo yes)
NOT_BUILT := $(if $(REDIS_TLS),common/redis/redis_tls_none.c,common/redis/redis_tls.c common/redis/redis_tls_trust.c)

lib = $(shell pkg-config --libs $(1) 2>/dev/null)
LIBS_common    := $(call lib,hiredis libcjson $(if $(REDIS_TLS),libssl) libcrypto zlib) -lm
LIBS_api       := $(call lib,libmicrohttpd gnutls libcurl)
LIBS_worker    := $(call lib,libgit2 libcurl libmicrohttpd yaml-0.1)
LIBS_scheduler := $(call lib,libmicrohttpd libcurl)

# ---- what is built -----------------------------------------------------------------------
PROGRAMS := api worker scheduler
BINARIES := $(PROGRAMS:%=$(B)/kedge-%)
object    = $(patsubst %.c,$(B)/%.o,$(1))

COMMON_OBJECTS := $(call object,$(filter-out $(NOT_BUILT) common/conf/conf_doc.c,$(wildcard common/*/*.c)))
COMMON := $(B)/libcommon.a

.PHONY: all programs
all: programs
programs: $(BINARIES)
ifeq ($(V),release)
	@ln -sf $(PROGRAMS:%=release/kedge-%) build/
endif

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(COMMON): $(COMMON_OBJECTS)
	rm -f $@
	ar rcs $@ $^

SANITIZER := $(if $(filter asan,$(V)),$(call object,tests/support/sanitizer.c))
define program
$(B)/kedge-$(1): $$(call object,$$(wildcard $(1)/*.c $(1)/*/*.c)) $(SANITIZER) $$(COMMON)
	$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(LIBS_$(1)) $$(LIBS_common)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

$(B)/common/conf/conf.o: CPPFLAGS += -DKEDGE_VERSION='"$(VERSION)"'
$(B)/common/conf/conf.o: $(B)/version
$(B)/version: FORCE
	@mkdir -p $(@D)
	@echo $(VERSION) | cmp -s - $@ || echo $(VERSION) > $@

# The Lua scripts, with their prelude and the table of moves, as C arrays.
LUA := $(wildcard common/lua/*.lua)
$(B)/gen/lua_scripts.h: common/lua/embed.sh common/queue/run_moves.def $(LUA)
	@mkdir -p $(@D)
	sh common/lua/embed.sh common/queue/run_moves.def $(LUA) > $@
$(B)/common/redis/scripts.o: $(B)/gen/lua_scripts.h

# What the api serves as /openapi.yaml.
$(B)/gen/openapi_yaml.h: api/embed.sh docs/openapi.yaml
	@mkdir -p $(@D)
	sh api/embed.sh docs/openapi.yaml openapi_yaml > $@
$(B)/api/ops/openapi.o: $(B)/gen/openapi_yaml.h

# ---- tests -------------------------------------------------------------------------------
# A unit test may call any module of any program: it links all of them but the mains.
MODULES := $(B)/libmodules.a
$(MODULES): $(call object,$(filter-out %/main.c,$(foreach p,$(PROGRAMS),$(wildcard $(p)/*.c $(p)/*/*.c))))
	rm -f $@
	ar rcs $@ $^

# Programs of tests are many, and linked for the moment: with the quick linker where there is one.
LINK_TEST = $(CC) $(CFLAGS) $(LDFLAGS) $(if $(shell command -v ld.lld 2>/dev/null),-fuse-ld=lld)

SUPPORT := $(call object,$(wildcard tests/support/*.c))
UNIT_TESTS := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/test_*.c))
LIBS_all := $(LIBS_worker) $(LIBS_api) $(LIBS_common)
.SECONDARY: $(UNIT_TESTS:%=%.o) $(SUPPORT)

$(B)/tests/unit/test_%: $(B)/tests/unit/test_%.o $(SUPPORT) $(MODULES) $(COMMON)
	$(LINK_TEST) -o $@ $^ $(LIBS_all) $(call lib,cmocka)

# Programs that answer for ours when it is compared with others.
$(B)/tests/differential/%: $(B)/tests/differential/%.o $(SANITIZER) $(COMMON)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_common)

# A benchmark in C, as a unit test is built.
BENCHES := $(patsubst %.c,$(B)/%,$(wildcard tests/bench/*.c))
$(B)/tests/bench/%: $(B)/tests/bench/%.o $(SUPPORT) $(MODULES) $(COMMON)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_all) $(call lib,cmocka)

FUZZERS := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))
# What reads foreign bytes; the others are not compiled for it.
FUZZED := $(B)/libfuzzed.a
$(FUZZED): $(call object,$(filter-out %/main.c,$(wildcard api/*.c api/*/*.c $(addprefix worker/,process/*.c report/*.c resolve/*.c text/*.c))))
	rm -f $@
	ar rcs $@ $^
$(B)/tests/fuzz/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(FUZZED) $(COMMON)
	$(LINK_TEST) -fsanitize=fuzzer -o $@ $^ $(LIBS_all)

.PHONY: unit-build fuzz-build test test-ship lint unit e2e fuzz-smoke chaos asan bench
unit-build: $(UNIT_TESTS)
fuzz-build: $(FUZZERS)

PYTHON := /usr/bin/python3
test: packages-build packages-run packages-test
	$(PYTHON) tests/run.py
lint:
	$(PYTHON) tests/lint/lint.py
unit:
	$(PYTHON) tests/unit/run.py $(V)
e2e:
	$(PYTHON) tests/e2e/run.py $(V)
asan:
	$(PYTHON) tests/run.py unit-asan e2e-asan
# Whole systems: Debian 13, the image, the package. Needs root and a network the first time.
test-ship: packages-build packages-run packages-test packages-ship
	STAGE_SECONDS=$${STAGE_SECONDS:-5400} $(PYTHON) tests/run.py ship
fuzz-smoke:
	$(PYTHON) tests/fuzz/run.py 30
# SECONDS of faults; then what is left is waited for. SEED of an earlier run: its faults again.
SECONDS := 120
chaos: programs
	KEDGE_TEST_VARIANT=$(V) $(PYTHON) tests/chaos/chaos.py $(SECONDS) $(SEED)
bench: packages-bench programs $(BENCHES)
	$(PYTHON) tests/bench/bench.py $(PARTS)

# ---- people ------------------------------------------------------------------------------
.PHONY: run help format docs clean
# Packages first, in a make of its own: pkg-config is asked while this file is read.
run: packages-build packages-run
	@$(MAKE) -s -j$$(nproc) programs
	@docker/demo/run.sh

packages-%:
	@docker/packages.sh $*

help:
	@sed -n '2,/^$$/s/^# \{0,1\}//p' Makefile

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

$(B)/conf_doc: $(call object,common/conf/conf_doc.c) $(COMMON)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_common)
docs: $(B)/conf_doc
	$(B)/conf_doc > docs/CONFIG.md

clean:
	rm -rf build

# ---- installing --------------------------------------------------------------------------
PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc
BINDIR     := $(PREFIX)/bin
MANDIR     := $(PREFIX)/share/man/man8
DOCDIR     := $(PREFIX)/share/doc/kedge
UNITDIR    := $(PREFIX)/lib/systemd/system
SYSUSERDIR := $(PREFIX)/lib/sysusers.d
INSTALL_PROGRAM ?= install

# Dates in what is made are those of the release: the same source gives the same bytes.
ifndef SOURCE_DATE_EPOCH
SOURCE_DATE_EPOCH := $(shell date -u -d $(RELEASED) +%s)
endif
export SOURCE_DATE_EPOCH
MAN   := $(PROGRAMS:%=$(B)/man/kedge-%.8)
UNITS := $(PROGRAMS:%=$(B)/systemd/kedge-%.service)
SYSUSERS := $(B)/systemd/kedge.conf
EXAMPLES := $(PROGRAMS:%=docker/systemd/%.env)
DOCS  := $(wildcard docs/*.md docs/*.yaml)

$(B)/man/%.8: $(B)/conf_doc
	@mkdir -p $(@D)
	$(B)/conf_doc $* "$$(LC_ALL=C date -u -d @$(SOURCE_DATE_EPOCH) '+%B %-d, %Y')" > $@
# Always: they depend on the prefix.
$(B)/systemd/%.service: docker/systemd/%.service FORCE
	@mkdir -p $(@D)
	sed 's,@bindir@,$(BINDIR),;s,@sysconfdir@,$(SYSCONFDIR),' $< > $@
$(SYSUSERS): docker/systemd/kedge.sysusers
	@mkdir -p $(@D)
	cp $< $@

into = $(foreach file,$(1),$(DESTDIR)$(2)/$(notdir $(file)))
INSTALLED = $(call into,$(BINARIES),$(BINDIR)) $(call into,$(MAN),$(MANDIR)) \
            $(call into,$(UNITS),$(UNITDIR)) $(call into,$(SYSUSERS),$(SYSUSERDIR)) \
            $(DESTDIR)$(DOCDIR)/README.md $(call into,$(DOCS),$(DOCDIR)/docs) $(call into,$(EXAMPLES),$(DOCDIR)/examples)

.PHONY: man install uninstall deb FORCE
FORCE:
man: $(MAN)

install: programs $(MAN) $(UNITS) $(SYSUSERS)
	install -d $(sort $(dir $(INSTALLED)))
	$(INSTALL_PROGRAM) -m 755 $(BINARIES) $(DESTDIR)$(BINDIR)
	install -m 644 $(MAN) $(DESTDIR)$(MANDIR)
	install -m 644 $(UNITS) $(DESTDIR)$(UNITDIR)
	install -m 644 $(SYSUSERS) $(DESTDIR)$(SYSUSERDIR)
	install -m 644 README.md $(DESTDIR)$(DOCDIR)
	install -m 644 $(DOCS) $(DESTDIR)$(DOCDIR)/docs
	install -m 644 $(EXAMPLES) $(DESTDIR)$(DOCDIR)/examples

# Settings, users and data stay.
uninstall:
	rm -f $(INSTALLED)
	-rmdir $(DESTDIR)$(DOCDIR)/examples $(DESTDIR)$(DOCDIR)/docs $(DESTDIR)$(DOCDIR)

DEBDIR ?= build
deb: programs $(MAN)
	docker/debian/build.sh $(B) $(VERSION) $(DEBDIR)

print-%:
	@echo $($*)

-include $(shell find $(B) -name '*.d' 2>/dev/null)
