/* scan: which objects are listed, passed over and read, what of them comes in which batch, and how it ends;
 * all of it without readers ahead, and with them. */
#include "core/profile/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>

#include "backends/registry.h"
#include "core/base/mem.h"
#include "core/store/store_fault.h"
#include "core/store/store_trace.h"
#include "tests/support/rig.h"

#define K(h, f) "yyyy=2022/mm=06/dd=05/hh=" h "/" f
#define HEAD    "id,name,amount\n"

static const char *const PIPELINES[] = {RIG_PIPELINE("mem:lake", "mem:db", ""),
                                        RIG_PIPELINE("file:lake", "mem:db", "")};
enum { STORES = 2, TOLD_MAX = 8192, LONG_ROWS = 2500 };

static bool with_readers;

/* A rig, the scan of it as asked for, and a text of all that it told. */
struct scene {
    struct rig rig;
    const char *plan;            /* of store_fault, NULL = none */
    struct store_factory stores; /* of the readers */
    struct scan_spec spec;
    size_t batch_rows;
    char told[TOLD_MAX];
    struct scan_counts counts;
    struct err err;
};

static void tell(struct scene *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void tell(struct scene *s, const char *fmt, ...)
{
    size_t len = strlen(s->told);
    va_list args;
    va_start(args, fmt);
    vsnprintf(s->told + len, sizeof s->told - len, fmt, args);
    va_end(args);
}

static void on_call(void *ctx, const char *op, const char *key, enum err_code code, int64_t micros)
{
    (void)micros;
    if (code == ERR_OK && strcmp(op, "read") != 0)
        tell(ctx, "%s %s\n", op, key);
}

static struct store *wrap_store(void *ctx, struct store *inner)
{
    struct scene *s = ctx;
    struct store *outer = NULL;
    struct err err = ERR_INIT;
    if (s->plan && store_fault_wrap(inner, s->plan, &outer, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    return outer ? outer : inner;
}

static void on_refused(void *ctx, const struct store_object *object, const struct csv_record *record,
                       const struct refusal *refusal)
{
    tell(ctx, "refused %s:%lld %s '%s'\n", strrchr(object->key, '/') + 1, (long long)record->line,
         err_name_text(refusal->name), refusal->column);
}

static enum err_code open_store(void *ctx, struct store **out, struct err *err)
{
    struct scene *s = ctx;
    const struct pipeline *p = s->rig.pipeline;
    if (registry_open_store(p->source.url, p->base_dir, &s->rig.clock.base, false, out, err) == ERR_OK)
        *out = wrap_store(s, *out);
    return err->code;
}

static void scene_open(struct scene *s, size_t store, const char *plan)
{
    *s = (struct scene){.rig = {.wrap_store = wrap_store, .wrap_ctx = s}, .plan = plan, .batch_rows = 1000};
    rig_open(&s->rig, PIPELINES[store], NULL, 0);
    const struct pipeline *p = s->rig.pipeline;
    s->spec = (struct scan_spec){.store = s->rig.store,
                                 .layout = s->rig.layout,
                                 .dialect = &p->source.csv,
                                 .schema = &p->schema,
                                 .refused = on_refused,
                                 .ctx = s};
    s->stores = (struct store_factory){open_store, s};
    if (with_readers)
        assert_int_equal(ahead_new(&s->stores, &s->spec.ahead, &s->err), ERR_OK);
}

static void scene_close(struct scene *s)
{
    ahead_free(s->spec.ahead);
    rig_close(&s->rig);
}

static void without_opens(char *text)
{
    for (char *line = text, *end; *line; line = end) {
        end = strchr(line, '\n') + 1;
        if (strncmp(line, "open ", 5) == 0) {
            memmove(line, end, strlen(end) + 1);
            end = line;
        }
    }
}

/* Who opens an object is open where there are readers. */
static void told_is(const struct scene *s, const char *text)
{
    char got[TOLD_MAX], want[TOLD_MAX];
    snprintf(got, sizeof got, "%s", s->told);
    snprintf(want, sizeof want, "%s", text);
    if (with_readers) {
        without_opens(got);
        without_opens(want);
    }
    assert_string_equal(got, want);
}

/* Scans to the end or an error; tells of each batch "OBJECT HH first-last: id@line ...". */
static enum err_code run(struct scene *s)
{
    struct scan *scan = NULL;
    struct batch *batch = NULL;
    struct scan_part part;
    bool more = true;
    s->told[0] = '\0';
    err_clear(&s->err);
    assert_int_equal(batch_new(s->spec.schema, s->batch_rows, 65536, &batch, &s->err), ERR_OK);
    assert_int_equal(scan_open(&s->spec, &scan, &s->err), ERR_OK);
    while (more && scan_next(scan, batch, &part, &more, &s->err) == ERR_OK) {
        if (!more)
            break;
        tell(s, "%s %02d %s%s:", strrchr(part.object->key, '/') + 1, (int)(((part.hour % 24) + 24) % 24),
             part.first ? "first" : "", part.last ? "last" : "");
        for (size_t i = 0; i < batch->rows && i < 10; i++)
            tell(s, " %lld@%lld", (long long)batch->cols[0].i64[i], (long long)batch->line[i]);
        tell(s, "\n");
    }
    s->counts = *scan_counts(scan);
    /* The end and an error come again. */
    struct err again = ERR_INIT;
    assert_int_equal(scan_next(scan, batch, &part, &more, &again), s->err.code);
    assert_string_equal(again.msg, s->err.msg);
    assert_false(more);
    assert_int_equal(batch->rows, 0);
    scan_close(scan);
    batch_free(batch);
    return s->err.code;
}

static void put(struct scene *s, const char *key, const char *text)
{
    rig_put(&s->rig, key, text);
}

static hour_t hour(const char *text)
{
    hour_t h = 0;
    struct err err = ERR_INIT;
    assert_int_equal(hour_parse(text, &h, &err), ERR_OK);
    return h;
}

static void reads_objects_in_order_and_tells_what_it_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < STORES; i++) {
        struct scene s;
        scene_open(&s, i, NULL);
        put(&s, K("02", "b.csv"), HEAD "3,c,3\n");
        put(&s, K("01", "a.csv"), HEAD "1,a,1.5\nx,b,2\n2,\"b\nb\",NA\n3,c\n4,d,4\n,e,5\n");
        put(&s, K("01", "_tmp.csv"), "junk");
        put(&s, K("01", "notes.txt"), "junk");
        put(&s, "README", "junk");
        assert_int_equal(run(&s), ERR_OK);
        told_is(&s, "refused a.csv:3 CAST_INT 'id'\n"
                    "refused a.csv:6 CSV_RAGGED ''\n"
                    "refused a.csv:8 NOT_NULL 'id'\n"
                    "a.csv 01 firstlast: 1@2 2@4 4@7\n"
                    "b.csv 02 firstlast: 3@2\n");
        /* README is outside of the prefix; a folder may leave hidden ones out. */
        assert_true(s.counts.listed == 4 || (i == 1 && s.counts.listed == 3));
        assert_int_equal(s.counts.ignored, 1);
        assert_int_equal(s.counts.passed, 0);
        assert_int_equal(s.counts.objects, 2);
        assert_int_equal(s.counts.records, 7);
        assert_int_equal(s.counts.refused, 3);
        assert_int_equal(s.counts.bytes, strlen(HEAD "1,a,1.5\nx,b,2\n2,\"b\nb\",NA\n3,c\n4,d,4\n,e,5\n") +
                                             strlen(HEAD "3,c,3\n"));
        scene_close(&s);
    }
}

static void a_record_that_is_no_csv_is_refused_alone(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, 0, NULL);
    put(&s, K("01", "a.csv"), HEAD "1,a,1\n2,\"b\"x,2\n3,c,3\n");
    assert_int_equal(run(&s), ERR_OK);
    told_is(&s, "refused a.csv:3 CSV_QUOTE ''\na.csv 01 firstlast: 1@2 3@4\n");
    assert_int_equal(s.counts.records, 3);
    scene_close(&s);
}

