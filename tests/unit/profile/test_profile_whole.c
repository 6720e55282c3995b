/* Profiles as a whole: the same report for any number of threads and however rows are cut into batches, small
 * budgets, merging, clearing, and failing allocations. */
#include "core/base/mem.h"
#include "tests/support/report_dump.h"
#include "tests/unit/profile/profile_rig.h"

#include <malloc.h>

static const char *const MIXED[] = {"boolean",       "double",    "int",   "text",
                                    "decimal(12,2)", "timestamp", "double"};
enum { MIXED_COLUMNS = 7, MIXED_ROWS = 24000 };

static void mixed_row(struct rig *rig, struct batch *b, uint64_t i)
{
    uint64_t seed = i * 1000003, x = rig_random(&seed), y = rig_random(&seed);
    char text[64];
    batch_set_i64(b, 0, x % 7 == 0);
    batch_set_f64(b, 1, (double)(int64_t)(y >> 8) * 1e-9);
    batch_set_i64(b, 2, (int64_t)(x >> 32) % 90);
    snprintf(text, sizeof text, "t%llu", (unsigned long long)(x % 40000));
    rig_put(rig, b, 3, x % 11 ? text : NULL);
    snprintf(text, sizeof text, "%llu.25", (unsigned long long)(y % 1000000));
    rig_put(rig, b, 4, y % 13 ? text : NULL);
    batch_set_i64(b, 5, (int64_t)(y % 1000000007));
    batch_set_f64(b, 6, (double)(x % 1000) / 7);
    if (x % 5 == 0)
        batch_set_null(b, 6);
    batch_commit_row(b, 1, 0);
}

/* The dump of MIXED_ROWS rows, pushed in batches of at most `cut` rows. */
static char *mixed_dump(struct rig *rig, int by, unsigned threads, size_t memory, uint64_t cut)
{
    struct profile *p = rig_profile(rig, by, threads, memory);
    struct batch *b;
    RIG_OK(rig, profile_object(p, true, 50, 1, &rig->err));
    for (uint64_t i = 0; i < MIXED_ROWS;) {
        RIG_OK(rig, profile_borrow(p, &b, &rig->err));
        for (uint64_t n = 0; n < cut && i < MIXED_ROWS && !batch_full(b); n++, i++)
            mixed_row(rig, b, i);
        RIG_OK(rig, profile_push(p, true, 50, &rig->err));
    }
    struct report *r = rig_finish(rig, p);
    char *text = report_dump_text(r);
    report_free(r);
    return text;
}

static void threads_and_cuts_change_nothing(void **state)
{
    (void)state;
    static const size_t memories[] = {0, 3 << 20};
    struct rig rig;
    rig_init(&rig, MIXED, MIXED_COLUMNS);
    for (int by = -1; by < 1; by++)
        for (int m = 0; m < 2; m++) {
            char *one = mixed_dump(&rig, by, 1, memories[m], 16384);
            assert_true((strstr(one, "~") != NULL) == (m == 1));
            static const struct {
                unsigned threads;
                uint64_t cut;
            } others[] = {{2, 16384}, {3, 9000}, {7, 16384}, {1, 777}, {1, 1}};
            for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
                char *other = mixed_dump(&rig, by, others[i].threads, memories[m], others[i].cut);
                assert_string_equal(one, other);
                free(other);
            }
            free(one);
        }
    rig_release(&rig);
}

