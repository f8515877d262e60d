# certpool: make help

BUILD ?= build
PREFIX ?= /usr/local
CFLAGS ?= -O2 -g
NPM ?= npm

# Each folder of common/ and those below it, which alone it may include.
LAYERS := base layout crypto x509 net wire pool ca
base_BELOW := base
layout_BELOW := layout base
crypto_BELOW := crypto layout base
x509_BELOW := x509 crypto layout base
net_BELOW := net base
wire_BELOW := wire net x509 crypto layout base
pool_BELOW := pool wire net x509 crypto layout base
ca_BELOW := ca wire net x509 crypto layout base

LIBRARIES := gnutls nettle hogweed gmp yaml-0.1 jansson libmicrohttpd libcurl sqlite3
pkg = $(shell pkg-config $(1) $(2) 2>/dev/null)

override CFLAGS += -std=c11 -D_GNU_SOURCE -I. -pthread -fPIE -fstack-protector-strong \
	-Wall -Wextra -Wpedantic -Werror -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wwrite-strings -Wcast-qual -Wcast-align -Wpointer-arith -Wundef \
	-Wvla -Wconversion -Wsign-conversion -Wimplicit-fallthrough -Wnull-dereference \
	-Wdouble-promotion
# Debian's `cc --version` does not say "gcc", but `cc -v` does.
ifneq ($(findstring gcc version,$(shell $(CC) -v 2>&1)),)
override CFLAGS += -Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wjump-misses-init
endif
ifeq ($(findstring -O0,$(CFLAGS))$(findstring -fsanitize,$(CFLAGS)),)
override CFLAGS += -D_FORTIFY_SOURCE=2
endif
override LDFLAGS += -pie -pthread -Wl,-z,relro,-z,now
LDLIBS = $(call pkg,--libs,$(LIBRARIES))

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-4s %s\n' $(1) $(2))

sources = $(sort $(wildcard $(1)/*.c))
objects = $(patsubst %.c,$(BUILD)/%.o,$(1))
layer_objects = $(foreach below,$($(1)_BELOW),$(call objects,$(call sources,common/$(below))))
all_objects := $(call objects,$(foreach layer,$(LAYERS),$(call sources,common/$(layer))))
tool_objects := $(call objects,$(call sources,tools))

.PHONY: all
all: $(BUILD)/certpool

$(BUILD)/certpool: $(tool_objects) $(all_objects) | libraries
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/%.o: %.c | libraries
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

.PHONY: libraries
libraries:
	@pkg-config --print-errors --exists $(LIBRARIES) || \
		{ echo "certpool: libraries are missing (above): run ci/install-deps.sh build" >&2; exit 1; }

# One test program for each layer, which links only what that layer may use.
unit_tests := $(foreach layer,$(LAYERS),$(if $(wildcard tests/unit/$(layer)/*.c),$(BUILD)/tests/unit/$(layer)/tests))
define unit_test
$(BUILD)/tests/unit/$(1)/tests: $(call objects,$(call sources,tests/unit/$(1))) \
		$(call objects,$(call sources,tests/support)) $(call layer_objects,$(1))
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS) $$(call pkg,--libs,criterion)
.PHONY: unit-$(1)
unit-$(1): $(BUILD)/tests/unit/$(1)/tests
	$$< --short-filename $$(if $$(FILTER),--filter='$$(FILTER)')
endef
$(foreach layer,$(LAYERS),$(eval $(call unit_test,$(layer))))

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