static void an_object_comes_in_several_batches(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, 0, NULL);
    put(&s, K("01", "a.csv"), HEAD "1,a,1\n2,b,2\n3,c,3\n4,d,4\n");
    put(&s, K("01", "b.csv"), HEAD "5,e,5\n6,f,6\n7,g,7\nx,h,8\n");
    s.batch_rows = 2;
    assert_int_equal(run(&s), ERR_OK);
    told_is(&s, "a.csv 01 first: 1@2 2@3\n"
                "a.csv 01 last: 3@4 4@5\n"
                "b.csv 01 first: 5@2 6@3\n"
                "refused b.csv:5 CAST_INT 'id'\n"
                "b.csv 01 last: 7@4\n");
    scene_close(&s);
}

static void a_header_alone_is_an_object_without_rows(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, 0, NULL);
    put(&s, K("01", "a.csv"), HEAD);
    put(&s, K("02", "b.csv"), "\xef\xbb\xbf" HEAD "\n\n");
    assert_int_equal(run(&s), ERR_OK);
    told_is(&s, "a.csv 01 firstlast:\nb.csv 02 firstlast:\n");
    assert_int_equal(s.counts.records, 0);
    scene_close(&s);
}

static void an_object_that_cannot_be_read_ends_the_scan(void **state)
{
    (void)state;
    static const struct {
        const char *key, *text;
        enum err_name name;
        const char *message;
    } bad[] = {
        {K("02", "b.csv"), "", ERRN_CSV_NO_HEADER, "the object is empty"},
        {K("02", "b.csv"), "id,name\n1,a\n", ERRN_CSV_HEADER, "line 1: "},
        {K("02", "b.csv"), "id,\"na\"me,amount\n", ERRN_CSV_HEADER, "line 1: the header is no record"},
        {K("02", "b.csv.gz"), "no gzip at all", ERRN_COMPRESSED, ""},
        {K("02", "b.csv.zst"), "no zstd at all", ERRN_COMPRESSED, ""},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct scene s;
        char start[200];
        scene_open(&s, 0, NULL);
        put(&s, K("01", "a.csv"), HEAD "1,a,1\n");
        put(&s, bad[i].key, bad[i].text);
        put(&s, K("03", "c.csv"), HEAD "3,c,3\n");
        assert_int_not_equal(run(&s), ERR_OK);
        assert_int_equal(s.err.name, bad[i].name);
        snprintf(start, sizeof start, "%s: %s", bad[i].key, bad[i].message);
        assert_int_equal(strncmp(s.err.msg, start, strlen(start)), 0);
        assert_null(strstr(s.err.msg + strlen(start), bad[i].key));
        told_is(&s, "a.csv 01 firstlast: 1@2\n");
        scene_close(&s);
    }
}

