/* checks: results of checks for people and programs: of one run, or as `history --checks` lists them. */
#ifndef SLUICE_TOOLS_CHECKS_H
#define SLUICE_TOOLS_CHECKS_H

#include "core/sink/sink.h"
#include "tools/out.h"

/* The first of a run that fired, kept until people are told. */
enum { CHECKS_SHOWN = 20 };
struct checks_fired {
    struct check_row *rows; /* CHECKS_SHOWN, made with the first */
    size_t n;
    int64_t all;
};

/* The newest judgement of an hour as a whole: an earlier one is no longer so. It begins with another run, or
 * where the checks begin anew: a run that finds one object of the hour half loaded judges it with that one
 * and once more with the others. */
struct judgement {
    uint64_t run, first; /* numbers for the run and for the first check */
    int64_t from;        /* id of its first result */
};
/* Whether a result of the hour, of all of them in their order, begins another judgement. */
bool judgement_begins(struct judgement *newest, const struct check_row *row);

/* Those of many hours. */
struct hour_judgement {
    hour_t hour;
    struct judgement newest;
};
struct judgements {
    struct hour_judgement *at; /* by hour */
    size_t n, cap;
};

/* Of what the query chooses: with a run_id that run's judgements are the newest. */
enum err_code judgements_read(struct sink *sink, const struct record_query *query, struct judgements *out,
                              struct err *err) MUST_USE;
/* False of a result that a later judgement of its hour took the place of. */
bool judgements_hold(const struct judgements *j, const struct check_row *row);
void judgements_release(struct judgements *j);

/* The list "checks": in all formats, or (IN_JSON) beside another list, then also, with their names, of
 * several pipelines. */
void checks_out_begin(struct out *out, unsigned in, bool many);
/* All results that the query chooses, of an hour those of the newest judgement; those that fired are kept in
 * `fired` (may be NULL). *shown grows. */
enum err_code checks_out(struct out *out, struct sink *sink, const char *pipeline,
                         const struct record_query *query, struct checks_fired *fired, int64_t *shown,
                         struct err *err) MUST_USE;

/* Lines for people, and how to see more; run_id NULL: of several runs. */
void checks_out_fired(struct out *out, const struct checks_fired *fired, const char *run_id);
void checks_fired_release(struct checks_fired *fired);

#endif
