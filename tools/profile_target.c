/*
 * profile_target: rows of the target table into a profile, in runs of one load.
 *
 * The ledger is read before the scan: where rows say which load they came from, it knows their hour. An
 * object counts for its hour with the first of its chunks. Rows that no load of this pipeline put there, or
 * one that came meanwhile, are of an unknown hour; a range leaves them out. Memory grows with the number of
 * ledger rows: 16 bytes each, at most LOADS_BYTES_MAX.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "tools/profile.h"

enum { SCAN_ROWS = 8192, SCAN_TEXT = 1024 * 1024, LOADS_BYTES_MAX = 256 * 1024 * 1024 };

struct load_hour {
    int64_t id;
    hour_t hour;
};

struct target {
    struct app *app;
    const struct hour_range *range;
    struct profile *profile;
    struct buf loads; /* of struct load_hour, by id */
    struct batch *batch;
    int64_t ids[SCAN_ROWS];
    uint8_t odd[SCAN_ROWS];
    int64_t odd_rows;
};

static enum err_code describe(struct target *t, bool *lineage, struct err *err)
{
    struct sink *sink = t->app->job.sink;
    struct sink_state state = {0};

    buf_init(&state.problems, SINK_PROBLEMS_MAX);
    if (sink_describe(sink, &state, err) == ERR_OK) {
        if (!state.table_exists)
            err_set(err, ERRN_TABLE_MISSING, "%s: table %s is not there: nothing was loaded yet", sink->label,
                    sink->target.table);
        else if (buf_str(&state.problems)[0])
            err_set(err, ERRN_TABLE_MISMATCH, "%s, table %s: %.*s", sink->label, sink->target.table,
                    (int)strcspn(buf_str(&state.problems), "\n"), buf_str(&state.problems));
        *lineage = state.has_lineage;
    }
    buf_release(&state.problems);
    if (err->code == ERR_OK && !*lineage && t->range->bounded)
        err_set(err, ERRN_NEEDS_LINEAGE,
                "%s, table %s: its rows do not say which load they came from, so hours cannot be chosen: "
                "leave the hours out, or load with target.lineage",
                sink->label, sink->target.table);
    return err->code;
}

static int by_id(const void *a, const void *b)
{
    int64_t x = ((const struct load_hour *)a)->id, y = ((const struct load_hour *)b)->id;

    return (x > y) - (x < y);
}

/* An object is known to be whole when the next one comes: its bytes stand in its last chunk. */
struct object_sum {
    char key[REC_OBJECT_MAX + 1];
    hour_t hour;
    int64_t bytes;
    bool counts; /* it has a chunk that was loaded: replays alone, and baselines, are no object here */
};

static enum err_code count_object(struct target *t, struct object_sum *sum, const struct ledger_row *next,
                                  struct err *err)
{
    if (sum->counts && hour_in_range(sum->hour, t->range) &&
        profile_object(t->profile, true, sum->hour, sum->bytes, err))
        return err->code;
    *sum = (struct object_sum){.hour = next ? next->hour : 0};
    if (next)
        (void)!snprintf(sum->key, sizeof sum->key, "%s", next->object);
    return ERR_OK;
}

static enum err_code add_load(struct target *t, struct object_sum *sum, const struct ledger_row *row,
                              struct err *err)
{
    const struct load_hour load = {row->id, row->hour};

    if (strcmp(row->object, sum->key) != 0 && count_object(t, sum, row, err))
        return err->code;
    sum->bytes += row->bytes;
    sum->counts |= row->kind == LOAD_KIND_LOAD;
    return buf_append(&t->loads, &load, sizeof load, err) ? err_context(err, "the rows of the ledger")
                                                          : ERR_OK;
}

/* The ledger by object, so that the chunks of one stand together. */
static enum err_code read_ledger(struct target *t, struct err *err)
{
    struct ledger_row *page = mem_alloc(REC_PAGE * sizeof *page);
    struct object_sum *sum = mem_calloc(1, sizeof *sum);
    struct ledger_query query = {.order = LEDGER_BY_KEY};
    char after[REC_OBJECT_MAX + 1];
    size_t n = REC_PAGE;

    if (!page || !sum) {
        err_nomem(err);
        goto out;
    }
    while (n == REC_PAGE) {
        if (job_check_stop(&t->app->job, err) ||
            sink_ledger_page(t->app->job.sink, &query, page, REC_PAGE, &n, err))
            goto out;
        for (size_t i = 0; i < n; i++) {
            if (add_load(t, sum, &page[i], err))
                goto out;
        }
        if (n > 0) {
            (void)!snprintf(after, sizeof after, "%s", page[n - 1].object);
            query.after_object = after;
            query.after_chunk = page[n - 1].chunk;
        }
    }
    if (count_object(t, sum, NULL, err) == ERR_OK && t->loads.len > 0)
        qsort(t->loads.data, t->loads.len / sizeof(struct load_hour), sizeof(struct load_hour), by_id);
out:
    mem_free(page);
    mem_free(sum);
    return err->code;
}

static const struct load_hour *hour_of_load(const struct target *t, int64_t id)
{
    const struct load_hour key = {.id = id};

    return t->loads.len && id ? bsearch(&key, t->loads.data, t->loads.len / sizeof key, sizeof key, by_id)
                              : NULL;
}

/* The batch's rows, each run of one load at once. */
static enum err_code add_rows(struct target *t, struct err *err)
{
    size_t rows = t->batch->rows;

    for (size_t from = 0, to; from < rows; from = to) {
        const struct load_hour *load = hour_of_load(t, t->ids[from]);

        for (to = from; to < rows && t->ids[to] == t->ids[from]; to++)
            ;
        if (t->range->bounded && (!load || !hour_in_range(load->hour, t->range)))
            continue;
        for (size_t i = from; i < to; i++)
            t->odd_rows += t->odd[i];
        if (profile_add(t->profile, t->batch, from, to, load, load ? load->hour : 0, err))
            return err->code;
        progress_add(&t->app->progress.rows_done, (long long)(to - from));
    }
    return ERR_OK;
}

static enum err_code scan(struct target *t, struct err *err)
{
    struct job *job = &t->app->job;
    struct sink_scan *scan = NULL;

    if (batch_new(&t->app->pipeline->schema, SCAN_ROWS, SCAN_TEXT, &t->batch, err) ||
        sink_scan_begin(job->sink, 0, &scan, err))
        return err->code;
    do {
        if (job_check_stop(job, err) || sink_scan_next(scan, t->batch, t->ids, t->odd, err) ||
            add_rows(t, err))
            break;
    } while (t->batch->rows > 0);
    sink_scan_end(scan);
    return err->code;
}

enum err_code profile_target(struct app *app, const struct hour_range *range, struct profile *profile,
                             int64_t *odd_rows, struct err *err)
{
    struct target *t = mem_calloc(1, sizeof *t);
    bool lineage = false;

    if (!t)
        return err_nomem(err);
    *t = (struct target){.app = app, .range = range, .profile = profile};
    buf_init(&t->loads, LOADS_BYTES_MAX);
    if (describe(t, &lineage, err) == ERR_OK && (!lineage || read_ledger(t, err) == ERR_OK)) {
        (void)!scan(t, err);
        (void)!app_explain_target(app, err);
    }
    *odd_rows = t->odd_rows;
    batch_free(t->batch);
    buf_release(&t->loads);
    mem_free(t);
    return err->code;
}
