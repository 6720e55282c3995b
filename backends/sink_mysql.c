/*
 * sink_mysql: a table in MySQL or MariaDB as a sink: opening, the load's transaction, the type.
 *
 * Invariants: autocommit is off and the isolation READ COMMITTED all the time; the only thing that may stay
 * undecided is the COMMIT of a load, which then is IN_DOUBT; every other failure means that the transaction
 * is gone or is rolled back here.
 *
 *   load: begin (nothing is sent) -> ... -> commit = fence, COMMIT | abort = ROLLBACK
 */
#include <string.h>

#include "backends/mysql_internal.h"
#include "core/base/mem.h"

enum {
    MAX_WRITERS = 64,
    /* A connection keeps three batches. These sizes keep two connections under 64 MiB, whatever the schema.
     */
    BATCH_CELLS = 8 * 1024 * 1024, /* bytes of numbers, references and null flags */
    BATCH_TEXT = 2 * 1024 * 1024,
    BATCH_ROWS_MIN = 256,
};

extern const struct sink_type sink_mysql;

static void close_sink(struct sink *sink)
{
    struct mys_sink *s = mys_of(sink);

    if (s->db)
        mysql_close(s->db);
    mys_infile_release(&s->infile);
    buf_release(&s->sql);
    sink_base_release(sink);
    mem_free(s);
}

static size_t batch_rows(const struct schema *schema)
{
    size_t row = 2 * sizeof(int64_t) + schema->nloaded * (sizeof(int64_t) + 1);
    size_t rows = BATCH_CELLS / row;

    return rows > BATCH_ROWS_MAX ? BATCH_ROWS_MAX : rows < BATCH_ROWS_MIN ? BATCH_ROWS_MIN : rows;
}

static enum err_code open_sink(const struct sink_open *args, struct sink **out, struct err *err)
{
    struct mys_sink *s = NULL;
    struct url url;

    if (url_parse(args->url, &url, err))
        return err->code;
    s = mem_calloc(1, sizeof *s);
    if (!s) {
        err_nomem(err);
        goto out;
    }
    buf_init(&s->sql, MYS_SQL_MAX);
    mys_infile_init(&s->infile);
    if (sink_base_init(&s->base, &sink_mysql, args, err) || mys_connect(s, args, &url, err))
        goto out;
    s->base.caps = (struct sink_caps){.max_writers = MAX_WRITERS,
                                      .batch_rows = batch_rows(args->target.schema),
                                      .batch_text = BATCH_TEXT,
                                      .load_method = s->use_load ? "local infile" : "insert"};
    *out = &s->base;
    s = NULL;
out:
    if (s)
        close_sink(&s->base);
    url_release(&url);
    return err->code;
}

/* ---- a load ---- */

static enum err_code begin_load(struct sink *sink, const struct sink_begin *begin, struct sink_load **out,
                                struct err *err)
{
    struct mys_load *load = mem_calloc(1, sizeof *load);

    (void)sink;
    if (!load)
        return err_nomem(err);
    load->hour = begin->hour;
    load->epoch = begin->epoch;
    memcpy(load->owner, begin->owner, strlen(begin->owner) + 1);
    memcpy(load->run_id, begin->run_id, strlen(begin->run_id) + 1);
    *out = &load->base;
    return ERR_OK;
}

/* Answers to COMMIT after which the transaction surely is not there: it was refused, and a ROLLBACK ends it.
 * Anything else is an answer that was lost. */
static bool surely_refused(long code)
{
    return code == 1213 || code == 1290 || code == 1836 || code == 3101;
}

static enum err_code commit(struct sink_load *load, struct err *err)
{
    struct mys_sink *s = mys_of_load(load);

    if (mys_fence(s, (struct mys_load *)load, err) == ERR_OK &&
        mys_exec(s, "COMMIT", "commit", err) != ERR_OK && err->native && !surely_refused(err->native)) {
        struct err why = *err;
        err_clear(err);
        err_set_native(err, ERRN_DB_IN_DOUBT, why.native, "%s", why.msg);
    }
    if (err->code)
        mys_rollback(s);
    mem_free(load);
    return err->code;
}

static void abort_load(struct sink_load *load)
{
    mys_rollback(mys_of_load(load));
    mem_free(load);
}

static const char *const SCHEMES[] = {"mysql", NULL};

const struct sink_type sink_mysql = {
    .name = "mysql",
    .schemes = SCHEMES,
    .open = open_sink,
    .close = close_sink,
    .keep = mys_keep,
    .setup = mys_setup,
    .describe = mys_describe,
    .preflight = mys_preflight,
    .has_foreign_rows = mys_has_foreign_rows,
    .begin = begin_load,
    .ledger_insert = mys_ledger_insert,
    .replace = mys_replace,
    .append = mys_append,
    .rejects = mys_rejects,
    .mark_replayed = mys_mark_replayed,
    .checks_add = mys_checks_add,
    .check_sql = mys_check_sql,
    .check_prepare = mys_check_prepare,
    .hour_sum = mys_hour_sum,
    .totals = mys_totals,
    .commit = commit,
    .abort = abort_load,
    .ledger_page = mys_ledger_page,
    .ledger_header = mys_ledger_header,
    .ledger_set_etags = mys_ledger_set_etags,
    .attempt_add = mys_attempt_add,
    .attempt_page = mys_attempt_page,
    .reject_page = mys_reject_page,
    .check_page = mys_check_page,
    .claim_take = mys_claim_take,
    .claim_renew = mys_claim_renew,
    .claim_release = mys_claim_release,
    .claim_page = mys_claim_page,
    .scan_begin = mys_scan_begin,
    .scan_next = mys_scan_next,
    .scan_end = mys_scan_end,
    .query = mys_ask,
};
