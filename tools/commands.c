/*
 * commands: the table of options and the table of commands: all that the parser, `help` and the man page
 * know.
 *
 * Invariants: a command's list of options ends with OPT_END; a name of two words has its first in common with
 * its group.
 */
#include <string.h>

#include "core/base/near.h"
#include "tools/options.h"

const struct option_def option_table[OPT_COUNT] = {
    [OPT_CONFIG] =
        {"config", 'c', 0, "FILE",
         "the pipeline file (default: sluice.yaml); for serve, status and work it repeats, or names "
         "a folder of them"},
    [OPT_DIRECTORY] = {"directory", 'C', OPTION_ONCE, "DIR", "go to this folder first"},
    [OPT_ENV] = {"env", 'e', OPTION_ONCE, "NAME",
                 "use this environment of the pipeline file (or SLUICE_ENV)"},
    [OPT_SET] = {"set", 0, 0, "KEY=VALUE",
                 "set one key of the pipeline file, such as target.table=t; may be given many times; beats "
                 "environment and file"},
    [OPT_OUTPUT] = {"output", 'o', 0, "FORMAT", "text, json or csv (default: text)"},
    [OPT_SUMMARY] = {"summary", 0, OPTION_ONCE, "FILE",
                     "also write the result to FILE, as the JSON document that -o json prints"},
    [OPT_QUIET] = {"quiet", 'q', 0, NULL, "log errors only"},
    [OPT_VERBOSE] = {"verbose", 'v', 0, NULL, "log each step"},
    [OPT_LOG_FORMAT] = {"log-format", 0, 0, "FORMAT", "text or json (default: text)"},
    [OPT_PROGRESS] = {"progress", 0, 0, "WHEN",
                      "auto, bar or none (default: auto, a bar where stderr is a terminal)"},
    [OPT_COLOR] = {"color", 0, 0, "WHEN",
                   "auto, always or never (default: auto, on a terminal unless NO_COLOR is set)"},
    [OPT_NOW] = {"now", 0, OPTION_ONCE, "TIME",
                 "take this as the time of the start, such as 2022-06-05T12:30:00Z"},
    [OPT_WAIT] = {"wait", 0, OPTION_ONCE, "DUR",
                  "wait so long for an hour that another worker holds (60s, 5m, 2h; default: not at all)"},
    [OPT_HELP] = {"help", 'h', 0, NULL, "say how the command is used"},
    [OPT_VERSION] = {"version", 'V', 0, NULL, "print the version"},
    [OPT_HOUR] = {"hour", 0, OPTION_ONCE, "H", "only this hour: 2022-06-05T12, 2022060512, or a date (00)"},
    [OPT_FROM] = {"from", 0, OPTION_ONCE, "H", "from this hour on"},
    [OPT_TO] = {"to", 0, OPTION_ONCE, "H", "up to this hour, without it (default: the hour that is now)"},
    [OPT_ALL] = {"all", 0, 0, NULL, "all hours there are (the default)"},
    [OPT_RELOAD] = {"reload", 0, 0, NULL, "delete what these hours loaded and load it again"},
    [OPT_ALLOW_NONEMPTY] = {"allow-nonempty", 0, 0, NULL,
                            "load also into a table that has rows of others when the pipeline is new"},
    [OPT_DRY_RUN] = {"dry-run", 0, 0, NULL, "only say what would be done (the same as plan)"},
    [OPT_YES] = {"yes", 'y', 0, NULL, "do not ask before rows are deleted"},
    [OPT_PRINT] = {"print", 0, 0, NULL, "print the statements and execute none"},
    [OPT_OFFLINE] = {"offline", 0, 0, NULL, "look at the pipeline file only, connect to nothing"},
    [OPT_EXIT_CODE] = {"exit-code", 0, 0, NULL, "exit with 1 if an hour failed or is late"},
    [OPT_RUN] = {"run", 0, OPTION_ONCE, "ID", "only this run"},
    [OPT_OBJECT] = {"object", 0, OPTION_ONCE, "KEY", "only this object"},
    [OPT_ERROR] = {"error", 0, OPTION_ONCE, "NAME", "only this error, such as CSV_RAGGED"},
    [OPT_CHECKS] = {"checks", 0, 0, NULL, "the results of checks instead, those that did not fire too"},
    [OPT_SHOW] = {"show", 0, OPTION_ONCE, "N", "name up to N rows that differ (at most 1000)"},
    [OPT_MISSING] =
        {"missing", 0, 0, NULL,
         "the hours in which the source has objects that the ledger lacks (of --from and --to, or all)"},
    [OPT_ONCE] = {"once", 0, 0, NULL, "work one hour"},
    [OPT_DRAIN] = {"drain", 0, 0, NULL,
                   "work until no queue file is left but those of failed hours (the default)"},
    [OPT_WATCH] = {"watch", 0, 0, NULL, "go on until stopped"},
    [OPT_GRACE] = {"grace", 0, OPTION_ONCE, "DUR",
                   "after SIGTERM finish the hour within DUR, then roll back (default: 30s with serve and "
                   "--watch, else 0s)"},
    [OPT_LISTEN] = {"listen", 0, OPTION_ONCE, "ADDR:PORT",
                    "where the status page is (default: 127.0.0.1:8080; port 0: any that is free)"},
    [OPT_LISTEN_PUBLIC] = {"listen-public", 0, 0, NULL,
                           "allow --listen on an address that others can reach: the page has no password"},
    [OPT_SAMPLES] =
        {"samples", 0, OPTION_ONCE, "N",
         "read so many objects, spread over the listing, 8 MiB or 100,000 records of each (default: 20)"},
    [OPT_FULL] = {"full", 0, 0, NULL, "read every object to its end"},
    [OPT_EXPLAIN] = {"explain", 0, 0, NULL, "say what would be listed and read, and read no object"},
    [OPT_PROFILE] = {"profile", 0, 0, NULL, "describe the rows that are loaded, on the way"},
    [OPT_TARGET] = {"target", 0, 0, NULL, "of the target, not of the source"},
    [OPT_BY] = {"by", 0, OPTION_ONCE, "WHAT",
                "divide what is told by WHAT; the command's own text says what that may be"},
    [OPT_HTML] = {"html", 0, OPTION_ONCE, "FILE", "write a report as one HTML page (-: to stdout)"},
    [OPT_JSON] = {"json", 0, OPTION_ONCE, "FILE", "write every figure as JSON (-: to stdout)"},
    [OPT_THREADS] = {"threads", 0, OPTION_ONCE, "N",
                     "use N threads, 1 to 16 (default: as many as there are processors, at most 2)"},
    [OPT_RECURSIVE] = {"recursive", 'r', 0, NULL, "copy all objects below SOURCE"},
};

