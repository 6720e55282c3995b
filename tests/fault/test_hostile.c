/*
 * hostile: input that is made to exhaust time or memory: bombs, lines and fields without end, quotes that
 * never close, a million columns, deep windows.
 *
 * Each must end within SECONDS_MAX as a reject of the record (neighbours loaded) or one clear error of the
 * object, in at most RSS_KIB_MAX of memory under an address space limit. A child loads it, so that the
 * figures are its own. Bytes are made as they are read: pieces of text, repeated. Sanitizers take their own
 * memory and many times the time: they get less to read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "tests/support/rig.h"
#include "tests/support/sanitized.h"
#include "tests/support/tempdir.h"

#define MIB INT64_C(1048576)
#define KEY "yyyy=2022/mm=06/dd=05/hh=12/x.csv"

enum {
    PIECES_MAX = 8,
    SECONDS_MAX = SANITIZED ? 30 : 5,
    RSS_KIB_MAX = 64 * 1024,
    GIB = SANITIZED ? 64 : 1024, /* in MiB */
    PACKED_MAX = 4 * 1024 * 1024
};

/* `bytes` of output: the text over and over. */
struct piece {
    const char *text;
    size_t len; /* 0 = strlen */
    int64_t bytes;
};

/* ---- a store of one object, made of pieces ---- */

struct made_store {
    struct store base;
    const char *key;
    const struct piece *pieces; /* up to the first without text */
};

struct made_list {
    struct store_list base;
    bool given;
};

struct made_reader {
    struct store_reader base;
    size_t piece;
    int64_t at;
};

static void describe(const struct made_store *s, struct store_object *out)
{
    memset(out, 0, sizeof *out);
    snprintf(out->key, sizeof out->key, "%s", s->key);
    snprintf(out->etag, sizeof out->etag, "made");
    out->etag_trusted = true;
    for (const struct piece *p = s->pieces; p->text; p++)
        out->size += p->bytes;
}

static enum err_code made_list_begin(struct store *store, const char *prefix, enum store_scope scope,
                                     struct store_list **out, struct err *err)
{
    struct made_list *list = mem_calloc(1, sizeof *list);
    (void)scope;
    if (!list)
        return err_nomem(err);
    list->given = strncmp(((struct made_store *)store)->key, prefix, strlen(prefix)) != 0;
    *out = &list->base;
    return ERR_OK;
}

static enum err_code made_list_next(struct store_list *base, struct store_object *object, bool *more,
                                    struct err *err)
{
    struct made_list *list = (struct made_list *)base;
    (void)err;
    *more = !list->given;
    list->given = true;
    if (*more)
        describe((struct made_store *)base->store, object);
    return ERR_OK;
}

static void made_list_end(struct store_list *list)
{
    mem_free(list);
}

static enum err_code made_stat(struct store *store, const char *key, struct store_object *out,
                               struct err *err)
{
    (void)key;
    (void)err;
    describe((struct made_store *)store, out);
    return ERR_OK;
}

static enum err_code made_open(struct store *store, const char *key, const struct store_range *range,
                               struct store_reader **out, struct err *err)
{
    struct made_reader *reader = mem_calloc(1, sizeof *reader);
    (void)key;
    (void)range;
    if (!reader)
        return err_nomem(err);
    describe((struct made_store *)store, &reader->base.object);
    reader->base.expected = reader->base.object.size;
    *out = &reader->base;
    return ERR_OK;
}

static enum err_code made_read(struct store_reader *base, void *dst, size_t cap, size_t *n, struct err *err)
{
    struct made_reader *r = (struct made_reader *)base;
    const struct made_store *s = (const struct made_store *)base->store;
    (void)err;
    *n = 0;
    while (*n < cap && s->pieces[r->piece].text) {
        const struct piece *p = &s->pieces[r->piece];
        size_t len = p->len ? p->len : strlen(p->text);
        char *to = (char *)dst + *n;
        size_t run = cap - *n, done = 0;
        if ((int64_t)run > p->bytes - r->at)
            run = (size_t)(p->bytes - r->at);
        for (; done < run && done < len; done++)
            to[done] = p->text[(size_t)(r->at + (int64_t)done) % len];
        for (size_t more; done < run; done += more) { /* whole periods, twice as many each time */
            more = run - done < done ? run - done : done;
            memcpy(to + done, to, more);
        }
        *n += run;
        r->at += (int64_t)run;
        if (r->at == p->bytes) {
            r->piece++;
            r->at = 0;
        }
    }
    return ERR_OK;
}

