/*
 * query_hours: sets of hours by their four parts.
 *
 * Invariant: a set never loses an hour that a comparison leaves; it may hold dates that do not exist, which
 * no hour is. Numbers that no part can be (2022.5, 13, 1e300) compare as SQL compares them.
 */
#include "backends/query_hours.h"

#include <string.h>

enum { STEPS_MAX = 1024 * 1024 };

/* The marks of one part, and the numbers [from, to) that it can be. */
struct marks {
    uint8_t *at;
    int from, to;
};

static struct marks marks_of(struct hour_set *set, enum hour_part part)
{
    switch (part) {
    case PART_YEAR:
        return (struct marks){set->year, 1, HOUR_SET_YEARS};
    case PART_MONTH:
        return (struct marks){set->month, 1, HOUR_SET_MONTHS};
    case PART_DAY:
        return (struct marks){set->day, 1, HOUR_SET_DAYS};
    default:
        return (struct marks){set->hour, 0, HOUR_SET_HOURS};
    }
}

void hour_set_none(struct hour_set *set)
{
    memset(set, 0, sizeof *set);
}

void hour_set_all(struct hour_set *set)
{
    hour_set_none(set);
    for (int p = 0; p < PART_COUNT; p++) {
        struct marks m = marks_of(set, (enum hour_part)p);
        memset(m.at + m.from, 1, (size_t)(m.to - m.from));
    }
}

static bool holds(int number, enum hour_compare compare, double value)
{
    switch (compare) {
    case HOUR_EQ:
        return number == value;
    case HOUR_LT:
        return number < value;
    case HOUR_LE:
        return number <= value;
    case HOUR_GT:
        return number > value;
    case HOUR_GE:
        break;
    }
    return number >= value;
}

void hour_set_keep(struct hour_set *set, enum hour_part part, enum hour_compare compare, double value)
{
    struct marks m = marks_of(set, part);

    for (int i = m.from; i < m.to; i++)
        m.at[i] &= holds(i, compare, value);
}

void hour_set_keep_in(struct hour_set *set, enum hour_part part, const double *values, size_t n)
{
    enum { KEEP = 2 };
    struct marks m = marks_of(set, part);

    for (size_t v = 0; v < n; v++) {
        int i = values[v] >= m.from && values[v] < m.to ? (int)values[v] : 0;
        if (i == values[v] && m.at[i])
            m.at[i] = KEEP;
    }
    for (int i = m.from; i < m.to; i++)
        m.at[i] = m.at[i] == KEEP;
}

bool hour_set_has(const struct hour_set *set, hour_t hour)
{
    int y, m, d, h;

    hour_to_civil(hour, &y, &m, &d, &h);
    return set->year[y] && set->month[m] && set->day[d] && set->hour[h];
}

/* The first hour of the set, or the last. Dates that do not exist are few: at worst a month of each year. */
static bool find_end(const struct hour_set *set, bool last, hour_t *out)
{
    int step = last ? -1 : 1;

    for (int y = last ? HOUR_SET_YEARS - 1 : 1; y >= 1 && y < HOUR_SET_YEARS; y += step)
        for (int m = set->year[y] ? (last ? 12 : 1) : 0; m >= 1 && m <= 12; m += step)
            for (int d = set->month[m] ? (last ? 31 : 1) : 0; d >= 1 && d <= 31; d += step)
                for (int h = set->day[d] ? (last ? 23 : 0) : -1; h >= 0 && h <= 23; h += step)
                    if (set->hour[h] && hour_from_civil(y, m, d, h, out))
                        return true;
    return false;
}

static bool has_empty_part(const struct hour_set *set)
{
    return !memchr(set->year, 1, sizeof set->year) || !memchr(set->month, 1, sizeof set->month) ||
           !memchr(set->day, 1, sizeof set->day) || !memchr(set->hour, 1, sizeof set->hour);
}

static bool is_all(const struct hour_set *set)
{
    struct hour_set all;

    hour_set_all(&all);
    return memcmp(set, &all, sizeof all) == 0;
}

bool hour_set_range(const struct hour_set *set, const struct hour_range *within, struct hour_range *out)
{
    hour_t first, last;

    *out = *within;
    if (is_all(set))
        return !within->bounded || within->from < within->to;
    if (has_empty_part(set) || !find_end(set, false, &first) || !find_end(set, true, &last))
        return false;
    if (!within->bounded)
        *out = (struct hour_range){true, first, last + 1};
    if (out->from < first)
        out->from = first;
    if (out->to > last + 1)
        out->to = last + 1;
    /* The ends that options gave may lie between two hours of the set. */
    for (int i = 0; i < STEPS_MAX && out->from < out->to && !hour_set_has(set, out->from); i++)
        out->from++;
    for (int i = 0; i < STEPS_MAX && out->from < out->to && !hour_set_has(set, out->to - 1); i++)
        out->to--;
    return out->from < out->to;
}
