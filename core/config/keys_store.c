/*
 * keys_store: the text of one scalar -> the value in a struct, by the rules of its key.
 *
 * Invariants: nothing is written unless the text was accepted; a text that was there before is freed; a
 * secret's text is in no message.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/cron.h"
#include "core/base/hour.h"
#include "core/base/mem.h"
#include "core/base/url.h"
#include "core/config/keys.h"
#include "core/data/types.h"

enum { SHARE_DIGITS = 4 /* behind the point of a percentage */ };
#define SHARE_ALL INT64_C(1000000)

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("_.-", c);
}

/* A name that every database takes in quotes. */
static enum err_code check_identifier(const char *text, struct err *err)
{
    size_t len = strlen(text);

    if (len < 1 || len > KEY_NAME_MAX)
        return err_set(err, ERRN_CONFIG, "a name has 1 to %d bytes, this one has %zu", KEY_NAME_MAX, len);
    if (utf8_length(text, len) < 0)
        return err_set(err, ERRN_CONFIG, "the name is no valid UTF-8");
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return err_set(err, ERRN_CONFIG, "a name may hold no control characters");
    }
    if (text[len - 1] == ' ')
        return err_set(err, ERRN_CONFIG, "a name may not end with a space");
    return ERR_OK;
}

static enum err_code check_text(const struct key *key, const char *text, struct err *err)
{
    struct url url = {0};
    struct cron cron;
    enum err_code code = ERR_OK;

    if (!*text && !(key->flags & (KEY_EMPTY_OK | KEY_EMPTY_NONE)))
        return err_set(err, ERRN_CONFIG, "must not be empty");
    switch (key->kind) {
    case KEY_NAME:
        if (strlen(text) > KEY_NAME_MAX)
            return err_set(err, ERRN_CONFIG, "longer than %d bytes", KEY_NAME_MAX);
        for (const char *p = text; *p; p++) {
            if (!is_name_char(*p))
                return err_set(err, ERRN_CONFIG, "\"%.64s\" may hold only letters, digits, _ . and -", text);
        }
        return ERR_OK;
    case KEY_TABLE:
        if (strncasecmp(text, "sluice_", 7) == 0)
            return err_set(err, ERRN_CONFIG, "names that start with sluice_ belong to sluice's own tables");
        return check_identifier(text, err);
    case KEY_COLUMN:
        if (*text == '_')
            return err_set(err, ERRN_CONFIG,
                           "\"%.64s\": names that start with _ are reserved (_load, _object, _line, _hour); "
                           "rename it and say `from:` for the header's name",
                           text);
        return check_identifier(text, err);
    case KEY_URL:
        if (*text)
            code = url_parse(text, &url, err);
        url_release(&url);
        return code;
    case KEY_CRON:
        return cron_parse(text, &cron, err);
    default:
        return ERR_OK;
    }
}

static enum err_code store_text(const struct key *key, const char *text, char **at, struct err *err)
{
    enum err_code code = check_text(key, text, err);
    char *copy = NULL;

    if (code != ERR_OK || !at)
        return code;
    if (*text || !(key->flags & KEY_EMPTY_NONE)) {
        copy = mem_strdup(text);
        if (!copy)
            return err_nomem(err);
    }
    mem_free(*at);
    *at = copy;
    return ERR_OK;
}

static enum err_code store_char(const char *text, char *at, struct err *err)
{
    if (!text[0] || text[1] || text[0] == '\r' || text[0] == '\n')
        return err_set(err, ERRN_CONFIG, "must be one byte, and no line end; a tab is \"\\t\"");
    if (at)
        *at = text[0];
    return ERR_OK;
}

static enum err_code store_word(const struct key *key, const char *text, void *at, struct err *err)
{
    char list[KEY_PATH_MAX] = "";
    size_t len = 0;

    for (const struct key_word *w = key->words; w->text; w++) {
        if (strcmp(w->text, text) == 0) {
            if (at)
                *(int *)at = w->value;
            return ERR_OK;
        }
        len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", len ? ", " : "", w->text);
    }
    if (key->refusal)
        return err_set(err, key->refusal, "\"%.40s\" is not supported; write %s", text, list);
    return err_set(err, ERRN_CONFIG, "\"%.40s\" is none of %s", text, list);
}

