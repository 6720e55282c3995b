/*
 * infer_layout: finds the time in keys, and makes a pattern of the keys that have it in one place.
 *
 * A key is divided into runs of digits. A run takes as many of the fields that are still to come as fit its
 * length (4 digits a year, 8 a date, 10 a date and hour, 2 what comes next), if their values exist and what
 * stands before it does not say otherwise: a label (mm=, hour=), or a word (part-12 is no hour). One digit is
 * a month, day or hour behind its label only (hour=3). Each run is tried as the year; the first that leads to
 * an hour wins, else the first that leads to a day.
 *
 * The form of a key is its text with the fields as %Y %m %d %H and a slot for each part without a field. A
 * group is all keys of one form. Invariant: slots[k] is the text of the group's first key, varies[k] is set
 * once another key had another one.
 */
#include "core/profile/infer_layout.h"

#include <string.h>
#include <strings.h>

#include "core/base/mem.h"
#include "core/store/layout.h"

enum { YEAR, MONTH, DAY, HOUR, FIELDS };
enum {
    RUNS_MAX = 48,
    GROUPS_MAX = 64,
    SLOTS_MAX = 24,
    FORM_MAX = 2 * STORE_KEY_MAX,
    BETWEEN_MAX = 2, /* characters between two fields of one part */
    SLOT = '\1',
};

static const int widths[FIELDS] = {4, 2, 2, 2};
static const char letters[] = "YmdH";

/* ---- names ---- */

static const char *ends_with(const char *text, size_t len, const char *end)
{
    size_t n = strlen(end);
    return len > n && strncasecmp(text + len - n, end, n) == 0 ? text + len - n : NULL;
}

const char *infer_layout_suffix(const char *key)
{
    static const char *const packed[] = {"", ".gz", ".zst"};
    static const char *const kinds[] = {".csv", ".tsv", ".txt", ".tab", ".psv", ".dat", ".data"};
    size_t len = strlen(key);
    for (size_t p = 0; p < sizeof packed / sizeof packed[0]; p++) {
        if (p > 0 && (len < strlen(packed[p]) || strcmp(key + len - strlen(packed[p]), packed[p]) != 0))
            continue;
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
            const char *at = ends_with(key, len - strlen(packed[p]), kinds[k]);
            if (at && at[-1] != '/')
                return strncmp(at, ".csv", 4) == 0 ? ".csv" : at;
        }
    }
    return NULL;
}

static bool is_hidden(const char *key)
{
    for (; key; key = strchr(key, '/')) {
        key += *key == '/';
        if (*key == '.' || *key == '_')
            return true;
    }
    return false;
}

/* ---- the time in a key ---- */

struct found {
    const char *at[FIELDS]; /* where each field stands */
    int value[FIELDS], width[FIELDS];
    int n;          /* fields found, from the year on */
    bool one_digit; /* one of them */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool value_exists(int field, int value)
{
    static const int low[FIELDS] = {1900, 1, 1, 0}, high[FIELDS] = {2199, 12, 31, 23};
    return value >= low[field] && value <= high[field];
}

/* What may follow an hour: minutes, seconds, a fraction. */
static bool is_minutes(const char *digits, int len)
{
    return (len == 2 || len == 4 || len > 5) && digits[0] < '6' && (len == 2 || digits[2] < '6');
}

/* The fields that the run fills, from found->n on; 0: none. */
static int fill(const char *run, int len, struct found *found)
{
    struct found f = *found;
    int pos = 0;
    bool one_digit = len == 1 && f.n > YEAR;
    while (f.n < FIELDS && pos + (one_digit ? 1 : widths[f.n]) <= len) {
        int value = 0, width = one_digit ? 1 : widths[f.n];
        for (int i = 0; i < width; i++)
            value = value * 10 + (run[pos + i] - '0');
        if (!value_exists(f.n, value))
            return 0;
        f.at[f.n] = run + pos;
        f.value[f.n] = value;
        f.width[f.n++] = width;
        f.one_digit = f.one_digit || one_digit;
        pos += width;
        if (one_digit)
            break;
    }
    if (pos < len && (f.n < FIELDS || !is_minutes(run + pos, len - pos)))
        return 0;
    int64_t days;
    if (f.n > DAY && !civil_to_days(f.value[YEAR], f.value[MONTH], f.value[DAY], &days))
        return 0;
    int filled = f.n - found->n;
    *found = f;
    return filled;
}

/* The field that a word names, -1: none. */
static int field_of_word(const char *word, size_t len)
{
    static const struct {
        const char *word;
        int field;
    } words[] = {{"y", YEAR},   {"yy", YEAR},   {"yyyy", YEAR},   {"year", YEAR}, {"m", MONTH},
                 {"mm", MONTH}, {"mon", MONTH}, {"month", MONTH}, {"d", DAY},     {"dd", DAY},
                 {"day", DAY},  {"h", HOUR},    {"hh", HOUR},     {"hr", HOUR},   {"hour", HOUR}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i].word) == len && strncasecmp(words[i].word, word, len) == 0)
            return words[i].field;
    return -1;
}

