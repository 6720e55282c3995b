/*
 * keys: the table, and what follows from it alone: look-up, the nearest key, the help page.
 *
 * Invariants: a section stands before its keys, and all keys of a section follow it, so the table read from
 * top to bottom is the file from top to bottom; defaults are those of docs/pipeline.example.yaml; every
 * scalar's default passes key_store.
 */
#include "core/config/keys.h"

#include <inttypes.h>
#include <string.h>

#include "core/base/near.h"

static const struct key_word ESCAPES[] = {{"none", 0}, {NULL, 0}};
static const struct key_word HEADERS[] = {{"by_name", CSV_HEADER_BY_NAME},
                                          {"by_position", CSV_HEADER_BY_POSITION},
                                          {"none", CSV_HEADER_NONE},
                                          {NULL, 0}};
static const struct key_word BOOLEANS[] = {{"false", false}, {"true", true}, {NULL, 0}};
static const struct key_word EXTRA[] = {{"fail", COLUMNS_FAIL}, {"ignore", COLUMNS_IGNORE}, {NULL, 0}};
static const struct key_word MISSING[] = {{"fail", COLUMNS_FAIL}, {"null", COLUMNS_NULL}, {NULL, 0}};
static const struct key_word CONTRACTS[] = {
    {"freeze", CONTRACT_FREEZE}, {"evolve", CONTRACT_EVOLVE}, {NULL, 0}};
static const struct key_word ON[] = {
    {"warn", CHECK_ON_WARN}, {"reject", CHECK_ON_REJECT}, {"fail", CHECK_ON_FAIL}, {NULL, 0}};
static const struct key_word ON_HOUR[] = {{"warn", CHECK_ON_WARN}, {"fail", CHECK_ON_FAIL}, {NULL, 0}};
static const struct key_word CREATE[] = {
    {"never", PIPELINE_CREATE_NEVER}, {"if_missing", PIPELINE_CREATE_IF_MISSING}, {NULL, 0}};
static const struct key_word LINEAGE[] = {{"false", PIPELINE_LINEAGE_FALSE},
                                          {"true", PIPELINE_LINEAGE_TRUE},
                                          {"indexed", PIPELINE_LINEAGE_INDEXED},
                                          {NULL, 0}};
static const struct key_word UNITS[] = {
    {"file", COMMIT_FILE}, {"hour", COMMIT_HOUR}, {"chunk", COMMIT_CHUNK}, {NULL, 0}};
static const struct key_word ON_EMPTY[] = {
    {"ok", ON_EMPTY_OK}, {"warn", ON_EMPTY_WARN}, {"fail", ON_EMPTY_FAIL}, {NULL, 0}};
static const struct key_word ON_CHANGED[] = {
    {"fail", ON_CHANGED_FAIL}, {"ignore", ON_CHANGED_IGNORE}, {"replace", ON_CHANGED_REPLACE}, {NULL, 0}};

enum {
    CHUNK_ROWS_MAX = 1000000000,
    CONNECTIONS_MAX = 64,
    ATTEMPTS_MAX = 100,
    HOUR_MS = 3600000,
};
#define HOUR_MS INT64_C(3600000)
#define DAY_MS  (24 * HOUR_MS)
#define YEAR_MS (366 * DAY_MS)

#define IN(member)     offsetof(struct pipeline, member), sizeof(((struct pipeline *)0)->member)
#define COLUMN(member) offsetof(struct schema_column, member), sizeof(((struct schema_column *)0)->member)
#define CHECK(member)  offsetof(struct hour_check, member), sizeof(((struct hour_check *)0)->member)

/* Rows of the table by shape. */
#define SECTION(path, help)                                                                                  \
    {                                                                                                        \
        path, KEY_SECTION, 0, NULL, help, NULL, NULL, 0, 0, 0, 0, 0                                          \
    }
#define OTHER(path, kind, flags, fallback, help)                                                             \
    {                                                                                                        \
        path, kind, flags, fallback, help, NULL, NULL, 0, 0, 0, 0, 0                                         \
    }
#define SCALAR(path, kind, flags, fallback, help, at)                                                        \
    {                                                                                                        \
        path, kind, flags, fallback, help, NULL, NULL, 0, 0, 0, at                                           \
    }
#define WORD(path, words, fallback, help, at)                                                                \
    {                                                                                                        \
        path, KEY_WORD, 0, fallback, help, NULL, words, 0, 0, 0, at                                          \
    }
#define NUMBER(path, fallback, min, max, unit, help, at)                                                     \
    {                                                                                                        \
        path, KEY_INT, 0, fallback, help, unit, NULL, 0, min, max, at                                        \
    }
#define DURATION(path, fallback, min, max, help, at)                                                         \
    {                                                                                                        \
        path, KEY_DURATION, 0, fallback, help, "duration", NULL, 0, min, max, at                             \
    }