static size_t gzip(const char *text, char *out, size_t cap)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)text,
                  .avail_in = (uInt)strlen(text),
                  .next_out = (Bytef *)out,
                  .avail_out = (uInt)cap};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return z.total_out;
}

static void compressed_objects_are_inflated(void **state)
{
    (void)state;
    struct scene s;
    char packed[1024];
    scene_open(&s, 0, NULL);
    size_t gz = gzip(HEAD "1,a,1\n2,b,2\n", packed, sizeof packed);
    rig_put_bytes(&s.rig, K("01", "a.csv.gz"), packed, gz);
    size_t zst = ZSTD_compress(packed, sizeof packed, HEAD "3,c,3\n", strlen(HEAD "3,c,3\n"), 3);
    rig_put_bytes(&s.rig, K("02", "b.csv.zst"), packed, zst);
    put(&s, K("03", "c.csv"), HEAD "4,d,4\n");
    assert_int_equal(run(&s), ERR_OK);
    told_is(&s, "a.csv.gz 01 firstlast: 1@2 2@3\nb.csv.zst 02 firstlast: 3@2\n"
                "c.csv 03 firstlast: 4@2\n");
    assert_int_equal(s.counts.bytes, gz + zst + strlen(HEAD "4,d,4\n"));
    scene_close(&s);
}

