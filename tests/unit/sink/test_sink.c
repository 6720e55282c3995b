/* test_sink: the wrappers' own checks, over a backend that only counts its calls and answers as told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "core/base/mem.h"
#include "core/sink/sink.h"
#include "tests/support/sink_kit.h"

/* What the fake was asked, and what it answers next. */
static struct {
    int opened, closed, begun, appended, committed, aborted, others;
    enum err_name next; /* of the next op */
} fake;

static enum err_code answer(struct err *err)
{
    enum err_name name = fake.next;

    fake.next = ERRN_NONE;
    return name == ERRN_NONE ? ERR_OK : err_set(err, name, "as told");
}

static const struct sink_type FAKE;

static enum err_code fake_open(const struct sink_open *args, struct sink **out, struct err *err)
{
    struct sink *sink = mem_calloc(1, sizeof *sink);

    assert_non_null(sink);
    fake.opened++;
    assert_int_equal(sink_base_init(sink, &FAKE, args, err), ERR_OK);
    *out = sink;
    return ERR_OK;
}

static void fake_close(struct sink *sink)
{
    fake.closed++;
    sink_base_release(sink);
    mem_free(sink);
}

static enum err_code fake_setup(struct sink *sink, struct buf *print, struct err *err)
{
    (void)sink;
    (void)print;
    fake.others++;
    return answer(err);
}

static enum err_code fake_begin(struct sink *sink, const struct sink_begin *begin, struct sink_load **out,
                                struct err *err)
{
    (void)sink;
    (void)begin;
    fake.begun++;
    if (answer(err))
        return err->code;
    *out = mem_calloc(1, sizeof **out);
    assert_non_null(*out);
    return ERR_OK;
}

static enum err_code fake_ledger_insert(struct sink_load *load, struct ledger_row *rows, size_t n,
                                        struct err *err)
{
    (void)load;
    (void)rows;
    (void)n;
    fake.others++;
    return answer(err);
}

static enum err_code fake_append(struct sink_load *load, const struct batch *batch,
                                 const struct sink_segment *segments, size_t nsegments, int64_t *stored,
                                 struct err *err)
{
    (void)segments;
    (void)nsegments;
    fake.appended++;
    *stored = (int64_t)batch->rows;
    if (fake.next != ERRN_NONE)
        load->failed_row = 3;
    return answer(err);
}

static enum err_code fake_commit(struct sink_load *load, struct err *err)
{
    fake.committed++;
    mem_free(load);
    return answer(err);
}

static enum err_code fake_keep(struct sink *s, struct err *err)
{
    (void)s;
    fake.others++;
    return answer(err);
}

static void fake_abort(struct sink_load *load)
{
    fake.aborted++;
    mem_free(load);
}

static enum err_code fake_ledger_page(struct sink *sink, const struct ledger_query *query,
                                      struct ledger_row *rows, size_t cap, size_t *n, struct err *err)
{
    (void)sink;
    (void)query;
    (void)rows;
    (void)cap;
    (void)n;
    fake.others++;
    return answer(err);
}

static enum err_code fake_scan_begin(struct sink *sink, int64_t load_id, struct sink_scan **out,
                                     struct err *err)
{
    (void)sink;
    (void)load_id;
    if (answer(err))
        return err->code;
    *out = mem_calloc(1, sizeof **out);
    assert_non_null(*out);
    return ERR_OK;
}

static void fake_scan_end(struct sink_scan *scan)
{
    mem_free(scan);
}

static const struct sink_type FAKE = {.name = "fake",
                                      .open = fake_open,
                                      .close = fake_close,
                                      .keep = fake_keep,
                                      .setup = fake_setup,
                                      .begin = fake_begin,
                                      .ledger_insert = fake_ledger_insert,
                                      .append = fake_append,
                                      .commit = fake_commit,
                                      .abort = fake_abort,
                                      .ledger_page = fake_ledger_page,
                                      .scan_begin = fake_scan_begin,
                                      .scan_end = fake_scan_end};

/* ---- fixture ---- */

static struct schema schema;
static struct sink_open args;
static struct sink *sink;