/* Whether what stands before a run lets it be `field`; `many`: it fills more than one. */
static bool may_be(const char *key, const char *run, int field, bool many, const struct found *before)
{
    const char *end = run, *word;
    bool label = end > key && end[-1] == '=';
    while (end > key && (end[-1] == '=' || (!label && (end[-1] == '-' || end[-1] == '_'))))
        end--;
    for (word = end; word > key && is_letter(word[-1]); word--)
        ;
    int named = field_of_word(word, (size_t)(end - word));
    if (named >= 0 && word < end && !many)
        return named == field && (label || is_digit(run[1]));
    if (!is_digit(run[1]))
        return false; /* one digit */
    if (field == YEAR)
        return true;
    if (label)
        return many && named < 0;
    if (run == key || run[-1] == '/')
        return true;
    /* In one part with the field before, and close to it. */
    const char *last = before->at[field - 1] + before->width[field - 1];
    if (run - last > BETWEEN_MAX)
        return false;
    for (const char *p = last; p < run; p++)
        if (*p == '/' || is_digit(*p) || (is_letter(*p) && !(field == HOUR && strchr("Tth", *p))))
            return false;
    return true;
}

/* Whether a run is a part by itself. */
static bool is_part(const char *key, const char *run, int len)
{
    return (run == key || run[-1] == '/') && run[len] == '/';
}

static struct found find_from(const char *key, const char *const *runs, const int *lens, int nruns)
{
    struct found found = {.n = 0};
    for (int i = 0; i < nruns && found.n < FIELDS; i++) {
        struct found next = found;
        int filled = fill(runs[i], lens[i], &next);
        if (filled > 0 && may_be(key, runs[i], found.n, filled > 1, &found))
            found = next;
        else if (found.n == 0 || is_part(key, runs[i], lens[i]))
            break; /* 2022/13/05 */
    }
    return found;
}

static struct found find(const char *key, size_t len)
{
    const char *runs[RUNS_MAX];
    int lens[RUNS_MAX], n = 0;
    struct found best = {.n = 0};
    for (const char *p = key; p < key + len && n < RUNS_MAX;) {
        const char *start = p;
        while (p < key + len && is_digit(*p))
            p++;
        if (p > start) {
            runs[n] = start;
            lens[n++] = (int)(p - start);
        } else {
            p++;
        }
    }
    for (int i = 0; i < n && best.n < FIELDS; i++) {
        struct found found = find_from(key, runs + i, lens + i, n - i);
        best = found.n > best.n ? found : best;
    }
    return best;
}

/* The key without its suffix. */
static size_t body_of(const char *key, const char *suffix)
{
    size_t len = strlen(key);
    if (strcmp(suffix, ".csv") != 0)
        return len - strlen(suffix);
    while (strncmp(key + len, ".csv", 4) != 0)
        len--;
    return len;
}

static enum infer_time time_of(const struct found *found)
{
    if (found->n == FIELDS)
        return found->one_digit ? INFER_ONE_DIGIT : INFER_HOUR;
    return found->n == HOUR ? INFER_DAY : INFER_NO_TIME;
}

