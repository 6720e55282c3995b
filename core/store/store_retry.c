/*
 * store_retry: tries what failed in passing again, within a quota.
 *
 * Invariants: only kinds that err_is_transient() names are tried again; an op is called at most `attempts`
 * times without progress; a reader delivers bytes of one version of the object only; a put whose body was
 * touched is never sent again.
 *
 * A reader: CONNECTED --broken--> BROKEN (inner is NULL) --wait, reopen at the offset under if_match-->
 * CONNECTED, or the error goes up.
 */
#include "core/store/store_retry.h"

#include <errno.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/store/store_wrap.h"

enum {
    ATTEMPTS_DEFAULT = 3,
    BASE_MS_DEFAULT = 200,
    WAIT_MS_MAX = 20000,
    TOKENS_MAX = 500,
    COST = 5,
    COST_TIMEOUT = 10,
};

struct retry {
    struct store_wrap wrap;
    unsigned attempts;
    int64_t base_ms;
    int tokens;
};

static int64_t wait_us(const struct retry *retry, unsigned attempt)
{
    int64_t ms = retry->base_ms;
    double share = (double)(clock_random(retry->wrap.base.clock) >> 11) / 9007199254740992.0; /* 2^53 */

    for (unsigned i = 1; i < attempt && ms < WAIT_MS_MAX; i++) {
        ms *= 2;
    }
    return (int64_t)(share * 1000.0 * (double)(ms < WAIT_MS_MAX ? ms : WAIT_MS_MAX));
}

/* A read that was resumed brings bytes again: a server that gets us further is no outage, so that an object
 * may be cut off as often as it likes. */
static void give_back(struct retry *retry)
{
    retry->tokens += COST;
    if (retry->tokens > TOKENS_MAX) {
        retry->tokens = TOKENS_MAX;
    }
}

/* After attempt number `attempt`: waits, clears *err and says true where another may follow. */
static bool again(struct store *store, unsigned attempt, struct err *err)
{
    struct retry *retry = (struct retry *)store;
    int cost = err->native == ETIMEDOUT ? COST_TIMEOUT : COST;
    int64_t us;

    if (err->code == ERR_OK) {
        retry->tokens += retry->tokens < TOKENS_MAX;
        return false;
    }
    if (!err_is_transient(err->code) || attempt >= retry->attempts || retry->tokens < cost) {
        return false;
    }
    retry->tokens -= cost;
    us = wait_us(retry, attempt);
    log_msg(LOG_DEBUG, "attempt %u of %u failed, the next in %lld ms: %s", attempt, retry->attempts,
            (long long)us / 1000, err->msg);
    clock_sleep_us(store->clock, us);
    err_clear(err);
    return true;
}

static enum err_code retry_list_begin(struct store *store, const char *prefix, enum store_scope scope,
                                      struct store_list **out, struct err *err)
{
    unsigned attempt = 0;
    enum err_code code;

    do {
        code = store_wrap_list_begin(store, prefix, scope, out, err);
    } while (again(store, ++attempt, err));
    return code;
}

static enum err_code retry_stat(struct store *store, const char *key, struct store_object *out,
                                struct err *err)
{
    unsigned attempt = 0;
    enum err_code code;

    do {
        code = store_wrap_stat(store, key, out, err);
    } while (again(store, ++attempt, err));
    return code;
}

static enum err_code retry_open_read(struct store *store, const char *key, const struct store_range *range,
                                     struct store_reader **out, struct err *err)
{
    unsigned attempt = 0;
    enum err_code code;

    do {
        code = store_wrap_open_read(store, key, range, out, err);
    } while (again(store, ++attempt, err));
    return code;
}

/* Opens what is left of the range, in the version that the first open saw. */
static enum err_code resume(struct wrap_reader *reader, struct err *err)
{
    const struct store_reader *base = &reader->base;
    struct store_range rest = {
        .offset = base->offset + base->got,
        .length = base->expected - base->got,
        .if_match = base->object.etag,
    };

    return store_open_read(((struct store_wrap *)base->store)->inner, base->object.key, &rest, &reader->inner,
                           err);
}

static enum err_code retry_read(struct store_reader *base, void *dst, size_t cap, size_t *n, struct err *err)
{
    struct wrap_reader *reader = (struct wrap_reader *)base;
    unsigned attempt = 0;

    do {
        if ((reader->inner || resume(reader, err) == ERR_OK) &&
            store_read(reader->inner, dst, cap, n, err) == ERR_OK) {
            if (attempt > 0) {
                give_back((struct retry *)base->store);
            }
            return ERR_OK;
        }
        store_close_read(reader->inner);
        reader->inner = NULL;
    } while (again(base->store, ++attempt, err));
    return err->code;
}

/* A body that remembers whether any of it has gone. */
struct watched {
    struct bytes base;
    struct bytes *body;
    bool touched;
};

static enum err_code watched_read(struct bytes *self, void *dst, size_t cap, size_t *n, struct err *err)
{
    struct watched *w = (struct watched *)self;
    enum err_code code = bytes_read(w->body, dst, cap, n, err);

    w->touched |= code != ERR_OK || *n > 0; /* the end comes again as often as it is asked for */
    return code;
}

static enum err_code retry_put(struct store *store, const char *key, struct bytes *body, int64_t size,
                               enum store_condition condition, struct err *err)
{
    struct watched watched = {.base = {watched_read}, .body = body};
    unsigned attempt = 0;
    enum err_code code;

    do {
        code = store_wrap_put(store, key, &watched.base, size, condition, err);
    } while ((code == ERR_OK || !watched.touched) && again(store, ++attempt, err));
    return code;
}

static enum err_code retry_remove(struct store *store, const char *key, struct err *err)
{
    unsigned attempt = 0;
    enum err_code code;

    do {
        code = store_wrap_remove(store, key, err);
    } while (again(store, ++attempt, err));
    return code;
}

static const char *const schemes[] = {NULL};

static const struct store_type store_retry = {
    .name = "retry",
    .schemes = schemes,
    .list_begin = retry_list_begin,
    .list_next = store_wrap_list_next,
    .list_end = store_wrap_list_end,
    .stat = retry_stat,
    .open_read = retry_open_read,
    .read = retry_read,
    .close_read = store_wrap_close_read,
    .put = retry_put,
    .remove = retry_remove,
    .close = store_wrap_close,
};

enum err_code store_retry_wrap(struct store *inner, const struct store_retry_options *options,
                               struct store **out, struct err *err)
{
    struct retry *retry;

    *out = NULL;
    if (options->attempts > STORE_RETRY_ATTEMPTS_MAX || options->base_ms < 0) {
        return err_set(err, ERRN_CONFIG, "%s: 1 to %d attempts, and a wait that is not negative",
                       inner->label, STORE_RETRY_ATTEMPTS_MAX);
    }
    retry = store_wrap_new(sizeof *retry, &store_retry, inner, err);
    if (!retry) {
        return err->code;
    }
    retry->attempts = options->attempts ? options->attempts : ATTEMPTS_DEFAULT;
    retry->base_ms = options->base_ms ? options->base_ms : BASE_MS_DEFAULT;
    retry->tokens = TOKENS_MAX;
    *out = &retry->wrap.base;
    return ERR_OK;
}
