/*
 * replay: see replay.h.
 *
 * Rejects come in order of their id; those of one object are worked on together, in transactions of at most
 * one page. The ledger row of a replay is the next negative chunk of its object: a second replay of the same
 * rejects collides there or at the mark, and adds nothing. That is also how a commit whose answer was lost is
 * resolved: the same again, and a collision says that it is in.
 */
#include "core/load/replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/data/canon.h"
#include "core/load/judge.h"
#include "core/load/run_internal.h"

enum { REPLAY_ARENA = 40 * 1024 * 1024, REPLAY_TEXT = 1024 * 1024 };

struct replay {
    struct job *job;
    struct replay_totals *totals;
    struct record_query query;
    struct reject *rows; /* a page */
    size_t n;
    struct buf arena;
    struct buf header;
    struct csv_reader *csv;
    struct convert *convert;
    struct judge *judge; /* may be NULL */
    struct check_notes notes;
    struct batch *batch;
    int64_t *ids; /* of the rejects whose rows are in the batch */
    size_t *from; /* and where on the page they are */
    size_t nids;
    char object[REC_OBJECT_MAX + 1]; /* the last one counted */
    struct err refused;              /* what the database said of the first load that it refused */
};

/* What today's checks say of the batch's last row: it goes out again where they refuse it, or would fail its
 * object for it. */
static enum err_code judge_last(struct replay *r, bool *ok, struct err *err)
{
    struct refusal refusal = {.name = ERRN_NONE};
    *ok = true;
    if (r->judge && judge_row(r->judge, r->batch, r->convert, &refusal, err) == ERR_DATA) {
        err_clear(err);
        *ok = false;
    }
    *ok = *ok && refusal.name == ERRN_NONE;
    if (!*ok)
        batch_truncate(r->batch, r->batch->rows - 1);
    return err->code;
}

/* Hands the kept bytes to the reader; the record must be one, and nothing else. */
static enum err_code parse_one(struct replay *r, const char *raw, size_t len, bool header, bool *ok,
                               struct err *err)
{
    struct bytes_mem src;
    struct csv_record record;
    struct refusal refusal = {.name = ERRN_NONE};
    enum csv_event event;
    bytes_mem_init(&src, raw, len);
    csv_reset(r->csv, &src.base);
    *ok = false;
    if (csv_next(r->csv, &event, &record, err) != ERR_OK)
        return err->code;
    if (event != CSV_RECORD)
        return ERR_OK;
    if (header) {
        *ok = true;
        return convert_header(r->convert, &record, err);
    }
    if (convert_record(r->convert, &record, r->batch, &refusal, err) != ERR_OK)
        return err->code;
    if (refusal.name != ERRN_NONE)
        return ERR_OK;
    if ((size_t)record.raw_total != len) { /* under today's dialect the bytes are more than one record */
        batch_truncate(r->batch, r->batch->rows - 1);
        return ERR_OK;
    }
    return judge_last(r, ok, err);
}

/* The map of fields to columns, from the header of the load that refused the record. */
static enum err_code use_header(struct replay *r, int64_t load_id, const char *object, struct err *err)
{
    bool ok = false;
    if (r->job->pipeline->source.csv.header == CSV_HEADER_NONE) {
        convert_no_header(r->convert);
        return ERR_OK;
    }
    if (sink_ledger_header(r->job->sink, load_id, &r->header, err) != ERR_OK)
        return err->code;
    if (parse_one(r, buf_str(&r->header), r->header.len, true, &ok, err) == ERR_OK && !ok)
        err_set(err, ERRN_REPLAY_REFUSED, "its load kept no header, but source.csv.header needs one");
    return err_context(err, "%s", object);
}

/* The chunk of the next replay of this object: below all there are. */
static enum err_code next_chunk(struct replay *r, const char *object, int64_t *chunk, struct err *err)
{
    struct ledger_query query = {.object = object, .order = LEDGER_BY_KEY};
    struct ledger_row *row = mem_alloc(sizeof *row);
    size_t n = 0;
    if (!row)
        return err_nomem(err);
    if (sink_ledger_page(r->job->sink, &query, row, 1, &n, err) == ERR_OK)
        *chunk = n && row->chunk < 0 ? row->chunk - 1 : -1;
    mem_free(row);
    return err->code;
}

