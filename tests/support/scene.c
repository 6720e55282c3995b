/*
 * scene: see scene.h. Nothing here is disturbed: the handles used to make the past and to read the state are
 * opened without the test's wrappers.
 */
#include "tests/support/scene.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/data/canon.h"
#include "core/load/replay.h"
#include "tests/support/tempdir.h"

enum { STATE_MAX = 16 * 1024 * 1024, BIG_ROWS = 1200, SCAN_ROWS = 256, SETS_MAX = 8 };

#define K(h, f) "yyyy=2022/mm=06/dd=05/hh=" h "/" f
#define HEAD    "id,name,amount\n"

#define PIPELINE(source, target, check) PIPELINE_OF(source, target, "", check, "")
#define PIPELINE_OF(source, target, of_name, check, more)                                                    \
    "name: scene\nsource: {url: \"" source "\", csv: {nulls: [\"NA\", \"\"]}}\nschema:\n  columns:\n"        \
    "    - {name: id, type: bigint, nullable: false}\n    - {name: name, type: varchar(20)" of_name "}\n"    \
    "    - {name: amount, type: double" check "}\n"                                                          \
    "target: {url: \"" target "\", table: t, lineage: true, lease: 5s}\n"                                    \
    "policy: {max_rejects: 3}\n" more

#define CHECK ", checks: {max: 1000}"
#define OF_NAME                                                                                              \
    ", checks: [{regex: \"^[a-z]+( [0-9]+)?$\", on: warn}, {unique: true, on: warn}, {max_nulls: 90%}]"
#define OF_HOURS                                                                                             \
    "checks:\n  - {name: rows, rows: {min: 10}, on: warn}\n  - {name: mean, mean: {column: amount, max: "    \
    "9e9}}\n"                                                                                                \
    "  - {name: sql, sql: \"SELECT id FROM {table} WHERE _load IN {loads} AND id = 11\", on: warn}\n"

/* "id,name,amount\n61,zoe,1\n62,zed,9999\n63,zac,3\n64,zia,\n" */
static const unsigned char ZIPPED[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xcb, 0x4c,
                                       0xd1, 0xc9, 0x4b, 0xcc, 0x4d, 0xd5, 0x49, 0xcc, 0xcd, 0x2f, 0xcd, 0x2b,
                                       0xe1, 0x32, 0x33, 0xd4, 0xa9, 0xca, 0x4f, 0xd5, 0x31, 0xe4, 0x32, 0x33,
                                       0xd2, 0xa9, 0x4a, 0x4d, 0xd1, 0xb1, 0x04, 0x02, 0x2e, 0x33, 0x63, 0x9d,
                                       0xaa, 0xc4, 0x64, 0x1d, 0x63, 0x2e, 0x33, 0x13, 0x9d, 0xaa, 0xcc, 0x44,
                                       0x1d, 0x2e, 0x00, 0x7b, 0xe7, 0x8f, 0x5a, 0x35, 0x00, 0x00, 0x00};

static void must(enum err_code code, const struct err *err)
{
    if (code != ERR_OK)
        fail_msg("%s: %s", err_name_text(err->name), err->msg);
}

/* ---- what the scenes hold ---- */

/* More than a group takes: rows of which three are refused. */
static void put_big(struct rig *rig, const char *key, int first)
{
    struct buf text;
    struct err err = ERR_INIT;
    buf_init(&text, STATE_MAX);
    must(buf_append_str(&text, HEAD, &err), &err);
    for (int i = 0; i < BIG_ROWS; i++)
        must(buf_printf(&text, &err, "%d,name %d,%d\n", first + i, i, i % 500 == 7 ? 5000 : i % 900), &err);
    rig_put(rig, key, buf_str(&text));
    buf_release(&text);
}

static void put_new(struct rig *rig)
{
    rig_put(rig, K("12", "g1.csv"), HEAD "11,gil,1\n12,gus,2\n");
    rig_put(rig, K("12", "g2.csv"), HEAD "13,hal,1\n14,\"h\nan\",\n15,hox,2000\n");
    rig_put(rig, K("12", "g3.csv"), HEAD);
    rig_put(rig, K("12", "g4.csv"), HEAD "16,ian,1\nx,ina,2\n\n17,NA,3");
    put_big(rig, K("13", "n.csv"), 1000);
    rig_put_bytes(rig, K("13", "z.csv.gz"), ZIPPED, sizeof ZIPPED);
}