static int setup(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    memset(&fake, 0, sizeof fake);
    kit_schema(&schema, "id:int!,name:text");
    args = (struct sink_open){
        .url = "mem:x",
        .clock = clock_real(),
        .target = {
            .pipeline = "p", .table = "t", .schema = &schema, .lineage = LINEAGE_COLUMN, .lease_ms = 1000}};
    return sink_open(&FAKE, &args, &sink, &err) ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    sink_close(sink);
    sink_close(NULL);
    assert_int_equal(fake.opened, fake.closed);
    schema_release(&schema);
    return 0;
}

static struct sink_load *begin(void)
{
    struct sink_begin how = {0, "me", 1, "run"};
    struct err err = ERR_INIT;
    struct sink_load *load;

    assert_int_equal(sink_begin(sink, &how, &load, &err), ERR_OK);
    assert_ptr_equal(load->sink, sink);
    assert_int_equal(load->failed_row, -1);
    return load;
}

/* ---- open ---- */

static void assert_open_refused(const struct sink_open *with, enum err_name name)
{
    struct err err = ERR_INIT;
    struct sink *none = sink;
    int opened = fake.opened;

    (void)!sink_open(&FAKE, with, &none, &err);
    assert_null(none);
    assert_string_equal(err_name_text(err.name), err_name_text(name));
    assert_int_equal(fake.opened, opened);
}

static void open_checks_its_target(void **state)
{
    char name[REC_PIPELINE_MAX + 2];
    size_t twice[] = {1, 1}, beyond[] = {2};
    struct schema reserved;
    struct sink_open bad;

    (void)state;
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
#define REFUSED(NAME, ...)                                                                                   \
    do {                                                                                                     \
        bad = args;                                                                                          \
        __VA_ARGS__;                                                                                         \
        assert_open_refused(&bad, NAME);                                                                     \
    } while (0)
    REFUSED(ERRN_INTERNAL, bad.url = NULL);
    REFUSED(ERRN_INTERNAL, bad.clock = NULL);
    REFUSED(ERRN_INTERNAL, bad.target.schema = NULL);
    REFUSED(ERRN_INTERNAL, bad.target.lease_ms = 0);
    REFUSED(ERRN_CONFIG, bad.target.pipeline = "");
    REFUSED(ERRN_CONFIG, bad.target.pipeline = name);
    REFUSED(ERRN_CONFIG, bad.target.table = "");
    REFUSED(ERRN_CONFIG, bad.target.table = "Sluice_load");
    REFUSED(ERRN_CONFIG, (bad.target.key = twice, bad.target.nkey = 2));
    REFUSED(ERRN_INTERNAL, (bad.target.key = beyond, bad.target.nkey = 1));
    kit_schema(&reserved, "id:int,_Hour:text");
    REFUSED(ERRN_CONFIG, bad.target.schema = &reserved);
#undef REFUSED
    /* Without lineage the names are free; the longest pipeline name is one. */
    struct err err = ERR_INIT;
    struct sink *other;
    bad = args;
    bad.target.schema = &reserved;
    bad.target.lineage = LINEAGE_NONE;
    name[REC_PIPELINE_MAX] = '\0';
    bad.target.pipeline = name;
    assert_int_equal(sink_open(&FAKE, &bad, &other, &err), ERR_OK);
    sink_close(other);
    schema_release(&reserved);
}

/* ---- states ---- */

static void only_reads_beside_a_load(void **state)
{
    struct sink_begin how = {0, "me", 1, "run"};
    struct err err = ERR_INIT;
    struct ledger_row row;
    struct sink_load *second;
    struct sink_scan *scan;
    struct claim_row claim;
    size_t n;
    bool taken;

    (void)state;
    struct sink_load *load = begin();
    assert_int_equal(sink_ledger_page(sink, &(struct ledger_query){0}, &row, 1, &n, &err), ERR_OK);
#define REFUSED(call)                                                                                        \
    do {                                                                                                     \
        err_clear(&err);                                                                                     \
        assert_int_equal(call, ERR_INTERNAL);                                                                \
    } while (0)
    REFUSED(sink_begin(sink, &how, &second, &err));
    REFUSED(sink_setup(sink, NULL, &err));
    REFUSED(sink_scan_begin(sink, 0, &scan, &err));
    REFUSED(sink_claim_take(sink, 0, "me", NULL, &claim, &taken, &err));
    assert_int_equal(fake.begun, 1);
    sink_abort(load);

    err_clear(&err);
    assert_int_equal(sink_scan_begin(sink, 0, &scan, &err), ERR_OK);
    REFUSED(sink_ledger_page(sink, &(struct ledger_query){0}, &row, 1, &n, &err));
    REFUSED(sink_begin(sink, &how, &second, &err));
    struct sink_scan *another = scan;
    REFUSED(sink_scan_begin(sink, 0, &another, &err));
    assert_null(another);
#undef REFUSED
    sink_scan_end(scan);
    sink_scan_end(NULL);
    sink_abort(begin());
}

