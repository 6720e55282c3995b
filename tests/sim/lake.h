/*
 * lake: the source of a simulated world, and what is true of it: which objects there are, which versions they
 * had and since when, and which rows are in each. Rows carry their object, version and line in their id.
 */
#ifndef SLUICE_TESTS_SIM_LAKE_H
#define SLUICE_TESTS_SIM_LAKE_H

#include "core/store/store.h"
#include "tests/sim/sched.h"

enum { LAKE_HOURS = 3, LAKE_OBJECTS = 10, LAKE_VERSIONS = 3, LAKE_ROWS = 9 };

/* 2022-06-05T20 */
#define LAKE_FIRST_HOUR ((hour_t)459572)

struct lake_version {
    int64_t at_us; /* when it is put, and, once it is there, when it was */
    int good, bad; /* records */
};

struct lake_object {
    char key[64];
    int hour; /* 0..LAKE_HOURS-1 */
    int nversions;
    int there;     /* versions put so far; the last of them is what can be read */
    int announced; /* of them, those whose hour was put into the queue since */
    struct lake_version versions[LAKE_VERSIONS];
};

struct lake {
    struct lake_object objects[LAKE_OBJECTS];
    int nobjects, nhours;
    struct store *source, *queue; /* the world's own handles */
};

struct lake_plan {
    int hours;
    bool changes; /* objects are replaced */
    int bad_max;  /* bad records an object */
    int64_t over_us;
};

/* Decides what will be there, and when. Nothing is put yet. */
void lake_init(struct lake *lake, const struct lake_plan *plan);
/* Puts the version that is due next, if one is due by now; false where none is left. *next_us: when to call
 * again. */
bool lake_put_due(struct lake *lake, int64_t *next_us, int *hour);

/* The row's place by its id; false where no such row was ever put. */
bool lake_row(const struct lake *lake, int64_t id, int *object, int *version, int *line);
int lake_object_of(const struct lake *lake, const char *key); /* -1: none */

/* Hours and queue files. */
bool lake_queue_has(const struct lake *lake, int hour);
void lake_queue_put(struct lake *lake, int hour);
void lake_announce(struct lake *lake, int hour); /* somebody has put the file */
int lake_hour_of_name(const char *name);         /* -1: none of ours */

#endif