static void past_file(struct rig *rig)
{
    rig_put(rig, K("12", "r.csv"), HEAD "1,ann,1\n2,bob,2\n3,cyd,3000\n");
    rig_put(rig, K("12", "t.csv"), HEAD "4,dan,1\n");
    assert_int_equal(rig_run(rig, NULL), 0);
    rig_put(rig, K("12", "r.csv"), HEAD "5,eve,1\n6,fay,5000\n7,guy,3\n8,hob,4\n");
    rig_put(rig, K("12", "t.csv"), HEAD "4,dan,1\n");
    put_new(rig);
}

static void past_bad(struct rig *rig)
{
    rig_put(rig, K("11", "a.csv"), HEAD "1,ann,1\n");
    assert_int_equal(rig_run(rig, NULL), 0);
    rig_put(rig, K("12", "a.csv"), HEAD "2,ann,1\n");
    rig_put(rig, K("12", "b.csv"), HEAD "x,ann,1\ny,ann,1\nz,ann,1\nu,ann,1\n3,bob,1\n");
    rig_put(rig, K("12", "c.csv"), HEAD "1,cyd,1\n");
    rig_put(rig, K("12", "d.csv"), HEAD "4,dan,1\n");
    rig_put(rig, K("12", "e.csv"), "id,amount\n5,1\n");
}

static void past_nothing(struct rig *rig)
{
    put_new(rig);
}

static void past_chunk(struct rig *rig)
{
    struct buf text;
    struct err err = ERR_INIT;
    buf_init(&text, STATE_MAX);
    must(buf_append_str(&text, HEAD, &err), &err);
    for (int i = 0; i < 10; i++)
        must(buf_printf(&text, &err, "%d,n%d,%d\n", i, i, i == 5 ? 2000 : i), &err);
    rig_put(rig, K("12", "c.csv"), buf_str(&text));
    rig_put(rig, K("12", "e.csv"), HEAD);
    rig_put_bytes(rig, K("13", "z.csv.gz"), ZIPPED, sizeof ZIPPED);
    buf_release(&text);
}

static void past_loaded(struct rig *rig)
{
    put_new(rig);
    assert_int_equal(rig_run(rig, NULL), 0);
    rig_put(rig, K("12", "g1.csv"), HEAD "18,jon,2000\n19,joy,2\n");
    rig_put(rig, K("12", "g5.csv"), HEAD "20,kim,2\n");
}

static void past_settled(struct rig *rig)
{
    put_new(rig);
    assert_int_equal(rig_run(rig, NULL), 0);
}

static int act_run(struct rig *rig)
{
    return rig_run(rig, NULL);
}

static int act_reload(struct rig *rig)
{
    struct run_options reload = {.reload = true};
    return rig_run(rig, &reload);
}

static int act_replay(struct rig *rig)
{
    struct record_query all = {.object = NULL};
    struct replay_totals totals;
    rig->err = ERR_INIT;
    job_identify(&rig->job);
    enum err_code code = replay_rejects(&rig->job, &all, &totals, &rig->err);
    return code == ERR_OK ? 0 : err_status(&rig->err);
}

static const char *const REPLACE[] = {"policy.on_changed=replace", NULL};
static const char *const KEYED[] = {"target.key=[id]", NULL};
static const char *const HOURLY[] = {"target.commit_unit=hour", "policy.max_rejects=9", NULL};
static const char *const CHUNKED[] = {"target.commit_unit=chunk", "target.chunk_rows=4", NULL};
static const char *const PLAIN[] = {NULL};

const struct scene scenes[SCENES] = {
    [SCENE_FILE] = {"file", REPLACE, past_file, act_run, NULL, false, false, false, 0},
    [SCENE_BAD] = {"bad", KEYED, past_bad, act_run, NULL, false, false, false, 3},
    [SCENE_HOUR] = {"hour", HOURLY, past_nothing, act_run, NULL, false, false, false, 0},
    [SCENE_CHUNK] = {"chunk", CHUNKED, past_chunk, act_run, NULL, false, false, false, 0},
    [SCENE_RELOAD] = {"reload", PLAIN, past_loaded, act_reload, NULL, false, false, false, 0},
    [SCENE_REPLAY] = {"replay", PLAIN, past_settled, act_replay, act_run, true, false, false, 0},
    [SCENE_MEM] = {"mem", REPLACE, past_file, act_run, NULL, false, false, true, 0},
    [SCENE_CHECKS] = {"checks", HOURLY, past_nothing, act_run, NULL, false, true, false, 0},
};