const struct key keys_table[] = {
    SCALAR(
        "name", KEY_NAME, KEY_REQUIRED, NULL,
        "the pipeline's name: 1 to 64 of letters, digits, _ . -; it marks the pipeline's rows in the ledger",
        IN(name)),

    SECTION("source", "where the files are and how they look"),
    SCALAR("source.url", KEY_URL, KEY_REQUIRED, NULL,
           "file:DIR (fs: and a bare path are the same, relative to this file), s3://BUCKET/PREFIX, "
           "libs3://..., mem:",
           IN(source.url)),
    SCALAR("source.layout", KEY_TEXT, 0, "yyyy=%Y/mm=%m/dd=%d/hh=%H/*.csv",
           "how keys tell their hour; *.csv also matches *.csv.gz and *.csv.zst", IN(source.layout)),
    DURATION("source.expect_within", "30m", 0, YEAR_MS, "an hour without objects by then is late",
             IN(source.expect_within_ms)),
    SECTION("source.csv", "the dialect"),
    SCALAR("source.csv.delimiter", KEY_CHAR, 0, ",", "one byte between fields; a tab is \"\\t\"",
           IN(source.csv.delimiter)),
    SCALAR("source.csv.quote", KEY_CHAR, 0, "\"", "one byte around fields", IN(source.csv.quote)),
    {"source.csv.escape", KEY_WORD, 0, "none", "a quote in a quoted field is doubled (RFC 4180)", NULL,
     ESCAPES, ERRN_UNSUPPORTED, 0, 0, 0, 0},
    WORD("source.csv.header", HEADERS, "by_name", "columns are found by name (in any order) or by position",
         IN(source.csv.header)),
    OTHER("source.csv.nulls", KEY_TEXTS, 0, "[]", "texts that mean NULL; \"\" is an unquoted empty field"),

    SECTION("schema", "what a record is"),
    OTHER("schema.columns", KEY_MAPS, KEY_REQUIRED, NULL, "the columns, in the table's order"),
    SCALAR("schema.columns[].name", KEY_COLUMN, KEY_REQUIRED, NULL,
           "the column's name in the table: 1 to 64 bytes; a leading _ is reserved", COLUMN(name)),
    SCALAR("schema.columns[].from", KEY_TEXT, KEY_EMPTY_OK, NULL,
           "the name in the file's header where it differs; may be \"\"", COLUMN(from)),
    SCALAR("schema.columns[].type", KEY_TYPE, KEY_REQUIRED, NULL,
           "boolean, tinyint, smallint, int, bigint, float, double, decimal(p,s), varchar(n), text, date, "
           "timestamp",
           COLUMN(type)),
    SCALAR("schema.columns[].nullable", KEY_BOOL, 0, "true", "if not, a record without a value is rejected",
           COLUMN(nullable)),
    SCALAR("schema.columns[].drop", KEY_BOOL, 0, "false", "read, but neither converted nor loaded",
           COLUMN(drop)),
    OTHER("schema.columns[].checks", KEY_RULES, 0, NULL,
          "a map, or a list of maps with an `on` of their own; NULL passes all but max_nulls"),
    OTHER("schema.columns[].checks.min", KEY_VALUE, 0, NULL, "the least value allowed"),
    OTHER("schema.columns[].checks.max", KEY_VALUE, 0, NULL, "the greatest value allowed"),
    OTHER("schema.columns[].checks.in", KEY_VALUES, 0, NULL, "the only values allowed: [a, b]"),
    OTHER("schema.columns[].checks.regex", KEY_TEXT, 0, NULL,
          "text has to match it somewhere (^ and $ are yours): POSIX extended, C locale, so it sees bytes"),
    OTHER("schema.columns[].checks.unique", KEY_BOOL, 0, NULL,
          "no value twice in an object (with commit_unit: hour: in an hour's transaction)"),
    OTHER("schema.columns[].checks.max_nulls", KEY_LIMIT, 0, NULL,
          "so many of an object's loaded records may have no value, a number or a share such as 5%"),
    {"schema.columns[].checks.on", KEY_WORD, 0, NULL,
     "reject refuses the record (default), warn loads it and tells, fail loads nothing of the object "
     "(default of max_nulls)",
     NULL, ON, 0, 0, 0, 0, 0},
    WORD("schema.extra_columns", EXTRA, "fail", "a column of the file that is not in the schema",
         IN(schema.extra)),
    WORD("schema.missing_columns", MISSING, "fail", "a column of the schema that the file has not",
         IN(schema.missing)),
    WORD("schema.contract", CONTRACTS, "freeze",
         "evolve: `sluice setup` adds columns that the schema has and the table lacks", IN(schema.contract)),

    SECTION("target", "the table"),
    SCALAR("target.url", KEY_URL, KEY_REQUIRED, NULL,
           "sqlite:FILE, mysql://HOST:PORT/DATABASE, mem:", IN(target.url)),
    SCALAR("target.user", KEY_TEXT, KEY_EMPTY_NONE, NULL, "the database user", IN(target.user)),
    SCALAR("target.password", KEY_TEXT, KEY_EMPTY_NONE | KEY_SECRET, NULL,
           "${NAME} or ${file:PATH}; a literal one only in a file of mode 0600", IN(target.password)),
    SCALAR("target.table", KEY_TABLE, KEY_REQUIRED, NULL, "the table to load into", IN(target.table)),
    WORD("target.create", CREATE, "if_missing", "whether sluice makes missing tables", IN(target.create)),
    OTHER("target.key", KEY_TEXTS, 0, "[]", "columns of the primary key, if the table is made here"),
    WORD("target.lineage", LINEAGE, "true",
         "one column _load: verify for each object, replace and reload; indexed: with an index on it",
         IN(target.lineage)),
    WORD("target.commit_unit", UNITS, "file", "what one transaction holds", IN(target.commit_unit)),
    NUMBER("target.chunk_rows", "1000000", 1, CHUNK_ROWS_MAX, "records",
           "the size of a chunk with commit_unit: chunk", IN(target.chunk_rows)),
    NUMBER("target.connections", "2", 1, CONNECTIONS_MAX, "connections", "how many load at the same time",
           IN(target.connections)),
    DURATION("target.lease", "60s", 1000, DAY_MS, "how long the claim on an hour outlives its worker",
             IN(target.lease_ms)),

    SECTION("policy", "what is allowed to happen"),
    SCALAR("policy.max_rejects", KEY_LIMIT, 0, "0",
           "records that may be refused, a number or a share such as 1%, for each object",
           IN(policy.max_rejects)),
    WORD("policy.on_empty", ON_EMPTY, "warn", "an hour without objects", IN(policy.on_empty)),
    WORD("policy.on_changed", ON_CHANGED, "fail", "a loaded object that has other content now",
         IN(policy.on_changed)),
    DURATION("policy.outage", "60s", 0, HOUR_MS, "how long a run waits for a server that went away",
             IN(policy.outage_ms)),
    SECTION("policy.retry", "an hour that could not be loaded"),
    NUMBER("policy.retry.attempts", "3", 1, ATTEMPTS_MAX, "attempts", "the first one counts",
           IN(policy.retry_attempts)),
    DURATION("policy.retry.delay", "60s", 0, DAY_MS, "the wait between two attempts",
             IN(policy.retry_delay_ms)),

    OTHER("checks", KEY_MAPS, 0, NULL,
          "what an hour's rows must be like; they need target.commit_unit: hour"),
    SCALAR("checks[].name", KEY_NAME, KEY_REQUIRED, NULL, "what the check is called in results", CHECK(name)),
    SECTION("checks[].rows", "how many rows of the hour are in the table"),
    NUMBER("checks[].rows.min", NULL, 0, INT64_MAX, "rows", "not fewer", CHECK(rows_min)),
    NUMBER("checks[].rows.max", NULL, 0, INT64_MAX, "rows", "not more", CHECK(rows_max)),
    SECTION("checks[].mean", "of a column's values in the hour, NULLs left out"),
    SCALAR("checks[].mean.column", KEY_COLUMN, 0, NULL, "a loaded column of numbers", CHECK(column_name)),
    OTHER("checks[].mean.min", KEY_VALUE, 0, NULL, "not below"),
    OTHER("checks[].mean.max", KEY_VALUE, 0, NULL, "not above"),
    SCALAR("checks[].sql", KEY_TEXT, 0, NULL,
           "a query that must give no row; {table}, {loads} (ids of the hour's loads) and {hour} stand for "
           "values",
           CHECK(sql)),
    WORD("checks[].on", ON_HOUR, "fail", "fail rolls the hour back, warn only tells", CHECK(on)),

    SECTION("queue", "hours that wait to be loaded"),
    SCALAR("queue.url", KEY_URL, KEY_EMPTY_NONE, NULL, "a place of its own for this pipeline; none: no queue",
           IN(queue.url)),
    DURATION("queue.lookback", "2h", 0, YEAR_MS, "how far back enqueue looks for late objects",
             IN(queue.lookback_ms)),

    SECTION("schedule", "cron lines in UTC, for serve"),
    SCALAR("schedule.enqueue", KEY_CRON, 0, "0 * * * *", "when hours are put into the queue",
           IN(schedule.enqueue)),
    SCALAR("schedule.work", KEY_CRON, 0, "*/5 * * * *", "when the queue is worked on", IN(schedule.work)),
    DURATION("schedule.lag", "0m", 0, YEAR_MS, "how long after its end an hour is put into the queue",
             IN(schedule.lag_ms)),

    SECTION("notify", "whom serve tells what it met"),
    OTHER(
        "notify.on", KEY_TEXTS, 0, "[failure, recovery, late]",
        "failure: an hour was given up, or nothing can be loaded; recovery: it is well again; late: an hour "
        "has no object by source.expect_within"),
    OTHER("notify.exec", KEY_TEXTS, 0, "[]",
          "the program to run and its arguments; it gets the event as JSON on its standard input; none: no "
          "notification"),

    OTHER("environments", KEY_ENVIRONMENTS, 0, NULL,
          "NAME: any of the keys above; -e NAME puts them in place of the file's (maps merge)"),
};
const size_t keys_count = sizeof keys_table / sizeof keys_table[0];