static void failed_scan_leaves_the_sink_idle(void **state)
{
    struct err err = ERR_INIT;
    struct sink_scan *scan;

    (void)state;
    fake.next = ERRN_DB_LOST;
    assert_int_equal(sink_scan_begin(sink, 0, &scan, &err), ERR_TRANSIENT);
    assert_null(scan);
    err_clear(&err);
    assert_int_equal(sink_scan_begin(sink, 0, &scan, &err), ERR_OK);
    sink_scan_end(scan);
    sink_abort(begin());
}

static void failed_begin_leaves_the_sink_idle(void **state)
{
    struct sink_begin how = {0, "me", 1, "run"};
    struct err err = ERR_INIT;
    struct sink_load *load = (struct sink_load *)&how;

    (void)state;
    fake.next = ERRN_DB_BUSY;
    assert_int_equal(sink_begin(sink, &how, &load, &err), ERR_BUSY);
    assert_null(load);
    how.run_id = NULL;
    err_clear(&err);
    assert_int_equal(sink_begin(sink, &how, &load, &err), ERR_INTERNAL);
    sink_abort(begin());
    sink_abort(NULL);
    assert_int_equal(fake.aborted, 1);
}

static void broken_load_can_only_be_aborted(void **state)
{
    struct err err = ERR_INIT;
    struct ledger_row row = {.object = "a"};

    (void)state;
    struct sink_load *load = begin();
    fake.next = ERRN_LEDGER_EXISTS;
    assert_int_equal(sink_ledger_insert(load, &row, 1, &err), ERR_EXISTS);
    err_clear(&err);
    assert_int_equal(kit_append(load, "1|x\n", 1, &err), ERR_INTERNAL);
    assert_int_equal(fake.appended, 0);
    err_clear(&err);
    assert_int_equal(sink_ledger_insert(load, &row, 1, &err), ERR_INTERNAL);
    assert_int_equal(fake.others, 1);
    err_clear(&err);
    assert_int_equal(sink_commit(load, &err), ERR_INTERNAL); /* consumes all the same */
    assert_int_equal(fake.committed, 0);
    assert_int_equal(fake.aborted, 1);

    err_clear(&err);
    load = begin();
    fake.next = ERRN_DB_CONSTRAINT;
    assert_int_equal(kit_append(load, "1|x\n", 1, &err), ERR_DATA);
    assert_int_equal(load->failed_row, 3);
    err_clear(&err);
    assert_int_equal(kit_append(load, "1|x\n", 1, &err), ERR_INTERNAL);
    assert_int_equal(fake.appended, 1);
    sink_abort(load);
}

static void commit_ends_the_load_whatever_it_says(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    struct sink_load *load = begin();
    fake.next = ERRN_FENCED;
    assert_int_equal(sink_commit(load, &err), ERR_FENCED);
    err_clear(&err);
    assert_int_equal(sink_commit(begin(), &err), ERR_OK);
    assert_int_equal(fake.committed, 2);
    assert_int_equal(fake.aborted, 0);
}