/* ---- the state ---- */

static void put_hash(struct buf *out, const struct hash128 *hash)
{
    struct err err = ERR_INIT;
    for (size_t i = 0; i < sizeof hash->bytes; i++)
        must(buf_printf(out, &err, "%02x", hash->bytes[i]), &err);
}

static void scan(struct sink *sink, const struct schema *schema, int64_t load_id, int64_t *rows,
                 uint64_t *hash)
{
    struct err err = ERR_INIT;
    struct sink_scan *scan = NULL;
    struct batch *batch = NULL;
    int64_t ids[SCAN_ROWS];
    uint8_t odd[SCAN_ROWS];
    *rows = 0;
    *hash = 0;
    must(batch_new(schema, SCAN_ROWS, 65536, &batch, &err), &err);
    must(sink_scan_begin(sink, load_id, &scan, &err), &err);
    do {
        must(sink_scan_next(scan, batch, ids, odd, &err), &err);
        *rows += (int64_t)batch->rows;
        *hash += canon_rows_hash(batch, 0, batch->rows);
    } while (batch->rows > 0);
    sink_scan_end(scan);
    batch_free(batch);
}

static void put_ledger(struct rig *rig, struct sink *sink, struct buf *out)
{
    struct err err = ERR_INIT;
    struct ledger_row *rows = mem_alloc(REC_PAGE * sizeof *rows);
    struct ledger_query query = {.order = LEDGER_BY_KEY};
    int64_t n_scanned, total = 0;
    uint64_t hash, sum = 0;
    size_t n = 0;
    assert_non_null(rows);
    must(sink_ledger_page(sink, &query, rows, REC_PAGE, &n, &err), &err);
    assert_true(n < REC_PAGE);
    for (size_t i = 0; i < n; i++) {
        const struct ledger_row *r = &rows[i];
        must(buf_printf(out, &err,
                        "load %s %" PRId64 " %s %s last %d bytes %" PRId64 "-%" PRId64 " lines %" PRId64
                        "-%" PRId64 " raw %" PRId64 " rows %" PRId64 " %" PRId64 " %" PRId64 " %016" PRIx64
                        " ",
                        r->object, r->chunk, r->etag, load_kind_text(r->kind), r->last, r->byte_start,
                        r->byte_end, r->first_line, r->next_line, r->bytes, r->rows_read, r->rows_loaded,
                        r->rows_rejected, r->row_hash),
             &err);
        put_hash(out, &r->content);
        must(buf_append_char(out, '\n', &err), &err);
        scan(sink, &rig->pipeline->schema, r->id, &n_scanned, &hash);
        assert_int_equal(n_scanned, r->rows_loaded);
        assert_true(hash == r->row_hash);
        assert_true(r->finished_us > 0);
        total += n_scanned;
        sum += hash;
    }
    scan(sink, &rig->pipeline->schema, 0, &n_scanned, &hash);
    assert_int_equal(n_scanned, total);
    assert_true(hash == sum);
    must(buf_printf(out, &err, "rows %" PRId64 " %016" PRIx64 "\n", total, sum), &err);
    mem_free(rows);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Rejects of loads, sorted: their ids are the order in which objects were loaded. */
static void put_rejects(struct sink *sink, struct buf *out)
{
    struct err err = ERR_INIT;
    struct reject *rows = mem_alloc(REC_PAGE * sizeof *rows);
    struct record_query query = {.object = NULL};
    struct buf arena;
    char *lines[REC_PAGE], line[4096];
    size_t n = 0, kept = 0;
    assert_non_null(rows);
    buf_init(&arena, STATE_MAX);
    must(sink_reject_page(sink, &query, rows, REC_PAGE, &n, &arena, &err), &err);
    assert_true(n < REC_PAGE);
    for (size_t i = 0; i < n; i++) {
        const struct reject *r = &rows[i];
        if (!r->load_id)
            continue;
        snprintf(line, sizeof line, "reject %s %" PRId64 " %" PRId64 " %s %s replayed %d %.*s", r->object,
                 r->line, r->offset, r->column, r->error_name, r->replayed_by != 0, (int)r->raw_len, r->raw);
        lines[kept++] = mem_strdup(line);
    }
    qsort(lines, kept, sizeof *lines, by_text);
    for (size_t i = 0; i < kept; i++) {
        must(buf_append_str(out, lines[i], &err), &err);
        mem_free(lines[i]);
    }
    buf_release(&arena);
    mem_free(rows);
}

/* Sorted: the order is that in which objects were loaded. */
static void put_checks(struct sink *sink, struct buf *out)
{
    struct err err = ERR_INIT;
    struct check_row *rows = mem_alloc(REC_PAGE * sizeof *rows);
    struct record_query query = {.object = NULL};
    char *lines[REC_PAGE], line[4096], hour[HOUR_TEXT_MAX];
    size_t n = 0;
    assert_non_null(rows);
    must(sink_check_page(sink, &query, rows, REC_PAGE, &n, &err), &err);
    assert_true(n < REC_PAGE);
    for (size_t i = 0; i < n; i++) {
        const struct check_row *r = &rows[i];
        hour_format(r->hour, hour);
        snprintf(line, sizeof line, "check %s %s %s %s %s %d %" PRId64 " %s\n", hour, r->object, r->name,
                 r->column, check_on_text(r->on), r->fired, r->count, r->message);
        lines[i] = mem_strdup(line);
    }
    qsort(lines, n, sizeof *lines, by_text);
    for (size_t i = 0; i < n; i++) {
        must(buf_append_str(out, lines[i], &err), &err);
        mem_free(lines[i]);
    }
    mem_free(rows);
}

static void put_claims(struct sink *sink, struct buf *out)
{
    struct err err = ERR_INIT;
    struct claim_row *rows = mem_alloc(REC_PAGE * sizeof *rows);
    char text[HOUR_TEXT_MAX];
    size_t n = 0;
    assert_non_null(rows);
    must(sink_claim_page(sink, CLAIMS_ALL, HOUR_MIN - 1, rows, REC_PAGE, &n, &err), &err);
    for (size_t i = 0; i < n; i++) {
        hour_format(rows[i].hour, text);
        must(buf_printf(out, &err, "hour %s %s%s\n", text, hour_state_text(rows[i].state),
                        rows[i].owner[0] ? " held" : ""),
             &err);
    }
    mem_free(rows);
}

void scene_state(struct rig *rig, struct buf *out)
{
    struct sink *sink = rig_sink(rig, true);
    buf_clear(out);
    put_ledger(rig, sink, out);
    put_rejects(sink, out);
    put_checks(sink, out);
    put_claims(sink, out);
    sink_close(sink);
}

/* ---- tries ---- */

static void open_rig(const struct scene *scene, bool mended, struct rig *rig)
{
    size_t n = 0;
    while (scene->sets[n])
        n++;
    const char *text = scene->memory   ? PIPELINE("mem:lake", "mem:db", CHECK)
                       : scene->checks ? PIPELINE_OF("file:lake", "sqlite:t.db", OF_NAME, CHECK, OF_HOURS)
                       : mended        ? PIPELINE("file:lake", "sqlite:t.db", "")
                                       : PIPELINE("file:lake", "sqlite:t.db", CHECK);
    if (rig->dir)
        rig_reopen(rig, text, scene->sets, n);
    else
        rig_open(rig, text, scene->sets, n);
}

void stage_leave(struct rig *rig)
{
    char *dir = rig->dir;
    struct clock_virtual clock = rig->clock;
    rig->dir = NULL;
    rig_close(rig);
    rig->dir = dir;
    rig->clock = clock;
}

static struct {
    const char *to;
    size_t from_len;
} copying;

static int copy_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    static char bytes[1024 * 1024];
    char name[4096];
    ssize_t n;
    (void)ftw;
    snprintf(name, sizeof name, "%s%s", copying.to, path + copying.from_len);
    if (type == FTW_D)
        return mkdir(name, 0777) != 0 && errno != EEXIST;
    int in = open(path, O_RDONLY | O_CLOEXEC);
    int out = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, st->st_mode & 0777);
    bool bad = in < 0 || out < 0;
    while (!bad && (n = read(in, bytes, sizeof bytes)) != 0)
        bad = n < 0 || write(out, bytes, (size_t)n) != n;
    bad = bad || futimens(out, (struct timespec[]){st->st_mtim, st->st_mtim}) != 0;
    close(in);
    close(out);
    return bad;
}