const struct key *keys_find(const char *path)
{
    for (size_t i = 0; i < keys_count; i++) {
        if (strcmp(keys_table[i].path, path) == 0)
            return &keys_table[i];
    }
    return NULL;
}

static const char *leaf(const char *path)
{
    const char *dot = strrchr(path, '.');

    return dot ? dot + 1 : path;
}

/* A right name in a wrong section counts as one edit. */
const char *keys_nearest(const char *path)
{
    const char *best = NULL;
    size_t least = near_limit(strlen(path)) + 1;

    for (size_t i = 0; i < keys_count; i++) {
        const char *known = keys_table[i].path;
        size_t d = strcmp(leaf(known), leaf(path)) == 0 ? 1 : near_distance(known, path);

        if (d < least) {
            least = d;
            best = known;
        }
    }
    return best;
}

bool key_has_word(const struct key *key, const char *text)
{
    for (const struct key_word *w = key->words; w && w->text; w++) {
        if (strcmp(w->text, text) == 0)
            return true;
    }
    return false;
}

/* The default as YAML: texts and bytes in quotes, since they may hold any character. */
static enum err_code put_fallback(const struct key *key, struct buf *out, struct err *err)
{
    enum err_code code;

    if (key->kind != KEY_TEXT && key->kind != KEY_CRON && key->kind != KEY_CHAR)
        return buf_append_str(out, key->fallback, err);
    code = buf_append_char(out, '"', err);
    for (const char *p = key->fallback; *p && code == ERR_OK; p++) {
        if (*p == '"' || *p == '\\')
            code = buf_append_char(out, '\\', err);
        if (code == ERR_OK)
            code = buf_append_char(out, *p, err);
    }
    return code == ERR_OK ? buf_append_char(out, '"', err) : code;
}

