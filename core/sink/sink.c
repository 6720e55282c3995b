/*
 * sink: the checked wrappers around a backend's ops, and the words of the records.
 *
 * Invariants: no caller reaches an op in a state that its contract forbids; an op that fails inside a load
 * breaks the load (LOAD_OPEN -> LOAD_BROKEN) and only abort, or a commit that turns into one, is left; commit
 * and abort end the load whatever they return. Outputs are zeroed before the op, so a failure leaves nothing
 * half filled.
 *
 *   sink: idle -begin-> in load -commit|abort-> idle        sink: idle -scan_begin-> in scan -scan_end-> idle
 */
#include "core/sink/sink.h"

#include <string.h>
#include <strings.h>

#include "core/base/mem.h"
#include "core/sink/check_template.h"

static const char *const LOAD_KINDS[] = {"load", "replay", "baseline"};
static const char *const HOUR_STATES[] = {"queued", "running", "retrying", "loaded", "failed", "empty"};
static const char *const CHECK_ONS[] = {"warn", "reject", "fail"};

enum { LOAD_KIND_COUNT = 3, HOUR_STATE_COUNT = 6, CHECK_ON_COUNT = 3 };

const char *load_kind_text(enum load_kind kind)
{
    return LOAD_KINDS[kind];
}

enum load_kind load_kind_parse(const char *text)
{
    for (int i = 0; i < LOAD_KIND_COUNT; i++)
        if (strcmp(text, LOAD_KINDS[i]) == 0)
            return (enum load_kind)i;
    return LOAD_KIND_LOAD;
}

const char *hour_state_text(enum hour_state state)
{
    return HOUR_STATES[state];
}

bool hour_state_parse(const char *text, enum hour_state *out)
{
    for (int i = 0; i < HOUR_STATE_COUNT; i++)
        if (strcmp(text, HOUR_STATES[i]) == 0) {
            *out = (enum hour_state)i;
            return true;
        }
    return false;
}

const char *check_on_text(enum check_on on)
{
    return CHECK_ONS[on];
}

bool check_on_parse(const char *text, enum check_on *out)
{
    for (int i = 0; i < CHECK_ON_COUNT; i++)
        if (strcmp(text, CHECK_ONS[i]) == 0) {
            *out = (enum check_on)i;
            return true;
        }
    return false;
}

/* ---- open and close ---- */

static enum err_code check_columns(const struct sink_target *t, struct err *err)
{
    static const char *const RESERVED[] = {"_load", "_object", "_hour"};

    for (size_t i = 0; t->lineage != LINEAGE_NONE && i < t->schema->nloaded; i++)
        for (size_t r = 0; r < sizeof RESERVED / sizeof *RESERVED; r++)
            if (strcasecmp(schema_loaded(t->schema, i)->name, RESERVED[r]) == 0)
                return err_set(err, ERRN_CONFIG, "column %s: the name is taken by target.lineage; rename it",
                               RESERVED[r]);
    for (size_t i = 0; i < t->nkey; i++) {
        if (t->key[i] >= t->schema->nloaded)
            return err_set(err, ERRN_INTERNAL, "target.key: column %zu is not loaded", t->key[i]);
        for (size_t k = 0; k < i; k++)
            if (t->key[k] == t->key[i])
                return err_set(err, ERRN_CONFIG, "target.key names column %s twice",
                               schema_loaded(t->schema, t->key[i])->name);
    }
    return ERR_OK;
}

static enum err_code check_target(const struct sink_target *t, struct err *err)
{
    if (!t->pipeline || !t->table || !t->schema || t->schema->nloaded == 0 || t->lease_ms <= 0)
        return err_set(err, ERRN_INTERNAL, "sink_open: the target is not complete");
    if (t->pipeline[0] == '\0' || strlen(t->pipeline) > REC_PIPELINE_MAX)
        return err_set(err, ERRN_CONFIG, "the pipeline's name has no byte or more than %d", REC_PIPELINE_MAX);
    if (t->table[0] == '\0')
        return err_set(err, ERRN_CONFIG, "target.table is empty");
    if (strncasecmp(t->table, "sluice_", 7) == 0)
        return err_set(err, ERRN_CONFIG, "target.table %s: names that begin with sluice_ are sluice's own",
                       t->table);
    return check_columns(t, err);
}

