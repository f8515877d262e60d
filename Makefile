# certpool: `make help` lists the targets.

BUILD ?= build
PREFIX ?= /usr/local
UNITS ?= $(PREFIX)/lib/systemd/system
SYSUSERS ?= $(PREFIX)/lib/sysusers.d
MANIFEST ?= /var/lib/certpool/manifest.yaml
BASH_COMPLETIONS ?= $(PREFIX)/share/bash-completion/completions
ZSH_COMPLETIONS ?= $(PREFIX)/share/zsh/site-functions
FISH_COMPLETIONS ?= $(PREFIX)/share/fish/vendor_completions.d
CFLAGS ?= -O2 -g
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60
INSTALL_DEPS ?= ci/install-deps.sh

# Each folder of common/, and the folders from which it may include (ci/check-layers.sh).
LAYERS := base layout crypto x509 net wire pool ca
base_BELOW := base
layout_BELOW := layout base
crypto_BELOW := crypto layout base
x509_BELOW := x509 crypto layout base
net_BELOW := net base
wire_BELOW := wire net x509 crypto layout base
pool_BELOW := pool wire net x509 crypto layout base
ca_BELOW := ca wire net x509 crypto layout base
# All of them are below tools/, whose unit tests link it without its main.
tools_BELOW := ca pool wire net x509 crypto layout base
tools_OWN = $(filter-out $(BUILD)/tools/main.o,$(tool_objects))

LIBRARIES := gnutls nettle hogweed gmp yaml-0.1 jansson libmicrohttpd libcurl sqlite3 libseccomp
pkg = $(shell pkg-config $(1) $(2) 2>/dev/null)

override CFLAGS += -std=c11 -D_GNU_SOURCE -I. -pthread -fPIE -fstack-protector-strong \
	-Wall -Wextra -Wpedantic -Werror -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wwrite-strings -Wcast-qual -Wcast-align -Wpointer-arith -Wundef \
	-Wvla -Wconversion -Wsign-conversion -Wimplicit-fallthrough -Wnull-dereference \
	-Wdouble-promotion
# Debian's `cc --version` does not say "gcc", but `cc -v` does.
gcc_warnings := -Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wjump-misses-init
ifneq ($(findstring gcc version,$(shell $(CC) -v 2>&1)),)
override CFLAGS += $(gcc_warnings)
endif
ifeq ($(findstring -O0,$(CFLAGS))$(findstring -fsanitize,$(CFLAGS)),)
override CFLAGS += -D_FORTIFY_SOURCE=2
endif
override LDFLAGS += -pie -pthread -Wl,-z,relro,-z,now
# libcurl is loaded when it is needed (common/net/client/libcurl.c).
LDLIBS = $(call pkg,--libs,$(filter-out libcurl,$(LIBRARIES)))

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-4s %s\n' $(1) $(2))
# A second make, which sees the packages just installed; parallel, unless the user set -j.
again = +@$(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(JOBS))

