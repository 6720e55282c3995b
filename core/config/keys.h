/*
 * keys: THE table of what may stand in a pipeline file: path, kind, unit, default, allowed words, help.
 *
 * Everything that knows a key reads it here: the check for unknown keys, --set, the loader (which stores a
 * value at the key's offset in struct pipeline; in struct schema_column for `schema.columns[].`, in struct
 * hour_check for `checks[].`), the help page. Paths have dots; "[]" stands for any item. Const and shared.
 */
#ifndef SLUICE_CONFIG_KEYS_H
#define SLUICE_CONFIG_KEYS_H

#include "core/config/pipeline.h"

enum key_kind {
    /* Not scalars. */
    KEY_SECTION,      /* a map of keys */
    KEY_MAPS,         /* a list of maps with the keys PATH[].* */
    KEY_RULES,        /* a map of keys, or a list of such maps */
    KEY_ENVIRONMENTS, /* a map: name -> any keys of the table but this one */
    KEY_TEXTS,        /* a list of texts */
    KEY_VALUES,       /* a list of texts, typed later by their column */
    /* Scalars; stored as */
    KEY_VALUE,    /* a text, typed later by its column */
    KEY_TEXT,     /* char * */
    KEY_NAME,     /* char *: the pipeline's name */
    KEY_TABLE,    /* char *: a table's name */
    KEY_COLUMN,   /* char *: a column's name */
    KEY_URL,      /* char * */
    KEY_CRON,     /* char *: a cron line */
    KEY_CHAR,     /* char */
    KEY_BOOL,     /* bool */
    KEY_WORD,     /* int or enum */
    KEY_INT,      /* int or int64_t */
    KEY_DURATION, /* int64_t, milliseconds */
    KEY_LIMIT,    /* struct reject_limit */
    KEY_TYPE,     /* struct type */
};

enum {
    KEY_REQUIRED = 1,
    KEY_EMPTY_NONE = 2, /* "" is as good as not given */
    KEY_EMPTY_OK = 4,   /* "" is a value */
    KEY_SECRET = 8,     /* never literal where others can read it, never printed */
};

enum { KEY_PATH_MAX = 256, KEY_NAME_MAX = 64 };

struct key_word {
    const char *text; /* NULL ends the list */
    int value;
};

struct key {
    const char *path;
    enum key_kind kind;
    unsigned flags;
    const char *fallback; /* the default as it would stand in the file; NULL = none */
    const char *help;     /* one line */
    const char *unit;     /* of a number; NULL = none */
    const struct key_word *words;
    enum err_name refusal; /* of a word that is not in the list, where it is not CONFIG */
    int64_t min, max;      /* of a number or duration */
    size_t offset, size;   /* where the loader stores the value; size 0 = nowhere by itself */
};

extern const struct key keys_table[];
extern const size_t keys_count;

#define KEYS_COLUMN_PREFIX "schema.columns[]"
#define KEYS_CHECK_PREFIX  "checks[]"

/* The key of exactly this path, NULL if there is none. */
const struct key *keys_find(const char *path);

/* The known path that looks most like `path`; NULL where none is near. */
const char *keys_nearest(const char *path);

/* True if `text` is one of the key's words. */
bool key_has_word(const struct key *key, const char *text);

/* Takes a scalar's text by the key's rules and stores it at base + offset (base NULL: only judges it). The
 * message says what is allowed but neither key nor place: callers put them before it. */
enum err_code key_store(const struct key *key, const char *text, void *base, struct err *err) MUST_USE;

#endif