/* What a trace tells: a listing once it is done. */
#define OPENED_A "open " K("00", "a.csv") "\na.csv 00 firstlast: 1@2\n"
#define OPENED_B "open " K("01", "b.csv") "\nb.csv 01 firstlast: 2@2\n"
#define OPENED_C "open " K("02", "c.csv") "\nc.csv 02 firstlast: 3@2\n"

/* Puts one object into each of five hours of two days, and traces the calls. */
static struct store *five_hours(struct scene *s)
{
    struct store *traced = NULL;
    put(s, "yyyy=2022/mm=05/dd=31/hh=23/z.csv", HEAD "0,z,0\n");
    put(s, K("00", "a.csv"), HEAD "1,a,1\n");
    put(s, K("01", "b.csv"), HEAD "2,b,2\n");
    put(s, K("02", "c.csv"), HEAD "3,c,3\n");
    put(s, "yyyy=2022/mm=06/dd=06/hh=00/d.csv", HEAD "4,d,4\n");
    struct store *again = NULL;
    const struct pipeline *p = s->rig.pipeline;
    assert_int_equal(
        registry_open_store(p->source.url, p->base_dir, &s->rig.clock.base, false, &again, &s->err), ERR_OK);
    assert_int_equal(store_trace_wrap(again, on_call, s, &traced, &s->err), ERR_OK);
    s->spec.store = traced;
    return traced;
}

static void a_range_lists_and_reads_no_more_than_it_needs(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, 0, NULL);
    struct store *traced = five_hours(&s);
    s.spec.range = (struct hour_range){true, hour("2022-06-05T01"), hour("2022-06-05T02")};
    assert_int_equal(run(&s), ERR_OK);
    told_is(&s, OPENED_B "list " K("01", "") "\n");
    assert_int_equal(s.counts.listed, 1);
    s.spec.range = (struct hour_range){true, hour("2022-06-05T01"), hour("2022-06-06T00")};
    assert_int_equal(run(&s), ERR_OK);
    told_is(&s, OPENED_B OPENED_C "list yyyy=2022/mm=06/dd=05/hh=\n");
    assert_int_equal(s.counts.listed, 3);
    assert_int_equal(s.counts.passed, 1);
    assert_int_equal(s.counts.objects, 2);
    /* An empty one asks for nothing. */
    s.spec.range.to = s.spec.range.from;
    assert_int_equal(run(&s), ERR_OK);
    told_is(&s, "");
    store_close(traced);
    scene_close(&s);
}

static void one_object_is_listed_by_its_key(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, 0, NULL);
    struct store *traced = five_hours(&s);
    put(&s, K("01", "b.csv.gz"), "not asked for");
    s.spec.object = K("01", "b.csv");
    assert_int_equal(run(&s), ERR_OK);
    told_is(&s, OPENED_B "list " K("01", "b.csv") "\n");
    assert_int_equal(s.counts.passed, 1);
    s.spec.object = K("01", "none.csv");
    assert_int_equal(run(&s), ERR_OK);
    told_is(&s, "list " K("01", "none.csv") "\n");
    /* What cannot be there is not asked for. */
    static const char *const never[] = {"", "notes.txt", "../x.csv", K("24", "a.csv"), K("02", "c.csv")};
    s.spec.range = (struct hour_range){true, hour("2022-06-05T00"), hour("2022-06-05T02")};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
        s.spec.object = never[i];
        assert_int_equal(run(&s), ERR_OK);
        told_is(&s, "");
    }
    store_close(traced);
    scene_close(&s);
}

static bool wants_even(void *ctx, const struct store_object *object, hour_t h)
{
    (void)ctx;
    (void)object;
    return h % 2 == 0;
}