enum err_code sink_base_init(struct sink *sink, const struct sink_type *type, const struct sink_open *args,
                             struct err *err)
{
    sink->type = type;
    sink->clock = args->clock;
    sink->stop = args->stop;
    sink->target = args->target;
    sink->read_only = args->read_only;
    sink->label = url_redact(args->url);
    return sink->label ? ERR_OK : err_nomem(err);
}

void sink_base_release(struct sink *sink)
{
    mem_free(sink->label);
    sink->label = NULL;
}

enum err_code sink_open(const struct sink_type *type, const struct sink_open *args, struct sink **out,
                        struct err *err)
{
    *out = NULL;
    if (!args->url || !args->clock)
        return err_set(err, ERRN_INTERNAL, "sink_open: url or clock is missing");
    if (check_target(&args->target, err))
        return err->code;
    return type->open(args, out, err);
}

void sink_close(struct sink *sink)
{
    if (sink)
        sink->type->close(sink);
}

/* ---- states ---- */

enum need {
    NEED_READ,  /* legal beside an open load */
    NEED_IDLE,  /* nothing may be open */
    NEED_WRITE, /* nothing may be open and the sink is no read-only one */
};

static enum err_code usable(const struct sink *sink, enum need need, const char *op, struct err *err)
{
    if (sink->in_scan)
        return err_set(err, ERRN_INTERNAL, "%s while a scan is open", op);
    if (sink->load && need != NEED_READ)
        return err_set(err, ERRN_INTERNAL, "%s while a load is open", op);
    if (sink->read_only && need == NEED_WRITE)
        return err_set(err, ERRN_READ_ONLY, "%s: opened for reading only", sink->label);
    return ERR_OK;
}

static enum err_code load_usable(const struct sink_load *load, const char *op, struct err *err)
{
    if (load->state != LOAD_OPEN)
        return err_set(err, ERRN_INTERNAL, "%s after a failed call: the load can only be aborted", op);
    return ERR_OK;
}

/* Keeps the load's state in step with what an op of it returned. */
static enum err_code load_result(struct sink_load *load, enum err_code rc)
{
    if (rc)
        load->state = LOAD_BROKEN;
    return rc;
}

enum err_code sink_keep(struct sink *sink, struct err *err)
{
    if (sink->load && load_usable(sink->load, "keep", err))
        return err->code;
    if (!sink->type->keep || sink->in_scan)
        return ERR_OK;
    enum err_code rc = sink->type->keep(sink, err);
    return sink->load ? load_result(sink->load, rc) : rc;
}

/* ---- tables ---- */

enum err_code sink_setup(struct sink *sink, struct buf *print, struct err *err)
{
    if (usable(sink, print ? NEED_IDLE : NEED_WRITE, "setup", err))
        return err->code;
    return sink->type->setup(sink, print, err);
}

enum err_code sink_describe(struct sink *sink, struct sink_state *state, struct err *err)
{
    memset(state, 0, sizeof *state);
    buf_init(&state->problems, SINK_PROBLEMS_MAX);
    if (usable(sink, NEED_READ, "describe", err))
        return err->code;
    return sink->type->describe(sink, state, err);
}

enum err_code sink_preflight(struct sink *sink, bool creates, struct sink_preflight *out, struct err *err)
{
    buf_init(&out->refused, SINK_PROBLEMS_MAX);
    buf_init(&out->wrong, SINK_PROBLEMS_MAX);
    buf_init(&out->warnings, SINK_PROBLEMS_MAX);
    if (usable(sink, NEED_IDLE, "preflight", err))
        return err->code;
    out->asked = sink->type->preflight != NULL;
    return out->asked ? sink->type->preflight(sink, creates, out, err) : ERR_OK;
}

void sink_preflight_release(struct sink_preflight *found)
{
    buf_release(&found->refused);
    buf_release(&found->wrong);
    buf_release(&found->warnings);
}

enum err_code sink_has_foreign_rows(struct sink *sink, bool *any, struct err *err)
{
    *any = false;
    if (usable(sink, NEED_READ, "has_foreign_rows", err))
        return err->code;
    return sink->type->has_foreign_rows(sink, any, err);
}