static void segments_must_cover_the_batch(void **state)
{
    static const struct sink_segment BAD[][2] = {
        {{0, 1, 1}, {1, 2, 1}}, /* ends early */
        {{0, 1, 1}, {2, 3, 1}}, /* a gap */
        {{1, 2, 1}, {2, 3, 1}}, /* begins late */
        {{0, 2, 1}, {1, 3, 1}}, /* overlaps */
        {{0, 3, 1}, {3, 4, 1}}, /* beyond the end */
        {{0, 3, 1}, {3, 2, 1}}, /* backwards */
    };
    struct batch *batch = kit_batch(&schema, "1|a\n2|b\n3|c\n");
    struct err err = ERR_INIT;
    int64_t stored;

    (void)state;
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        struct sink_load *load = begin();
        err_clear(&err);
        assert_int_equal(sink_append(load, batch, BAD[i], 2, &stored, &err), ERR_INTERNAL);
        sink_abort(load);
    }
    assert_int_equal(fake.appended, 0);
    struct sink_load *load = begin();
    struct sink_segment good[] = {{0, 0, 1}, {0, 3, 2}};
    err_clear(&err);
    assert_int_equal(sink_append(load, batch, good, 2, &stored, &err), ERR_OK);
    assert_int_equal(stored, 3);
    sink_abort(load);
    batch_free(batch);
}

static void waiting_is_told_in_every_state(void **state)
{
    struct err err = ERR_INIT;
    struct sink_scan *scan;

    (void)state;
    assert_int_equal(sink_keep(sink, &err), ERR_OK);
    struct sink_load *load = begin();
    assert_int_equal(sink_keep(sink, &err), ERR_OK);
    assert_int_equal(fake.others, 2);
    fake.next = ERRN_DB_LOST;
    assert_int_equal(sink_keep(sink, &err), ERR_TRANSIENT);
    assert_int_equal(load->state, LOAD_BROKEN);
    err_clear(&err);
    assert_int_equal(sink_keep(sink, &err), ERR_INTERNAL); /* and is not asked again */
    assert_int_equal(fake.others, 3);
    err_clear(&err);
    sink_abort(load);
    assert_int_equal(sink_scan_begin(sink, 0, &scan, &err), ERR_OK);
    assert_int_equal(sink_keep(sink, &err), ERR_OK);
    assert_int_equal(fake.others, 3); /* rows are on their way */
    sink_scan_end(scan);
    fake.next = ERRN_DB_LOST;
    assert_int_equal(sink_keep(sink, &err), ERR_TRANSIENT);
    err_clear(&err);
    struct sink_type silent = FAKE;
    silent.keep = NULL;
    sink->type = &silent;
    assert_int_equal(sink_keep(sink, &err), ERR_OK);
    sink->type = &FAKE;
}

/* What needs no database to be known is refused before it is asked. */
static void checks_are_judged_before_the_op(void **state)
{
    struct err err = ERR_INIT;
    struct check_row row = {0};
    struct buf first;
    int64_t n = 5;
    double sum = 5;

    (void)state;
    buf_init(&first, 100);
    assert_int_equal(buf_append_str(&first, "old", &err), ERR_OK);
    struct sink_load *load = begin();
    assert_int_equal(sink_checks_add(load, &row, 0, &err), ERR_OK); /* there is no op to ask */
    assert_int_equal(sink_check_sql(load, "DELETE FROM {table}", &n, &first, &err), ERR_CONFIG);
    assert_int_equal(n, 0);
    assert_string_equal(buf_str(&first), "");
    assert_int_equal(load->state, LOAD_BROKEN);
    err_clear(&err);
    assert_int_equal(sink_checks_add(load, &row, 1, &err), ERR_INTERNAL);
    err_clear(&err);
    assert_int_equal(sink_check_sql(load, "SELECT 1", &n, &first, &err), ERR_INTERNAL);
    err_clear(&err);
    assert_int_equal(sink_hour_sum(load, 0, 0, &n, &sum, &err), ERR_INTERNAL);
    assert_true(n == 0 && sum == 0);
    sink_abort(load);

    err_clear(&err);
    load = begin();
    assert_int_not_equal(sink_check_sql(load, "SELECT 1", &n, &first, &err), ERR_OK);
    assert_string_equal(err_name_text(err.name), "UNSUPPORTED"); /* no op */
    sink_abort(load);
    err_clear(&err);
    load = begin();
    assert_int_equal(sink_hour_sum(load, 0, 99, &n, &sum, &err), ERR_INTERNAL); /* no such column */
    sink_abort(load);
    err_clear(&err);
    load = begin();
    sink->target.lineage = LINEAGE_NONE;
    assert_int_equal(sink_hour_sum(load, 0, 0, &n, &sum, &err), ERR_CONFIG);
    assert_string_equal(err_name_text(err.name), "NEEDS_LINEAGE");
    sink_abort(load);
    buf_release(&first);
}

