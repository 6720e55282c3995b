/*
 * replay: every fuzz target over its seeds and some thousand changed copies of them, the same ones each time.
 *
 * Each target runs in a child, so that a crash, a leak, a hang or a check that fails costs that target only;
 * what the child was at lies in shared memory, and the parent shows it. Seeds are the files of
 * tests/fuzz/corpus/TARGET and of the target's other place, in the order of their names. An input that once
 * failed belongs in the corpus.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "tests/fuzz/fuzz.h"

enum {
    SEEDS_MAX = 512,
    SEED_BYTES_MAX = 64 * 1024,
    INPUT_MAX = 2 * SEED_BYTES_MAX,
    CHANGED = 3000,
    SHOWN = 600
};
enum { INPUT_SECONDS = 20 }; /* for one input */

struct target {
    const char *name, *more;
    int (*run)(const uint8_t *data, size_t size);
};

static const struct target targets[] = {
#define X(name, seeds) {#name, seeds, fuzz_##name},
    FUZZ_TARGETS(X)
#undef X
};

struct seed {
    char *path;
    uint8_t *data;
    size_t size;
};

/* What a child is at. */
struct current {
    char seed[256];
    int changed; /* 0: the seed as it is */
    size_t size;
    uint8_t data[INPUT_MAX];
};

static struct seed seeds[SEEDS_MAX];
static size_t nseeds;
static struct current *current;

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void add_seed(const char *path, size_t size)
{
    struct seed *seed = &seeds[nseeds];
    FILE *f = fopen(path, "rb");

    assert_non_null(f);
    assert_true(nseeds < SEEDS_MAX && size <= SEED_BYTES_MAX);
    seed->path = strdup(path);
    seed->data = malloc(size + 1);
    assert_true(seed->path && seed->data);
    seed->size = fread(seed->data, 1, size, f);
    assert_int_equal(seed->size, size);
    fclose(f);
    nseeds++;
}

static void add_folder(char *folder)
{
    char *folders[] = {folder, NULL};
    FTS *walk = fts_open(folders, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
    const FTSENT *entry;

    assert_non_null(walk);
    while ((entry = fts_read(walk))) {
        if (entry->fts_info == FTS_F)
            add_seed(entry->fts_path, (size_t)entry->fts_statp->st_size);
    }
    fts_close(walk);
}

static void forget_seeds(void)
{
    while (nseeds > 0) {
        free(seeds[--nseeds].path);
        free(seeds[nseeds].data);
    }
}

static size_t below(const struct clock *random, size_t n)
{
    return n > 0 ? (size_t)(clock_random(random) % n) : 0;
}

/* Puts `len` bytes of `from` at `at`; drops what does not fit. */
static void insert(struct current *c, size_t at, const uint8_t *from, size_t len)
{
    len = len < INPUT_MAX - c->size ? len : INPUT_MAX - c->size;
    memmove(c->data + at + len, c->data + at, c->size - at);
    memmove(c->data + at, from, len);
    c->size += len;
}

/* One change: a byte, a bit, a run taken out, doubled, or taken from another seed. */
static void change(struct current *c, const struct clock *random)
{
    static const char bytes[] =
        "\0\n\r\"',;=:/?@%*${}[]()<>+-._ #&~0123456789aZ\t\xEF\xBB\xBF\x7F\x80\xC3\xFF";
    size_t at = below(random, c->size + 1), len = 1 + below(random, 16);
    const struct seed *other = &seeds[below(random, nseeds)];
    uint8_t run[16], byte = (uint8_t)bytes[below(random, sizeof bytes - 1)];
    size_t left = c->size - at, from = below(random, other->size + 1);

    len = len < left ? len : left;
    switch (below(random, 6)) {
    case 0:
        insert(c, at, &byte, 1);
        break;
    case 1:
        if (left > 0)
            c->data[at] = byte;
        break;
    case 2:
        if (left > 0)
            c->data[at] ^= (uint8_t)(1u << below(random, 8));
        break;
    case 3:
        memmove(c->data + at, c->data + at + len, left - len);
        c->size -= len;
        break;
    case 4:
        memcpy(run, c->data + at, len);
        insert(c, below(random, c->size + 1), run, len);
        break;
    default:
        len = other->size - from;
        insert(c, at, other->data + from, 1 + below(random, len < 64 ? len : 64));
        break;
    }
}

static void run(const struct target *target, const struct seed *seed, int changed, const struct clock *random)
{
    snprintf(current->seed, sizeof current->seed, "%s", seed->path);
    current->changed = changed;
    current->size = seed->size;
    memcpy(current->data, seed->data, seed->size);
    for (size_t n = changed ? 1 + below(random, 4) : 0; n > 0; n--)
        change(current, random);
    uint8_t *exact = malloc(current->size + (current->size == 0)); /* a byte read too far shows */
    if (!exact)
        abort();
    memcpy(exact, current->data, current->size);
    alarm(INPUT_SECONDS);
    target->run(exact, current->size);
    alarm(0);
    free(exact);
}

static void run_all(const struct target *target)
{
    struct clock_virtual random;

    clock_virtual_init(&random, 0, 1);
    for (size_t i = 0; i < nseeds; i++)
        run(target, &seeds[i], 0, &random.base);
    for (int i = 1; i <= CHANGED; i++)
        run(target, &seeds[(size_t)i % nseeds], i, &random.base);
}

static void show_current(const char *what, int number)
{
    fprintf(stderr, "# %s, changed copy %d (0: itself), ended with %s %d; the input, of %zu bytes:\n# ",
            current->seed, current->changed, what, number, current->size);
    for (size_t i = 0; i < current->size && i < SHOWN; i++) {
        uint8_t c = current->data[i];

        fprintf(stderr, c >= ' ' && c < 0x7F && c != '\\' ? "%c" : "\\x%02X", c);
    }
    fprintf(stderr, "\n");
}

static void test_target(void **state)
{
    const struct target *target = *state;
    char folder[64];
    int status;

    snprintf(folder, sizeof folder, "tests/fuzz/corpus/%s", target->name);
    add_folder(folder);
    if (*target->more)
        add_folder((char *)(uintptr_t)target->more);
    assert_true(nseeds > 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        run_all(target);
        forget_seeds();
        exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    forget_seeds();
    if (WIFSIGNALED(status))
        show_current("signal", WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        show_current("status", WEXITSTATUS(status));
    assert_int_equal(status, 0);
    assert_int_equal(current->changed, CHANGED);
}

int main(void)
{
    enum { N = sizeof targets / sizeof targets[0] };
    struct CMUnitTest tests[N];

    current = mmap(NULL, sizeof *current, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (current == MAP_FAILED)
        return 1;
    for (size_t i = 0; i < N; i++)
        tests[i] = (struct CMUnitTest){.name = targets[i].name,
                                       .test_func = test_target,
                                       .initial_state = (void *)(uintptr_t)&targets[i]};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    munmap(current, sizeof *current);
    return failed;
}
