# sluice: plain make. `make help` lists the targets.
# Layout: build/<kind>/, every object beside its .d file. Kinds: release, debug, asan, tsan, cov; gcc and clang are
# the two that `make check` builds, with warnings as errors (clang also with ASan and UBSan).
VERSION := 0.1.0
KIND ?= release
CC ?= cc
ifneq ($(filter gcc clang,$(KIND)),)
CC := $(KIND)
else ifeq ($(KIND),fuzz)
CC := clang
endif
B := build/$(KIND)
PREFIX ?= /usr/local
DEPS ?= yes
T ?=
export DEPS
# V=1 shows the commands.
Q := $(if $(V),,@)

PKGS := sqlite3 yaml-0.1 jansson zlib libzstd libxxhash libcurl expat libcrypto libmicrohttpd
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual \
        -Wwrite-strings -Wvla -Wundef -Wformat=2 -Wunused-result
WERROR ?=
STD := -std=gnu11 -D_GNU_SOURCE -pthread
HARDEN := -fstack-protector-strong -fPIE

FLAGS_release := -O2 -g -DNDEBUG -D_FORTIFY_SOURCE=2
FLAGS_debug := -O0 -g3
FLAGS_asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
FLAGS_tsan := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
# -O1: without, the tests that bound times are past their bounds.
FLAGS_cov := -O1 -g --coverage
FLAGS_fuzz := $(FLAGS_asan) -fsanitize=fuzzer-no-link -DSLUICE_LIBFUZZER
FLAGS_gcc := $(FLAGS_release) -Werror
# clang does not say by itself that ASan is on.
FLAGS_clang := $(FLAGS_asan) -Werror -D__SANITIZE_ADDRESS__

ALL_CFLAGS = $(STD) $(WARN) $(WERROR) $(HARDEN) $(FLAGS_$(KIND)) -I. $(PKG_CFLAGS) $(MYSQL_CFLAGS) $(LIBS3_CFLAGS) $(CPPFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pthread -pie $(FLAGS_$(KIND)) $(LDFLAGS)

# The MySQL sink is built where Oracle's client library or MariaDB's is (WITH_MYSQL=0 leaves it out).
WITH_MYSQL ?= 1
MYSQL_PKG := $(if $(filter-out 0,$(WITH_MYSQL)),$(firstword $(foreach p,mysqlclient libmariadb,$(shell \
               pkg-config --exists $(p) 2>/dev/null && echo $(p)))))
ifneq ($(MYSQL_PKG),)
PKGS += $(MYSQL_PKG)
MYSQL_CFLAGS := -DSLUICE_MYSQL
endif
MYSQL_ONLY := $(if $(MYSQL_PKG),,%mysql.c backends/mysql_% tests/support/mysql_% tests/support/scripted_mysql.c tests/unit/backends/test_mysql_% \
                tests/conformance/test_sink_mysql%)

# The store over libs3 is built where that library is, in version 2 as Debian has it: later ones take other arguments
# (WITH_LIBS3=0 leaves it out). A binary that is linked with it is under GPL-3 as a whole.
WITH_LIBS3 ?= 1
LIBS3_TRY := \#include <libs3.h>\nint main(void) { S3_delete_object(0, "", 0, (const S3ResponseHandler *)0, 0); return 0; }
LIBS3_LIBS := $(if $(filter-out 0,$(WITH_LIBS3)),$(shell printf '$(LIBS3_TRY)' | $(CC) -Werror -x c - -o /dev/null -ls3 \
                2>/dev/null && echo -ls3))
ifneq ($(LIBS3_LIBS),)
LIBS3_CFLAGS := -DSLUICE_LIBS3
endif
LIBS3_ONLY := $(if $(LIBS3_LIBS),,%libs3.c backends/libs3_% backends/store_libs3.h tests/support/libs3_script.%)

PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null) $(LIBS3_LIBS) -lcsv -lm
# Tests have servers of their own, which speak TLS.
TEST_LIBS := -lcmocka -lssl -lcrypto

LEFT_OUT := $(MYSQL_ONLY) $(LIBS3_ONLY)
LIB_SRC := $(sort $(filter-out $(LEFT_OUT),$(wildcard core/*/*.c backends/*.c)))
GEN_SRC := $(sort $(wildcard tools/gen_*.c))
TOOL_SRC := $(sort $(filter-out $(GEN_SRC),$(wildcard tools/*.c)))
# What tests share: helpers and the suites that run over every backend.
SUPPORT_SRC := $(sort $(filter-out $(LEFT_OUT),$(wildcard tests/support/*.c tests/conformance/*_suite.c tests/fuzz/fuzz*.c)))
TEST_SRC := $(sort $(filter-out $(LEFT_OUT),$(wildcard tests/unit/*/test_*.c tests/conformance/test_*.c tests/fault/test_*.c \
              tests/e2e/test_*.c tests/fuzz/test_*.c tests/sim/test_*.c)))