static void copy_folder(const char *from, const char *to)
{
    copying.to = to;
    copying.from_len = strlen(from);
    if (nftw(from, copy_one, 16, FTW_PHYS) != 0)
        fail_msg("cannot copy %s to %s: %s", from, to, strerror(errno));
}

void stage_lay(struct stage *stage, struct rig *rig)
{
    if (!stage->past)
        return;
    rig->dir = tempdir_make();
    copy_folder(stage->past, rig->dir);
    rig->clock = stage->clock;
}

void stage_enter(struct stage *stage, struct rig *rig)
{
    open_rig(stage->scene, stage->scene->mends, rig);
}

void stage_try(struct stage *stage, struct rig *rig)
{
    if (stage->past) {
        stage_lay(stage, rig);
        stage_enter(stage, rig);
        return;
    }
    struct rig wrapped = *rig;
    *rig = (struct rig){0};
    open_rig(stage->scene, false, rig);
    stage->scene->past(rig);
    stage_leave(rig);
    rig->wrap_store = wrapped.wrap_store;
    rig->wrap_sink = wrapped.wrap_sink;
    rig->wrap_ctx = wrapped.wrap_ctx;
    stage_enter(stage, rig);
}

static void compare(struct stage *stage, struct rig *rig, const char *what, const char *how)
{
    struct buf state;
    buf_init(&state, STATE_MAX);
    scene_state(rig, &state);
    if (strcmp(buf_str(&state), buf_str(&stage->clean)) != 0)
        fail_msg("%s %s: %s:\n%s\nclean:\n%s", stage->scene->name, what, how, buf_str(&state),
                 buf_str(&stage->clean));
    buf_release(&state);
}

