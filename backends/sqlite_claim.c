/*
 * sqlite_claim: sluice_claim: who may load which hour, until when.
 *
 *   free | expired | ours | named by `steal` -take-> held (epoch + 1) -renew-> held -release-> free
 *
 * Invariants: every change of hands is one UPDATE that compares and sets, under the write lock; the epoch
 * grows with each, so that the fence of the former owner matches nothing.
 */
#include <string.h>

#include "backends/sqlite_internal.h"

static int64_t lease_until(const struct sqlite_sink *s)
{
    return clock_wall_us(s->base.clock) + s->base.target.lease_ms * 1000;
}

static void read_row(const struct sqlite_sink *s, sqlite3_stmt *stmt, struct claim_row *row)
{
    char state[REC_NAME_MAX];

    memset(row, 0, sizeof *row);
    row->hour = column_hour(stmt, 0);
    column_text(stmt, 1, row->owner, sizeof row->owner);
    row->epoch = sqlite3_column_int64(stmt, 2);
    row->lease_until_us = sqlite3_column_int64(stmt, 3);
    row->expired = row->lease_until_us <= clock_wall_us(s->base.clock);
    column_text(stmt, 4, state, sizeof state);
    if (!hour_state_parse(state, &row->before))
        row->before = HOUR_QUEUED;
    row->state = row->owner[0] ? HOUR_RUNNING : row->before;
    row->attempts = sqlite3_column_int(stmt, 5);
    row->next_try_us = sqlite3_column_int64(stmt, 6);
    row->due_in_us = row->next_try_us - clock_wall_us(s->base.clock);
    column_text(stmt, 7, row->last_error, sizeof row->last_error);
    row->takeovers = sqlite3_column_int(stmt, 8);
}

static enum err_code add_row(struct sqlite_sink *s, hour_t hour, struct err *err)
{
    sqlite3_stmt *stmt;

    if (sqlite_statement(s, ST_CLAIM_ADD, &stmt, err))
        return err->code;
    struct bind b = bind_to(stmt);
    bind_text(&b, s->base.target.pipeline);
    bind_hour(&b, hour);
    return sqlite_run(s, &b, "claim", NULL, err);
}

static enum err_code compare_and_set(struct sqlite_sink *s, hour_t hour, const char *owner,
                                     const struct claim_row *steal, bool *taken, struct err *err)
{
    sqlite3_stmt *stmt;
    int64_t changed;

    if (sqlite_statement(s, ST_CLAIM_TAKE, &stmt, err))
        return err->code;
    struct bind b = bind_to(stmt);
    bind_text(&b, owner);
    bind_int(&b, lease_until(s));
    bind_text(&b, s->base.target.pipeline);
    bind_hour(&b, hour);
    bind_int(&b, clock_wall_us(s->base.clock));
    if (steal) {
        bind_text(&b, steal->owner);
        bind_int(&b, steal->epoch);
    }
    if (sqlite_run(s, &b, "claim", &changed, err))
        return err->code;
    *taken = changed == 1;
    return ERR_OK;
}

static enum err_code look(struct sqlite_sink *s, hour_t hour, struct claim_row *row, struct err *err)
{
    sqlite3_stmt *stmt;
    bool there;

    if (sqlite_statement(s, ST_CLAIM_READ, &stmt, err))
        return err->code;
    struct bind b = bind_to(stmt);
    bind_text(&b, s->base.target.pipeline);
    bind_hour(&b, hour);
    if (sqlite_row(s, &b, "claim", &there, err))
        return err->code;
    if (there)
        read_row(s, stmt, row);
    sqlite3_reset(stmt);
    return ERR_OK;
}

enum err_code sqlite_claim_take(struct sink *sink, hour_t hour, const char *owner,
                                const struct claim_row *steal, struct claim_row *row, bool *taken,
                                struct err *err)
{
    struct sqlite_sink *s = sqlite_of(sink);

    if (sqlite_begin_write(s, err))
        return err->code;
    if (add_row(s, hour, err) == ERR_OK && compare_and_set(s, hour, owner, steal, taken, err) == ERR_OK)
        (void)!look(s, hour, row, err);
    if (sqlite_end_write(s, err))
        *taken = false;
    return err->code;
}

