/* infer_yaml: what was inferred, as a commented pipeline file. Nothing is decided here but words. */
#ifndef SLUICE_TOOLS_INFER_YAML_H
#define SLUICE_TOOLS_INFER_YAML_H

#include <stdbool.h>

#include "core/base/buf.h"
#include "core/base/hour.h"
#include "core/profile/infer.h"
#include "core/profile/infer_layout.h"

enum { INFER_YAML_MAX = 1024 * 1024, INFER_KEYS_TOLD = 3, INFER_COMMANDS = 24 };

/* Strings are borrowed. */
struct infer_doc {
    const char *source; /* as given */
    const char *name;   /* of the pipeline, its table and its database */
    const char *url;    /* source.url */
    const char *layout; /* source.layout */
    enum infer_time time;
    const char *pattern; /* INFER_DAY, INFER_ONE_DIGIT: the form of the keys */
    int64_t keys;        /* listed */
    bool listed_all;
    int64_t matched; /* of them by the layout (INFER_HOUR), else those that are text files of its suffix */
    int64_t hidden;
    int64_t others; /* neither */
    const char *other_keys[INFER_KEYS_TOLD];
    hour_t first, last; /* of the matched keys */
    /* All but INFER_HOUR: commands that put the files under keys that tell their hour, one a line */
    const char *commands;
    int64_t commands_left_out;
    bool path_has_hour; /* SOURCE is a file that seems to lie in such a folder */
    bool full;          /* all was read */
    int64_t damaged;    /* objects that could not be read */
    const char *damaged_why;
    const struct infer_dialect *dialect;
    const struct infer_result *result;
};

/* The name of a pipeline, table and database for a place: its last part, made legal; false (and "data") where
 * it has none. */
enum { INFER_NAME_MAX = 48 };
bool infer_name(const char *place, char out[INFER_NAME_MAX + 1]);

/* Appends the file. CONFIG where a text is no UTF-8. */
enum err_code infer_yaml(const struct infer_doc *doc, struct buf *out, struct err *err) MUST_USE;

/* The evidence for one column, as the file's comment has it. */
enum err_code infer_evidence(const struct infer_result *result, size_t column, struct buf *out,
                             struct err *err) MUST_USE;

#endif
