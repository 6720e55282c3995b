/*
 * mysql_util: statements built from templates and values, their results, small transactions.
 *
 * Invariants: a value reaches SQL only through mys_int() and its like, quoted and escaped here; every result
 * is read to its end before the next statement; a connection that is lost or broken answers DB_LOST from then
 * on and is never made again here.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/mysql_internal.h"
#include "core/base/log.h"

/* ---- statements ---- */

/* Copies the template up to its next value. */
static void copy_on(struct bind *b)
{
    size_t n = strcspn(b->rest, "?");

    (void)!buf_append(&b->s->sql, b->rest, n, b->err);
    b->rest += n;
    if (*b->rest == '?')
        b->rest++;
}

struct bind mys_bind(struct mys_sink *s, const char *sql, struct err *err)
{
    struct bind b = {s, sql, err};

    buf_clear(&s->sql);
    copy_on(&b);
    return b;
}

void mys_int(struct bind *b, int64_t v)
{
    (void)!buf_printf(&b->s->sql, b->err, "%" PRId64, v);
    copy_on(b);
}

void mys_blob(struct bind *b, const void *data, size_t len)
{
    struct buf *sql = &b->s->sql;

    if (!data)
        (void)!buf_append_str(sql, "NULL", b->err);
    else if (buf_append_str(sql, "_binary'", b->err) == ERR_OK &&
             mys_put_escaped(sql, data, len, b->err) == ERR_OK)
        (void)!buf_append_char(sql, '\'', b->err);
    copy_on(b);
}

void mys_text(struct bind *b, const char *text)
{
    mys_blob(b, text, text ? strlen(text) : 0);
}

void mys_word(struct bind *b, const char *word)
{
    (void)!buf_printf(&b->s->sql, b->err, "'%s'", word);
    copy_on(b);
}

void mys_hour(struct bind *b, hour_t hour)
{
    char text[HOUR_TEXT_MAX];

    hour_format(hour, text);
    mys_word(b, text);
}

void mys_hex64(struct bind *b, uint64_t v)
{
    (void)!buf_printf(&b->s->sql, b->err, "'%016" PRIx64 "'", v);
    copy_on(b);
}

void mys_hex128(struct bind *b, const struct hash128 *v)
{
    char text[MYS_HEX128 + 1];

    for (size_t i = 0; i < HASH_BYTES; i++)
        (void)!snprintf(text + 2 * i, 3, "%02x", v->bytes[i]);
    mys_word(b, text);
}

void mys_name(struct bind *b, const char *name)
{
    (void)!mys_quote(&b->s->sql, name, b->err);
    copy_on(b);
}

enum err_code mys_quote(struct buf *sql, const char *name, struct err *err)
{
    if (buf_append_char(sql, '`', err))
        return err->code;
    for (; *name; name++) {
        if (*name == '`' && buf_append_char(sql, '`', err))
            return err->code;
        if (buf_append_char(sql, *name, err))
            return err->code;
    }
    return buf_append_char(sql, '`', err);
}

/* ---- sending ---- */

/* The rest of a statement's results, if a server sends any, so that the next one begins clean. */
static void drain(struct mys_sink *s)
{
    do {
        MYSQL_RES *res = mysql_use_result(s->db);
        if (res)
            mysql_free_result(res);
    } while (mysql_next_result(s->db) == 0);
}

static enum err_code refused(struct mys_sink *s, struct err *err)
{
    s->broken = true;
    return err_set(err, ERRN_DENIED,
                   "%s: the server asked for a local file that was not offered; nothing was sent. Find out "
                   "what answers there before you go on",
                   s->base.label);
}

static enum err_code given_up(struct mys_sink *s, const char *what, struct err *err)
{
    return err_set(err, ERRN_DB_LOST, "%s: %s: the connection was given up", s->base.label, what);
}

static enum err_code query(struct mys_sink *s, const char *sql, size_t len, const char *what, struct err *err)
{
    if (s->broken)
        return given_up(s, what, err);
    if (len > s->max_packet)
        return err_set(err, ERRN_DB_VALUE,
                       "%s: %s: %zu bytes are more than the server's max_allowed_packet of %zu: raise it",
                       s->base.label, what, len, s->max_packet);
    int rc = mysql_real_query(s->db, sql, len);
    if (s->infile.refused)
        return refused(s, err);
    return rc ? mys_fail(s, what, err) : ERR_OK;
}

/* Where the handle's clock was moved, the session's moves with it. */
static enum err_code tell_time(struct mys_sink *s, struct err *err)
{
    char sql[64];
    int64_t us = clock_wall_us(s->base.clock);

