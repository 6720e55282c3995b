/*
 * profile_out: a profile's report as text, CSV and JSON.
 *
 * All figures come from the report; nothing here depends on time, machine or threads, so that two documents
 * of the same rows are the same bytes. The JSON's keys are described in docs/profile.md.
 */
#ifndef SLUICE_TOOLS_PROFILE_OUT_H
#define SLUICE_TOOLS_PROFILE_OUT_H

#include "core/profile/report.h"
#include "tools/options.h"
#include "tools/out.h"

/* In text: hours, top values of a column, characters of a cell, columns of the first rows. */
enum { PROFILE_HOURS_SHOWN = 24, PROFILE_TOP_SHOWN = 5, PROFILE_CELL_SHOWN = 24, PROFILE_COLUMNS_SHOWN = 32 };

struct profile_doc {
    const struct report *report; /* borrowed */
    const char *env;             /* NULL = none */
    const char *none;            /* what to say where there is no row: "the table has no row" */
    int64_t odd_rows;            /* of a target: rows with a value that is none of its column's type */
};

/* The document's members; an out_tree_fn over a struct profile_doc. */
void profile_tree(struct out_tree *tree, const void *doc);
/* The same as one member "profile". */
void profile_tree_member(struct out_tree *tree, const void *doc);

/* The table of columns, for programs: the one list of CSV. */
void profile_csv(struct out *out, const struct profile_doc *doc);
/* What people read. */
void profile_text(struct out *out, const struct profile_doc *doc);

/* A moment or date in full: of a column of times. */
void profile_moment(const struct report_column *column, double value, char text[OUT_CELL_MAX]);
/* Whether the column's numbers are whole. */
bool profile_is_whole(const struct report_column *column);

/* The files of --json and --html. */
struct profile_files {
    struct out_file json, html;
};

/* Before the work: a file that cannot be made is said at once. "-" is no file. */
enum err_code profile_files_open(struct profile_files *files, const struct options *o,
                                 struct err *err) MUST_USE;
/* Writes them and puts them in their places. */
enum err_code profile_files_write(struct profile_files *files, const struct profile_doc *doc,
                                  struct err *err) MUST_USE;
void profile_files_release(struct profile_files *files);

/* The whole result of the command `profile` on stdout (and in --summary): text, JSON, CSV or the page. */
enum err_code profile_put(struct out *out, const struct options *o, const struct profile_doc *doc,
                          struct err *err) MUST_USE;
/* Behind the result of a load: text, or a member "profile" of its document. */
void profile_put_behind(struct out *out, const struct options *o, const struct profile_doc *doc);

#endif