enum infer_time infer_layout_time(const char *key, hour_t *hour)
{
    const char *suffix = infer_layout_suffix(key);
    struct found found = find(key, suffix ? body_of(key, suffix) : strlen(key));
    enum infer_time time = time_of(&found);
    if (time != INFER_NO_TIME && !hour_from_civil(found.value[YEAR], found.value[MONTH], found.value[DAY],
                                                  time == INFER_DAY ? 0 : found.value[HOUR], hour))
        return INFER_NO_TIME;
    return time;
}

/* ---- forms ---- */

struct group {
    enum infer_time time;
    int64_t count;
    char *form;
    char suffix[32];
    int nslots;
    char *slots[SLOTS_MAX];
    bool varies[SLOTS_MAX];
};

struct infer_layout {
    int64_t keys, hidden, texts;
    size_t ngroups;
    struct group groups[GROUPS_MAX];
};

/* A key's form and the texts of its slots. */
struct form {
    char text[FORM_MAX + 1];
    size_t len;
    int nslots;
    const char *slots[SLOTS_MAX];
    size_t slot_lens[SLOTS_MAX];
    bool full; /* it did not fit */
};

static void put(struct form *f, char c)
{
    if (f->len < FORM_MAX)
        f->text[f->len++] = c;
    else
        f->full = true;
}

static void put_slot(struct form *f, const char *text, size_t len)
{
    if (f->nslots == SLOTS_MAX) {
        f->full = true;
        return;
    }
    put(f, SLOT);
    f->slots[f->nslots] = text;
    f->slot_lens[f->nslots++] = len;
}

static void put_literal(struct form *f, const char *from, const char *to)
{
    for (; from < to; from++) {
        put(f, *from);
        if (*from == '%')
            put(f, '%');
        f->full = f->full || *from == SLOT; /* it would read as one */
    }
}

/* A part [from, to) with the fields [first, last). */
static void put_part(struct form *f, const char *from, const char *to, const struct found *found, int first,
                     int last, bool is_file)
{
    const char *at = from;
    for (int i = first; i < last; i++) {
        if (is_file && i == first && found->at[i] > at)
            put_slot(f, at, (size_t)(found->at[i] - at));
        else
            put_literal(f, at, found->at[i]);
        put(f, '%');
        put(f, letters[i]);
        at = found->at[i] + found->width[i];
    }
    if (is_file || (at < to && is_digit(*at)))
        put(f, '*');
    else
        put_literal(f, at, to);
}

static void make_form(const char *key, size_t body, const struct found *found, struct form *f)
{
    const char *end = key + body;
    int field = 0;
    for (const char *part = key; part <= end;) {
        const char *slash = memchr(part, '/', (size_t)(end - part)), *to = slash ? slash : end;
        int first = field;
        while (field < found->n && found->at[field] < to)
            field++;
        if (field > first)
            put_part(f, part, to, found, first, field, !slash);
        else if (slash)
            put_slot(f, part, (size_t)(to - part));
        else
            put(f, '*');
        if (slash)
            put(f, '/');
        part = to + 1;
    }
    f->text[f->len] = '\0';
}

/* ---- groups ---- */

enum err_code infer_layout_new(struct infer_layout **out, struct err *err)
{
    *out = mem_calloc(1, sizeof **out);
    return *out ? ERR_OK : err_nomem(err);
}

void infer_layout_free(struct infer_layout *layout)
{
    if (!layout)
        return;
    for (size_t i = 0; i < layout->ngroups; i++) {
        mem_free(layout->groups[i].form);
        for (int k = 0; k < layout->groups[i].nslots; k++)
            mem_free(layout->groups[i].slots[k]);
    }
    mem_free(layout);
}

static enum err_code add_group(struct infer_layout *layout, const struct form *form, enum infer_time time,
                               const char *suffix, struct group **out, struct err *err)
{
    struct group *g = &layout->groups[layout->ngroups];
    *g = (struct group){.time = time, .form = mem_strdup(form->text)};
    memcpy(g->suffix, suffix, strlen(suffix) + 1);
    layout->ngroups++;
    for (int i = 0; i < form->nslots; i++) {
        g->slots[i] = mem_strndup(form->slots[i], form->slot_lens[i]);
        g->nslots = i + 1;
        if (!g->slots[i])
            return err_nomem(err);
    }
    *out = g;
    return g->form ? ERR_OK : err_nomem(err);
}