/* ---- a load ---- */

enum err_code sink_begin(struct sink *sink, const struct sink_begin *begin, struct sink_load **out,
                         struct err *err)
{
    *out = NULL;
    if (usable(sink, NEED_WRITE, "begin", err))
        return err->code;
    if (!begin->owner || !begin->run_id || strlen(begin->owner) > REC_OWNER_MAX ||
        strlen(begin->run_id) > REC_RUN_ID_MAX)
        return err_set(err, ERRN_INTERNAL, "begin: owner or run_id is missing or too long");
    if (sink->type->begin(sink, begin, out, err))
        return err->code;
    (*out)->sink = sink;
    (*out)->state = LOAD_OPEN;
    (*out)->failed_row = -1;
    sink->load = *out;
    return ERR_OK;
}

enum err_code sink_ledger_insert(struct sink_load *load, struct ledger_row *rows, size_t n, struct err *err)
{
    if (load_usable(load, "ledger_insert", err))
        return err->code;
    return load_result(load, load->sink->type->ledger_insert(load, rows, n, err));
}

enum err_code sink_replace(struct sink_load *load, const struct ledger_row *old, struct ledger_row *row,
                           struct err *err)
{
    if (load_usable(load, "replace", err))
        return err->code;
    if (load->sink->target.lineage == LINEAGE_NONE)
        return load_result(
            load, err_set(err, ERRN_NEEDS_LINEAGE, "%s: replacing needs target.lineage: true", old->object));
    return load_result(load, load->sink->type->replace(load, old, row, err));
}

static enum err_code check_segments(const struct sink_load *load, const struct batch *batch,
                                    const struct sink_segment *segments, size_t n, struct err *err)
{
    size_t at = 0;

    if (batch->ncols != load->sink->target.schema->nloaded)
        return err_set(err, ERRN_INTERNAL, "append: a batch of %zu columns", batch->ncols);
    for (size_t i = 0; i < n; i++) {
        if (segments[i].from != at || segments[i].to < at)
            return err_set(err, ERRN_INTERNAL, "append: segment %zu begins at row %zu instead of %zu", i,
                           segments[i].from, at);
        at = segments[i].to;
    }
    if (at != batch->rows)
        return err_set(err, ERRN_INTERNAL, "append: segments end at row %zu of %zu", at, batch->rows);
    return ERR_OK;
}

enum err_code sink_append(struct sink_load *load, const struct batch *batch,
                          const struct sink_segment *segments, size_t nsegments, int64_t *stored,
                          struct err *err)
{
    *stored = 0;
    if (load_usable(load, "append", err))
        return err->code;
    load->failed_row = -1;
    if (check_segments(load, batch, segments, nsegments, err))
        return load_result(load, err->code);
    return load_result(load, load->sink->type->append(load, batch, segments, nsegments, stored, err));
}

enum err_code sink_rejects(struct sink_load *load, const struct reject *rejects, size_t n, int64_t *stored,
                           struct err *err)
{
    *stored = 0;
    if (load_usable(load, "rejects", err))
        return err->code;
    return load_result(load, load->sink->type->rejects(load, rejects, n, stored, err));
}

enum err_code sink_mark_replayed(struct sink_load *load, const int64_t *ids, size_t n, int64_t by,
                                 struct err *err)
{
    if (load_usable(load, "mark_replayed", err))
        return err->code;
    return load_result(load, load->sink->type->mark_replayed(load, ids, n, by, err));
}

enum err_code sink_checks_add(struct sink_load *load, struct check_row *rows, size_t n, struct err *err)
{
    if (load_usable(load, "checks_add", err) || n == 0)
        return err->code;
    return load_result(load, load->sink->type->checks_add(load, rows, n, err));
}

enum err_code sink_check_sql(struct sink_load *load, const char *template, int64_t *rows, struct buf *first,
                             struct err *err)
{
    *rows = 0;
    buf_clear(first);
    if (load_usable(load, "check_sql", err))
        return err->code;
    if (check_template_verify(template, err))
        return load_result(load, err->code);
    if (!load->sink->type->check_sql)
        return load_result(
            load, err_set(err, ERRN_UNSUPPORTED, "%s: has no SQL: leave the check away", load->sink->label));
    return load_result(load, load->sink->type->check_sql(load, template, rows, first, err));
}