/* What may stand there: "required", the words, the range. */
static enum err_code put_rules(const struct key *key, struct buf *out, struct err *err)
{
    const struct key_word *words = key->kind == KEY_BOOL ? BOOLEANS : key->words;
    enum err_code code = ERR_OK;

    if (key->flags & KEY_REQUIRED)
        code = buf_append_str(out, "required; ", err);
    for (const struct key_word *w = words; w && w->text && code == ERR_OK; w++)
        code = buf_printf(out, err, "%s%s", w->text, w[1].text ? ", " : ": ");
    if (code == ERR_OK && key->kind == KEY_INT)
        code = buf_printf(out, err, "%" PRId64 " to %" PRId64 " %s: ", key->min, key->max, key->unit);
    if (code == ERR_OK && key->kind == KEY_DURATION)
        code = buf_append_str(out, "duration: ", err);
    return code;
}

/* One line of YAML for each key, its help behind it as a comment. */
enum err_code pipeline_keys_help(struct buf *out, struct err *err)
{
    enum { INDENT = 2, HELP_AT = 44 };
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < keys_count && code == ERR_OK; i++) {
        const struct key *key = &keys_table[i];
        const char *item = strstr(key->path, "[].");
        bool in_item = item != NULL, first = item && strcmp(item, "[].name") == 0;
        size_t start = out->len, width;
        int depth = in_item - first;

        for (const char *p = key->path; *p; p++)
            depth += *p == '.';
        code = buf_printf(out, err, "%*s%s%s:%s", INDENT * depth, "", first ? "- " : "", leaf(key->path),
                          key->fallback ? " " : "");
        if (code == ERR_OK && key->fallback)
            code = put_fallback(key, out, err);
        width = out->len - start;
        if (code == ERR_OK)
            code = buf_printf(out, err, "%*s# ", width < HELP_AT ? (int)(HELP_AT - width) : 1, "");
        if (code == ERR_OK)
            code = put_rules(key, out, err);
        if (code == ERR_OK)
            code = buf_printf(out, err, "%s\n", key->help);
    }
    return code;
}