void stage_look(struct stage *stage, struct rig *rig, const char *what)
{
    struct rig look = {.dir = rig->dir, .clock = rig->clock};
    stage_enter(stage, &look);
    compare(stage, &look, what, "false success");
    stage_leave(&look);
}

void stage_finish(struct stage *stage, struct rig *rig, const char *what)
{
    struct rig again = {.dir = rig->dir, .clock = rig->clock};
    *rig = (struct rig){0};
    stage_enter(stage, &again);
    int64_t before = again.clock.now_us;
    int status = stage->scene->act(&again);
    if (status != stage->scene->status)
        fail_msg("%s %s: the rerun ends with %d: %s\n%s", stage->scene->name, what, status, again.err.msg,
                 buf_str(&again.log));
    if (again.clock.now_us - before > stage->clean_us)
        fail_msg("%s %s: the rerun waited %lld us", stage->scene->name, what,
                 (long long)(again.clock.now_us - before));
    if (stage->scene->settle)
        assert_int_equal(stage->scene->settle(&again), 0);
    compare(stage, &again, what, "not as clean");
    rig_close(&again);
}

void stage_open(struct stage *stage, enum scene_id id)
{
    struct rig rig = {0};
    *stage = (struct stage){.scene = &scenes[id]};
    buf_init(&stage->clean, STATE_MAX);
    open_rig(stage->scene, false, &rig);
    stage->scene->past(&rig);
    stage_leave(&rig);
    if (!stage->scene->memory) {
        stage->past = tempdir_make();
        copy_folder(rig.dir, stage->past);
        stage->clock = rig.clock;
    }
    stage_enter(stage, &rig);
    int64_t before = rig.clock.now_us;
    int status = stage->scene->act(&rig);
    if (status != stage->scene->status)
        fail_msg("%s: an undisturbed act ends with %d: %s\n%s", stage->scene->name, status, rig.err.msg,
                 buf_str(&rig.log));
    stage->clean_us = rig.clock.now_us - before;
    scene_state(&rig, &stage->clean);
    rig_close(&rig);
}

void stage_release(struct stage *stage)
{
    tempdir_remove(stage->past);
    buf_release(&stage->clean);
}
