/* diff: listing against ledger: every kind of entry, in key order, over pages and folds. */
#include "core/load/diff.h"
#include "core/store/store_fault.h"
#include "tests/unit/load/load_rig.h"

#define A    K("12", "a")
#define GOOD HEAD "1,ann,1\n2,bob,2\n"

static const char *differences(struct rig *rig, const char *prefix)
{
    static const char *const KINDS[] = {"new", "partial", "loaded", "etag", "gone", "ignored"};
    static char text[8192];
    struct diff *diff = NULL;
    struct diff_entry entry;
    struct err err = ERR_INIT;
    bool more = true;
    size_t at = 0;
    text[0] = '\0';
    assert_int_equal(diff_begin(rig->store, rig->layout, rig->job.sink, prefix, &diff, &err), ERR_OK);
    while (diff_next(diff, &entry, &more, &err) == ERR_OK && more) {
        at += (size_t)snprintf(text + at, sizeof text - at, "%s %s %lld/%lld/%lld/%lld\n", entry.object.key,
                               KINDS[entry.kind], (long long)entry.read_sum, (long long)entry.loaded_sum,
                               (long long)entry.rejected_sum, (long long)entry.replayed_sum);
        if (entry.kind == DIFF_IGNORED)
            assert_int_equal(entry.hour, 0);
        else
            assert_true(entry.hour > 0);
    }
    assert_int_equal(err.code, ERR_OK);
    diff_end(diff);
    return text;
}

OVER_ALL(every_kind_of_entry)
{
    struct err err = ERR_INIT;
    rig_open(rig, pipeline, SETS("target.commit_unit=chunk", "target.chunk_rows=1", "policy.max_rejects=1"));
    assert_string_equal(differences(rig, ""), "");
    rig_put(rig, A, GOOD);
    rig_put(rig, K("12", "b"), HEAD "1,a,1\nx,b,2\n3,c,3\n");
    rig_put(rig, K("12", "c"), GOOD);
    assert_int_equal(rig_run(rig, NULL), 0);
    rig_put(rig, K("12", "d"), GOOD);
    sink_wrap_reset(wrap);
    fail_at(wrap, SINK_OP_COMMIT, 2, SINK_BEFORE, ERRN_DISK_FULL);
    assert_int_equal(rig_run(rig, NULL), 1);
    sink_wrap_reset(wrap);
    rig_put(rig, A, GOOD);
    assert_int_equal(store_remove(rig->store, K("12", "c"), &err), ERR_OK);
    rig_put(rig, K("12", "e"), GOOD);
    rig_put(rig, K("12", "_hidden"), GOOD);
    rig_put(rig, "readme.txt", "?");
    rig_put(rig, "yyyy=2022/mm=06/dd=05/hh=25/a.csv", GOOD);
    rig_put(rig, "zzz", "?");
    assert_string_equal(
        differences(rig, ""),
        "readme.txt ignored 0/0/0/0\n" A
        " etag 2/2/0/0\n" K("12", "b") " loaded 3/2/1/0\n" K("12", "c") " gone 2/2/0/0\n" K(
            "12", "d") " partial 1/1/0/0\n" K("12", "e") " new 0/0/0/0\nyyyy=2022/mm=06/dd=05/hh=25/a.csv "
                                                         "ignored 0/0/0/0\nzzz ignored 0/0/0/0\n");
    assert_string_equal(differences(rig, "yyyy=2022/mm=06/dd=05/hh=12/d"), K("12", "d") " partial 1/1/0/0\n");
    assert_string_equal(differences(rig, "nothing"), "");
}

/* More ledger rows than a page, and an object whose chunks lie across its edge. */
OVER_ALL(pages_are_joined_without_a_seam)
{
    enum { FILES = 100, ROWS = 5 };
    struct diff *diff = NULL;
    struct diff_entry entry;
    struct err err = ERR_INIT;
    bool more = true;
    int seen = 0;
    (void)wrap;
    rig_open(rig, pipeline, SETS("target.commit_unit=chunk", "target.chunk_rows=1"));
    for (int i = 0; i < FILES; i++) {
        char key[128];
        snprintf(key, sizeof key, K("12", "%03d"), i);
        rig_put(rig, key, HEAD "1,a,1\n2,b,2\n3,c,3\n4,d,4\n5,e,5\n");
    }
    assert_int_equal(rig_run(rig, NULL), 0);
    uint64_t one = books_row(rig, K("12", "000"), 0).row_hash + books_row(rig, K("12", "000"), 1).row_hash +
                   books_row(rig, K("12", "000"), 2).row_hash + books_row(rig, K("12", "000"), 3).row_hash +
                   books_row(rig, K("12", "000"), 4).row_hash;
    assert_int_equal(diff_begin(rig->store, rig->layout, rig->job.sink, "", &diff, &err), ERR_OK);
    while (diff_next(diff, &entry, &more, &err) == ERR_OK && more) {
        assert_int_equal(entry.kind, DIFF_LOADED);
        assert_int_equal(entry.row.chunk, ROWS - 1);
        assert_int_equal(entry.loaded_sum, ROWS);
        assert_true(entry.hash_sum == one);
        seen++;
    }
    assert_int_equal(seen, FILES);
    diff_end(diff);
    diff_end(NULL);
}

