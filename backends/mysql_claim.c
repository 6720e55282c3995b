/*
 * mysql_claim: sluice_claim: who may load which hour, until when.
 *
 *   free | expired | ours | named by `steal` -take-> held (epoch + 1) -renew-> held -release-> free
 *
 * Invariants: every change of hands is one UPDATE that compares and sets by the server's clock, and what is
 * told of it is read under its row lock; the epoch grows with each, so that the fence of the former owner
 * matches nothing.
 */
#include <string.h>

#include "backends/mysql_internal.h"

#define COLUMNS                                                                                              \
    "SELECT hour, owner, epoch, lease_until_us, state, attempts, next_try_us, last_error,"                   \
    " lease_until_us <= " MYS_NOW ", takeovers, next_try_us - " MYS_NOW                                      \
    " FROM sluice_claim WHERE pipeline = ?"

#define EXTEND "UPDATE sluice_claim SET lease_until_us = " MYS_NOW " + ?"
#define HOLDER " WHERE pipeline = ? AND hour = ? AND owner = ? AND epoch = ?"
static const char RENEW[] = EXTEND HOLDER;
static const char FENCE[] = EXTEND ", takeovers = 0" HOLDER;

static int64_t lease_us(const struct mys_sink *s)
{
    return s->base.target.lease_ms * 1000;
}

static void read_row(const struct result *r, struct claim_row *row)
{
    memset(row, 0, sizeof *row);
    row->hour = mys_col_hour(r, 0);
    mys_col_text(r, 1, row->owner, sizeof row->owner);
    row->epoch = mys_col_int(r, 2);
    row->lease_until_us = mys_col_int(r, 3);
    if (!hour_state_parse(mys_col(r, 4), &row->before))
        row->before = HOUR_QUEUED;
    row->state = row->owner[0] ? HOUR_RUNNING : row->before;
    row->attempts = (int)mys_col_int(r, 5);
    row->next_try_us = mys_col_int(r, 6);
    mys_col_text(r, 7, row->last_error, sizeof row->last_error);
    row->expired = mys_col_int(r, 8) != 0;
    row->takeovers = (int)mys_col_int(r, 9);
    row->due_in_us = mys_col_int(r, 10);
}

static enum err_code compare_and_set(struct mys_sink *s, hour_t hour, const char *owner,
                                     const struct claim_row *steal, bool *taken, struct err *err)
{
    int64_t matched;
    struct bind b = mys_bind(s,
                             /* Left to right: what stands behind sees what was set before. */
                             "UPDATE sluice_claim SET takeovers = takeovers + (owner <> '' AND owner <> ?),"
                             " owner = ?, epoch = epoch + 1, lease_until_us = " MYS_NOW
                             " + ? WHERE pipeline = ? AND hour = ? AND (owner = '' OR "
                             "lease_until_us <= " MYS_NOW " OR owner = ? OR (owner = ? AND epoch = ?))",
                             err);

    mys_text(&b, owner);
    mys_text(&b, owner);
    mys_int(&b, lease_us(s));
    mys_text(&b, s->base.target.pipeline);
    mys_hour(&b, hour);
    mys_text(&b, owner);
    mys_text(&b, steal ? steal->owner : NULL);
    mys_int(&b, steal ? steal->epoch : 0);
    if (mys_run(&b, "claim", &matched, err))
        return err->code;
    *taken = matched == 1;
    return ERR_OK;
}

static enum err_code look(struct mys_sink *s, hour_t hour, struct claim_row *row, bool *there,
                          struct err *err)
{
    struct result r;
    struct bind b = mys_bind(s, COLUMNS " AND hour = ?", err);

    mys_text(&b, s->base.target.pipeline);
    mys_hour(&b, hour);
    if (mys_query(&b, "claim", &r, err))
        return err->code;
    *there = mys_next(&r);
    if (*there)
        read_row(&r, row);
    mys_done(&r);
    return ERR_OK;
}

static enum err_code add_row(struct mys_sink *s, hour_t hour, struct err *err)
{
    struct bind b = mys_bind(s,
                             "INSERT IGNORE INTO sluice_claim (pipeline, hour, owner, epoch, lease_until_us,"
                             " state, attempts, next_try_us, last_error, takeovers)"
                             " VALUES (?, ?, '', 0, 0, 'queued', 0, 0, '', 0)",
                             err);

