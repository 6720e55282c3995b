/*
 * infer_layout: keys -> the layout pattern that most of them have.
 *
 * Year, month, day and hour are looked for in this order: in parts such as yyyy=2022, year=2022, 2022,
 * dt=2022-06-05, and in names such as 20220605T12 or 2022-06-05_12. Keys of one form make a group; what
 * differs within it becomes "*". Memory does not grow with the number of keys.
 */
#ifndef SLUICE_PROFILE_INFER_LAYOUT_H
#define SLUICE_PROFILE_INFER_LAYOUT_H

#include "core/base/hour.h"
#include "core/store/store.h"

enum infer_time {
    INFER_NO_TIME,
    INFER_DAY,       /* year, month and day, no hour */
    INFER_ONE_DIGIT, /* all four, but some part has one digit (hour=3): no layout reads that */
    INFER_HOUR,      /* all four */
};

/* What one key tells; a day is its hour 00. */
enum infer_time infer_layout_time(const char *key, hour_t *hour);

/* How a key of a text file ends: ".csv" for .csv, .csv.gz and .csv.zst, which one layout takes; others
 * (.tsv, .txt.gz, ...) as they stand; NULL: by its name it is no text file. */
const char *infer_layout_suffix(const char *key);

struct infer_layout_result {
    enum infer_time time;
    char pattern[2 * STORE_KEY_MAX +
                 1]; /* INFER_HOUR: a layout that compiles; the two before: for people; else "" */
    char suffix[32]; /* of the keys that count: "*.csv" */
    int64_t keys;    /* all that were added */
    int64_t hidden;  /* of them in parts that begin with "." or "_" */
    int64_t texts;   /* of the others those that are text files by their names */
};

struct infer_layout;
enum err_code infer_layout_new(struct infer_layout **out, struct err *err) MUST_USE;
void infer_layout_free(struct infer_layout *layout);
enum err_code infer_layout_add(struct infer_layout *layout, const char *key, struct err *err) MUST_USE;
void infer_layout_finish(const struct infer_layout *layout, struct infer_layout_result *out);

#endif