static struct store *failing_store(void *ctx, struct store *inner)
{
    struct store *out = NULL;
    struct err err = ERR_INIT;
    if (store_fault_wrap(inner, ctx, &out, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    return out;
}

/* All entries in a row, asked for again after each failure; *failed counts those. */
static uint64_t asked_again(struct rig *rig, struct store *store, int *failed, int *entries)
{
    struct diff *diff = NULL;
    struct diff_entry entry;
    struct err err = ERR_INIT;
    bool more = true;
    uint64_t sum = 0;
    *failed = *entries = 0;
    assert_int_equal(diff_begin(store, rig->layout, rig->job.sink, "", &diff, &err), ERR_OK);
    while (more) {
        if (diff_next(diff, &entry, &more, &err) != ERR_OK) {
            assert_int_equal(err.code, ERR_TRANSIENT);
            err_clear(&err);
            ++*failed;
            more = true;
        } else if (more) {
            for (const char *c = entry.object.key; *c; c++)
                sum = sum * 31 + (unsigned char)*c;
            sum = sum * 31 + (uint64_t)entry.kind * 7 + (uint64_t)entry.loaded_sum + entry.hash_sum;
            ++*entries;
        }
    }
    diff_end(diff);
    return sum;
}

/* Nothing is lost and nothing comes twice, whichever call of either stream fails. */
OVER_ALL(what_failed_is_asked_for_again)
{
    enum { FILES = 90 };
    int failed, entries, all;
    rig_open(rig, pipeline, SETS("target.commit_unit=chunk", "target.chunk_rows=1"));
    for (int i = 0; i < FILES; i++) {
        char key[128];
        snprintf(key, sizeof key, K("12", "%03d"), i);
        rig_put(rig, key, HEAD "1,a,1\n2,b,2\n3,c,3\n");
    }
    assert_int_equal(rig_run(rig, NULL), 0);
    rig_put(rig, K("12", "000a"), GOOD);
    rig_put(rig, K("12", "_hidden"), GOOD);
    rig_put(rig, "readme", GOOD);
    sink_wrap_reset(wrap);
    uint64_t sum = asked_again(rig, rig->store, &failed, &all);
    assert_int_equal(failed, 0);
    assert_int_equal(all, FILES + 2);
    int64_t pages = sink_wrap_calls(wrap, SINK_OP_LEDGER_PAGE);
    assert_true(pages > 1);
    for (int64_t nth = 1; nth <= pages; nth++) {
        sink_wrap_reset(wrap);
        sink_wrap_rule(wrap,
                       &(struct sink_rule){.op = SINK_OP_LEDGER_PAGE, .nth = nth, .error = ERRN_DB_LOST});
        assert_true(asked_again(rig, rig->store, &failed, &entries) == sum);
        assert_int_equal(failed, 1);
    }
    sink_wrap_reset(wrap);
    rig->wrap_sink = NULL;
    rig->wrap_store = failing_store;
    failed = 2;
    for (int nth = 1; failed == 2; nth++) {
        char plan[64];
        snprintf(plan, sizeof plan, "list %d transient; list %d transient", nth, nth + 1);
        rig->wrap_ctx = plan;
        rig_restart(rig, pipeline, SETS("target.commit_unit=chunk", "target.chunk_rows=1"));
        assert_true(asked_again(rig, rig->store, &failed, &entries) == sum);
        assert_true(failed == 2 || nth > FILES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_entry),
        cmocka_unit_test(pages_are_joined_without_a_seam),
        cmocka_unit_test(what_failed_is_asked_for_again),
    };
    return cmocka_run_group_tests_name("diff", tests, NULL, NULL);
}