# All files with a suffix in a folder and its subfolders.
files = $(sort $(wildcard $(foreach depth,* */* */*/* */*/*/*,$(1)/$(depth).$(2))))
sources = $(call files,$(1),c)
objects = $(patsubst %.c,$(BUILD)/%.o,$(1))
layer_objects = $(foreach below,$($(1)_BELOW),$(call objects,$(call sources,common/$(below))))
all_objects := $(call objects,$(foreach layer,$(LAYERS),$(call sources,common/$(layer))))
tool_objects := $(call objects,$(call sources,tools))
test_sources := $(foreach suite,$(wildcard tests/*),$(call sources,$(suite)))
every_object := $(all_objects) $(tool_objects) $(call objects,$(call sources,ci) $(test_sources))
headers := $(foreach top,ci common tools $(wildcard tests/*),$(call files,$(top),h))
unit_programs := $(foreach layer,$(LAYERS) tools,$(if $(wildcard tests/unit/$(layer)/*.c),$(BUILD)/tests/unit/$(layer)/tests))
fuzz_programs := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
fuzz_parts := $(call objects,$(sort $(wildcard tests/fuzz/*mutator.c)))
manuals := $(BUILD)/man/certpool.1 $(patsubst docs/man/verb/%.mdoc,$(BUILD)/man/certpool-%.1,$(sort $(wildcard docs/man/verb/*.mdoc)))
units := $(sort $(wildcard packaging/*.service packaging/*.timer))
race_programs := $(patsubst %.c,$(BUILD)/%,$(call sources,tests/race))
bench_programs := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/bench/*.c)))
bench_parts := $(call objects,$(sort $(wildcard tests/bench/parts/*.c)))
interop_programs := $(BUILD)/tests/interop/differential
preloaded := $(BUILD)/clock.so $(BUILD)/quick_passphrases.so
export CERTPOOL := $(abspath $(BUILD))/certpool

.PHONY: all demo check check-world screenshots recording unit unit-postgresql fuzz-replay e2e interop suites bench load bench-programs man lint tidy format sanitize race \
	run-race fuzz run-fuzz fuzz-merge run-fuzz-merge coverage valgrind install uninstall deb clean help libraries

all: $(BUILD)/certpool ## build/certpool

demo: ## installs missing packages, builds, runs the three parts with real processes
	@$(INSTALL_DEPS) build
	$(again) all
	@ci/demo.sh $(BUILD)/demo

check: ## installs missing packages, builds, runs every test
	@$(INSTALL_DEPS) check
	$(again) suites

# What takes several minutes begins first, so that the others run beside it.
longest := tests/world/t_windows_year.sh
check-world: ## installs other people's servers (nginx, PostgreSQL, …), and tests with them
	@$(INSTALL_DEPS) world deb
	$(again) all $(preloaded) $(BUILD)/tests/unit/pool/tests
	@status=0; bash tests/e2e/run.sh $(longest) $(filter-out $(longest),$(wildcard tests/world/t_*.sh)) || status=1; \
		tests/e2e/on_postgresql.sh || status=1; exit $$status

screenshots: ## pictures of the page about a CA, in Chromium, which it installs, to $(BUILD)/screenshots
	@$(INSTALL_DEPS) world
	$(again) all $(preloaded)
	@bash tests/world/screenshots.sh $(BUILD)/screenshots

recording: all ## what make demo prints, as a picture, to $(BUILD)/demo.svg
	@ci/demo.sh $(BUILD)/demo | sed -u 's|$(CURDIR)/||' | ci/record.sh 'make demo' >$(BUILD)/demo.svg

suites: all $(preloaded) $(unit_programs) $(fuzz_programs) $(bench_programs) $(interop_programs)
	@log=$(BUILD)/suites.log; rm -f $$log; for suite in unit unit-postgresql fuzz-replay e2e interop; do \
		{ $(MAKE) --no-print-directory $$suite || echo "failed: $$suite"; } 2>&1 | tee -a $$log; done; \
		! grep -E '^(failed: |\[(FAIL|CRASH)\]|\[----\] .*Assertion)' $$log

# The suites of the record, each named after its file.
store_suites = $(patsubst tests/unit/ca/store/test_%.c,%,$(wildcard tests/unit/ca/store/test_*.c)) \
	$(patsubst tests/unit/ca/store/postgresql/test_%.c,%,$(wildcard tests/unit/ca/store/postgresql/test_*.c)) \
	$(patsubst tests/unit/ca/shared/test_%.c,%,$(wildcard tests/unit/ca/shared/test_*.c)) \
	$(patsubst tests/unit/ca/acme/test_%.c,%,$(wildcard tests/unit/ca/acme/test_*.c))
empty :=
unit-postgresql: $(BUILD)/tests/unit/ca/tests ## the suites of the record, in a PostgreSQL of their own
	@echo "unit tests: $< in PostgreSQL"
	@tests/postgresql.sh $< --short-filename \
		--filter='$(or $(FILTER),@($(subst $(empty) $(empty),|,$(strip $(store_suites))))/*)'

unit: $(unit_programs) ## unit tests; unit-LAYER runs one layer's, FILTER=suite/test selects
	@status=0; for program in $^; do echo "unit tests: $$program"; $$program --short-filename || status=1; done; \
		exit $$status

fuzz-replay: $(fuzz_programs) ## the fuzz targets' corpora, with fixed mutations
	@status=0; for program in $^; do $$program tests/fuzz/corpus/$${program##*/fuzz_} || status=1; done; \
		exit $$status

e2e: all $(preloaded) $(bench_programs) ## end to end: real processes over loopback
	@bash tests/e2e/run.sh

interop: all $(interop_programs) ## other people's tools read certpool's files, and certpool reads theirs
	@bash tests/interop/run.sh

bench: ## compares with other tools, which it installs, and with the limit; BENCH_QUICK=1 does less
	@$(INSTALL_DEPS) bench
	$(again) all bench-programs
	@PROGRAMS=$(BUILD)/tests/bench tests/bench/run.sh $(BUILD)/bench

load: ## what strangers and many clients can cost the CA, beside the bounds; LOAD_SIZE=quick does less
	@$(INSTALL_DEPS) check
	$(again) all bench-programs
	@PROGRAMS=$(BUILD)/tests/bench tests/bench/strangers.sh $(BUILD)/load

bench-programs: $(bench_programs)

lint: ## clang's warnings, clang-format, clang-tidy, cppcheck, shellcheck, the layers
	@$(INSTALL_DEPS) lint
	@ci/lint.sh
	$(again) tidy

tidy: $(every_object:.o=.tidy)

# Criterion's assertions are branches: the analyser gives a test up after a tenth of the states that it otherwise looks at.
$(BUILD)/tests/unit/%.tidy: analyser = -Xclang -analyzer-config -Xclang max-nodes=20000
# Depends on the object, whose own dependencies include the headers.
$(BUILD)/%.tidy: %.c $(BUILD)/%.o .clang-tidy tests/.clang-tidy ci/analysed.h
	$(call say,TIDY,$<)
	$(Q)clang $(filter-out $(gcc_warnings) -MMD -MP,$(CFLAGS)) -fsyntax-only $<
	$(Q)clang-tidy --quiet $< -- -std=c11 -D_GNU_SOURCE -I. \
		$(if $(filter %/fault.c,$<),,-include ci/analysed.h) $(analyser) 2>$@.log || { cat $@.log; exit 1; }
	@mv $@.log $@

format: ## clang-format, in place
	$(Q)clang-format -i $(headers) $(patsubst $(BUILD)/%.o,%.c,$(every_object))

# Criterion counts a test that leaks as passed: what the sanitizers report goes into files, and there may be none.
reports = $(abspath $(BUILD))/sanitize/reports
sanitize: export ASAN_OPTIONS = log_path=$(reports)/of
sanitize: ## every test with the address and undefined-behaviour sanitizers
	@$(INSTALL_DEPS) check
	@rm -rf $(reports) && mkdir -p $(reports)
	$(again) BUILD=$(BUILD)/sanitize LDFLAGS='-fsanitize=address,undefined' suites \
		CFLAGS='-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all \
			-DWITHOUT_SANDBOX'
	@! cat $(reports)/* 2>/dev/null

race: ## tests/race with the thread sanitizer
	@$(INSTALL_DEPS) check
	$(again) BUILD=$(BUILD)/race CFLAGS='-O1 -g -fsanitize=thread' LDFLAGS=-fsanitize=thread run-race

run-race: export TSAN_OPTIONS = halt_on_error=1
run-race: $(race_programs)
	@set -e; for program in $^; do echo "$$program"; $$program; done
	@tests/postgresql.sh tests/race/on_postgresql.sh $(BUILD)/tests/race/race_ca $(BUILD)/tests/race/race_responder

fuzz: ## libFuzzer, FUZZ_SECONDS (60) for each target; FUZZ_TARGETS, or all
	@$(INSTALL_DEPS) lint
	$(again) $(libfuzzer) run-fuzz

fuzz-merge: ## adds to the corpora what make fuzz found: as few inputs as have its coverage
	@$(INSTALL_DEPS) lint
	$(again) $(libfuzzer) run-fuzz-merge

libfuzzer = BUILD=$(BUILD)/fuzz CC=clang LDFLAGS=-fsanitize=fuzzer,address,undefined \
	FUZZ_MAIN=$(BUILD)/fuzz/tests/fuzz/libfuzzer.o \
	CFLAGS='-O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all'
fuzz_chosen = $(if $(FUZZ_TARGETS),$(FUZZ_TARGETS:%=$(BUILD)/tests/fuzz/fuzz_%),$(fuzz_programs))

run-fuzz: $(fuzz_chosen)
	@set -e; for program in $(fuzz_chosen); do name=$${program##*/fuzz_}; mkdir -p $(BUILD)/found/$$name; \
		$$program -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=$(BUILD)/found/ -print_final_stats=1 \
			$(BUILD)/found/$$name tests/fuzz/corpus/$$name; done

# What the corpus had stays. Counted are edges, not how often each is taken: that is a tenth of the files.
run-fuzz-merge: $(fuzz_chosen)
	@set -e; for program in $(fuzz_chosen); do name=$${program##*/fuzz_}; \
		$$program -set_cover_merge=1 -use_counters=0 tests/fuzz/corpus/$$name $(BUILD)/found/$$name; done

coverage: ## runs every test and prints the share of covered lines
	@$(INSTALL_DEPS) check
	@rm -rf $(BUILD)/coverage
	$(again) BUILD=$(BUILD)/coverage LDFLAGS=--coverage CFLAGS='-O0 -g --coverage -fprofile-update=atomic -DWITHOUT_SANDBOX' suites
	@gcovr --root . --filter common/ --filter tools/ --txt $(BUILD)/coverage/report.txt --print-summary \
		$(BUILD)/coverage

valgrind: ## the demo under valgrind: no error, no leak
	@$(INSTALL_DEPS) check
	$(again) all $(BUILD)/openat2_shim.so
	@CERTPOOL=ci/under-valgrind.sh EXECUTABLE=$(CERTPOOL) SHIM=$(abspath $(BUILD)/openat2_shim.so) \
		ci/demo.sh $(BUILD)/demo-valgrind

install: all man ## to DESTDIR and PREFIX (/usr/local)
	install -D -m 0755 $(BUILD)/certpool $(DESTDIR)$(PREFIX)/bin/certpool
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/certpool pki-layout/manifest.yaml
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/man/man1 $(manuals)
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/man/man5 docs/man/certpool-manifest.5
	install -D -m 0644 packaging/completions/certpool.bash $(DESTDIR)$(BASH_COMPLETIONS)/certpool
	install -D -m 0644 packaging/completions/certpool.zsh $(DESTDIR)$(ZSH_COMPLETIONS)/_certpool
	install -D -m 0644 -t $(DESTDIR)$(FISH_COMPLETIONS) packaging/completions/certpool.fish
	install -D -m 0644 -t $(DESTDIR)$(UNITS) $(units)
	sed -i 's|/usr/local/bin/|$(PREFIX)/bin/|; s|/var/lib/certpool/manifest.yaml|$(MANIFEST)|' $(patsubst packaging/%,$(DESTDIR)$(UNITS)/%,$(units))
	install -D -m 0644 packaging/certpool.sysusers $(DESTDIR)$(SYSUSERS)/certpool.conf

uninstall: ## removes the installed files
	rm -f $(DESTDIR)$(PREFIX)/bin/certpool $(patsubst $(BUILD)/man/%,$(DESTDIR)$(PREFIX)/share/man/man1/%,$(manuals)) \
		$(DESTDIR)$(BASH_COMPLETIONS)/certpool $(DESTDIR)$(ZSH_COMPLETIONS)/_certpool \
		$(DESTDIR)$(FISH_COMPLETIONS)/certpool.fish \
		$(DESTDIR)$(PREFIX)/share/man/man5/certpool-manifest.5 $(DESTDIR)$(SYSUSERS)/certpool.conf \
		$(patsubst packaging/%,$(DESTDIR)$(UNITS)/%,$(units))
	rm -rf $(DESTDIR)$(PREFIX)/share/certpool
	$(if $(DESTDIR),cd $(DESTDIR) && rmdir -p --ignore-fail-on-non-empty \
		$(patsubst /%,%,$(UNITS) $(SYSUSERS) $(BASH_COMPLETIONS) $(ZSH_COMPLETIONS) $(FISH_COMPLETIONS) \
		$(addprefix $(PREFIX)/,bin share/man/man1 share/man/man5)))

deb: ## Debian packages of the program and of the CA as a service, to $(BUILD)/deb
	@$(INSTALL_DEPS) build deb
	@packaging/build-deb.sh $(BUILD)/deb

clean: ## removes $(BUILD)
	rm -rf $(BUILD)

help: ## this list
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/  \1	\2/p' Makefile | expand -t 16

libraries:
	@pkg-config --print-errors --exists $(LIBRARIES) || \
		{ echo "certpool: libraries are missing (above): run ci/install-deps.sh build" >&2; exit 1; }

man: $(manuals) ## the manual pages, from the program's tables and docs/man, to $(BUILD)/man

$(BUILD)/man/certpool.1: docs/man/certpool.mdoc $(BUILD)/certpool
	$(make_manual)

$(BUILD)/man/certpool-%.1: docs/man/verb/%.mdoc $(BUILD)/certpool
	$(make_manual)

# The verb's name is empty for the program's own page.
verb_of = $(patsubst $(BUILD)/man/certpool-%.1,%,$(filter-out $(BUILD)/man/certpool.1,$@))
define make_manual
$(call say,MAN,$@)
$(Q)mkdir -p $(@D)
$(Q)$(BUILD)/certpool help $(verb_of) --man --prose $< >$@.new && mv $@.new $@
endef

link = $(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/certpool: $(tool_objects) $(all_objects) | libraries
	$(call say,LD,$@)
	$(link)

$(BUILD)/%.o: %.c | libraries
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# One test program for each layer, linked with that layer and the layers below it only.
define unit_program
$(BUILD)/tests/unit/$(1)/tests: $(call objects,$(call sources,tests/unit/$(1))) \
		$(call objects,$(call sources,tests/support)) $($(1)_OWN) $(call layer_objects,$(1))
	$$(call say,LD,$$@)
	$$(link) $$(call pkg,--libs,criterion)
.PHONY: unit-$(1)
unit-$(1): $(BUILD)/tests/unit/$(1)/tests
	$$< --short-filename $$(if $$(FILTER),--filter='$$(FILTER)')
endef
$(foreach layer,$(LAYERS) tools,$(eval $(call unit_program,$(layer))))

# Tests have libcurl refuse an option (failing_curl.h).
$(BUILD)/tests/unit/net/tests: override LDFLAGS += -Wl,--wrap=load_libcurl

# libFuzzer has a main of its own, and a mutator from libfuzzer.c.
FUZZ_MAIN = $(BUILD)/tests/fuzz/replay.o
$(BUILD)/tests/fuzz/fuzz_request_head: $(BUILD)/tests/fuzz/plain_head.o
$(fuzz_programs): %: %.o $(FUZZ_MAIN) $(fuzz_parts) $(all_objects)
	$(call say,LD,$@)
	$(link)

$(BUILD)/ci/openat2_shim.o: override CFLAGS += -fPIC
$(BUILD)/openat2_shim.so: $(BUILD)/ci/openat2_shim.o
	$(Q)$(CC) -shared -o $@ $<

# Also loaded before programs of others: it has none of the flags that ask for a library.
$(preloaded): $(BUILD)/%.so: tests/e2e/%.c
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -fPIC -shared -o $@ $<

$(bench_programs): $(bench_parts)
$(interop_programs): $(call objects,$(call sources,tests/interop)) $(BUILD)/tests/fuzz/der_mutator.o
$(race_programs) $(bench_programs) $(interop_programs): %: %.o $(all_objects)
	$(call say,LD,$@)
	$(link)

-include $(every_object:.o=.d)