    /* The 5 behind the last digit: servers cut, and their arithmetic is binary. */
    int n = snprintf(sql, sizeof sql, "SET timestamp = %" PRId64 ".%06d5", us / 1000000, (int)(us % 1000000));
    return query(s, sql, (size_t)n, "clock", err);
}

enum err_code mys_send(struct mys_sink *s, const char *what, struct err *err)
{
    if (err->code || (s->moved_clock && strstr(buf_str(&s->sql), MYS_NOW) && tell_time(s, err)))
        return err->code;
    return query(s, buf_str(&s->sql), s->sql.len, what, err);
}

enum err_code mys_run(struct bind *b, const char *what, int64_t *matched, struct err *err)
{
    if (mys_send(b->s, what, err))
        return err->code;
    if (matched)
        *matched = (int64_t)mysql_affected_rows(b->s->db);
    drain(b->s);
    return b->s->infile.refused ? refused(b->s, err) : ERR_OK;
}

enum err_code mys_exec(struct mys_sink *s, const char *sql, const char *what, struct err *err)
{
    struct bind b = mys_bind(s, sql, err);

    return mys_run(&b, what, NULL, err);
}

/* ---- results ---- */

enum err_code mys_query(struct bind *b, const char *what, struct result *out, struct err *err)
{
    *out = (struct result){0};
    if (mys_send(b->s, what, err))
        return err->code;
    out->res = mysql_store_result(b->s->db);
    return out->res ? ERR_OK : mys_fail(b->s, what, err);
}

bool mys_next(struct result *r)
{
    r->row = r->res ? mysql_fetch_row(r->res) : NULL;
    r->len = r->row ? mysql_fetch_lengths(r->res) : NULL;
    return r->row != NULL;
}

void mys_done(struct result *r)
{
    mysql_free_result(r->res);
    *r = (struct result){0};
}

const char *mys_col(const struct result *r, int col)
{
    return r->row[col] ? r->row[col] : "";
}

int64_t mys_col_int(const struct result *r, int col)
{
    return r->row[col] ? strtoll(r->row[col], NULL, 10) : 0;
}

void mys_col_text(const struct result *r, int col, char *dst, size_t size)
{
    size_t len = r->row[col] ? r->len[col] : 0;

    if (len >= size)
        len = size - 1;
    if (len)
        memcpy(dst, r->row[col], len);
    dst[len] = '\0';
}

hour_t mys_col_hour(const struct result *r, int col)
{
    struct err ignored = ERR_INIT;
    hour_t hour = 0;

    return hour_parse(mys_col(r, col), &hour, &ignored) ? 0 : hour;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 0;
}

uint64_t mys_col_hex64(const struct result *r, int col)
{
    uint64_t v = 0;

    for (const char *at = mys_col(r, col); *at; at++)
        v = v << 4 | (uint64_t)hex_digit(*at);
    return v;
}

struct hash128 mys_col_hash(const struct result *r, int col)
{
    struct hash128 hash = {{0}};
    const char *text = mys_col(r, col);

    for (size_t i = 0; i < HASH_BYTES && text[2 * i] && text[2 * i + 1]; i++)
        hash.bytes[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
    return hash;
}

enum err_code mys_query_int(struct bind *b, const char *what, int64_t *out, struct err *err)
{
    struct result r;

    *out = 0;
    if (mys_query(b, what, &r, err))
        return err->code;
    if (mys_next(&r))
        *out = mys_col_int(&r, 0);
    mys_done(&r);
    return ERR_OK;
}

enum err_code mys_now(struct mys_sink *s, int64_t *us, struct err *err)
{
    struct bind b = mys_bind(s, "SELECT " MYS_NOW, err);

    return mys_query_int(&b, "clock", us, err);
}

enum err_code mys_keep(struct sink *sink, struct err *err)
{
    struct mys_sink *s = mys_of(sink);

    if (s->broken)
        return given_up(s, "keep", err);
    return mysql_ping(s->db) ? mys_fail(s, "keep", err) : ERR_OK;
}

/* ---- transactions ---- */

void mys_rollback(struct mys_sink *s)
{
    if (!s->broken && s->db)
        (void)!mysql_rollback(s->db); /* a connection that is gone has rolled back */
}

enum err_code mys_end(struct mys_sink *s, struct err *err)
{
    if (!err->code && mys_exec(s, "COMMIT", "commit", err) == ERR_OK)
        return ERR_OK;
    mys_rollback(s);
    return err->code;
}

void mys_end_read(struct mys_sink *s)
{
    if (!s->base.load)
        mys_rollback(s);
}