#define HOURS OPT_HOUR, OPT_FROM, OPT_TO, OPT_ALL

static const unsigned char none[] = {OPT_END};
static const unsigned char validate[] = {OPT_OFFLINE, OPT_END};
static const unsigned char setup[] = {OPT_PRINT, OPT_END};
static const unsigned char baseline[] = {OPT_TO, OPT_END};
static const unsigned char plan[] = {HOURS, OPT_RELOAD, OPT_END};
static const unsigned char run[] = {HOURS,       OPT_RELOAD, OPT_YES,  OPT_ALLOW_NONEMPTY, OPT_DRY_RUN,
                                    OPT_PROFILE, OPT_BY,     OPT_HTML, OPT_JSON,           OPT_END};
static const unsigned char status[] = {OPT_EXIT_CODE, OPT_END};
static const unsigned char history[] = {OPT_RUN, OPT_HOUR, OPT_OBJECT, OPT_CHECKS, OPT_END};
static const unsigned char rejects[] = {OPT_RUN, OPT_HOUR, OPT_OBJECT, OPT_ERROR, OPT_END};
static const unsigned char verify[] = {HOURS, OPT_BY, OPT_SHOW, OPT_END};
static const unsigned char query[] = {HOURS, OPT_EXPLAIN, OPT_TARGET, OPT_END};
static const unsigned char enqueue[] = {OPT_HOUR, OPT_FROM, OPT_TO, OPT_MISSING, OPT_END};
static const unsigned char work[] = {OPT_ONCE, OPT_DRAIN, OPT_WATCH, OPT_GRACE, OPT_ALLOW_NONEMPTY, OPT_END};
static const unsigned char hours[] = {HOURS, OPT_END};
static const unsigned char serve[] = {OPT_LISTEN, OPT_LISTEN_PUBLIC, OPT_GRACE, OPT_ALLOW_NONEMPTY, OPT_END};
static const unsigned char infer[] = {OPT_SAMPLES, OPT_FULL, OPT_END};
static const unsigned char profile[] = {OPT_TARGET, HOURS, OPT_BY, OPT_HTML, OPT_JSON, OPT_THREADS, OPT_END};
static const unsigned char cp[] = {OPT_RECURSIVE, OPT_END};