static void made_close_read(struct store_reader *reader)
{
    mem_free(reader);
}

static void made_close(struct store *store)
{
    mem_free(store->label);
    mem_free(store);
}

static const char *const SCHEMES[] = {NULL};

static const struct store_type MADE = {
    .name = "made",
    .schemes = SCHEMES,
    .list_begin = made_list_begin,
    .list_next = made_list_next,
    .list_end = made_list_end,
    .stat = made_stat,
    .open_read = made_open,
    .read = made_read,
    .close_read = made_close_read,
    .close = made_close,
};

/* ---- a try ---- */

struct input {
    const char *key;
    struct piece pieces[PIECES_MAX];
    const char *limit; /* policy.max_rejects=... */
    const char *log;   /* what the run tells; status 3 where it says failed */
};

static struct store *wrap_store(void *ctx, struct store *inner)
{
    const struct input *in = ctx;
    struct made_store *s = mem_calloc(1, sizeof *s);
    if (s) {
        s->base = (struct store){.type = &MADE, .clock = inner->clock, .label = mem_strdup("made")};
        s->key = in->key;
        s->pieces = in->pieces;
    }
    store_close(inner);
    return s ? &s->base : NULL;
}

/* In the child. */
static int load(const struct input *in)
{
    struct rig rig = {.wrap_store = wrap_store, .wrap_ctx = (void *)(uintptr_t)in};
    struct rlimit space = {.rlim_cur = 256 * MIB, .rlim_max = 256 * MIB};
    const char *sets[] = {in->limit};
    if (!SANITIZED && setrlimit(RLIMIT_AS, &space) != 0)
        return 1;
    rig_open(&rig, RIG_PIPELINE("file:lake", "sqlite:t.db", ""), sets, 1);
    int status = rig_run(&rig, NULL);
    bool as_told = strcmp(buf_str(&rig.log), in->log) == 0;
    int wanted = strstr(in->log, " failed ") ? 3 : 0;
    if (!as_told || status != wanted)
        fprintf(stderr, "# status %d: %s\n# log: %s# not: %s\n", status, rig.err.msg, buf_str(&rig.log),
                in->log);
    rig_close(&rig);
    return as_told && status == wanted ? 0 : 1;
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void must_bear(const char *name, const struct input *in)
{
    struct rusage used;
    int status = 0;
    double start = seconds_now();
    pid_t child = fork();
    if (child == 0)
        _exit(load(in));
    assert_int_equal(wait4(child, &status, 0, &used), child);
    double took = seconds_now() - start;
    double cpu = (double)used.ru_utime.tv_sec + (double)used.ru_stime.tv_sec +
                 (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    print_message("# %s: %.1f s (%.1f s of processors), %ld KiB\n", name, took, cpu, used.ru_maxrss);
    assert_int_equal(status, 0);
    /* The machine may be busy with other tests: what this one took is what its processors took. */
    assert_true((cpu < took ? cpu : took) < SECONDS_MAX);
    assert_true(SANITIZED || used.ru_maxrss < RSS_KIB_MAX);
}

/* ---- plain text ---- */

#define TEXT(t)                                                                                              \
    {                                                                                                        \
        t, 0, sizeof t - 1                                                                                   \
    }
#define MANY(t, mib)                                                                                         \
    {                                                                                                        \
        t, 0, (mib)*MIB                                                                                      \
    }
#define HEAD "id,name,amount\n"
/* of 64 bytes, so that a MiB of it ends with a line */
#define ROW "1234567890123,a name of twenty cha,12345678901234567890.1234567\n"

static const char *aaa(void)
{
    static char text[65537];
    if (!text[0])
        memset(text, 'a', sizeof text - 1);
    return text;
}

static void fields_and_lines_without_end(void **state)
{
    (void)state;
    const char *a = aaa();
    struct input field = {KEY,
                          {TEXT(HEAD "1,ann,1\n2,"), MANY(a, GIB), TEXT(",1\n3,cyd,3\n")},
                          "policy.max_rejects=1",
                          KEY " loaded 3 2 1 -\n"};
    must_bear("field of 1 GiB", &field);
    struct input quoted = {KEY,
                           {TEXT(HEAD "1,ann,1\n2,\""), MANY(a, GIB), TEXT("\",1\n3,cyd,3\n")},
                           "policy.max_rejects=1",
                           KEY " loaded 3 2 1 -\n"};
    must_bear("quoted field of 1 GiB", &quoted);
    struct input endless = {KEY,
                            {TEXT(HEAD "1,ann,1\n"), MANY(a, GIB)},
                            "policy.max_rejects=0",
                            KEY " failed 2 0 1 REJECT_LIMIT\n"};
    must_bear("line without end", &endless);
    struct input header = {KEY, {MANY(a, GIB)}, "policy.max_rejects=0", KEY " failed 0 0 0 CSV_HEADER\n"};
    must_bear("header without end", &header);
    struct input nul = {KEY,
                        {TEXT(HEAD "1,ann,1\n2,"), {"\0", 1, GIB * MIB}, TEXT(",1\n3,cyd,3\n")},
                        "policy.max_rejects=1",
                        KEY " loaded 3 2 1 -\n"};
    must_bear("1 GiB of NUL", &nul);
}

static void quotes_that_never_close(void **state)
{
    (void)state;
    assert_int_equal(strlen(ROW), 64);
    struct input one = {KEY,
                        {TEXT(HEAD "1,\"ann,1\n"), MANY(ROW, 24)},
                        "policy.max_rejects=1",
                        KEY " loaded 393217 393216 1 -\n"};
    must_bear("unclosed quote before 24 MiB", &one);
    struct input lines = {KEY,
                          {TEXT(HEAD "1,ann,1\n2,\""), MANY("\n", SANITIZED ? 20 : 64), TEXT("3,cyd,3\n")},
                          "policy.max_rejects=1",
                          KEY " loaded 3 2 1 -\n"};
    must_bear("unclosed quote before 64 Mi of blank lines", &lines);
    struct input many = {KEY,
                         {TEXT(HEAD), MANY("1,\"ann,1\n", 9)},
                         "policy.max_rejects=0",
                         KEY " failed 1048576 0 1048576 REJECT_LIMIT\n"};
    must_bear("a million unclosed quotes", &many);
    /* Each opens where the one before is given up at the cap of a record. */
    struct input far = {KEY,
                        {TEXT(HEAD "1,\"ann\n"), MANY(ROW, 12), TEXT("1,\"ann\n"), MANY(ROW, 12),
                         TEXT("1,\"ann\n"), MANY(ROW, 12)},
                        "policy.max_rejects=3",
                        KEY " loaded 589827 589824 3 -\n"};
    must_bear("unclosed quotes 12 MiB apart", &far);
}

static void a_million_columns(void **state)
{
    (void)state;
    struct input record = {KEY,
                           {TEXT(HEAD "1,ann,1\n"), {"1,", 2, 2000000}, TEXT("1\n3,cyd,3\n")},
                           "policy.max_rejects=1",
                           KEY " loaded 3 2 1 -\n"};
    must_bear("record of a million columns", &record);
    struct input header = {
        KEY, {{"c,", 2, 2000000}, TEXT("c\n1\n")}, "policy.max_rejects=1", KEY " failed 0 0 0 CSV_HEADER\n"};
    must_bear("header of a million columns", &header);
    struct input commas = {
        KEY, {TEXT(HEAD), MANY(",", GIB)}, "policy.max_rejects=0", KEY " failed 1 0 1 REJECT_LIMIT\n"};
    must_bear("1 GiB of commas", &commas);
}

/* ---- compressed ---- */

/* MiBs of one byte, as gzip: some 1000:1. */
static size_t gzip_of(char *out, int mib, const char *first)
{
    z_stream z = {.next_out = (Bytef *)out, .avail_out = PACKED_MAX};
    assert_int_equal(deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)first;
    z.avail_in = (uInt)strlen(first);
    assert_int_equal(deflate(&z, Z_NO_FLUSH), Z_OK);
    for (int i = 0; i < mib * 16; i++) {
        z.next_in = (Bytef *)(uintptr_t)aaa();
        z.avail_in = 65536;
        assert_int_equal(deflate(&z, i == mib * 16 - 1 ? Z_FINISH : Z_NO_FLUSH),
                         i == mib * 16 - 1 ? Z_STREAM_END : Z_OK);
    }
    size_t len = PACKED_MAX - z.avail_out;
    deflateEnd(&z);
    return len;
}

static size_t zstd_of(char *out, int mib, const char *first)
{
    ZSTD_CStream *z = ZSTD_createCStream();
    ZSTD_outBuffer to = {out, PACKED_MAX, 0};
    ZSTD_inBuffer head = {first, strlen(first), 0};
    assert_non_null(z);
    assert_false(ZSTD_isError(ZSTD_compressStream2(z, &to, &head, ZSTD_e_continue)));
    for (int i = 0; i < mib * 16; i++) {
        ZSTD_inBuffer in = {aaa(), 65536, 0};
        while (in.pos < in.size)
            assert_false(ZSTD_isError(ZSTD_compressStream2(z, &to, &in, ZSTD_e_continue)));
    }
    ZSTD_inBuffer none = {"", 0, 0};
    assert_int_equal(ZSTD_compressStream2(z, &to, &none, ZSTD_e_end), 0);
    ZSTD_freeCStream(z);
    return to.pos;
}

static void bombs(void **state)
{
    char *packed = malloc(PACKED_MAX);
    (void)state;
    assert_non_null(packed);
    size_t len = gzip_of(packed, 256, HEAD);
    struct input gzip = {KEY ".gz",
                         {{packed, len, (int64_t)len}},
                         "policy.max_rejects=0",
                         KEY ".gz failed 0 0 0 COMPRESSION_RATIO\n"};
    must_bear("gzip bomb", &gzip);
    len = gzip_of(packed, 1, "");
    struct input members = {KEY ".gz",
                            {{packed, len, (int64_t)len * 4096}},
                            "policy.max_rejects=0",
                            KEY ".gz failed 0 0 0 COMPRESSION_RATIO\n"};
    must_bear("gzip bomb of 4096 members", &members);
    len = zstd_of(packed, 256, HEAD);
    struct input zstd = {KEY ".zst",
                         {{packed, len, (int64_t)len}},
                         "policy.max_rejects=0",
                         KEY ".zst failed 0 0 0 COMPRESSION_RATIO\n"};
    must_bear("zstd bomb", &zstd);
    free(packed);
}

/* A frame's header is its magic, a descriptor, and the window: 8 times (log - 10). Then an empty last block.
 */
static void deep_windows(void **state)
{
    (void)state;
    for (int log = 25; log <= 41; log += 8) {
        char frame[] = {0x28, (char)0xb5, 0x2f, (char)0xfd, 0, (char)((log - 10) << 3), 1, 0, 0};
        char name[64];
        struct input in = {KEY ".zst",
                           {{frame, sizeof frame, sizeof frame}},
                           "policy.max_rejects=0",
                           KEY ".zst failed 0 0 0 COMPRESSED\n"};
        snprintf(name, sizeof name, "zstd window of 2^%d", log);
        must_bear(name, &in);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_and_lines_without_end),
        cmocka_unit_test(quotes_that_never_close),
        cmocka_unit_test(a_million_columns),
        cmocka_unit_test(bombs),
        cmocka_unit_test(deep_windows),
    };
    setenv("CMOCKA_TEST_ABORT", "1", 1); /* a child whose check fails must not run on in the parent's place */
    log_configure(stderr, LOG_TEXT, LOG_ERROR);
    return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