enum err_code infer_layout_add(struct infer_layout *layout, const char *key, struct err *err)
{
    const char *suffix = infer_layout_suffix(key);
    struct form form = {.len = 0};
    struct group *g = NULL;
    bool hidden = is_hidden(key);
    layout->keys++;
    layout->hidden += hidden;
    if (hidden || !suffix || strlen(suffix) >= sizeof g->suffix)
        return ERR_OK;
    layout->texts++;
    size_t body = body_of(key, suffix);
    struct found found = find(key, body);
    make_form(key, body, &found, &form);
    if (form.full)
        return ERR_OK;
    for (size_t i = 0; i < layout->ngroups && !g; i++)
        if (layout->groups[i].time == time_of(&found) && strcmp(layout->groups[i].form, form.text) == 0 &&
            strcmp(layout->groups[i].suffix, suffix) == 0)
            g = &layout->groups[i];
    if (!g && layout->ngroups == GROUPS_MAX)
        return ERR_OK;
    if (!g && add_group(layout, &form, time_of(&found), suffix, &g, err))
        return err->code;
    g->count++;
    for (int i = 0; i < g->nslots && form.slots[i]; i++) /* one form, as many slots */
        g->varies[i] = g->varies[i] || strlen(g->slots[i]) != form.slot_lens[i] ||
                       memcmp(g->slots[i], form.slots[i], form.slot_lens[i]) != 0;
    return ERR_OK;
}

/* ---- the answer ---- */

/* The form with its slots filled: what was the same in all keys, or "*". */
static void fill_pattern(const struct group *g, char *out, size_t room)
{
    size_t n = 0;
    int slot = 0;
    for (const char *p = g->form; *p && n + 2 < room; p++) {
        if (*p != SLOT) {
            out[n++] = *p;
            continue;
        }
        const char *text = g->varies[slot] ? "*" : g->slots[slot];
        for (; *text && n + 2 < room; text++) {
            out[n++] = *text;
            if (*text == '%')
                out[n++] = '%';
        }
        slot++;
    }
    for (const char *p = g->suffix; *p && n + 1 < room; p++)
        out[n++] = *p;
    out[n] = '\0';
}

static bool compiles(const char *pattern)
{
    struct layout *layout = NULL;
    struct err err = ERR_INIT;
    bool ok = layout_compile(pattern, &layout, &err) == ERR_OK;
    layout_free(layout);
    return ok;
}

void infer_layout_finish(const struct infer_layout *layout, struct infer_layout_result *out)
{
    const struct group *best = NULL;
    *out = (struct infer_layout_result){
        .keys = layout->keys, .hidden = layout->hidden, .texts = layout->texts};
    for (size_t i = 0; i < layout->ngroups; i++) {
        const struct group *g = &layout->groups[i];
        char pattern[sizeof out->pattern];
        fill_pattern(g, pattern, sizeof pattern);
        if (g->time == INFER_HOUR && !compiles(pattern))
            continue;
        if (best && (g->time < best->time || (g->time == best->time && g->count <= best->count)))
            continue;
        best = g;
        out->time = g->time;
        memcpy(out->suffix, g->suffix, sizeof out->suffix);
        memcpy(out->pattern, pattern, sizeof pattern);
    }
    if (out->time == INFER_NO_TIME)
        out->pattern[0] = '\0';
    /* hour=9 beside hour=10: its pattern would leave the first out. */
    for (size_t i = 0; i < layout->ngroups && out->time == INFER_HOUR; i++)
        if (layout->groups[i].time == INFER_ONE_DIGIT && strcmp(layout->groups[i].form, best->form) == 0 &&
            strcmp(layout->groups[i].suffix, best->suffix) == 0)
            out->time = INFER_ONE_DIGIT;
}
