/*
 * check_template: reads the SQL of a check once, word by word, judging it and putting the sink's words in.
 *
 * Invariants: quotes and comments are told from the rest in a way that no SQL dialect here reads differently;
 * what stands in them is copied and never judged; what is appended is one statement that begins as a query
 * and has none of the words by which a query writes or locks.
 *
 *   between words -letter-> word -> between words          between words -;-> ended (only space, comments)
 *   between words -quote-> quoted -the same quote-> between words
 */
#include "core/sink/check_template.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "core/data/types.h"
#include "core/sink/sink.h"

enum { SQL_MAX = 1024 * 1024, SHOWN_MAX = 40 };
#define CUT "..."

struct reader {
    const char *at;
    check_put *put;
    void *ctx;
    struct buf *sql;
    struct err *err;
    const char *before; /* the word before this one, NULL at the beginning */
    size_t before_len;
    bool begun; /* the word that says what the statement is was read */
    bool ended; /* behind a semicolon */
};

static enum err_code refuse(struct reader *r, const char *why)
{
    return err_set(r->err, ERRN_CONFIG, "%s, at \"%.*s\"", why, SHOWN_MAX, r->at);
}

static enum err_code copy(struct reader *r, size_t n)
{
    if (buf_append(r->sql, r->at, n, r->err) == ERR_OK)
        r->at += n;
    return r->err->code;
}

static bool is_word(const char *word, size_t len, const char *name)
{
    return strlen(name) == len && strncasecmp(word, name, len) == 0;
}

static bool is_one_of(const char *word, size_t len, const char *const *names)
{
    for (; *names; names++)
        if (is_word(word, len, *names))
            return true;
    return false;
}

static bool in_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static enum err_code read_word(struct reader *r)
{
    static const char *const QUERIES[] = {"SELECT", "WITH", "VALUES", "TABLE", NULL};
    static const char *const WRITES[] = {"INTO", "UPDATE", "DELETE", "RETURNING", NULL};
    size_t n = 0;

    while (in_word(r->at[n]))
        n++;
    if (!r->begun && !is_one_of(r->at, n, QUERIES))
        return refuse(r, "a check is a query that begins with SELECT or WITH");
    if (is_one_of(r->at, n, WRITES) ||
        (is_word(r->at, n, "SHARE") && r->before && is_word(r->before, r->before_len, "FOR")) ||
        (is_word(r->at, n, "MODE") && r->before && is_word(r->before, r->before_len, "SHARE")))
        return refuse(r, "a check only reads, and locks nothing (a column of that name goes in quotes)");
    r->begun = true;
    r->before = r->at;
    r->before_len = n;
    return copy(r, n);
}

/* {name}, or {{ for a brace. */
static enum err_code read_brace(struct reader *r, bool quoted)
{
    static const struct {
        const char *name;
        enum check_word word;
    } WORDS[] = {{"{table}", CHECK_WORD_TABLE}, {"{loads}", CHECK_WORD_LOADS}, {"{hour}", CHECK_WORD_HOUR}};

    if (r->at[1] == '{') {
        r->at++;
        return copy(r, 1);
    }
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
        size_t len = strlen(WORDS[i].name);
        if (strncmp(r->at, WORDS[i].name, len) != 0)
            continue;
        if (quoted)
            return refuse(r, "{table}, {loads} and {hour} bring their own quotes: take those around it away");
        r->at += len;
        r->before = NULL;
        return r->put(r->ctx, WORDS[i].word, r->sql, r->err);
    }
    return refuse(r, "unknown name: it is {table}, {loads} or {hour} ({{ is a brace)");
}

static enum err_code read_quoted(struct reader *r)
{
    const char quote = *r->at, *start = r->at;
    bool escaped = false; /* behind an odd number of backslashes */

    if (copy(r, 1))
        return r->err->code;
    while (*r->at) {
        char c = *r->at;
        if (c == quote && escaped && quote != '`')
            return refuse(r, "databases read a backslash before a quote in different ways: write the quote "
                             "twice");
        if (c == quote && r->at[1] != quote) {
            r->before = NULL;
            return copy(r, 1);
        }
        escaped = c == '\\' && !escaped;
        if (c == '{' ? read_brace(r, true) : copy(r, c == quote ? 2 : 1))
            return r->err->code;
    }
    r->at = start;
    return refuse(r, "a quote is not closed");
}