/* With less memory: the same where exactness is promised, near where not, and marked. */
static void a_small_budget_is_marked(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, MIXED, MIXED_COLUMNS);
    for (uint64_t i = 0; i < MIXED_ROWS; i++)
        mixed_row(&rig, rig.batch, i);
    struct report *exact = rig_report(&rig, 0);
    struct profile *p = rig_profile(&rig, 0, 1, 1);
    RIG_OK(&rig, profile_add(p, rig.batch, 0, rig.batch->rows, true, 1000, &rig.err));
    struct report *small = rig_finish(&rig, p);
    for (size_t c = 0; c < MIXED_COLUMNS; c++) {
        const struct report_column *a = &exact->columns[c], *b = &small->columns[c];
        const struct report_numbers *x = &a->numbers, *y = &b->numbers;
        bool many = c == 1 || c == 3 || c == 4 || c == 5;
        assert_false(a->distinct_approx || a->top_approx || x->outliers_approx || a->histogram.approx);
        assert_true(b->distinct_approx == many && b->top_approx == many);
        assert_int_equal(a->count, b->count);
        assert_int_equal(a->nulls, b->nulls);
        assert_near((double)a->distinct, (double)b->distinct, 4 * small->distinct_error);
        if (a->kind == REPORT_TEXT) {
            assert_near(a->length_mean, b->length_mean, 1e-12);
            continue;
        }
        assert_near(x->mean.value, y->mean.value, 1e-10);
        assert_near(x->std.value, y->std.value, 1e-10);
        assert_true(fabs(x->skew.value - y->skew.value) < 1e-9);
        assert_true(x->min.value == y->min.value && x->max.value == y->max.value && !y->max.approx);
        assert_true(x->zeros == y->zeros && x->negatives == y->negatives);
        assert_true(y->quantile[Q50].approx == many && y->outliers_approx == many &&
                    b->histogram.approx == many && y->fence_low.approx == many);
        /* values are spread evenly: where ranks are near, they are */
        double span = x->max.value - x->min.value;
        for (int q = 0; q < Q_COUNT; q++)
            assert_true(fabs(x->quantile[q].value - y->quantile[q].value) <= 2 * small->rank_error * span);
        int64_t binned = b->histogram.below + b->histogram.above;
        for (int i = 0; i < b->histogram.nbins; i++)
            binned += b->histogram.bins[i].count;
        assert_int_equal(binned, b->count);
    }
    assert_int_equal(exact->ncorrelated * exact->ncorrelated, small->ncorrelated * small->ncorrelated);
    for (size_t i = 0; i < exact->ncorrelated * exact->ncorrelated; i++)
        assert_true(exact->correlations[i] == small->correlations[i]);
    report_free(exact);
    report_free(small);
    rig_release(&rig);
}