TESTS := $(TEST_SRC:%.c=$(B)/%)
# The simulation: what it links in the place of the engine's own (task, mem, claim_owner) comes before the archive.
SIM_SRC := $(sort $(filter-out tests/sim/test_% tests/sim/sim.c,$(wildcard tests/sim/*.c)))
SIM := $(B)/tests/sim/test_sim $(B)/tests/sim/sim
FUZZERS := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
PROGRAMS := $(B)/sluice $(B)/gen_fixture
# What the e2e scripts put between sluice and its servers.
PROXY := $(B)/tests/e2e/proxy

# Tests that are scripts: e2e runs on every kind of build, ci (tests of the scripts in ci/) once.
E2E_SCRIPTS := $(sort $(wildcard tests/e2e/test_*.sh))
CI_SCRIPTS := $(sort $(wildcard tests/ci/test_*.sh))
# What the thread sanitizer looks at: the parts that start threads.
TSAN_TESTS := tests/unit/base/test_task tests/unit/store/test_ahead tests/unit/profile/% tests/unit/load/% tests/unit/queue/% tests/conformance/test_store_mem tests/fault/% \
    tests/e2e/%

HEADERS := $(sort $(wildcard core/*/*.h backends/*.h tools/*.h))
C_FILES = $(HEADERS) $(LIB_SRC) $(GEN_SRC) $(TOOL_SRC) $(sort $(wildcard tests/*/*.[ch] tests/*/*/*.[ch]))

.PHONY: all
all: $(PROGRAMS) ## build build/release/sluice (KIND=debug|asan|tsan|cov for another kind)

# Nothing is installed from here: what is missing is named, with the cure.
build/.tools: ci/deps.sh
	@ci/deps.sh --check build
	@mkdir -p $(@D) && touch $@

# What was left out or not: where that changes, all is compiled anew.
.PHONY: FORCE
$(B)/.with: FORCE
	@mkdir -p $(@D)
	@echo '$(MYSQL_PKG) $(LIBS3_LIBS)' | cmp -s - $@ || echo '$(MYSQL_PKG) $(LIBS3_LIBS)' >$@

$(B)/%.o: %.c Makefile $(B)/.with | build/.tools
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC $@")
	$(Q)$(CC) $(ALL_CFLAGS) -DSLUICE_VERSION='"$(VERSION)"' -MMD -MP -c -o $@ $<

$(B)/libsluice.a: $(LIB_SRC:%.c=$(B)/%.o)
	@rm -f $@
	$(Q)ar rcs $@ $^

# All of tools/ but main, for tests of its parts.
$(B)/libtools.a: $(patsubst %.c,$(B)/%.o,$(filter-out tools/sluice.c,$(TOOL_SRC)))
	@mkdir -p $(@D)
	@rm -f $@
	ar rcs $@ $^

$(B)/libtest.a: $(SUPPORT_SRC:%.c=$(B)/%.o)
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(B)/sluice: $(TOOL_SRC:%.c=$(B)/%.o) $(B)/libsluice.a
	$(if $(V),,@echo "  LD $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) $(LDLIBS)

$(B)/gen_fixture: $(GEN_SRC:%.c=$(B)/%.o) $(B)/libsluice.a
	$(if $(V),,@echo "  LD $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) $(LDLIBS)

$(SIM): $(B)/%: $(B)/%.o $(SIM_SRC:%.c=$(B)/%.o) $(B)/libsluice.a
	$(if $(V),,@echo "  LD $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) -lcmocka $(LDLIBS)

$(filter-out $(SIM),$(TESTS)): $(B)/%: $(B)/%.o $(B)/libtest.a $(B)/libtools.a $(B)/libsluice.a
	$(if $(V),,@echo "  LD $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) $(TEST_LIBS) $(LDLIBS)

$(PROXY): $(PROXY).o
	$(if $(V),,@echo "  LD $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS)

# Under KIND=fuzz only: libFuzzer brings main().
$(FUZZERS): $(B)/%: $(B)/%.o $(B)/libtest.a $(B)/libtools.a $(B)/libsluice.a
	$(if $(V),,@echo "  LD $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(PKG_LIBS) $(LDLIBS)

.PHONY: tests
tests: $(TESTS) $(PROGRAMS) $(PROXY) ## build the test programs of KIND

# --- Using it -------------------------------------------------------------------------------------------------------
.PHONY: deps servers demo bench
deps: ## install what the build needs (Debian packages; DEPS=no refuses)
	@ci/deps.sh build

servers: ## build and fetch, once, what tests meet: MinIO, versitygw, MySQL, MariaDB, Slurm, kubernetes-validate (minutes, 1.2 GB)
	@ci/deps.sh servers
	@ci/deps.sh slurm
	@ci/deps.sh deploy
	@ci/cache.sh all >/dev/null
	@ci/cache.sh kubernetes >/dev/null

demo: ## install what is missing, build, load a small lake into SQLite
	@ci/deps.sh build
	@$(MAKE) --no-print-directory KIND=release all
	@ci/demo.sh

bench: ## speed and memory beside sqlite3 .import, LOAD DATA by the stock client (from MinIO), pandas and ydata-profiling (an hour)
	@ci/deps.sh bench
	@$(MAKE) --no-print-directory KIND=release all
	@ci/bench-sqlite.sh
	@ci/bench-mysql.sh
	@ci/bench-queue.sh
	@ci/bench-profile.sh

# --- Checking it ----------------------------------------------------------------------------------------------------
.PHONY: check check-quick build-tests run-tests check-headers check-layers check-rules check-format format analyze cov fuzz sim
check: ## everything: gcc and clang, sanitizers, all tests, layers, headers, format
	@ci/deps.sh check
	@if [ "$$CI" = true ]; then $(MAKE) --no-print-directory servers; fi
	@MAKE='$(MAKE)' ci/check.sh all

check-quick: ## one compiler, all tests once; T=name for those whose path contains it, KIND=... for another build
	@ci/deps.sh check
	@MAKE='$(MAKE)' ci/check.sh quick $(if $(filter command line environment,$(origin KIND)),$(KIND),debug) $(T)

.PHONY: check-slurm
check-slurm: ## a backfill by a job array on a private Slurm, into SQLite and MariaDB (a part of check; as root)
	@ci/deps.sh test
	@ci/deps.sh slurm
	@ci/deps.sh servers
	@MAKE='$(MAKE)' ci/check.sh slurm $(if $(filter command line environment,$(origin KIND)),$(KIND),debug)

# Builds and runs the tests of KIND that match T, and adds the results to RESULTS; ci/check.sh counts.
SELECT = $(if $(T),$(foreach t,$(1),$(if $(findstring $(T),$(t)),$(t))),$(1))
ifeq ($(KIND),tsan)
RUN_TESTS := $(call SELECT,$(filter $(TSAN_TESTS:%=$(B)/%),$(TESTS)) $(E2E_SCRIPTS))
else
RUN_TESTS := $(call SELECT,$(TESTS) $(E2E_SCRIPTS) $(if $(filter gcc debug,$(KIND)),$(CI_SCRIPTS)))
endif
# Tests of the servers run beside them (SERVERS=yes), those of Slurm beside it (by T); elsewhere both are left out, unless T asks for them.
SERVER_TESTS := $(B)/tests/conformance/test_store_s3 $(B)/tests/conformance/test_store_libs3 $(B)/tests/conformance/test_sink_mysql \
    $(B)/tests/conformance/test_sink_mysql_loads $(B)/tests/conformance/test_sink_mysql_preflight \
    tests/e2e/test_matrix.sh tests/e2e/test_outages.sh tests/e2e/test_server_mistakes.sh \
    tests/e2e/test_queue_servers.sh tests/e2e/test_query_servers.sh tests/e2e/test_validate_mysql.sh
SLURM_TESTS := tests/e2e/test_slurm.sh
# Those that do less without a server run in both places.
SERVERS_OR_NOT := tests/e2e/test_bad_values.sh tests/e2e/test_checks.sh tests/e2e/test_evolve.sh tests/e2e/test_verify.sh
# What other versions of the libraries may break (SERVERS=chroot, in the unstable suite).
CHROOT_TESTS := $(B)/tests/unit/% $(B)/tests/conformance/test_store_s3 $(B)/tests/conformance/test_sink_mysql% \
    tests/e2e/test_matrix.sh
ifeq ($(SERVERS),yes)
RUN_TESTS := $(filter $(SERVER_TESTS) $(SERVERS_OR_NOT),$(RUN_TESTS))
else ifeq ($(SERVERS),chroot)
RUN_TESTS := $(filter $(CHROOT_TESTS),$(RUN_TESTS))
else ifeq ($(T),)
RUN_TESTS := $(filter-out $(SERVER_TESTS) $(SLURM_TESTS),$(RUN_TESTS))
endif
build-tests: $(filter $(TESTS),$(RUN_TESTS)) $(PROGRAMS) $(PROXY)
run-tests: build-tests
	@ci/run-tests.sh $(KIND) $(RUN_TESTS)

check-headers: ## each header compiles alone
	@for h in $(filter-out $(LIBS3_ONLY),$(HEADERS)); do \
	    echo "#include \"$$h\"" | $(CC) $(ALL_CFLAGS) -Werror -fsyntax-only -x c - || exit 1; done

check-layers: ## includes go only where the architecture allows
	@ci/check-layers.sh

check-rules: ## lengths of files and functions, banned calls, first comments
	@ci/check-rules.sh

check-format: ## sources are as clang-format writes them
	@clang-format --dry-run -Werror $(C_FILES)

format: ## write them so
	@clang-format -i $(C_FILES)

analyze: ## slow analysers: clang-tidy, gcc -fanalyzer, cppcheck
	@ci/deps.sh analyze
	@ci/analyze.sh "$(ALL_CFLAGS)" $(LIB_SRC) $(TOOL_SRC) $(GEN_SRC)

SECONDS := 60
fuzz: ## each fuzz target for SECONDS=60 (T=csv for those whose name contains it)
	@ci/deps.sh check
	@$(MAKE) --no-print-directory KIND=fuzz build-fuzz
	@ci/fuzz.sh $(SECONDS) $(T)

.PHONY: build-fuzz
build-fuzz: $(call SELECT,$(FUZZERS))

SEEDS := 10000
FIRST := 1
SEED :=
sim: ## SEEDS=10000 simulated worlds of many workers, from FIRST=1 on; SEED=n tells the story of one
	@ci/deps.sh check
	@$(MAKE) --no-print-directory KIND=release build/release/tests/sim/sim
	@ci/sim.sh build/release/tests/sim/sim $(if $(SEED),log $(SEED),$(FIRST) $(SEEDS))

cov: ## line coverage of core/ by the whole test suite
	@ci/deps.sh cov
	@find build/cov -name '*.gcda' -delete 2>/dev/null || true
	@MAKE='$(MAKE)' ci/check.sh quick cov
	@gcovr --root . --filter core/ --exclude-throw-branches --print-summary build/cov

.PHONY: mutants
mutants: tests $(B)/tests/sim/sim ## faults put into a copy of the sources: does a test see each? (slow; M=name for some)
	@KIND=$(KIND) tests/fault/mutants.sh

.PHONY: chaos
chaos: $(PROGRAMS) ## 8 workers, 200 hours, kill -9 at random, several seeds (CHAOS_SEEDS="1 2 3"), beside both pairs of servers (minutes)
	@ci/deps.sh servers
	@for pair in "minio mysql" "versitygw mariadb"; do set -- $$pair; \
	    CHAOS=long SLUICE_BUILD=$(B) SLUICE_TEST_MYSQL_OPTIONS="--skip-log-bin --innodb-flush-log-at-trx-commit=2 --innodb-doublewrite=OFF" \
	        ci/with-$$1.sh ci/with-mysql.sh $$2 sh tests/e2e/test_queue_servers.sh >build/chaos.log 2>&1; \
	    grep -E '^(not ok|#|1\.\.)' build/chaos.log; ! grep -q '^not ok' build/chaos.log && grep -q '^1\.\.' build/chaos.log || exit 1; done

# --- Delivering it --------------------------------------------------------------------------------------------------
.PHONY: install uninstall dist clean help
install: $(B)/sluice ## copy the binary, its manual page and papers under DESTDIR/PREFIX
	install -D -m 755 $(B)/sluice $(DESTDIR)$(PREFIX)/bin/sluice
	install -D -m 644 LICENSE $(DESTDIR)$(PREFIX)/share/doc/sluice/LICENSE
	install -D -m 644 README.md $(DESTDIR)$(PREFIX)/share/doc/sluice/README.md
	install -D -m 644 docs/sluice.1 $(DESTDIR)$(PREFIX)/share/man/man1/sluice.1

uninstall: ## remove them
	rm -f $(DESTDIR)$(PREFIX)/bin/sluice $(DESTDIR)$(PREFIX)/share/man/man1/sluice.1
	rm -rf $(DESTDIR)$(PREFIX)/share/doc/sluice

dist: ## build/sluice-VERSION.tar.gz from the last commit
	@mkdir -p build
	git archive --prefix=sluice-$(VERSION)/ -o build/sluice-$(VERSION).tar.gz HEAD
	@echo build/sluice-$(VERSION).tar.gz

clean: ## remove build/
	rm -rf build

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile

-include $(shell find $(B) -name '*.d' 2>/dev/null)