/* Where a row came from that the database refused. */
static enum err_code name_row(const struct replay *r, int64_t row, const struct reject *first,
                              struct err *err)
{
    if (row < 0 || (size_t)row >= r->nids)
        return err_context(err, "%s", first->object);
    return err_context(err, "%s line %" PRId64, first->object, r->rows[r->from[row]].line);
}

static enum err_code store_rows(struct replay *r, const struct claim *claim, const struct reject *first,
                                int64_t chunk, struct err *err)
{
    struct sink_begin begin = {
        .hour = first->hour, .owner = claim->row.owner, .epoch = claim->row.epoch, .run_id = r->job->run_id};
    struct ledger_row *row = mem_calloc(1, sizeof *row);
    struct sink_load *load = NULL;
    int64_t stored = 0;
    if (!row)
        return err_nomem(err);
    snprintf(row->object, sizeof row->object, "%s", first->object);
    snprintf(row->run_id, sizeof row->run_id, "%s", r->job->run_id);
    snprintf(row->load_method, sizeof row->load_method, "%s", r->job->sink->caps.load_method);
    row->chunk = chunk;
    row->hour = first->hour;
    row->kind = LOAD_KIND_REPLAY;
    row->last = true;
    row->rows_read = row->rows_loaded = (int64_t)r->batch->rows;
    row->row_hash = canon_rows_hash(r->batch, 0, r->batch->rows);
    row->schema_hash = r->job->pipeline->schema.hash;
    struct sink_segment all = {.from = 0, .to = r->batch->rows};
    if (sink_begin(r->job->sink, &begin, &load, err) != ERR_OK ||
        sink_ledger_insert(load, row, 1, err) != ERR_OK)
        goto out;
    all.load_id = row->id;
    if (sink_append(load, r->batch, &all, 1, &stored, err) != ERR_OK) {
        name_row(r, load->failed_row, first, err);
        goto out;
    }
    if (stored != row->rows_loaded) {
        err_set(err, ERRN_CONSERVATION, "%" PRId64 " rows sent, %" PRId64 " counted by the database",
                row->rows_loaded, stored);
        goto out;
    }
    if (sink_mark_replayed(load, r->ids, r->nids, row->id, err) != ERR_OK ||
        check_notes_store(&r->notes, load, row, err) != ERR_OK || sink_totals(load, row, 1, err) != ERR_OK)
        goto out;
    struct sink_load *done = load;
    load = NULL;
    if (sink_commit(done, err) != ERR_OK)
        goto out;
out:
    sink_abort(load);
    mem_free(row);
    return err->code;
}

/* The batch under the hour's claim, once: a lost answer is asked for by doing the same again. */
static enum err_code store_load(struct replay *r, const struct reject *first, struct err *err)
{
    struct job *job = r->job;
    struct hour_work w = {.job = job};
    struct err released = ERR_INIT;
    int64_t chunk = 0;
    if (claim_acquire(job->sink, first->hour, job->owner, job->wait_ms, job->stop, &w.claim, err) != ERR_OK)
        return err->code;
    if (next_chunk(r, first->object, &chunk, err) == ERR_OK)
        store_rows(r, &w.claim, first, chunk, err);
    for (int tries = 1; err->code == ERR_IN_DOUBT && tries < RUN_TRANSIENT_TRIES; tries++) {
        log_msg(LOG_WARN, "%s; asking the ledger", err->msg);
        err_clear(err);
        if (run_reconnect(&w, err) == ERR_OK && store_rows(r, &w.claim, first, chunk, err) == ERR_EXISTS)
            err_clear(err); /* it was in */
    }
    if (claim_return(&w.claim, &released) != ERR_OK && err->code == ERR_OK)
        *err = released;
    return err->code;
}

/* Whether it was refused for a value that an earlier record has. That one is in the table, where this one's
 * judge does not look, so it stays refused for as long as the column is to be unique. */
static bool stays_twice(const struct schema *schema, const struct reject *reject)
{
    bool unique = false;
    if (strcmp(reject->error_name, err_name_text(ERRN_CHECK_UNIQUE)) != 0)
        return false;
    for (size_t c = 0; c < schema->nloaded; c++) {
        const struct schema_column *column = schema_loaded(schema, c);
        for (size_t k = 0; strcmp(column->name, reject->column) == 0 && k < column->checks.n; k++)
            unique |= column->checks.items[k].kind == CHECK_KIND_UNIQUE &&
                      column->checks.items[k].on != CHECK_ON_WARN;
    }
    return unique;
}