static enum err_code read_comment(struct reader *r)
{
    bool line = *r->at == '-';
    const char *end = line ? strchr(r->at, '\n') : strstr(r->at + 2, "*/");

    if (line && r->at[2] && !isspace((unsigned char)r->at[2]))
        return refuse(r, "databases read -- without a space behind it in different ways: put one there");
    if (!line && (r->at[2] == '!' || strncmp(r->at + 2, "M!", 2) == 0))
        return refuse(r, "a comment that some databases run: write it out, or leave it away");
    if (!line && !end)
        return refuse(r, "a comment is not closed");
    return copy(r, !end ? strlen(r->at) : (size_t)(end - r->at) + (line ? 1 : 2));
}

static enum err_code read_one(struct reader *r)
{
    char c = *r->at;

    if (isspace((unsigned char)c))
        return copy(r, 1);
    if ((c == '-' && r->at[1] == '-') || (c == '/' && r->at[1] == '*'))
        return read_comment(r);
    if (r->ended)
        return refuse(r, "a check is one statement");
    if (c == ';') {
        r->ended = true;
        r->at++;
        return ERR_OK;
    }
    if (c == '#' || c == '$')
        return refuse(r, "databases read # and $ outside quotes in different ways: leave it away (a comment "
                         "begins with --)");
    if (in_word(c))
        return read_word(r);
    if (!r->begun && c != '(')
        return refuse(r, "a check is a query that begins with SELECT or WITH");
    if (c == '\'' || c == '"' || c == '`')
        return read_quoted(r);
    if (c == '{')
        return read_brace(r, false);
    r->before = NULL;
    return copy(r, 1);
}

enum err_code check_template_expand(const char *template, check_put *put, void *ctx, struct buf *sql,
                                    struct err *err)
{
    struct reader r = {.at = template, .put = put, .ctx = ctx, .sql = sql, .err = err};

    while (*r.at)
        if (read_one(&r))
            return err->code;
    return r.begun ? ERR_OK : err_set(err, ERRN_CONFIG, "the check has no statement");
}

static enum err_code put_nothing(void *ctx, enum check_word word, struct buf *sql, struct err *err)
{
    (void)ctx;
    (void)word;
    (void)sql;
    (void)err;
    return ERR_OK;
}

enum err_code check_template_verify(const char *template, struct err *err)
{
    struct buf sql;

    buf_init(&sql, SQL_MAX);
    (void)!check_template_expand(template, put_nothing, NULL, &sql, err);
    buf_release(&sql);
    return err->code;
}

/* ---- the first row ---- */

/* Appends as much as there is room for, and the mark where that is not all. */
static enum err_code put_cut(struct buf *first, const char *text, size_t len, struct err *err)
{
    enum { ROOM = SINK_CHECK_TEXT_MAX - (sizeof CUT - 1) };
    size_t room = first->len < ROOM ? ROOM - first->len : 0, n = len < room ? len : room;

    if (first->len >= ROOM && strcmp(first->data + first->len - strlen(CUT), CUT) == 0)
        return ERR_OK; /* was cut before */
    while (n < len && n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--; /* not in the middle of a character */
    size_t at = first->len;
    if (buf_append(first, text, n, err) || (n < len && buf_append_str(first, CUT, err)))
        return err->code;
    for (; at < first->len; at++)
        if ((unsigned char)first->data[at] < ' ' || first->data[at] == 0x7f)
            first->data[at] = ' ';
    return ERR_OK;
}

enum err_code check_put_cell(struct buf *first, const char *column, const char *data, size_t len,
                             struct err *err)
{
    struct buf size;

    if ((first->len && put_cut(first, ", ", 2, err)) ||
        put_cut(first, utf8_length(column, strlen(column)) < 0 ? "?" : column,
                utf8_length(column, strlen(column)) < 0 ? 1 : strlen(column), err) ||
        put_cut(first, "=", 1, err))
        return err->code;
    if (!data)
        return put_cut(first, "NULL", 4, err);
    if (utf8_length(data, len) >= 0)
        return put_cut(first, data, len, err);
    buf_init(&size, SINK_CHECK_TEXT_MAX);
    if (buf_printf(&size, err, "(%zu bytes)", len) == ERR_OK)
        (void)!put_cut(first, buf_str(&size), size.len, err);
    buf_release(&size);
    return err->code;
}