    mys_text(&b, s->base.target.pipeline);
    mys_hour(&b, hour);
    (void)!mys_run(&b, "claim", NULL, err);
    return mys_end(s, err);
}

enum err_code mys_claim_take(struct sink *sink, hour_t hour, const char *owner, const struct claim_row *steal,
                             struct claim_row *row, bool *taken, struct err *err)
{
    struct mys_sink *s = mys_of(sink);
    bool there = false;

    /* The row is made in a transaction of its own: two that make it do not wait for each other's claim. */
    for (int tries = 0; tries < 2 && !there; tries++) {
        if (tries > 0 && add_row(s, hour, err))
            return err->code;
        if (compare_and_set(s, hour, owner, steal, taken, err) == ERR_OK)
            (void)!look(s, hour, row, &there, err);
        if (mys_end(s, err)) {
            *taken = false;
            return err->code;
        }
    }
    return ERR_OK;
}

static enum err_code extend(struct mys_sink *s, const char *sql, hour_t hour, const char *owner,
                            int64_t epoch, struct err *err)
{
    char text[HOUR_TEXT_MAX];
    int64_t matched;
    struct bind b = mys_bind(s, sql, err);

    mys_int(&b, lease_us(s));
    mys_text(&b, s->base.target.pipeline);
    mys_hour(&b, hour);
    mys_text(&b, owner);
    mys_int(&b, epoch);
    if (mys_run(&b, "claim", &matched, err))
        return err->code;
    if (matched == 1)
        return ERR_OK;
    hour_format(hour, text);
    return err_set(err, ERRN_FENCED, "the claim on %s was taken over by another worker", text);
}

enum err_code mys_fence(struct mys_sink *s, const struct mys_load *load, struct err *err)
{
    return extend(s, FENCE, load->hour, load->owner, load->epoch, err);
}

enum err_code mys_claim_renew(struct sink *sink, hour_t hour, const char *owner, int64_t epoch,
                              struct err *err)
{
    struct mys_sink *s = mys_of(sink);

    (void)!extend(s, RENEW, hour, owner, epoch, err);
    return mys_end(s, err);
}

enum err_code mys_claim_release(struct sink *sink, const struct claim_row *row, struct err *err)
{
    struct mys_sink *s = mys_of(sink);
    struct bind b = mys_bind(
        s,
        "UPDATE sluice_claim SET owner = '', lease_until_us = 0, takeovers = 0, state = ?, attempts = ?,"
        " next_try_us = IF(? > 0, " MYS_NOW " + ?, ?), last_error = ?" HOLDER,
        err);

    mys_word(&b, hour_state_text(row->state));
    mys_int(&b, row->attempts);
    mys_int(&b, row->retry_in_us);
    mys_int(&b, row->retry_in_us);
    mys_int(&b, row->retry_in_us < 0 ? row->next_try_us : 0);
    mys_text(&b, row->last_error);
    mys_text(&b, s->base.target.pipeline);
    mys_hour(&b, row->hour);
    mys_text(&b, row->owner);
    mys_int(&b, row->epoch);
    (void)!mys_run(&b, "claim", NULL, err);
    return mys_end(s, err);
}

enum err_code mys_claim_page(struct sink *sink, enum claim_which which, hour_t after, struct claim_row *rows,
                             size_t cap, size_t *n, struct err *err)
{
    struct mys_sink *s = mys_of(sink);
    struct result r;
    bool own = false;

    if (mys_has_own(s, &own, err) || !own)
        return err->code;
    struct bind b = mys_bind(s,
                             COLUMNS
                             " AND hour > ? AND (? OR owner <> '' OR state NOT IN ('loaded', 'empty'))"
                             " ORDER BY hour LIMIT ?",
                             err);
    mys_text(&b, sink->target.pipeline);
    if (after < HOUR_MIN)
        mys_word(&b, "");
    else
        mys_hour(&b, after);
    mys_int(&b, which == CLAIMS_ALL);
    mys_int(&b, (int64_t)cap);
    if (mys_query(&b, "claim", &r, err) == ERR_OK) {
        while (*n < cap && mys_next(&r))
            read_row(&r, &rows[(*n)++]);
        mys_done(&r);
    }
    mys_end_read(s);
    return err->code;
}
