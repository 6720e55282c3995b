/*
 * log: lines for people (text) and for programs (JSON), without secrets and without raw control characters.
 *
 * Invariants: one mutex guards everything here, so lines never mix; a line is built whole and written by one
 * call. The message is redacted before it is escaped, so that a secret with special characters is found as it
 * was registered. Secrets are kept oldest first; when LOG_SECRETS_MAX are there, the one longest not
 * registered goes (rotating tokens would grow for ever). If one cannot be kept for lack of memory, every text
 * is blotted out from then on: a log that says nothing is better than one that says too much. The
 * before/after hooks run under the mutex and must not log.
 */
#include "core/base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"

enum {
    LOG_SECRETS_MAX = 1024,
    LOG_SECRET_MIN = 4,
    LOG_MSG_MAX = 4096,
    LOG_LINE_MAX = LOG_MSG_MAX * 6 + 256, /* each byte may become \u00xx */
};

static const char MASK[] = "***";

static struct {
    pthread_mutex_t mutex;
    FILE *out; /* NULL: stderr */
    enum log_format format;
    enum log_level max_level;
    void (*before)(void *ctx);
    void (*after)(void *ctx);
    void *ctx;
    char *secrets[LOG_SECRETS_MAX];
    size_t nsecrets;
    bool blind; /* a secret could not be kept */
    char line[LOG_LINE_MAX];
    size_t len;
} state = {.mutex = PTHREAD_MUTEX_INITIALIZER, .format = LOG_TEXT, .max_level = LOG_INFO};

void log_configure(FILE *out, enum log_format format, enum log_level max_level)
{
    pthread_mutex_lock(&state.mutex);
    state.out = out;
    state.format = format;
    state.max_level = max_level;
    pthread_mutex_unlock(&state.mutex);
}

void log_set_around(void (*before)(void *ctx), void (*after)(void *ctx), void *ctx)
{
    pthread_mutex_lock(&state.mutex);
    state.before = before;
    state.after = after;
    state.ctx = ctx;
    pthread_mutex_unlock(&state.mutex);
}

/* Takes secret i out of the list, keeping the order. */
static char *take_secret(size_t i)
{
    char *secret = state.secrets[i];

    state.nsecrets--;
    memmove(&state.secrets[i], &state.secrets[i + 1], (state.nsecrets - i) * sizeof state.secrets[0]);
    return secret;
}

void log_add_secret(const char *secret)
{
    char *copy = NULL;

    if (!secret || strlen(secret) < LOG_SECRET_MIN)
        return;
    pthread_mutex_lock(&state.mutex);
    for (size_t i = 0; i < state.nsecrets && !copy; i++) {
        if (strcmp(state.secrets[i], secret) == 0)
            copy = take_secret(i);
    }
    if (!copy)
        copy = mem_strdup(secret);
    if (!copy) {
        state.blind = true;
    } else {
        if (state.nsecrets == LOG_SECRETS_MAX)
            mem_free(take_secret(0));
        state.secrets[state.nsecrets++] = copy;
    }
    pthread_mutex_unlock(&state.mutex);
}

/* Length of the longest secret that starts at p, 0 if none does. With `cut`, the text was shortened to fit a
 * buffer and may end amid a secret: then its first part counts too. */
static size_t secret_at(const char *p, size_t left, bool cut)
{
    size_t longest = 0;

    for (size_t i = 0; i < state.nsecrets; i++) {
        const char *secret = state.secrets[i];
        size_t n = 0;

        while (n < left && secret[n] && secret[n] == p[n])
            n++;
        if (n > longest && (!secret[n] || (cut && n == left && n >= LOG_SECRET_MIN)))
            longest = n;
    }
    return longest;
}

/* The mask is shorter than any secret, so the text only shrinks. */
static void redact_locked(char *text)
{
    size_t left = strlen(text);
    bool cut = left >= ERR_MSG_MAX - 1;
    char *to = text;

    if (state.blind) {
        if (left > strlen(MASK))
            left = strlen(MASK);
        memset(text, MASK[0], left);
        text[left] = '\0';
        return;
    }
    while (left > 0) {
        size_t n = secret_at(text, left, cut);

        if (n > 0) {
            memcpy(to, MASK, strlen(MASK));
            to += strlen(MASK);
        } else {
            n = 1;
            *to++ = *text;
        }
        text += n;
        left -= n;
    }
    *to = '\0';
}

