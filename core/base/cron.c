/*
 * cron: see cron.h.
 *
 * Invariant: a line that was parsed has a bit in each field and comes at least once in CRON_YEARS (29
 * February is the rarest, up to 8 years apart; on a given day of the week, 40), so a search by days ends.
 */
#include "core/base/cron.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/hour.h"

enum { CRON_YEARS = 41, DAYS_MAX = CRON_YEARS * 366, MINUTES_A_DAY = 1440 };

#define MINUTE_US INT64_C(60000000)
#define DAY_US    (24 * HOUR_US)

struct field {
    const char *name;
    int low, high;
    const char *const *words; /* of low, low + 1, ...; NULL = none */
};

static const char *const MONTHS[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
                                     "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const DAYS[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};
static const struct field FIELDS[] = {{"minute", 0, 59, NULL},
                                      {"hour", 0, 23, NULL},
                                      {"day of the month", 1, 31, NULL},
                                      {"month", 1, 12, MONTHS},
                                      {"day of the week", 0, 7, DAYS}};
enum { NFIELDS = sizeof FIELDS / sizeof FIELDS[0] };

/* ---- reading ---- */

static bool read_number(const char **p, int *out)
{
    const char *start = *p;

    *out = 0;
    for (; **p >= '0' && **p <= '9' && *p - start < 4; ++*p)
        *out = *out * 10 + (**p - '0');
    return *p > start;
}

static bool read_value(const struct field *f, const char **p, int *out)
{
    for (int i = 0; f->words && f->words[i]; i++) {
        if (strncasecmp(*p, f->words[i], 3) == 0) {
            *p += 3;
            *out = f->low + i;
            return true;
        }
    }
    return read_number(p, out);
}

static enum err_code bad_field(const struct field *f, const char *text, struct err *err)
{
    return err_set(err, ERRN_CONFIG,
                   "%s: \"%s\" is none of * , A-B , a list of them with commas, or */N, from %d to %d",
                   f->name, text, f->low, f->high);
}

/* One element of a list: *, A, A-B, with /N. */
static enum err_code read_element(const struct field *f, const char *text, const char **p, uint64_t *bits,
                                  struct err *err)
{
    int from = f->low, to = f->high, step = 1;
    bool star = **p == '*';

    if (star)
        ++*p;
    else if (!read_value(f, p, &from))
        return bad_field(f, text, err);
    else
        to = from;
    if (!star && **p == '-') {
        ++*p;
        if (!read_value(f, p, &to))
            return bad_field(f, text, err);
    }
    if (**p == '/') {
        ++*p;
        if (!read_number(p, &step) || step == 0 || (!star && to == from))
            return bad_field(f, text, err);
    }
    if (from < f->low || to > f->high || from > to)
        return err_set(err, ERRN_CONFIG, "%s: \"%s\" is not within %d to %d", f->name, text, f->low, f->high);
    for (int i = from; i <= to; i += step)
        *bits |= UINT64_C(1) << i;
    return ERR_OK;
}

static enum err_code read_field(const struct field *f, const char *text, uint64_t *bits, struct err *err)
{
    const char *p = text;

    *bits = 0;
    do {
        if (read_element(f, text, &p, bits, err))
            return err->code;
    } while (*p == ',' && *++p);
    return *p || p[-1] == ',' ? bad_field(f, text, err) : ERR_OK;
}

enum err_code cron_parse(const char *text, struct cron *out, struct err *err)
{
    char copy[CRON_TEXT_MAX], *words[NFIELDS], *rest = copy, *word;
    uint64_t bits[NFIELDS];
    size_t n = 0;

    if ((size_t)snprintf(copy, sizeof copy, "%s", text) >= sizeof copy)
        return err_set(err, ERRN_CONFIG, "longer than %d bytes", CRON_TEXT_MAX - 1);
    while ((word = strsep(&rest, " \t"))) {
        if (*word && n < NFIELDS)
            words[n] = word;
        n += *word != '\0';
    }
    if (n != NFIELDS)
        return err_set(
            err, ERRN_CONFIG,
            "a cron line has five fields (minute, hour, day, month, day of the week), such as \"0 * "
            "* * *\"; \"%s\" has %zu",
            text, n);
    for (size_t i = 0; i < NFIELDS; i++)
        if (read_field(&FIELDS[i], words[i], &bits[i], err))
            return err->code;
    *out = (struct cron){.minutes = bits[0],
                         .hours = (uint32_t)bits[1],
                         .days = (uint32_t)bits[2],
                         .months = (uint32_t)bits[3],
                         .weekdays = (uint32_t)((bits[4] | bits[4] >> 7) & 0x7f),
                         .any_day = words[2][0] == '*',
                         .any_weekday = words[4][0] == '*'};
    if (cron_next_us(out, 0) == INT64_MAX)
        return err_set(err, ERRN_CONFIG, "\"%s\" never comes: no month has such a day", text);
    return ERR_OK;
}

/* ---- looking ---- */

static bool has_day(const struct cron *c, int64_t days)
{
    int year, month, day, weekday = (int)(((days + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
    bool by_day, by_weekday;

    days_to_civil(days, &year, &month, &day);
    if (!(c->months >> month & 1))
        return false;
    by_day = c->days >> day & 1;
    by_weekday = c->weekdays >> weekday & 1;
    return c->any_day || c->any_weekday ? by_day && by_weekday : by_day || by_weekday;
}

static bool has_minute(const struct cron *c, int of_day)
{
    return (c->hours >> of_day / 60 & 1) && (c->minutes >> of_day % 60 & 1);
}

static bool is_known(int64_t days)
{
    return days >= HOUR_MIN / 24 && days <= HOUR_MAX / 24;
}

int64_t cron_next_us(const struct cron *cron, int64_t after_us)
{
    int64_t hours = hour_of_us(after_us), left = after_us - hour_start_us(hours);
    int64_t minutes = hours * 60 + left / MINUTE_US + 1;
    int64_t day = hour_of_us(minutes * MINUTE_US) / 24;
    int from;

    if (day * DAY_US > minutes * MINUTE_US) /* before 1970 */
        day--;
    from = (int)(minutes - day * MINUTES_A_DAY);
    for (int i = 0; i <= DAYS_MAX && is_known(day); i++, day++, from = 0) {
        if (!has_day(cron, day))
            continue;
        for (int m = from; m < MINUTES_A_DAY; m++)
            if (has_minute(cron, m))
                return day * DAY_US + m * MINUTE_US;
    }
    return INT64_MAX;
}

int64_t cron_last_us(const struct cron *cron, int64_t at_us)
{
    int64_t hours = hour_of_us(at_us), left = at_us - hour_start_us(hours);
    int64_t minutes = hours * 60 + left / MINUTE_US;
    int64_t day = hour_of_us(minutes * MINUTE_US) / 24;
    int from;

    if (day * DAY_US > minutes * MINUTE_US)
        day--;
    from = (int)(minutes - day * MINUTES_A_DAY);
    for (int i = 0; i <= DAYS_MAX && is_known(day); i++, day--, from = MINUTES_A_DAY - 1) {
        if (!has_day(cron, day))
            continue;
        for (int m = from; m >= 0; m--)
            if (has_minute(cron, m))
                return day * DAY_US + m * MINUTE_US;
    }
    return INT64_MIN;
}