static void what_is_not_wanted_is_passed_over(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, 0, NULL);
    struct store *traced = five_hours(&s);
    put(&s, K("03", "bad.csv"), ""); /* would end the scan */
    s.spec.wants = wants_even;
    s.spec.range = (struct hour_range){true, hour("2022-06-05T00"), hour("2022-06-06T00")};
    assert_int_equal(run(&s), ERR_OK);
    told_is(&s, OPENED_A OPENED_C "list yyyy=2022/mm=06/dd=05/hh=\n");
    assert_int_equal(s.counts.passed, 2);
    store_close(traced);
    scene_close(&s);
}

static void a_signal_stops_it(void **state)
{
    (void)state;
    struct scene s;
    atomic_int stop = 1;
    scene_open(&s, 0, NULL);
    put(&s, K("01", "a.csv"), HEAD "1,a,1\n");
    s.spec.stop = &stop;
    assert_int_equal(run(&s), ERR_CANCELLED);
    assert_string_equal(s.err.msg, "stopped by a signal");
    assert_int_equal(s.counts.objects, 0);
    scene_close(&s);
}

static void on_refused_stop(void *ctx, const struct store_object *object, const struct csv_record *record,
                            const struct refusal *refusal)
{
    struct scene *s = ctx;
    (void)object;
    (void)record;
    (void)refusal;
    atomic_store(&s->rig.stop, 1);
}

static void a_signal_stops_it_within_an_object(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, 0, NULL);
    struct buf text;
    buf_init(&text, 1 << 20);
    assert_int_equal(buf_append_str(&text, HEAD "x,first is refused,0\n", &s.err), ERR_OK);
    for (int i = 0; i < LONG_ROWS; i++)
        assert_int_equal(buf_printf(&text, &s.err, "%d,%0200d,1\n", i, 0), ERR_OK);
    rig_put_bytes(&s.rig, K("01", "a.csv"), text.data, text.len);
    buf_release(&text);
    s.spec.refused = on_refused_stop;
    s.spec.stop = &s.rig.stop;
    assert_int_equal(run(&s), ERR_CANCELLED);
    assert_string_equal(s.err.msg, "stopped by a signal");
    assert_true(s.counts.records > 0 && s.counts.records <= LONG_ROWS);
    scene_close(&s);
}

/* Each failure of the store is the scan's, and names its object at most once. */
static void a_failing_store_fails_the_scan(void **state)
{
    (void)state;
    static const struct {
        const char *plan;
        enum err_name name;
        bool object;
    } faults[] = {
        {"list 1 denied", ERRN_DENIED, false},
        {"list 2 transient", ERRN_STORE_UNREACHABLE, false},
        {"list 3 io", ERRN_IO, false},
        {"open 2 gone", ERRN_SOURCE_GONE, true},
        {"open 2 changed", ERRN_SOURCE_MOVED, true},
        {"read 1 io", ERRN_IO, false},
        {"read 3+ gone", ERRN_SOURCE_GONE, true},
        {"read 3+ cut", ERRN_STORE_TRUNCATED, false},
        {"read 2 changed", ERRN_SOURCE_MOVED, false},
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct scene s;
        scene_open(&s, 0, faults[i].plan);
        put(&s, K("01", "a.csv"), HEAD "1,a,1\n");
        put(&s, K("02", "b.csv"), HEAD "2,b,2\n");
        if (run(&s) == ERR_OK)
            fail_msg("%s: no error", faults[i].plan);
        assert_int_equal(s.err.name, faults[i].name);
        const char *at = strstr(s.err.msg, "/b.csv");
        if (faults[i].object)
            assert_non_null(at);
        if (at)
            assert_null(strstr(at + 1, "/b.csv"));
        scene_close(&s);
    }
}

static bool wants_then_changes(void *ctx, const struct store_object *object, hour_t h)
{
    struct scene *s = ctx;
    struct err err = ERR_INIT;
    (void)h;
    return store_put_mem(s->rig.store, object->key, HEAD "9,other,9\n", strlen(HEAD "9,other,9\n"),
                         PUT_ALWAYS, &err) == ERR_OK;
}