const struct command_def command_table[CMD_COUNT] = {
    [CMD_HELP] = {"help", "[TOPIC]...", 0, 2, COMMAND_TEXT_ONLY, none,
                  "explain a command, an error name or the pipeline file",
                  "TOPIC is a command (help rejects ls), the name of an error (help CSV_RAGGED), `pipeline` "
                  "(all keys of the pipeline file with their defaults) or `man` (the manual page, for man "
                  "-l)."},
    [CMD_VALIDATE] =
        {"validate", "", 0, 0, 0, validate, "check the pipeline file, then what it names",
         "Checks the pipeline file; then, unless --offline, whether the source can be listed and "
         "has objects that match the layout, whether the queue can be listed, and whether the target "
         "can be reached and its tables fit the schema. Prints each check with `ok` or what to do. "
         "Changes nothing."},
    [CMD_SETUP] = {"setup", "", 0, 0, 0, setup, "make or upgrade the target table and sluice's own tables",
                   "Idempotent. With --print it prints the statements for a database administrator and "
                   "changes nothing. With `create: if_missing` loading commands do this by themselves."},
    [CMD_BASELINE] = {"baseline", "", 0, 0, 0, baseline,
                      "note in the ledger what is in the table already, without loading",
                      "For going live beside an older loader: every object of the hours before --to gets a "
                      "ledger row, so that `run` leaves it alone. Objects in the ledger already stay as "
                      "they are."},
    [CMD_PLAN] =
        {"plan", "", 0, 0, COMMAND_STREAMS, plan, "say what a run would do, and touch nothing",
         "Prints the hours that have something to load: objects, bytes, objects to check, what is "
         "loaded already, and what was loaded and is not listed any more (gone). To check are objects that "
         "were loaded and whose version mark is another one, or tells nothing: a file that had been "
         "written in the 2 s before it was read. A run reads them, compares their content and loads them "
         "again only where that has changed (policy.on_changed). Objects that the layout does not match are "
         "counted as ignored; "
         "-v names them all."},
    [CMD_RUN] = {"run", "", 0, 0, COMMAND_STREAMS, run, "load what the ledger lacks, each record once",
                 "Finds the objects of the source that the ledger does not know, loads them in transactions "
                 "(target.commit_unit) and prints what became of each. A second run loads nothing twice; a "
                 "stopped one (SIGINT, SIGTERM, crash) is rolled back and goes on with the next.\n\n"
                 "--reload deletes what the chosen hours loaded and loads it again, each object in one "
                 "transaction (it needs target.lineage); it asks first; -y says yes, and is needed "
                 "where there is no terminal.\n\n"
                 "--profile describes the rows that this run commits, as `sluice profile` does."},
    [CMD_STATUS] = {"status", "", 0, 0, COMMAND_MANY, status, "show the hours by state",
                    "States: queued, running, retrying, loaded, failed, empty. Flags: held (a worker has it "
                    "now), rejects, late (no object source.expect_within after the hour's end)."},
    [CMD_HISTORY] = {"history", "", 0, 0, COMMAND_STREAMS, history, "show loads and failed attempts",
                     "Oldest first; everything that was committed and every attempt that was rolled back. "
                     "--checks lists what checks found in what was committed."},
    [CMD_REJECTS_LS] = {"rejects ls", "", 0, 0, COMMAND_STREAMS, rejects, "list rejected records",
                        "Where each record was (object, line, byte offset), which column and rule refused "
                        "it. Rejects of a failed attempt are samples that cannot be replayed."},
    [CMD_REJECTS_SHOW] = {"rejects show", "[ID]...", 0, OPTIONS_ARGS_MAX, COMMAND_TEXT_ONLY, rejects,
                          "print rejected records, byte for byte",
                          "IDs are those of `rejects ls`; without one all records that the options choose. "
                          "Where a record has no line end, one is added before the next."},
    [CMD_REJECTS_REPLAY] = {"rejects replay", "", 0, 0, 0, rejects,
                            "load rejected records again after a fix, once",
                            "Parses the kept bytes under today's pipeline file. Those that pass are loaded "
                            "and marked, in one transaction for each object; the others stay. A second "
                            "replay loads nothing twice."},
    [CMD_VERIFY] = {"verify", "", 0, 0, COMMAND_STREAMS, verify,
                    "compare source, ledger and target by counts and row hashes",
                    "Reads the source again and scans the target. Prints the objects that differ, or with "
                    "--by hour or --by table one line for each (--by object is the default); exits with 3 if "
                    "there are any, and says which "
                    "command repairs them. --show names rows: what changed, is missing, doubled or of "
                    "nobody. Without target.lineage the target is compared as a whole. A server that went "
                    "away is waited for (policy.outage)."},
    [CMD_QUERY] =
        {"query", "SQL", 1, 1, COMMAND_STREAMS, query,
         "put an SQL query to the source files, without loading them",
         "SQL is one SELECT in SQLite's dialect over the table `source`: the columns of the schema, yyyy, "
         "mm, "
         "dd, hh, _object and _line. What it says about these bounds what is listed and read (--explain "
         "shows "
         "it), as --hour, --from and --to do. Records that are refused are left out and counted. `-` "
         "reads the SQL from stdin. Nothing is written, and the target is not opened.\n\n"
         "With --target the query goes to the target instead, in its own dialect, and may only read."},
    [CMD_LS] = {"ls", "[URL]", 0, 1, COMMAND_STREAMS, none, "list the objects of a store",
                "URL is a folder, bucket, prefix or object: file:lake, s3://bucket/prefix. Relative paths "
                "start at the current folder. Without URL: the pipeline's source."},
    [CMD_CAT] = {"cat", "URL...", 1, OPTIONS_ARGS_MAX, COMMAND_TEXT_ONLY, none,
                 "print objects, byte for byte", "Each URL names one object; nothing is decompressed."},
    [CMD_CP] = {"cp", "SOURCE DEST", 2, 2, 0, cp, "copy objects between stores",
                "SOURCE and DEST are URLs or local paths. DEST is the new object, or a folder where it ends "
                "in / or is one. With -r all objects below SOURCE are copied to the same names below DEST. "
                "An object appears at DEST whole or not at all; folders are made."},
    [CMD_ENQUEUE] =
        {"enqueue", "", 0, 0, 0, enqueue, "put hours into the queue",
         "Without an option: the hour before now (less schedule.lag), and those of queue.lookback "
         "before it in which the source has objects that the ledger lacks. A queue file is an empty "
         "object <queue.url>/YYYYMMDDHH, which anyone may make. Hours that are failed stay out: "
         "`queue retry` brings them back."},
    [CMD_WORK] =
        {"work", "", 0, 0, COMMAND_STREAMS | COMMAND_MANY, work, "load the hours of the queue, oldest first",
         "Any number may run at once, on any number of machines: each hour is claimed by one. A queue "
         "file goes when its hour is loaded. What fails for a passing reason is tried again after "
         "policy.retry.delay; after policy.retry.attempts, or a verdict on its data, the hour is failed "
         "and its file stays; --drain then ends with 1. Of several pipelines (-c) one hour each in turn."},
    [CMD_QUEUE_LS] = {"queue ls", "", 0, 0, 0, hours, "list the hours that wait, are held or have failed",
                      "Hours that have a queue file, and hours that a worker has, had, or has to try again."},
    [CMD_QUEUE_RETRY] = {"queue retry", "", 0, 0, 0, hours, "queue failed hours again",
                         "With no attempts counted against them. Without an option: all that have failed."},
    [CMD_QUEUE_DROP] =
        {"queue drop", "", 0, 0, 0, hours, "take hours out of the queue",
         "Removes their queue files. What the source has of them stays unloaded until they are "
         "queued again or `run` loads them."},
    [CMD_SERVE] =
        {"serve", "", 0, 0, COMMAND_TEXT_ONLY | COMMAND_MANY, serve,
         "queue and load every hour by schedule, and show a status page",
         "One process for any number of pipelines: puts hours into the queue by schedule.enqueue (after a "
         "rest, every hour that was missed, once), works the queue by schedule.work, and shows what it does "
         "at http://ADDR:PORT/ (/metrics, /healthz, /readyz and /api/v1/ for programs). What fails for a "
         "passing reason is tried again; an outage of source or target is waited out. `notify` in the "
         "pipeline file names a program that is told of failure, recovery and late hours.\n\n"
         "The page is read-only and has no password: beyond this machine it listens only with "
         "--listen-public. SIGTERM ends it in good order, with 0."},
    [CMD_INFER] =
        {"infer", "SOURCE", 1, 1, COMMAND_STREAMS, infer,
         "guess layout, dialect and columns of files, and print a pipeline file",
         "SOURCE is a folder, bucket, prefix or file: lake, s3://bucket/prefix, data.csv.gz; relative paths "
         "start at the current folder. Prints a pipeline file that runs, each guess with its evidence as a "
         "comment: `sluice infer lake >sluice.yaml`. Types are the narrowest that are safe for what was not "
         "read "
         "too; read it before use. Where no hour can be read from the keys it names the commands that put "
         "the "
         "files under keys that have one. Nothing is guessed at run time, and nothing is changed."},
    [CMD_PROFILE] =
        {"profile", "", 0, 0, COMMAND_STREAMS, profile,
         "describe source or target: columns, hours, what is odd",
         "Reads the objects of the chosen hours (with --target the target table, whose hours are known where "
         "target.lineage is) once, in bounded memory, and prints of each column what pandas' describe() does "
         "and more: NULLs, distinct values, quantiles, outliers, top values, correlations, each hour's rows; "
         "warnings first. --by COLUMN splits each column by the values of that one. Records that are "
         "refused are left out, counted and told. Estimates, where "
         "the values did not fit into memory, are marked.\n\n"
         "-o json, --json and --html have all figures; docs/profile.md says what each means. Loads nothing."},
};

/* True if name is word, or "word second". */
static bool is_named(const char *name, const char *word, const char *second)
{
    size_t len = strlen(word);

    if (!second)
        return strcmp(name, word) == 0;
    return strncmp(name, word, len) == 0 && name[len] == ' ' && strcmp(name + len + 1, second) == 0;
}

enum command_id command_find(const char *word, const char *second)
{
    for (int i = 0; i < CMD_COUNT; i++) {
        if (is_named(command_table[i].name, word, second))
            return (enum command_id)i;
    }
    return CMD_COUNT;
}

bool command_is_group(const char *word)
{
    size_t len = strlen(word);

    for (int i = 0; i < CMD_COUNT; i++) {
        if (strncmp(command_table[i].name, word, len) == 0 && command_table[i].name[len] == ' ')
            return true;
    }
    return false;
}

const char *command_nearest(const char *word)
{
    const char *best = NULL;
    size_t least = near_limit(strlen(word));

    for (int i = 0; i < CMD_COUNT; i++) {
        size_t d = near_distance(word, command_table[i].name);

        if (d <= least && (!best || d < least)) {
            best = command_table[i].name;
            least = d;
        }
    }
    return best;
}
