/* lake: see lake.h. An object's next version is put only when its time has come; equal ids mean equal rows.
 */
#include "tests/sim/lake.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/hour.h"

static int between(int low, int high)
{
    return low + (int)sched_below((uint32_t)(high - low + 1));
}

void lake_init(struct lake *lake, const struct lake_plan *plan)
{
    lake->nhours = plan->hours;
    lake->nobjects = between(1, LAKE_OBJECTS);
    for (int i = 0; i < lake->nobjects; i++) {
        struct lake_object *o = &lake->objects[i];
        int64_t at = sched_now_us();
        o->hour = between(0, plan->hours - 1);
        o->nversions = plan->changes && sched_below(3) == 0 ? between(2, LAKE_VERSIONS) : 1;
        snprintf(o->key, sizeof o->key, "yyyy=2022/mm=06/dd=05/hh=%02d/o%d.csv", 20 + o->hour, i);
        /* Half of the first versions are there at once. */
        if (sched_below(2))
            at += (int64_t)(sched_random() % (uint64_t)plan->over_us);
        for (int v = 0; v < o->nversions; v++) {
            bool empty = o->nversions == 1 && sched_below(8) == 0;
            o->versions[v] = (struct lake_version){.at_us = at,
                                                   .good = empty ? 0 : between(1, LAKE_ROWS),
                                                   .bad = sched_below(4) ? 0 : between(0, plan->bad_max)};
            at += 1 + (int64_t)(sched_random() % (uint64_t)plan->over_us);
        }
    }
}

static int64_t row_id(int object, int version, int line)
{
    return ((int64_t)(object + 1) * LAKE_VERSIONS + version) * 100 + line;
}

bool lake_row(const struct lake *lake, int64_t id, int *object, int *version, int *line)
{
    *line = (int)(id % 100);
    *version = (int)(id / 100 % LAKE_VERSIONS);
    *object = (int)(id / 100 / LAKE_VERSIONS) - 1;
    return id > 0 && *object >= 0 && *object < lake->nobjects && *version < lake->objects[*object].there &&
           *line < lake->objects[*object].versions[*version].good;
}

static void must(enum err_code code, const struct err *err)
{
    if (code == ERR_OK)
        return;
    fprintf(stderr, "%s: %s\n", err_name_text(err->name), err->msg);
    abort();
}

static void put(struct lake *lake, int object)
{
    struct lake_object *o = &lake->objects[object];
    struct lake_version *v = &o->versions[o->there];
    char text[1024];
    size_t n = (size_t)snprintf(text, sizeof text, "id,note\n");
    struct err err = ERR_INIT;
    for (int i = 0; i < v->good; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%lld,line %d\n",
                              (long long)row_id(object, o->there, i), i);
    for (int i = 0; i < v->bad; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "no number %d.%d,\n", o->there, i);
    must(store_put_mem(lake->source, o->key, text, n, PUT_ALWAYS, &err), &err);
    v->at_us = sched_now_us();
    o->there++;
    sched_log("put %s version %d: %d rows, %d bad", o->key, o->there, v->good, v->bad);
}

bool lake_put_due(struct lake *lake, int64_t *next_us, int *hour)
{
    int due = -1;
    *hour = -1;
    for (int i = 0; i < lake->nobjects; i++) {
        const struct lake_object *o = &lake->objects[i];
        if (o->there < o->nversions &&
            (due < 0 ||
             o->versions[o->there].at_us < lake->objects[due].versions[lake->objects[due].there].at_us))
            due = i;
    }
    if (due < 0)
        return false;
    *next_us = lake->objects[due].versions[lake->objects[due].there].at_us;
    if (*next_us > sched_now_us())
        return true;
    *next_us = sched_now_us();
    put(lake, due);
    *hour = lake->objects[due].hour;
    return true;
}

int lake_object_of(const struct lake *lake, const char *key)
{
    for (int i = 0; i < lake->nobjects; i++)
        if (strcmp(lake->objects[i].key, key) == 0)
            return i;
    return -1;
}

static void name_of(int hour, char out[HOUR_TEXT_MAX])
{
    hour_format_compact(LAKE_FIRST_HOUR + hour, out);
}

int lake_hour_of_name(const char *name)
{
    char text[HOUR_TEXT_MAX];
    for (int hour = 0; hour < LAKE_HOURS; hour++) {
        name_of(hour, text);
        if (strcmp(text, name) == 0)
            return hour;
    }
    return -1;
}

bool lake_queue_has(const struct lake *lake, int hour)
{
    char name[HOUR_TEXT_MAX];
    struct store_object object;
    struct err err = ERR_INIT;
    name_of(hour, name);
    return store_stat(lake->queue, name, &object, &err) == ERR_OK;
}

void lake_announce(struct lake *lake, int hour)
{
    for (int i = 0; i < lake->nobjects; i++)
        if (lake->objects[i].hour == hour)
            lake->objects[i].announced = lake->objects[i].there;
}

void lake_queue_put(struct lake *lake, int hour)
{
    char name[HOUR_TEXT_MAX];
    struct err err = ERR_INIT;
    name_of(hour, name);
    must(store_put_mem(lake->queue, name, "", 0, PUT_ALWAYS, &err), &err);
    lake_announce(lake, hour);
    sched_log("put queue file %s", name);
}