/* Tries rejects [from, to) of the page, all of one load, under the hour's claim. */
static enum err_code replay_load(struct replay *r, size_t from, size_t to, struct err *err)
{
    const struct reject *first = &r->rows[from];
    int64_t tried = 0, refused = 0;
    batch_clear(r->batch);
    r->nids = 0;
    check_notes_cut(&r->notes, 0);
    if (use_header(r, first->load_id, first->object, err) != ERR_OK)
        return err->code;
    if (r->judge)
        judge_object(r->judge, NULL);
    for (size_t i = from; i < to; i++) {
        const struct reject *reject = &r->rows[i];
        bool ok = false;
        if (reject->raw_len < (size_t)reject->length) {
            refused++;
            continue;
        }
        tried++;
        if (stays_twice(&r->job->pipeline->schema, reject))
            continue;
        if (parse_one(r, reject->raw, reject->raw_len, false, &ok, err) != ERR_OK)
            return err_context(err, "%s line %" PRId64, reject->object, reject->line);
        if (!ok)
            continue;
        r->from[r->nids] = i;
        r->ids[r->nids++] = reject->id;
    }
    if (r->judge && judge_end(r->judge, true, 0, &r->notes, err) != ERR_OK)
        return err->code;
    if (r->nids > 0 && store_load(r, first, err) != ERR_OK &&
        (err->name == ERRN_DB_CONSTRAINT || err->name == ERRN_DB_VALUE)) { /* the others go on */
        if (r->refused.code == ERR_OK)
            r->refused = *err; /* told at the end */
        else
            log_err(LOG_ERROR, err);
        err_clear(err);
        r->nids = 0;
    }
    if (err->code == ERR_OK) {
        r->totals->tried += tried;
        r->totals->refused += refused;
        r->totals->loaded += (int64_t)r->nids;
        r->totals->still_rejected += tried - (int64_t)r->nids;
        if (strcmp(r->object, first->object) != 0)
            r->totals->objects++;
        snprintf(r->object, sizeof r->object, "%s", first->object);
    }
    return err->code;
}

static enum err_code replay_pages(struct replay *r, struct err *err)
{
    for (;;) {
        if (job_check_stop(r->job, err) != ERR_OK ||
            sink_reject_page(r->job->sink, &r->query, r->rows, REC_PAGE, &r->n, &r->arena, err) != ERR_OK ||
            r->n == 0)
            return err->code;
        for (size_t from = 0, to; from < r->n; from = to) {
            for (to = from + 1; to < r->n && r->rows[to].load_id == r->rows[from].load_id; to++)
                ;
            if (replay_load(r, from, to, err) != ERR_OK)
                return err->code;
        }
        r->query.after_id = r->rows[r->n - 1].id;
    }
}

enum err_code replay_rejects(struct job *job, const struct record_query *query, struct replay_totals *totals,
                             struct err *err)
{
    const struct pipeline *p = job->pipeline;
    struct replay r = {.job = job, .totals = totals, .query = *query};
    struct bytes_mem nothing;
    bytes_mem_init(&nothing, "", 0);
    *totals = (struct replay_totals){0};
    r.query.only_replayable = true;
    buf_init(&r.arena, REPLAY_ARENA);
    buf_init(&r.header, CSV_RECORD_MAX);
    check_notes_init(&r.notes);
    r.rows = mem_alloc(REC_PAGE * sizeof *r.rows);
    r.ids = mem_alloc(REC_PAGE * sizeof *r.ids);
    r.from = mem_alloc(REC_PAGE * sizeof *r.from);
    if (!r.rows || !r.ids || !r.from)
        err_nomem(err);
    else if (csv_open(&p->source.csv, NULL, &nothing.base, &r.csv, err) == ERR_OK &&
             convert_new(&p->schema, &p->source.csv, &r.convert, err) == ERR_OK &&
             judge_new(p, &r.judge, err) == ERR_OK &&
             batch_new(&p->schema, REC_PAGE, REPLAY_TEXT, &r.batch, err) == ERR_OK) {
        if (r.judge)
            judge_unit(r.judge, UNIT_FILE, true);
        replay_pages(&r, err);
    }
    if (err->code == ERR_OK)
        *err = r.refused;
    csv_close(r.csv);
    convert_free(r.convert);
    judge_free(r.judge);
    check_notes_release(&r.notes);
    batch_free(r.batch);
    mem_free(r.rows);
    mem_free(r.ids);
    mem_free(r.from);
    buf_release(&r.arena);
    buf_release(&r.header);
    return err->code;
}