/* Bytes on the heap; 0 under a sanitizer. */
static size_t heap(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* What all tables and sketches take stays within the budget, however many values come. */
static void memory_is_bounded(void **state)
{
    (void)state;
    static const size_t budgets[] = {4 << 20, 16 << 20};
    const uint64_t rows = heap() > 0 ? 400000 : 40000;
    struct rig rig;
    rig_init(&rig, MIXED, MIXED_COLUMNS);
    for (int m = 0; m < 2; m++)
        for (int by = -1; by < 1; by++) {
            size_t before = heap(), most = 0;
            struct profile *p = rig_profile(&rig, by, 1, budgets[m]);
            for (uint64_t i = 0; i < rows;) {
                batch_clear(rig.batch);
                for (int n = 0; n < 20000; n++)
                    mixed_row(&rig, rig.batch, i++);
                RIG_OK(&rig, profile_add(p, rig.batch, 0, rig.batch->rows, true, 1000, &rig.err));
                most = heap() - before > most ? heap() - before : most;
            }
            if (most > budgets[m] + (1 << 20))
                fail_msg("%zu bytes with a budget of %zu", most, budgets[m]);
            report_free(rig_finish(&rig, p));
        }
    rig_release(&rig);
}

/* --- merging, clearing, failing --------------------------------------------------------------------------
 */

static void assert_same_numbers(const struct report_numbers *a, const struct report_numbers *b)
{
    assert_int_equal(a->mean.known, b->mean.known);
    if (!a->mean.known)
        return;
    assert_near(a->mean.value, b->mean.value, 1e-12);
    assert_near(a->std.value, b->std.value, 1e-12);
    assert_true(a->min.value == b->min.value && a->max.value == b->max.value);
    for (int q = 0; q < Q_COUNT; q++)
        assert_true(a->quantile[q].value == b->quantile[q].value);
    assert_true(a->zeros == b->zeros && a->negatives == b->negatives && a->outliers_high == b->outliers_high);
}

/* Two profiles put together are as one of all rows; the emptied one may be used again. */
static void merged_profiles_are_as_one(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, MIXED, MIXED_COLUMNS);
    for (uint64_t i = 0; i < 9000; i++)
        mixed_row(&rig, rig.batch, i);
    for (int by = -1; by < 4; by += by < 0 ? 1 : 3) {
        struct report *whole = rig_report(&rig, by);
        struct profile *all = rig_profile(&rig, by, 2, 0), *part = rig_profile(&rig, by, 1, 0);
        for (size_t at = 0; at < 9000; at += 3000) {
            RIG_OK(&rig, profile_object(part, true, 1000 + (hour_t)at, 10, &rig.err));
            RIG_OK(&rig, profile_refused(part, 1000, ERRN_CAST_INT, "x", &rig.err));
            RIG_OK(&rig, profile_add(part, rig.batch, at, at + 3000, true, 1000, &rig.err));
            RIG_OK(&rig, profile_merge(all, part, &rig.err));
        }
        struct report *empty = rig_finish(&rig, part), *merged = rig_finish(&rig, all);
        assert_true(empty->rows == 0 && empty->objects == 0 && empty->nclasses == 0 && empty->nhours == 0 &&
                    empty->columns[1].count == 0 && empty->head_rows == 0 && empty->nrefusals == 0);
        assert_int_equal(merged->rows, 9000);
        assert_int_equal(merged->objects, 3);
        assert_int_equal(merged->refusals[0].count, 3);
        assert_int_equal(merged->hours[0].rows, 9000);
        assert_int_equal(merged->nhours, 3);
        assert_int_equal(merged->hours[0].nulls[6], whole->hours[0].nulls[6]);
        assert_int_equal(merged->nclasses, whole->nclasses);
        for (int k = 0; k < whole->nclasses && by == 0; k++) {
            assert_int_equal(merged->classes[k].rows, whole->classes[k].rows);
            assert_string_equal(merged->classes[k].text, whole->classes[k].text);
        }
        if (by > 0) /* a value may be another class in one and "other" in the other: then it stays there */
            assert_true(merged->classes[0].other && merged->classes[0].rows > 8000);
        for (size_t c = 0; c < MIXED_COLUMNS; c++) {
            const struct report_column *a = &whole->columns[c], *b = &merged->columns[c];
            assert_true(a->count == b->count && a->nulls == b->nulls);
            assert_int_equal(a->distinct, b->distinct);
            assert_same_numbers(&a->numbers, &b->numbers);
            for (int i = 0; i < a->ntop; i++) {
                assert_string_equal(a->top[i].text, b->top[i].text);
                if (a->top[i].count != b->top[i].count)
                    fail_msg("by %d, column %zu, top %d: %lld is not %lld", by, c, i,
                             (long long)a->top[i].count, (long long)b->top[i].count);
            }
            for (int k = 0; k < whole->nclasses && by == 0; k++)
                assert_same_numbers(&a->split[k].numbers, &b->split[k].numbers);
        }
        for (size_t i = 0; i < whole->ncorrelated * whole->ncorrelated; i++)
            assert_true(fabs(whole->correlations[i] - merged->correlations[i]) < 1e-12);
        for (size_t i = 0; i < MIXED_COLUMNS * REPORT_HEAD; i++)
            assert_true(whole->head[i] == merged->head[i] || strcmp(whole->head[i], merged->head[i]) == 0);
        report_free(whole);
        report_free(empty);
        report_free(merged);
    }
    rig_release(&rig);
}

static void a_cleared_profile_begins_anew(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, MIXED, MIXED_COLUMNS);
    for (uint64_t i = 0; i < MIXED_ROWS; i++)
        mixed_row(&rig, rig.batch, i);
    for (int by = -1; by < 1; by++) {
        struct profile *p = rig_profile(&rig, by, 2, 1);
        RIG_OK(&rig, profile_object(p, true, 7, 10, &rig.err));
        RIG_OK(&rig, profile_refused(p, 7, ERRN_CAST_INT, "x", &rig.err));
        RIG_OK(&rig, profile_add(p, rig.batch, 0, MIXED_ROWS, true, 8, &rig.err));
        profile_clear(p);
        RIG_OK(&rig, profile_add(p, rig.batch, 100, 150, true, 1000, &rig.err));
        struct report *again = rig_finish(&rig, p);
        p = rig_profile(&rig, by, 2, 1);
        RIG_OK(&rig, profile_add(p, rig.batch, 100, 150, true, 1000, &rig.err));
        struct report *fresh = rig_finish(&rig, p);
        char *a = report_dump_text(again), *b = report_dump_text(fresh);
        assert_string_equal(a, b);
        free(a);
        free(b);
        report_free(again);
        report_free(fresh);
    }
    rig_release(&rig);
}

