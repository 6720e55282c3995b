/*
 * fuzz_layout: a pattern, a key and a name, each on a line of its own.
 *
 * Checks: a key that matches does so under a second, plain matcher that tries everything; its hour gives a
 * prefix of it, for any range around that hour; a part that starts with "." or "_" is hidden and nothing else
 * is; a key made from a pattern with one "*" matches and gives its hour back.
 */
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/store/layout.h"
#include "core/store/store.h"
#include "tests/fuzz/fuzz.h"

enum { PREFIX_MAX = 1 << 20, EFFORT_MAX = 100000 };

/* Whether the rest of the pattern takes the rest of the key, its times those of `when` ("YYYYmmddHH"). Gives
 * up (true) after EFFORT_MAX steps. */
static bool plain_match(const char *pattern, const char *key, const char *end, const char *when, int *effort)
{
    static const char letters[] = "YmdH";
    static const int at[] = {0, 4, 6, 8, 10};

    if (++*effort > EFFORT_MAX)
        return true;
    if (!*pattern)
        return key == end;
    if (*pattern == '*') {
        for (;; key++) {
            if (plain_match(pattern + 1, key, end, when, effort))
                return true;
            if (key == end || *key == '/')
                return false;
        }
    }
    if (*pattern == '%' && pattern[1] != '%') {
        int f = (int)(strchr(letters, pattern[1]) - letters), width = at[f + 1] - at[f];

        return end - key >= width && memcmp(key, when + at[f], (size_t)width) == 0 &&
               plain_match(pattern + 2, key + width, end, when, effort);
    }
    return key < end && *key == *pattern &&
           plain_match(pattern + 1 + (*pattern == '%'), key + 1, end, when, effort);
}

static bool ends_with(const char *text, size_t len, const char *end)
{
    return len >= strlen(end) && memcmp(text + len - strlen(end), end, strlen(end)) == 0;
}

static bool matches_plainly(const char *pattern, const char *key, hour_t hour)
{
    char when[HOUR_TEXT_MAX];
    size_t len = strlen(key);
    int effort = 0;

    hour_format_compact(hour, when);
    if (ends_with(pattern, strlen(pattern), ".csv"))
        len -= ends_with(key, len, ".csv.gz") ? 3 : ends_with(key, len, ".csv.zst") ? 4 : 0;
    return plain_match(pattern, key, key + len, when, &effort);
}

static bool is_hidden(const char *key)
{
    bool first = true;

    for (; *key; key++) {
        if (first && (*key == '.' || *key == '_'))
            return true;
        first = *key == '/';
    }
    return false;
}

static void check_prefix(const struct layout *layout, const char *key, hour_t from, hour_t to)
{
    struct err err = ERR_INIT;
    struct buf prefix;

    buf_init(&prefix, PREFIX_MAX);
    FUZZ_CHECK(layout_range_prefix(layout, from, to, &prefix, &err) == ERR_OK);
    FUZZ_CHECK(strncmp(key, buf_str(&prefix), prefix.len) == 0);
    buf_release(&prefix);
}

static void check_key(const struct layout *layout, const char *pattern, const char *key, hour_t around)
{
    hour_t hour = HOUR_MIN - 1;
    enum layout_match match = layout_match(layout, key, &hour);

    FUZZ_CHECK((match == LAYOUT_HIDDEN) == is_hidden(key));
    if (match != LAYOUT_MATCH) {
        FUZZ_CHECK(hour == HOUR_MIN - 1);
        return;
    }
    FUZZ_CHECK(hour >= HOUR_MIN && hour <= HOUR_MAX);
    FUZZ_CHECK(matches_plainly(pattern, key, hour));
    check_prefix(layout, key, hour, hour + 1);
    if (around <= hour)
        check_prefix(layout, key, around, hour + 1);
    else
        check_prefix(layout, key, hour, around);
}

/* With one "*" there is one way to read a key, so a key made by hand must match. */
static void check_made(const struct layout *layout, const char *pattern, hour_t hour)
{
    const char *star = strchr(pattern, '*');
    char field[8], when[HOUR_TEXT_MAX];
    struct buf key;
    hour_t back;

    if (!star || strchr(star + 1, '*'))
        return;
    hour_format_compact(hour, when);
    buf_init(&key, PREFIX_MAX);
    for (const char *p = pattern; *p; p++) {
        if (*p == '*') {
            fuzz_append(&key, "ab1", 3);
        } else if (*p == '%' && *++p != '%') {
            int from = *p == 'Y' ? 0 : *p == 'm' ? 4 : *p == 'd' ? 6 : 8;
            int n = snprintf(field, sizeof field, "%.*s", *p == 'Y' ? 4 : 2, when + from);

            fuzz_append(&key, field, (size_t)n);
        } else {
            fuzz_append(&key, p, 1);
        }
    }
    FUZZ_CHECK(layout_match(layout, key.data, &back) == LAYOUT_MATCH && back == hour);
    buf_release(&key);
}

FUZZ_TARGET(layout)(const uint8_t *data, size_t size)
{
    const uint8_t *at = data, *end = data + size;
    char *pattern = fuzz_part(&at, end, '\n'), *key = fuzz_part(&at, end, '\n');
    char *name = fuzz_part(&at, end, '\n');
    struct layout *layout;
    struct err err = ERR_INIT;
    struct buf made;
    uint32_t seed = 2166136261u;

    for (size_t i = 0; i < size; i++)
        seed = (seed ^ data[i]) * 16777619u;
    hour_t hour = HOUR_MIN + (hour_t)(seed % (uint32_t)(HOUR_MAX - HOUR_MIN + 1));
    if (layout_compile(pattern, &layout, &err) == ERR_OK) {
        buf_init(&made, PREFIX_MAX);
        check_key(layout, pattern, key, hour);
        check_made(layout, pattern, hour);
        if (layout_key(layout, hour, name, &made, &err) == ERR_OK) {
            FUZZ_CHECK(made.len <= STORE_KEY_MAX && strstr(made.data, name));
            check_key(layout, pattern, made.data, hour);
        }
        buf_release(&made);
    } else {
        FUZZ_CHECK(!layout && (err.name == ERRN_CONFIG || err.name == ERRN_KEY_TOO_LONG) && *err.msg);
    }
    layout_free(layout);
    mem_free(pattern);
    mem_free(key);
    mem_free(name);
    return 0;
}
