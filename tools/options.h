/*
 * options: the command line as a struct, by one table of commands and one of options.
 *
 * The tables (commands.c) are all that parser, help and man page know. Common options stand before or after
 * the command, a command's own behind it. Strings of struct options are borrowed from argv and environment.
 */
#ifndef SLUICE_TOOLS_OPTIONS_H
#define SLUICE_TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/hour.h"
#include "core/load/job.h"
#include "tools/out.h"

enum command_id {
    CMD_HELP,
    CMD_VALIDATE,
    CMD_SETUP,
    CMD_BASELINE,
    CMD_PLAN,
    CMD_RUN,
    CMD_STATUS,
    CMD_HISTORY,
    CMD_REJECTS_LS,
    CMD_REJECTS_SHOW,
    CMD_REJECTS_REPLAY,
    CMD_VERIFY,
    CMD_QUERY,
    CMD_LS,
    CMD_CAT,
    CMD_CP,
    CMD_ENQUEUE,
    CMD_WORK,
    CMD_QUEUE_LS,
    CMD_QUEUE_RETRY,
    CMD_QUEUE_DROP,
    CMD_SERVE,
    CMD_INFER,
    CMD_PROFILE,
    CMD_COUNT
};

enum option_id {
    OPT_END, /* ends a command's list */
    /* common */
    OPT_CONFIG,
    OPT_DIRECTORY,
    OPT_ENV,
    OPT_SET,
    OPT_OUTPUT,
    OPT_SUMMARY,
    OPT_QUIET,
    OPT_VERBOSE,
    OPT_LOG_FORMAT,
    OPT_PROGRESS,
    OPT_COLOR,
    OPT_NOW,
    OPT_WAIT,
    OPT_HELP,
    OPT_VERSION,
    OPT_COMMON_LAST = OPT_VERSION,
    /* of some commands */
    OPT_HOUR,
    OPT_FROM,
    OPT_TO,
    OPT_ALL,
    OPT_RELOAD,
    OPT_ALLOW_NONEMPTY,
    OPT_DRY_RUN,
    OPT_YES,
    OPT_PRINT,
    OPT_OFFLINE,
    OPT_EXIT_CODE,
    OPT_RUN,
    OPT_OBJECT,
    OPT_ERROR,
    OPT_CHECKS,
    OPT_SHOW,
    OPT_BY,
    OPT_EXPLAIN,
    OPT_TARGET,
    OPT_RECURSIVE,
    OPT_MISSING,
    OPT_ONCE,
    OPT_DRAIN,
    OPT_WATCH,
    OPT_GRACE,
    OPT_LISTEN,
    OPT_LISTEN_PUBLIC,
    OPT_SAMPLES,
    OPT_FULL,
    OPT_PROFILE,
    OPT_HTML,
    OPT_JSON,
    OPT_THREADS,
    OPT_COUNT
};

enum option_flag {
    OPTION_ONCE = 1, /* given twice, the second would silently win where both were meant */
};

struct option_def {
    const char *name; /* without "--" */
    char letter;      /* 0 = none */
    unsigned flags;
    const char *arg; /* what stands for its value in the help; NULL = it takes none */
    const char *help;
};

enum command_flag {
    COMMAND_TEXT_ONLY = 1, /* its result is text or bytes as they are: no -o, no --summary */
    COMMAND_STREAMS = 2,   /* its result may be unbounded */
    COMMAND_MANY = 4,      /* it works on several pipelines: -c repeats, or names a folder */
};

struct command_def {
    const char *name; /* one or two words */
    const char *args; /* "" or "SOURCE DEST" */
    int min_args, max_args;
    unsigned flags;
    const unsigned char *options; /* enum option_id, ended by OPT_END */
    const char *summary;          /* one line */
    const char *details;          /* paragraphs divided by blank lines */
};

extern const struct option_def option_table[OPT_COUNT];
extern const struct command_def command_table[CMD_COUNT];

enum {
    OPTIONS_CONFIGS_MAX = 256,
    OPTIONS_SETS_MAX = 256,
    OPTIONS_ARGS_MAX = 256,
    OPTIONS_SHOW_MAX = 1000,
    OPTIONS_SAMPLES = 20,
    OPTIONS_SAMPLES_MAX = 1000,
    OPTIONS_THREADS_MAX = 16,
    OPTIONS_GRACE_MS = 30000,
    OPTIONS_WORK_WAIT_MS = 600000
};

enum progress_mode { PROGRESS_AUTO, PROGRESS_BAR, PROGRESS_NONE };
enum color_mode { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct options {
    enum command_id command;
    bool has_command;
    bool given[OPT_COUNT];                    /* also the value of options that take none */
    const char *configs[OPTIONS_CONFIGS_MAX]; /* files, or (COMMAND_MANY) folders; default "sluice.yaml" */
    size_t nconfigs;
    const char *directory;
    const char *env; /* NULL = none */
    const char *sets[OPTIONS_SETS_MAX];
    size_t nsets;
    enum out_format output;
    const char *summary;
    bool log_json;
    enum progress_mode progress;
    enum color_mode color;
    int64_t now_us; /* with given[OPT_NOW] */
    int64_t wait_ms;
    const char *listen;
    int64_t grace_ms;      /* 0 = roll back at once */
    hour_t hour, from, to; /* with given[] */
    const char *run_id, *object, *error_name;
    int64_t show;
    int64_t samples;
    const char *by;          /* as given: each command knows what it may be */
    const char *html, *json; /* "-" is stdout */
    int64_t threads;         /* 0: as many as suit */
    const char *args[OPTIONS_ARGS_MAX];
    size_t nargs;
};

/* USAGE with the nearest known name where one is near. `out` is usable for log settings also on failure. */
enum err_code options_parse(int argc, char **argv, struct options *out, struct err *err) MUST_USE;

/* The hours meant by --hour, --from, --to, --all; a missing --to is the hour that holds now_us. */
enum err_code options_hours(const struct options *o, int64_t now_us, struct hour_range *out,
                            struct err *err) MUST_USE;

/* The command of these one or two words, CMD_COUNT if there is none. */
enum command_id command_find(const char *word, const char *second);

/* True if some command begins with this word and has a second ("rejects"). */
bool command_is_group(const char *word);

/* The known command nearest to `word` (NULL where none is near). */
const char *command_nearest(const char *word);

#endif
