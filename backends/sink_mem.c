/*
 * sink_mem: `mem:NAME`, a database in this process's memory, for tests and as the model of what a sink is.
 *
 * Invariants: one lock guards the list of databases and which snapshot is current; snapshots themselves are
 * never changed once they are current. One writer at a time for each database: another waits MEM_WAIT_MS on
 * its own clock, then DB_BUSY.
 *
 *   transaction: mem_begin_write (clone) -> changes to the clone -> mem_end_write (in place | dropped)
 */
#include "backends/sink_mem.h"

#include <pthread.h>
#include <string.h>

#include "backends/sink_mem_internal.h"
#include "core/base/mem.h"

extern const struct sink_type sink_mem;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct mem_db *databases;

/* ---- databases ---- */

static void free_db(struct mem_db *db)
{
    mem_state_unref(db->state);
    mem_free(db->name);
    mem_free(db);
}

static struct mem_db *new_db(const char *name)
{
    static const struct mem_state EMPTY;
    struct err err = ERR_INIT;
    struct mem_db *db = mem_calloc(1, sizeof *db);

    if (!db)
        return NULL;
    db->name = mem_strdup(name);
    if (!db->name || mem_state_clone(&EMPTY, &db->state, &err)) {
        free_db(db);
        return NULL;
    }
    return db;
}

static struct mem_db *find_db(const char *name)
{
    struct mem_db *db;

    pthread_mutex_lock(&lock);
    for (db = databases; db && strcmp(db->name, name) != 0; db = db->next)
        ;
    if (!db && (db = new_db(name))) {
        db->next = databases;
        databases = db;
    }
    pthread_mutex_unlock(&lock);
    return db;
}

void sink_mem_reset(void)
{
    pthread_mutex_lock(&lock);
    while (databases) {
        struct mem_db *db = databases;
        databases = db->next;
        free_db(db);
    }
    pthread_mutex_unlock(&lock);
}

/* ---- transactions ---- */

static bool try_lock(struct mem_db *db)
{
    pthread_mutex_lock(&lock);
    bool got = !db->writing;
    db->writing = true;
    pthread_mutex_unlock(&lock);
    return got;
}

/* Ends the writing; `next` (may be NULL) becomes the current snapshot. */
static void unlock(struct mem_db *db, struct mem_state *next)
{
    struct mem_state *old = NULL;

    pthread_mutex_lock(&lock);
    if (next) {
        old = db->state;
        db->state = next;
    }
    db->writing = false;
    pthread_mutex_unlock(&lock);
    mem_state_unref(old);
}

enum err_code mem_begin_write(struct mem_sink *m, struct err *err)
{
    int64_t until = clock_mono_us(m->base.clock) + MEM_WAIT_MS * INT64_C(1000);

    while (!try_lock(m->db)) {
        if (clock_mono_us(m->base.clock) >= until)
            return err_set(err, ERRN_DB_BUSY, "%s: another writer is at work", m->base.label);
        clock_sleep_us(m->base.clock, MEM_WAIT_STEP_US);
    }
    if (mem_state_clone(m->db->state, &m->work, err))
        unlock(m->db, NULL);
    return err->code;
}

enum err_code mem_end_write(struct mem_sink *m, struct err *err)
{
    struct mem_state *work = m->work;

    m->work = NULL;
    mem_index_drop(m);
    unlock(m->db, err->code ? NULL : work);
    if (err->code)
        mem_state_unref(work);
    return err->code;
}

struct mem_state *mem_read(struct mem_sink *m)
{
    pthread_mutex_lock(&lock);
    struct mem_state *state = m->work ? m->work : m->db->state;
    __atomic_add_fetch(&state->refs, 1, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&lock);
    return state;
}

/* ---- open, close ---- */

static void close_sink(struct sink *sink)
{
    sink_base_release(sink);
    mem_free(mem_of(sink));
}

static enum err_code open_sink(const struct sink_open *args, struct sink **out, struct err *err)
{
    struct mem_sink *m = NULL;
    struct url url;

    if (url_parse(args->url, &url, err))
        return err->code;
    m = mem_calloc(1, sizeof *m);
    if (!m) {
        err_nomem(err);
        goto out;
    }
    if (sink_base_init(&m->base, &sink_mem, args, err))
        goto out;
    m->base.caps = (struct sink_caps){1, true, 4096, 1024 * 1024, "mem"};
    m->db = find_db(url.path ? url.path : "");
    if (!m->db) {
        err_nomem(err);
        goto out;
    }
    *out = &m->base;
    m = NULL;
out:
    if (m)
        close_sink(&m->base);
    url_release(&url);
    return err->code;
}

/* ---- a load ---- */

static enum err_code begin_load(struct sink *sink, const struct sink_begin *begin, struct sink_load **out,
                                struct err *err)
{
    struct mem_load *load = mem_calloc(1, sizeof *load);

    if (!load)
        return err_nomem(err);
    load->hour = begin->hour;
    load->epoch = begin->epoch;
    memcpy(load->owner, begin->owner, strlen(begin->owner) + 1);
    if (mem_begin_write(mem_of(sink), err)) {
        mem_free(load);
        return err->code;
    }
    *out = &load->base;
    return ERR_OK;
}

static enum err_code commit(struct sink_load *base, struct err *err)
{
    struct mem_load *load = (struct mem_load *)base;
    struct mem_sink *m = mem_of(base->sink);

    (void)!mem_extend_claim(m, load->hour, load->owner, load->epoch, true, err);
    mem_free(load);
    return mem_end_write(m, err);
}

static void abort_load(struct sink_load *base)
{
    struct err cancelled = ERR_INIT;

    err_set(&cancelled, ERRN_CANCELLED, "aborted");
    (void)!mem_end_write(mem_of(base->sink), &cancelled);
    mem_free(base);
}

static const char *const SCHEMES[] = {"mem", NULL};

const struct sink_type sink_mem = {
    .name = "mem",
    .schemes = SCHEMES,
    .open = open_sink,
    .close = close_sink,
    .setup = mem_setup,
    .describe = mem_describe,
    .has_foreign_rows = mem_has_foreign_rows,
    .begin = begin_load,
    .ledger_insert = mem_ledger_insert,
    .replace = mem_replace,
    .append = mem_append,
    .rejects = mem_rejects,
    .mark_replayed = mem_mark_replayed,
    .checks_add = mem_checks_add,
    .hour_sum = mem_hour_sum,
    .totals = mem_totals,
    .commit = commit,
    .abort = abort_load,
    .ledger_page = mem_ledger_page,
    .ledger_header = mem_ledger_header,
    .ledger_set_etags = mem_ledger_set_etags,
    .attempt_add = mem_attempt_add,
    .attempt_page = mem_attempt_page,
    .reject_page = mem_reject_page,
    .check_page = mem_check_page,
    .claim_take = mem_claim_take,
    .claim_renew = mem_claim_renew,
    .claim_release = mem_claim_release,
    .claim_page = mem_claim_page,
    .scan_begin = mem_scan_begin,
    .scan_next = mem_scan_next,
    .scan_end = mem_scan_end,
};