static enum err_code store_bool(const char *text, bool *at, struct err *err)
{
    bool value = strcmp(text, "true") == 0;

    if (!value && strcmp(text, "false") != 0)
        return err_set(err, ERRN_CONFIG, "\"%.40s\" is neither true nor false", text);
    if (at)
        *at = value;
    return ERR_OK;
}

/* Digits only; false where there is anything else or too much of it. Moves *text behind them. */
static bool take_digits(const char **text, int64_t *out)
{
    const char *p = *text;
    int64_t n = 0;

    for (; *p >= '0' && *p <= '9'; p++) {
        if (n > (INT64_MAX - 9) / 10)
            return false;
        n = n * 10 + (*p - '0');
    }
    *out = n;
    if (p == *text)
        return false;
    *text = p;
    return true;
}

static enum err_code store_int(const struct key *key, const char *text, void *at, struct err *err)
{
    const char *p = text;
    int64_t n;

    if (!take_digits(&p, &n) || *p || n < key->min || n > key->max)
        return err_set(err, ERRN_CONFIG, "\"%.40s\" is no number from %" PRId64 " to %" PRId64, text,
                       key->min, key->max);
    if (at && key->size == sizeof(int))
        *(int *)at = (int)n;
    else if (at)
        *(int64_t *)at = n;
    return ERR_OK;
}

static enum err_code store_duration(const struct key *key, const char *text, int64_t *at, struct err *err)
{
    struct err why = ERR_INIT;
    int64_t ms;

    if (duration_parse(text, &ms, &why) != ERR_OK)
        return err_set(err, ERRN_CONFIG, "%s", why.msg);
    if (ms < key->min || ms > key->max)
        return err_set(err, ERRN_CONFIG, "%.40s is outside %" PRId64 "s to %" PRId64 "h", text,
                       key->min / 1000, key->max / 3600000);
    if (at)
        *at = ms;
    return ERR_OK;
}

/* "N", "P%", "P.DDDD%". */
static enum err_code store_limit(const char *text, struct reject_limit *at, struct err *err)
{
    struct reject_limit limit = {0};
    const char *p = text;
    int64_t n = 0, fraction = 0;
    bool ok = take_digits(&p, &n);

    limit.number = n;
    if (ok && *p) {
        const char *point = p;
        int digits = SHARE_DIGITS;

        if (*p == '.') {
            p++;
            ok = take_digits(&p, &fraction) && p - point - 1 <= SHARE_DIGITS;
            digits -= ok ? (int)(p - point - 1) : 0;
        }
        while (digits-- > 0)
            fraction *= 10;
        ok = ok && n <= 100 && strcmp(p, "%") == 0;
        limit = (struct reject_limit){.is_share = true, .share_ppm = ok ? n * 10000 + fraction : 0};
    }
    if (!ok || limit.share_ppm > SHARE_ALL)
        return err_set(err, ERRN_CONFIG,
                       "\"%.40s\" is neither a number of records (10) nor a share of 0%% to 100%% (0.5%%)",
                       text);
    if (at)
        *at = limit;
    return ERR_OK;
}

enum err_code key_store(const struct key *key, const char *text, void *base, struct err *err)
{
    void *at = base && key->size ? (char *)base + key->offset : NULL;
    struct type type;
    enum err_code code;

    switch (key->kind) {
    case KEY_TEXT:
    case KEY_NAME:
    case KEY_TABLE:
    case KEY_COLUMN:
    case KEY_URL:
    case KEY_CRON:
        return store_text(key, text, at, err);
    case KEY_CHAR:
        return store_char(text, at, err);
    case KEY_BOOL:
        return store_bool(text, at, err);
    case KEY_WORD:
        return store_word(key, text, at, err);
    case KEY_INT:
        return store_int(key, text, at, err);
    case KEY_DURATION:
        return store_duration(key, text, at, err);
    case KEY_LIMIT:
        return store_limit(text, at, err);
    case KEY_TYPE:
        code = type_parse(text, &type, err);
        if (code == ERR_OK && at)
            *(struct type *)at = type;
        return code;
    case KEY_VALUE: /* its column judges it */
    case KEY_VALUES:
    case KEY_TEXTS:
    case KEY_SECTION:
    case KEY_MAPS:
    case KEY_RULES:
    case KEY_ENVIRONMENTS:
        break;
    }
    return ERR_OK;
}