enum err_code sink_check_prepare(struct sink *sink, const char *template, struct err *err)
{
    if (usable(sink, NEED_IDLE, "check_prepare", err) || check_template_verify(template, err) ||
        !sink->type->check_prepare)
        return err->code;
    return sink->type->check_prepare(sink, template, err);
}

static bool has_sum(enum type_kind kind)
{
    return kind != TYPE_VARCHAR && kind != TYPE_TEXT && kind != TYPE_DATE && kind != TYPE_TIMESTAMP;
}

enum err_code sink_hour_sum(struct sink_load *load, hour_t hour, size_t c, int64_t *n, double *sum,
                            struct err *err)
{
    const struct sink_target *t = &load->sink->target;

    *n = 0;
    *sum = 0;
    if (load_usable(load, "hour_sum", err))
        return err->code;
    if (t->lineage == LINEAGE_NONE)
        return load_result(load,
                           err_set(err, ERRN_NEEDS_LINEAGE, "the sum of an hour needs target.lineage: true"));
    if (c >= t->schema->nloaded || !has_sum(schema_loaded(t->schema, c)->type.kind))
        return load_result(load, err_set(err, ERRN_INTERNAL, "hour_sum: column %zu has no sum", c));
    if (!load->sink->type->hour_sum)
        return load_result(load, err_set(err, ERRN_UNSUPPORTED, "%s: knows no sums", load->sink->label));
    return load_result(load, load->sink->type->hour_sum(load, hour, c, n, sum, err));
}

enum err_code sink_totals(struct sink_load *load, const struct ledger_row *rows, size_t n, struct err *err)
{
    if (load_usable(load, "totals", err))
        return err->code;
    return load_result(load, load->sink->type->totals(load, rows, n, err));
}

enum err_code sink_commit(struct sink_load *load, struct err *err)
{
    struct sink *sink = load->sink;

    sink->load = NULL;
    if (load_usable(load, "commit", err)) {
        sink->type->abort(load);
        return err->code;
    }
    return sink->type->commit(load, err);
}

void sink_abort(struct sink_load *load)
{
    if (!load)
        return;
    load->sink->load = NULL;
    load->sink->type->abort(load);
}

/* ---- the books ---- */

enum err_code sink_ledger_page(struct sink *sink, const struct ledger_query *query, struct ledger_row *rows,
                               size_t cap, size_t *n, struct err *err)
{
    *n = 0;
    if (usable(sink, NEED_READ, "ledger_page", err))
        return err->code;
    return sink->type->ledger_page(sink, query, rows, cap, n, err);
}

enum err_code sink_ledger_header(struct sink *sink, int64_t id, struct buf *out, struct err *err)
{
    buf_clear(out);
    if (usable(sink, NEED_READ, "ledger_header", err))
        return err->code;
    return sink->type->ledger_header(sink, id, out, err);
}

enum err_code sink_ledger_set_etags(struct sink *sink, const struct etag_mark *marks, size_t n,
                                    struct err *err)
{
    if (usable(sink, NEED_WRITE, "ledger_set_etags", err))
        return err->code;
    return sink->type->ledger_set_etags(sink, marks, n, err);
}

enum err_code sink_attempt_add(struct sink *sink, struct attempt *attempt, const struct reject *samples,
                               size_t n, struct err *err)
{
    if (usable(sink, NEED_WRITE, "attempt_add", err))
        return err->code;
    if (n > REC_SAMPLES_MAX)
        return err_set(err, ERRN_INTERNAL, "attempt_add: %zu samples", n);
    return sink->type->attempt_add(sink, attempt, samples, n, err);
}

enum err_code sink_attempt_page(struct sink *sink, const struct record_query *query, struct attempt *rows,
                                size_t cap, size_t *n, struct err *err)
{
    *n = 0;
    if (usable(sink, NEED_READ, "attempt_page", err))
        return err->code;
    return sink->type->attempt_page(sink, query, rows, cap, n, err);
}