static enum err_code extend(struct sqlite_sink *s, enum sqlite_statement id, hour_t hour, const char *owner,
                            int64_t epoch, struct err *err)
{
    char text[HOUR_TEXT_MAX];
    sqlite3_stmt *stmt;
    int64_t changed;

    if (sqlite_statement(s, id, &stmt, err))
        return err->code;
    struct bind b = bind_to(stmt);
    bind_int(&b, lease_until(s));
    bind_text(&b, s->base.target.pipeline);
    bind_hour(&b, hour);
    bind_text(&b, owner);
    bind_int(&b, epoch);
    if (sqlite_run(s, &b, "claim", &changed, err))
        return err->code;
    if (changed == 1)
        return ERR_OK;
    hour_format(hour, text);
    return err_set(err, ERRN_FENCED, "the claim on %s was taken over by another worker", text);
}

enum err_code sqlite_fence(struct sqlite_sink *s, const struct sqlite_load *load, struct err *err)
{
    return extend(s, ST_FENCE, load->hour, load->owner, load->epoch, err);
}

enum err_code sqlite_claim_renew(struct sink *sink, hour_t hour, const char *owner, int64_t epoch,
                                 struct err *err)
{
    struct sqlite_sink *s = sqlite_of(sink);

    if (sqlite_begin_write(s, err))
        return err->code;
    (void)!extend(s, ST_CLAIM_RENEW, hour, owner, epoch, err);
    return sqlite_end_write(s, err);
}

static enum err_code release(struct sqlite_sink *s, const struct claim_row *row, struct err *err)
{
    sqlite3_stmt *stmt;

    if (sqlite_statement(s, ST_CLAIM_RELEASE, &stmt, err))
        return err->code;
    struct bind b = bind_to(stmt);
    bind_text(&b, hour_state_text(row->state));
    bind_int(&b, row->attempts);
    bind_int(&b, row->retry_in_us > 0   ? clock_wall_us(s->base.clock) + row->retry_in_us
                 : row->retry_in_us < 0 ? row->next_try_us
                                        : 0);
    bind_text(&b, row->last_error);
    bind_text(&b, s->base.target.pipeline);
    bind_hour(&b, row->hour);
    bind_text(&b, row->owner);
    bind_int(&b, row->epoch);
    return sqlite_run(s, &b, "claim", NULL, err);
}

enum err_code sqlite_claim_release(struct sink *sink, const struct claim_row *row, struct err *err)
{
    struct sqlite_sink *s = sqlite_of(sink);

    if (sqlite_begin_write(s, err))
        return err->code;
    (void)!release(s, row, err);
    return sqlite_end_write(s, err);
}

enum err_code sqlite_claim_page(struct sink *sink, enum claim_which which, hour_t after,
                                struct claim_row *rows, size_t cap, size_t *n, struct err *err)
{
    struct sqlite_sink *s = sqlite_of(sink);
    sqlite3_stmt *stmt;
    bool own, row;

    if (sqlite_has_own(s, &own, err) || !own)
        return err->code;
    if (sqlite_prepare(s,
                       "SELECT hour, owner, epoch, lease_until_us, state, attempts, next_try_us, last_error,"
                       " takeovers FROM sluice_claim WHERE pipeline = ?1 AND hour > ?2"
                       " AND (?4 OR owner <> '' OR state NOT IN ('loaded', 'empty')) ORDER BY hour LIMIT ?3",
                       0, &stmt, err))
        return err->code;
    struct bind b = bind_to(stmt);
    bind_text(&b, sink->target.pipeline);
    if (after < HOUR_MIN)
        bind_text(&b, "");
    else
        bind_hour(&b, after);
    bind_int(&b, (int64_t)cap);
    bind_int(&b, which == CLAIMS_ALL);
    while (*n < cap && sqlite_row(s, &b, "claim", &row, err) == ERR_OK && row)
        read_row(s, stmt, &rows[(*n)++]);
    sqlite3_finalize(stmt);
    return err->code;
}
