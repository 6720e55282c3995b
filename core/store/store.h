/*
 * store: objects in a folder, a bucket, or memory, behind one interface.
 *
 * A backend is one `const struct store_type`; an instance embeds `struct store` as its first member, a list
 * cursor embeds `struct store_list`, a reader `struct store_reader`. Callers use the store_*() functions
 * below and never type->op: the functions are checked wrappers that hold both sides to the contract (a breach
 * is INTERNAL). A handle, its cursors and readers are used by one thread at a time; several handles may be
 * open on the same place.
 *
 * Keys: relative to the store's root, 1..1024 bytes, any bytes but NUL, "/" divides, no empty, "." or ".."
 * part; compared as bytes.
 */
#ifndef SLUICE_STORE_STORE_H
#define SLUICE_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/url.h"

enum {
    STORE_KEY_MAX = 1024,
    STORE_ETAG_MAX = 128,
    STORE_RETRY_ATTEMPTS_MAX = 10,
};

struct store_object {
    char key[STORE_KEY_MAX + 1];
    int64_t size;
    char etag[STORE_ETAG_MAX + 1]; /* changes when the content does; compared as text */
    bool etag_trusted; /* false: another content might have the same etag (a file written in the last 2 s) */
    int64_t mtime_us;  /* for people; 0 where not known */
};

/* Which keys behind the prefix a listing gives. */
enum store_scope {
    STORE_BELOW, /* all */
    STORE_FLAT,  /* those without a "/": one folder's objects; what is below it is not even read, where the
                   protocol allows */
};

enum store_condition { PUT_ALWAYS, PUT_IF_ABSENT };

struct store_caps {
    bool put_if_absent; /* PUT_IF_ABSENT is honoured (ERR_EXISTS OBJECT_EXISTS where the key is there) */
    bool remote;        /* a network is in between: fetching ahead pays */
};

struct store_range {
    int64_t offset;       /* first byte wanted, 0.. */
    int64_t length;       /* -1 = to the end */
    const char *if_match; /* NULL, or the etag that the object must (still) have */
};

struct store;
struct store_list {
    struct store *store;
    bool done;
    enum store_scope scope;
    char last[STORE_KEY_MAX + 1];
    char prefix[STORE_KEY_MAX + 1];
    struct err failed; /* a listing that failed stays failed: what is left out must never look like the end */
};
struct store_reader {
    struct bytes bytes; /* reads the object's bytes: hand &reader->bytes on */
    struct store *store;
    struct store_object object; /* as it was at open; size is the whole object's */
    int64_t offset;             /* where the range began */
    int64_t expected;           /* bytes that the range holds */
    int64_t got;
    bool done;
    struct err failed; /* a reader that failed stays failed */
};

/*
 * The ops. Each MUST leave *out NULL / untouched on failure and may be called again after an ERR_TRANSIENT
 * failure.
 */
struct store_type {
    const char *name;           /* "file", "mem", "s3" */
    const char *const *schemes; /* NULL-terminated; "" = a bare path */

    /* Opens the place that `url` names. `base_dir` (absolute) is what relative paths start from. A missing
     * folder or bucket: ERR_NOT_FOUND, unless `create` (then it is made, with parents). MUST NOT write
     * anything else. */
    enum err_code (*open)(const struct url *url, const char *base_dir, const struct clock *clock, bool create,
                          struct store **out, struct err *err);

    /* Lists keys in scope that start with `prefix` ("" = all) in byte order, each once; objects made or
     * removed meanwhile may or may not show. Memory MUST NOT grow with the number of keys (fs: with the
     * largest single folder). */
    enum err_code (*list_begin)(struct store *store, const char *prefix, enum store_scope scope,
                                struct store_list **out, struct err *err);
    /* Fills *object and sets *more = true, or *more = false at the end. */
    enum err_code (*list_next)(struct store_list *list, struct store_object *object, bool *more,
                               struct err *err);
    void (*list_end)(struct store_list *list);

    /* ERR_NOT_FOUND where there is no such object. */
    enum err_code (*stat)(struct store *store, const char *key, struct store_object *out, struct err *err);

    /* MUST fill reader->object and reader->expected; if_match that does not hold is ERR_PRECONDITION
     * (SOURCE_MOVED), also when the object changes while it is read. A range beyond the end is empty. */
    enum err_code (*open_read)(struct store *store, const char *key, const struct store_range *range,
                               struct store_reader **out, struct err *err);
    /* Up to cap bytes; *n = 0 only at the end. Short reads are legal. An early end MUST be ERR_TRANSIENT
     * (STORE_TRUNCATED). */
    enum err_code (*read)(struct store_reader *reader, void *dst, size_t cap, size_t *n, struct err *err);
    void (*close_read)(struct store_reader *reader);

    /* Writes `size` bytes of body (exactly; more or fewer is an error and leaves nothing) under key: all or
     * nothing, never a torn object. PUT_IF_ABSENT only where caps say so. */
    enum err_code (*put)(struct store *store, const char *key, struct bytes *body, int64_t size,
                         enum store_condition condition, struct err *err);

    /* Idempotent: a key that is not there is ERR_OK. */
    enum err_code (*remove)(struct store *store, const char *key, struct err *err);

    void (*close)(struct store *store);
};

struct store {
    const struct store_type *type;
    const struct clock *clock;
    struct store_caps caps;
    char *label; /* the URL as people wrote it, redacted: for messages ("file:lake") */
};

/* Makes further handles on one place: each thread that reads needs its own. Called from any of them, several
 * at once. */
struct store_factory {
    enum err_code (*open)(void *ctx, struct store **out, struct err *err);
    void *ctx;
};

/* Opens through a type; the registry (backends/) knows which. */
enum err_code store_open(const struct store_type *type, const struct url *url, const char *base_dir,
                         const struct clock *clock, bool create, struct store **out,
                         struct err *err) MUST_USE;
void store_close(struct store *store);

enum err_code store_list_begin(struct store *store, const char *prefix, enum store_scope scope,
                               struct store_list **out, struct err *err) MUST_USE;
enum err_code store_list_next(struct store_list *list, struct store_object *object, bool *more,
                              struct err *err) MUST_USE;
void store_list_end(struct store_list *list);
enum err_code store_stat(struct store *store, const char *key, struct store_object *out,
                         struct err *err) MUST_USE;
/* range NULL = whole object, no condition. */
enum err_code store_open_read(struct store *store, const char *key, const struct store_range *range,
                              struct store_reader **out, struct err *err) MUST_USE;
enum err_code store_read(struct store_reader *reader, void *dst, size_t cap, size_t *n,
                         struct err *err) MUST_USE;
void store_close_read(struct store_reader *reader);
enum err_code store_put(struct store *store, const char *key, struct bytes *body, int64_t size,
                        enum store_condition condition, struct err *err) MUST_USE;
enum err_code store_put_mem(struct store *store, const char *key, const void *data, size_t len,
                            enum store_condition condition, struct err *err) MUST_USE;
enum err_code store_remove(struct store *store, const char *key, struct err *err) MUST_USE;

/* True for a legal key (see above). */
bool store_key_valid(const char *key);

#endif