static void an_object_that_changes_is_an_error(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, 0, NULL);
    put(&s, K("01", "a.csv"), HEAD "1,a,1\n");
    s.spec.wants = wants_then_changes;
    assert_int_equal(run(&s), ERR_PRECONDITION);
    assert_int_equal(s.err.name, ERRN_SOURCE_MOVED);
    assert_non_null(strstr(s.err.msg, "a.csv"));
    scene_close(&s);
}

static void without_a_header_line_fields_are_columns(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, 0, NULL);
    struct csv_dialect dialect = s.rig.pipeline->source.csv;
    dialect.header = CSV_HEADER_NONE;
    s.spec.dialect = &dialect;
    put(&s, K("01", "a.csv"), "1,a,1\n2,b,2\n");
    put(&s, K("02", "b.csv"), "");
    assert_int_equal(run(&s), ERR_OK);
    told_is(&s, "a.csv 01 firstlast: 1@1 2@2\nb.csv 02 firstlast:\n");
    scene_close(&s);
}

static bool fail_after(void *ctx)
{
    return (*(int *)ctx)-- == 0;
}

/* One batch after the other; the objects whose last batch came. */
static enum err_code count_objects(const struct scan_spec *spec, int *objects, struct err *err)
{
    struct scan *scan = NULL;
    struct batch *batch = NULL;
    struct scan_part part;
    bool more = true;
    *objects = 0;
    if (batch_new(spec->schema, 10, 65536, &batch, err) == ERR_OK && scan_open(spec, &scan, err) == ERR_OK)
        while (more && scan_next(scan, batch, &part, &more, err) == ERR_OK)
            *objects += more && part.last;
    scan_close(scan);
    batch_free(batch);
    return err->code;
}

/* Whichever allocation fails, the scan says so, and nothing leaks. */
static void memory_runs_short(void **state)
{
    (void)state;
    struct scene s;
    char packed[1024];
    int n = 0, objects;
    enum err_code code = ERR_NOMEM;
    scene_open(&s, 0, NULL);
    size_t gz = gzip(HEAD "1,a,1\n2,b,2\n", packed, sizeof packed);
    rig_put_bytes(&s.rig, K("01", "a.csv.gz"), packed, gz);
    put(&s, K("02", "b.csv"), HEAD "3,c,3\n");
    for (; code != ERR_OK && n < 1000; n++) {
        int left = n;
        err_clear(&s.err);
        mem_set_fault(fail_after, &left);
        code = count_objects(&s.spec, &objects, &s.err);
        mem_set_fault(NULL, NULL);
        assert_true(code == ERR_NOMEM || (code == ERR_OK && objects == 2));
    }
    assert_true(n > 10 && n < 1000);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_objects_in_order_and_tells_what_it_refuses),
        cmocka_unit_test(a_record_that_is_no_csv_is_refused_alone),
        cmocka_unit_test(an_object_comes_in_several_batches),
        cmocka_unit_test(a_header_alone_is_an_object_without_rows),
        cmocka_unit_test(an_object_that_cannot_be_read_ends_the_scan),
        cmocka_unit_test(compressed_objects_are_inflated),
        cmocka_unit_test(a_range_lists_and_reads_no_more_than_it_needs),
        cmocka_unit_test(one_object_is_listed_by_its_key),
        cmocka_unit_test(what_is_not_wanted_is_passed_over),
        cmocka_unit_test(a_signal_stops_it),
        cmocka_unit_test(a_signal_stops_it_within_an_object),
        cmocka_unit_test(an_object_that_changes_is_an_error),
        cmocka_unit_test(without_a_header_line_fields_are_columns),
    };
    /* Their faults strike the caller's calls one by one; for readers', see test_scan_ahead. */
    const struct CMUnitTest near_tests[] = {
        cmocka_unit_test(a_failing_store_fails_the_scan),
        cmocka_unit_test(memory_runs_short),
    };
    int failed = cmocka_run_group_tests_name("scan", tests, NULL, NULL) +
                 cmocka_run_group_tests_name("scan that fails", near_tests, NULL, NULL);
    with_readers = true;
    return failed + cmocka_run_group_tests_name("scan with readers", tests, NULL, NULL);
}