static void reader_may_not_write(void **state)
{
    struct sink_begin how = {0, "me", 1, "run"};
    struct err err = ERR_INIT;
    struct sink_load *load;
    struct buf print;

    (void)state;
    sink->read_only = true;
    assert_int_equal(sink_begin(sink, &how, &load, &err), ERR_DENIED);
    assert_string_equal(err_name_text(err.name), "READ_ONLY");
    err_clear(&err);
    assert_int_equal(sink_setup(sink, NULL, &err), ERR_DENIED);
    assert_int_equal(fake.others, 0);
    err_clear(&err);
    buf_init(&print, 100);
    assert_int_equal(sink_setup(sink, &print, &err), ERR_OK); /* printing is no writing */
}

static void words_of_the_records(void **state)
{
    enum hour_state found;
    enum check_on on;

    (void)state;
    for (int i = LOAD_KIND_LOAD; i <= LOAD_KIND_BASELINE; i++)
        assert_int_equal(load_kind_parse(load_kind_text((enum load_kind)i)), i);
    for (int i = HOUR_QUEUED; i <= HOUR_EMPTY; i++) {
        assert_true(hour_state_parse(hour_state_text((enum hour_state)i), &found));
        assert_int_equal(found, i);
    }
    assert_string_equal(load_kind_text(LOAD_KIND_REPLAY), "replay");
    assert_string_equal(hour_state_text(HOUR_RETRYING), "retrying");
    assert_false(hour_state_parse("Loaded", &found));
    for (int i = CHECK_ON_WARN; i <= CHECK_ON_FAIL; i++) {
        assert_true(check_on_parse(check_on_text((enum check_on)i), &on));
        assert_int_equal(on, i);
    }
    assert_string_equal(check_on_text(CHECK_ON_REJECT), "reject");
    assert_false(check_on_parse("", &on));
}

/* ---- a user's query ---- */

static enum err_code fake_query(struct sink *asked, const char *sql, const struct answer *rows,
                                struct err *err)
{
    (void)asked;
    assert_string_equal(sql, "SELECT 1");
    assert_null(rows);
    fake.others++;
    return answer(err);
}

static void a_query_needs_a_reading_handle(void **state)
{
    struct sink_type with_sql = FAKE;
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(sink_query(sink, "SELECT 1", NULL, &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.msg, "no SQL"));
    err_clear(&err);
    with_sql.query = fake_query;
    sink->type = &with_sql;
    assert_int_equal(sink_query(sink, "SELECT 1", NULL, &err), ERR_INTERNAL);
    assert_int_equal(fake.others, 0);
    err_clear(&err);
    sink->read_only = true;
    assert_int_equal(sink_query(sink, "SELECT 1", NULL, &err), ERR_OK);
    assert_int_equal(fake.others, 1);
    fake.next = ERRN_QUERY;
    assert_int_equal(sink_query(sink, "SELECT 1", NULL, &err), ERR_USAGE);
    sink->type = &FAKE;
    sink->read_only = false;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(open_checks_its_target),           TEST(only_reads_beside_a_load),
        TEST(failed_scan_leaves_the_sink_idle), TEST(failed_begin_leaves_the_sink_idle),
        TEST(broken_load_can_only_be_aborted),  TEST(commit_ends_the_load_whatever_it_says),
        TEST(segments_must_cover_the_batch),    TEST(reader_may_not_write),
        TEST(waiting_is_told_in_every_state),   TEST(checks_are_judged_before_the_op),
        TEST(a_query_needs_a_reading_handle),   cmocka_unit_test(words_of_the_records),
    };
#undef TEST

    return cmocka_run_group_tests_name("sink", tests, NULL, NULL);
}