enum err_code sink_reject_page(struct sink *sink, const struct record_query *query, struct reject *rows,
                               size_t cap, size_t *n, struct buf *arena, struct err *err)
{
    *n = 0;
    buf_clear(arena);
    if (usable(sink, NEED_READ, "reject_page", err))
        return err->code;
    return sink->type->reject_page(sink, query, rows, cap, n, arena, err);
}

enum err_code sink_check_page(struct sink *sink, const struct record_query *query, struct check_row *rows,
                              size_t cap, size_t *n, struct err *err)
{
    *n = 0;
    if (usable(sink, NEED_READ, "check_page", err))
        return err->code;
    if (sink->type->check_page(sink, query, rows, cap, n, err) != ERR_OK && err->name == ERRN_TABLE_MISSING)
        err_clear(err); /* tables of an older version have no results */
    return err->code;
}

/* ---- claims ---- */

enum err_code sink_claim_take(struct sink *sink, hour_t hour, const char *owner,
                              const struct claim_row *steal, struct claim_row *row, bool *taken,
                              struct err *err)
{
    *taken = false;
    memset(row, 0, sizeof *row);
    if (usable(sink, NEED_WRITE, "claim_take", err))
        return err->code;
    if (owner[0] == '\0' || strlen(owner) > REC_OWNER_MAX)
        return err_set(err, ERRN_INTERNAL, "claim_take: owner is empty or too long");
    return sink->type->claim_take(sink, hour, owner, steal, row, taken, err);
}

enum err_code sink_claim_renew(struct sink *sink, hour_t hour, const char *owner, int64_t epoch,
                               struct err *err)
{
    if (usable(sink, NEED_WRITE, "claim_renew", err))
        return err->code;
    return sink->type->claim_renew(sink, hour, owner, epoch, err);
}

enum err_code sink_claim_release(struct sink *sink, const struct claim_row *row, struct err *err)
{
    if (usable(sink, NEED_WRITE, "claim_release", err))
        return err->code;
    return sink->type->claim_release(sink, row, err);
}

enum err_code sink_claim_page(struct sink *sink, enum claim_which which, hour_t after, struct claim_row *rows,
                              size_t cap, size_t *n, struct err *err)
{
    *n = 0;
    if (usable(sink, NEED_READ, "claim_page", err))
        return err->code;
    if (sink->type->claim_page(sink, which, after, rows, cap, n, err) != ERR_OK &&
        err->name == ERRN_TABLE_MISMATCH) { /* version 1 had fewer columns */
        err_clear(err);
        err_set(err, ERRN_SCHEMA_OLDER, "%s: sluice's tables are of an older version; run `sluice setup`",
                sink->label);
    }
    return err->code;
}

/* ---- scans ---- */

enum err_code sink_scan_begin(struct sink *sink, int64_t load_id, struct sink_scan **out, struct err *err)
{
    *out = NULL;
    if (usable(sink, NEED_IDLE, "scan_begin", err))
        return err->code;
    if (load_id && sink->target.lineage == LINEAGE_NONE)
        return err_set(err, ERRN_NEEDS_LINEAGE, "reading one load's rows needs target.lineage: true");
    if (sink->type->scan_begin(sink, load_id, out, err))
        return err->code;
    (*out)->sink = sink;
    sink->in_scan = true;
    return ERR_OK;
}

enum err_code sink_scan_next(struct sink_scan *scan, struct batch *batch, int64_t *load_ids, uint8_t *odd,
                             struct err *err)
{
    batch_clear(batch);
    return scan->sink->type->scan_next(scan, batch, load_ids, odd, err);
}

void sink_scan_end(struct sink_scan *scan)
{
    if (!scan)
        return;
    scan->sink->in_scan = false;
    scan->sink->type->scan_end(scan);
}

/* ---- a user's query ---- */

enum err_code sink_query(struct sink *sink, const char *sql, const struct answer *answer, struct err *err)
{
    if (!sink->type->query)
        return err_set(err, ERRN_UNSUPPORTED, "%s: this target has no SQL to query it with", sink->label);
    if (usable(sink, NEED_IDLE, "query", err))
        return err->code;
    if (!sink->read_only)
        return err_set(err, ERRN_INTERNAL, "query on a handle that may write");
    return sink->type->query(sink, sql, answer, err);
}