void log_redact(char *text)
{
    pthread_mutex_lock(&state.mutex);
    redact_locked(text);
    pthread_mutex_unlock(&state.mutex);
}

void log_release(void)
{
    pthread_mutex_lock(&state.mutex);
    while (state.nsecrets > 0)
        mem_free(state.secrets[--state.nsecrets]);
    state.blind = false;
    pthread_mutex_unlock(&state.mutex);
}

/* Appends to the line; LOG_LINE_MAX is made so that everything fits. */
static void put(const char *fmt, ...) PRINTF_LIKE(1, 2);
static void put(const char *fmt, ...)
{
    size_t room = sizeof state.line - state.len;
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(state.line + state.len, room, fmt, args);
    va_end(args);
    if (n > 0)
        state.len += (size_t)n < room ? (size_t)n : room - 1;
}

/* Bytes of the UTF-8 character at s and its code point; 0 where there is no valid one. */
static size_t utf8_at(const unsigned char *s, unsigned *cp)
{
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;

    *cp = n == 1 ? s[0] : n ? s[0] & (0x7fu >> n) : 0;
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        *cp = *cp << 6 | (s[i] & 0x3fu);
    }
    return n && *cp >= least[n] && *cp <= 0x10ffff && (*cp < 0xd800 || *cp > 0xdfff) ? n : 0;
}

/* Control characters, C1 included (a terminal obeys them too), and bytes that are no UTF-8 are written as
 * escapes. */
static void put_escaped(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    bool json = state.format == LOG_JSON;

    while (*s) {
        unsigned cp;
        size_t n = utf8_at(s, &cp);
        bool control = n && (cp < 0x20 || (cp >= 0x7f && cp < 0xa0));

        if (json && (control || !n)) {
            put("\\u%04x", n ? cp : 0xfffdu);
            n = n ? n : 1;
        } else if (control || !n) {
            n = n ? n : 1;
            for (size_t i = 0; i < n; i++)
                put("\\x%02x", s[i]);
        } else {
            put("%s%.*s", json && (*s == '"' || *s == '\\') ? "\\" : "", (int)n, (const char *)s);
        }
        s += n;
    }
}

static void write_line(enum log_level level, const char *error_name, char *msg)
{
    static const char *const json_level[] = {"error", "warning", "info", "debug"};
    static const char *const text_level[] = {"error: ", "warning: ", "", "debug: "};
    FILE *out = state.out ? state.out : stderr;
    char time[CLOCK_TEXT_MAX];

    redact_locked(msg);
    state.len = 0;
    if (state.format == LOG_JSON) {
        clock_format_us(clock_wall_us(clock_real()), time);
        put("{\"time\":\"%s\",\"level\":\"%s\",", time, json_level[level]);
        if (error_name)
            put("\"error_name\":\"%s\",", error_name);
        put("\"message\":\"");
        put_escaped(msg);
        put("\"}\n");
    } else {
        put("sluice: %s%s%s", text_level[level], error_name ? error_name : "", error_name ? ": " : "");
        put_escaped(msg);
        put("\n");
    }
    if (state.before)
        state.before(state.ctx);
    fwrite(state.line, 1, state.len, out);
    fflush(out);
    if (state.after)
        state.after(state.ctx);
}

void log_msg(enum log_level level, const char *fmt, ...)
{
    pthread_mutex_lock(&state.mutex);
    if (level <= state.max_level) {
        char msg[LOG_MSG_MAX];
        va_list args;

        va_start(args, fmt);
        vsnprintf(msg, sizeof msg, fmt, args);
        va_end(args);
        write_line(level, NULL, msg);
    }
    pthread_mutex_unlock(&state.mutex);
}

void log_err(enum log_level level, const struct err *err)
{
    pthread_mutex_lock(&state.mutex);
    if (err->code != ERR_OK && level <= state.max_level) {
        char msg[ERR_MSG_MAX];

        memcpy(msg, err->msg, sizeof msg);
        write_line(level, err_name_text(err->name), msg);
    }
    pthread_mutex_unlock(&state.mutex);
}
