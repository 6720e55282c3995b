# sluice: plain make. `make help` lists the targets.
# Layout: build/<kind>/ with kind = release, debug, asan, tsan, cov; every object beside its .d file.
KIND ?= release
CC ?= cc
B := build/$(KIND)

PKGS := sqlite3 yaml-0.1 jansson zlib libzstd libxxhash
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual \
        -Wwrite-strings -Wvla -Wundef -Wformat=2 -Wconversion -Wno-sign-conversion -Wno-conversion -Wunused-result
WERROR ?=
STD := -std=gnu11 -D_GNU_SOURCE -pthread
HARDEN := -fstack-protector-strong -fPIE

FLAGS_release := -O2 -g -DNDEBUG -D_FORTIFY_SOURCE=2
FLAGS_debug := -O0 -g3
FLAGS_asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
FLAGS_tsan := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
FLAGS_cov := -O0 -g --coverage

PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lcsv -lm
ALL_CFLAGS = $(STD) $(WARN) $(WERROR) $(HARDEN) $(FLAGS_$(KIND)) -I. $(PKG_CFLAGS) $(CPPFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pthread -pie $(FLAGS_$(KIND)) $(LDFLAGS)

LIB_SRC := $(sort $(wildcard core/*/*.c backends/*.c))
TOOL_SRC := $(sort $(filter-out tools/gen_fixture.c,$(wildcard tools/*.c)))
SUPPORT_SRC := $(sort $(wildcard tests/support/*.c))
SUITE_SRC := $(sort $(wildcard tests/conformance/*_suite.c))
TEST_SRC := $(sort $(wildcard tests/unit/*/test_*.c tests/conformance/test_*.c tests/fault/test_*.c tests/e2e/test_*.c tests/fuzz/test_*.c))
TESTS := $(TEST_SRC:%.c=$(B)/%)

.PHONY: all
all: $(B)/sluice $(B)/gen_fixture

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/libsluice.a: $(LIB_SRC:%.c=$(B)/%.o)
	@rm -f $@
	ar rcs $@ $^

$(B)/sluice: $(TOOL_SRC:%.c=$(B)/%.o) $(B)/libsluice.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) $(LDLIBS)

$(B)/gen_fixture: $(B)/tools/gen_fixture.o $(B)/libsluice.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) $(LDLIBS)

$(TESTS): $(B)/%: $(B)/%.o $(SUPPORT_SRC:%.c=$(B)/%.o) $(B)/libsluice.a
	$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(PKG_LIBS) -lcmocka $(LDLIBS)

$(filter $(B)/tests/conformance/%,$(TESTS)): $(SUITE_SRC:%.c=$(B)/%.o)

.PHONY: tests
tests: $(TESTS)

-include $(shell find $(B) -name '*.d' 2>/dev/null)