static bool fail_countdown(void *ctx)
{
    int *left = ctx;
    return *left >= 0 && (*left)-- == 0;
}

/* Each allocation fails once: an error or a whole report, and nothing is leaked (under ASan). */
static void without_memory_nothing_breaks(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, MIXED, MIXED_COLUMNS);
    for (uint64_t i = 0; i < 2000; i++)
        mixed_row(&rig, rig.batch, i);
    bool failed = true;
    for (int nth = 0; failed; nth++) {
        struct profile_options options = {
            .schema = &rig.schema, .by = nth % 2 ? 0 : 3, .threads = 1, .memory = 1};
        struct profile *p = NULL, *other = NULL;
        struct report *r = NULL;
        struct hour_range all = {0};
        struct err err = ERR_INIT;
        int left = nth / 2;
        mem_set_fault(fail_countdown, &left);
        if (profile_new(&options, &p, &err) == ERR_OK && profile_new(&options, &other, &err) == ERR_OK &&
            profile_object(p, true, 1, 1, &err) == ERR_OK &&
            profile_refused(p, 1, ERRN_CAST_INT, "x", &err) == ERR_OK &&
            profile_add(p, rig.batch, 0, 1000, true, 1, &err) == ERR_OK &&
            profile_add(other, rig.batch, 1000, 2000, true, 2, &err) == ERR_OK &&
            profile_merge(p, other, &err) == ERR_OK)
            (void)!profile_finish(p, "p", "s", &all, &r, &err);
        failed = left < 0;
        mem_set_fault(NULL, NULL);
        assert_true((r != NULL) == (err.code == ERR_OK));
        if (err.code != ERR_OK)
            assert_int_equal(err.name, ERRN_NOMEM);
        assert_true(failed == (err.code != ERR_OK) || r);
        report_free(r);
        profile_free(p);
        profile_free(other);
        assert_true(nth < 20000);
    }
    rig_release(&rig);
}

/* Origins that are no doubles: their difference is still exact. */
static void merged_large_integers(void **state)
{
    static const char *const types[] = {"bigint", "int"};
    enum { ROWS = 600 };
    struct rig rig;
    char cells[2][24];
    const char *row[] = {cells[0], cells[1]};
    (void)state;
    rig_init(&rig, types, 2);
    for (int i = 0; i < ROWS; i++) {
        snprintf(cells[0], sizeof cells[0], "%lld", (1LL << 62) + (i < ROWS / 2 ? 0 : 300) + i % 7);
        snprintf(cells[1], sizeof cells[1], "%d", i < ROWS / 2 ? 5 : 305);
        rig_row(&rig, row);
    }
    struct profile *whole = rig_profile(&rig, -1, 1, 0), *all = rig_profile(&rig, -1, 1, 0);
    struct profile *part = rig_profile(&rig, -1, 1, 0);
    RIG_OK(&rig, profile_add(whole, rig.batch, 0, ROWS, true, 1, &rig.err));
    RIG_OK(&rig, profile_add(all, rig.batch, 0, ROWS / 2, true, 1, &rig.err));
    RIG_OK(&rig, profile_add(part, rig.batch, ROWS / 2, ROWS, true, 1, &rig.err));
    RIG_OK(&rig, profile_merge(all, part, &rig.err));
    profile_free(part);
    struct report *a = rig_finish(&rig, whole), *b = rig_finish(&rig, all);
    assert_true(a->correlations[1] > 0.999);
    assert_near(a->correlations[1], b->correlations[1], 1e-12);
    report_free(a);
    report_free(b);
    rig_release(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_and_cuts_change_nothing),
        cmocka_unit_test(a_small_budget_is_marked),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(merged_profiles_are_as_one),
        cmocka_unit_test(merged_large_integers),
        cmocka_unit_test(a_cleared_profile_begins_anew),
        cmocka_unit_test(without_memory_nothing_breaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
