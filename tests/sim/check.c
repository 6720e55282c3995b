/* check: see check.h. Everything is read from the books anew, past the code that is under test. */
#include "tests/sim/check.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/data/canon.h"

enum { LEDGER_MAX = 512, SCAN_ROWS = 64 };

struct load {
    int64_t id, rows, counted;
    uint64_t hash, counted_hash;
    int object;
    bool last;
};

void check_init(struct checker *c)
{
    for (int hour = 0; hour < LAKE_HOURS; hour++)
        c->claims[hour] = (struct claim_row){.hour = LAKE_FIRST_HOUR + hour};
}

void check_fail(struct checker *c, const char *fmt, ...)
{
    if (c->violation[0] == '\0') {
        va_list args;
        va_start(args, fmt);
        vsnprintf(c->violation, sizeof c->violation, fmt, args);
        va_end(args);
        sched_log("VIOLATION: %s", c->violation);
    }
    sched_stop();
}

static void must(enum err_code code, const struct err *err)
{
    if (code == ERR_OK)
        return;
    fprintf(stderr, "check: %s: %s\n", err_name_text(err->name), err->msg);
    abort();
}

static bool hopeless(const struct checker *c, int object)
{
    const struct lake_object *o = &c->lake->objects[object];
    return o->there > 0 && o->versions[o->there - 1].bad > c->max_rejects;
}

/* ---- the books ---- */

static size_t read_ledger(struct checker *c, struct load *loads)
{
    static struct ledger_row page[16];
    struct ledger_query query = {.order = LEDGER_BY_ID};
    size_t total = 0, n = 16;
    while (n == 16) {
        struct err err = ERR_INIT;
        must(sink_ledger_page(db_books(c->db), &query, page, 16, &n, &err), &err);
        for (size_t i = 0; i < n; i++) {
            const struct ledger_row *row = &page[i];
            if (row->rows_read != row->rows_loaded + row->rows_rejected)
                check_fail(c, "%s: read %lld, loaded %lld, rejected %lld", row->object,
                           (long long)row->rows_read, (long long)row->rows_loaded,
                           (long long)row->rows_rejected);
            if (total == LEDGER_MAX)
                check_fail(c, "more than %d ledger rows", LEDGER_MAX);
            loads[total++] = (struct load){.id = row->id,
                                           .counted = row->rows_loaded,
                                           .counted_hash = row->row_hash,
                                           .object = lake_object_of(c->lake, row->object),
                                           .last = row->last};
            query.after_id = row->id;
        }
    }
    return total;
}

static struct load *load_of(struct load *loads, size_t n, int64_t id)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (loads[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low < n && loads[low].id == id ? &loads[low] : NULL;
}

struct rows {
    uint16_t seen[LAKE_OBJECTS][LAKE_VERSIONS]; /* a bit a line */
};

static void read_table(struct checker *c, struct load *loads, size_t n, struct rows *rows)
{
    struct sink *books = db_books(c->db);
    struct sink_scan *scan = NULL;
    struct batch *batch = NULL;
    int64_t ids[SCAN_ROWS];
    uint8_t odd[SCAN_ROWS];
    struct err err = ERR_INIT;
    must(batch_new(books->target.schema, SCAN_ROWS, 65536, &batch, &err), &err);
    must(sink_scan_begin(books, 0, &scan, &err), &err);
    do {
        must(sink_scan_next(scan, batch, ids, odd, &err), &err);
        for (size_t i = 0; i < batch->rows; i++) {
            int object, version, line;
            long long id = batch->cols[0].i64[i];
            struct load *load = load_of(loads, n, ids[i]);
            if (!lake_row(c->lake, id, &object, &version, &line))
                check_fail(c, "row %lld was never put", id);
            if (!load || load->object != object)
                check_fail(c, "row %lld of %s belongs to no ledger row of it", id,
                           c->lake->objects[object].key);
            if (rows->seen[object][version] >> line & 1)
                check_fail(c, "row %lld of %s is there twice", id, c->lake->objects[object].key);
            rows->seen[object][version] |= (uint16_t)(1 << line);
            load->rows++;
            load->hash += canon_rows_hash(batch, i, i + 1);
        }
    } while (batch->rows > 0);
    sink_scan_end(scan);
    batch_free(batch);
}

/* Which version's rows an object has, all or some; -1: none, -2: of several. */
static int version_of(const struct rows *rows, int object)
{
    int found = -1;
    for (int v = 0; v < LAKE_VERSIONS; v++)
        if (rows->seen[object][v])
            found = found == -1 ? v : -2;
    return found;
}

/* The version that is loaded, where it is loaded whole. One without rows is told by what was there. */
static int whole(struct checker *c, const struct rows *rows, int object)
{
    const struct lake_object *o = &c->lake->objects[object];
    int v = version_of(rows, object);
    if (v == -2)
        check_fail(c, "%s has rows of several versions", o->key);
    if (v == -1) {
        if (o->nversions > 1 || o->versions[0].good > 0)
            check_fail(c, "%s is in the ledger, but none of its rows is there", o->key);
        return 0;
    }
    if (rows->seen[object][v] != (1 << o->versions[v].good) - 1)
        check_fail(c, "%s is in the ledger, but not all rows of version %d are there", o->key, v + 1);
    return v;
}

static void check_books(struct checker *c)
{
    static struct load loads[LEDGER_MAX];
    struct rows rows = {0};
    size_t n = read_ledger(c, loads);
    read_table(c, loads, n, &rows);
    memset(c->loaded, 0, sizeof c->loaded);
    for (size_t i = 0; i < n; i++) {
        const struct load *load = &loads[i];
        if (load->object < 0)
            check_fail(c, "ledger row %lld is of no object", (long long)load->id);
        const char *key = c->lake->objects[load->object].key;
        if (load->rows != load->counted)
            check_fail(c, "%s: the ledger counts %lld rows, %lld are there", key, (long long)load->counted,
                       (long long)load->rows);
        if (load->hash != load->counted_hash)
            check_fail(c, "%s: the ledger's hash is not that of its rows", key);
        if (load->last && c->loaded[load->object])
            check_fail(c, "%s is in the ledger twice", key);
        if (load->last)
            c->loaded[load->object] = whole(c, &rows, load->object) + 1;
    }
}

/* ---- work that is not done ---- */

/* Whether the object, as it was at `since_us`, is in the table; one that cannot be is not asked for. */
static bool settled(const struct checker *c, int object, int64_t since_us)
{
    const struct lake_object *o = &c->lake->objects[object];
    int there = 0;
    while (there < o->there && o->versions[there].at_us < since_us)
        there++;
    if (there == 0)
        return true;
    return c->replaces ? c->loaded[object] >= there : c->loaded[object] > 0;
}

static const char *missing(const struct checker *c, int hour, int64_t since_us)
{
    for (int i = 0; i < c->lake->nobjects; i++)
        if (c->lake->objects[i].hour == hour && !settled(c, i, since_us))
            return c->lake->objects[i].key;
    return NULL;
}

static bool is_open(const struct claim_row *row)
{
    return row->owner[0] || row->before == HOUR_RETRYING || row->before == HOUR_FAILED;
}

/* Only a look-up: nothing moves meanwhile. */
static void check_forgotten(struct checker *c, int hour, const char *after)
{
    if (lake_queue_has(c->lake, hour))
        c->robbed[hour] = false;
    if (!c->queue || is_open(&c->claims[hour]) || lake_queue_has(c->lake, hour) || c->robbed[hour])
        return;
    for (int i = 0; i < c->lake->nobjects; i++) {
        const struct lake_object *o = &c->lake->objects[i];
        bool in = c->replaces ? c->loaded[i] >= o->announced : c->loaded[i] > 0 || o->announced == 0;
        if (o->hour == hour && !in)
            check_fail(c, "%s was put into the queue and is forgotten after %s", o->key, after);
    }
}

/* ---- steps ---- */

static int proc_of(const char *owner)
{
    const char *slash = strchr(owner, '/');
    int number = slash ? (int)strtol(slash + 1, NULL, 10) : 0;
    return number < CHECK_PROCS ? number : 0;
}

void check_committed(void *ctx, const struct sink_begin *begin, const struct claim_row *claim)
{
    struct checker *c = ctx;
    c->commits++;
    if (strcmp(claim->owner, begin->owner) != 0 || claim->epoch != begin->epoch)
        check_fail(c, "%s committed under epoch %lld, but the hour is with %s, epoch %lld", begin->owner,
                   (long long)begin->epoch, claim->owner[0] ? claim->owner : "nobody",
                   (long long)claim->epoch);
    check_books(c);
}

static void check_taken(struct checker *c, const struct claim_row *before, const struct claim_row *after)
{
    const struct proc *old = sched_proc_of(proc_of(before->owner)),
                      *new = sched_proc_of(proc_of(after->owner));
    bool left = before->lease_until_us <= sched_now_us() || (old && old->dead && old->host == new->host);
    if (after->epoch != before->epoch + 1)
        check_fail(c, "%s took the hour, and its epoch went from %lld to %lld", after->owner,
                   (long long)before->epoch, (long long)after->epoch);
    if (before->owner[0] && strcmp(before->owner, after->owner) != 0 && !left)
        check_fail(c, "%s took the hour from %s, who had it for %lld s more", after->owner, before->owner,
                   (long long)(before->lease_until_us - sched_now_us()) / 1000000);
    c->taken_us[new->number][after->hour - LAKE_FIRST_HOUR] = sched_now_us();
}

/* Whether a worker may have found a reason that lasts to give the hour up. */
static bool was_doomed(const struct checker *c, int hour)
{
    for (int i = 0; i < c->lake->nobjects; i++) {
        const struct lake_object *o = &c->lake->objects[i];
        for (int v = 0; o->hour == hour && v < o->there; v++)
            if (o->versions[v].bad > c->max_rejects)
                return true;
    }
    return false;
}

static void check_attempts(struct checker *c, int hour, const struct claim_row *after)
{
    enum hour_state state = after->before;
    if (state == HOUR_FAILED && after->attempts > c->retry_attempts)
        check_fail(c, "hour %d was tried %d times", hour, after->attempts);
    if (state == HOUR_FAILED && after->attempts < c->retry_attempts && !was_doomed(c, hour))
        check_fail(c, "hour %d was given up after %d attempts of %d: %s", hour, after->attempts,
                   c->retry_attempts, after->last_error);
    if (state == HOUR_RETRYING && after->attempts >= c->retry_attempts)
        check_fail(c, "hour %d is to be tried again after %d attempts", hour, after->attempts);
}

static void check_given_back(struct checker *c, const struct claim_row *before, const struct claim_row *after)
{
    int hour = (int)(after->hour - LAKE_FIRST_HOUR);
    enum hour_state state = after->before;
    if (c->queue && !c->mixed)
        check_attempts(c, hour, after);
    int proc = proc_of(before->owner);
    if ((state != HOUR_LOADED && state != HOUR_EMPTY) || (c->asked[proc] && state == before->before))
        return;
    const char *key = missing(c, hour, c->taken_us[proc][hour]);
    if (key)
        check_fail(c, "hour %d was given back as %s, but %s is missing", hour, hour_state_text(state), key);
}

void check_claimed(void *ctx, const struct claim_row *before, const struct claim_row *after)
{
    struct checker *c = ctx;
    int hour = (int)(after->hour - LAKE_FIRST_HOUR);
    if (after->epoch < before->epoch)
        check_fail(c, "the epoch of hour %d went back", hour);
    if (hour < 0 || hour >= LAKE_HOURS)
        check_fail(c, "a claim on an hour that nobody knows: %lld", (long long)after->hour);
    c->claims[hour] = *after;
    const struct proc *self = sched_self();
    if (self && after->epoch == before->epoch && proc_of(after->owner) == self->number)
        c->proved[self->number][hour] = true;
    if (after->epoch != before->epoch || (after->owner[0] && strcmp(before->owner, after->owner) != 0))
        check_taken(c, before, after);
    else if (before->owner[0] && !after->owner[0])
        check_given_back(c, before, after);
    check_forgotten(c, hour, "a change of its claim");
}

void check_removing(void *ctx, const char *name)
{
    struct checker *c = ctx;
    int hour = lake_hour_of_name(name);
    if (hour < 0)
        check_fail(c, "%s is removed, which is no queue file", name);
    const char *key = missing(c, hour, c->taken_us[sched_self()->number][hour]);
    if (key)
        check_fail(c, "queue file %s is removed before %s is loaded", name, key);
}

void check_removed(void *ctx, const char *name)
{
    struct checker *c = ctx;
    int hour = lake_hour_of_name(name);
    int self = sched_self()->number;
    for (int i = 0; i < CHECK_PROCS; i++)
        c->robbed[hour] |= c->taken_us[i][hour] > c->taken_us[self][hour];
    if (c->robbed[hour] && !c->proved[self][hour])
        check_fail(c, "queue file %s is removed by one who has lost the hour, and did not ask", name);
    check_forgotten(c, hour, "its file was removed");
}

void check_was_put(void *ctx, const char *name)
{
    lake_announce(((struct checker *)ctx)->lake, lake_hour_of_name(name));
}

void check_listing(void *ctx, const char *prefix)
{
    struct checker *c = ctx;
    (void)prefix;
    memset(c->proved[sched_self()->number], 0, sizeof c->proved[0]);
}

/* ---- the end ---- */

/* What can never be loaded is in this hour. */
static bool doomed(const struct checker *c, int hour)
{
    for (int i = 0; i < c->lake->nobjects; i++) {
        const struct lake_object *o = &c->lake->objects[i];
        bool in = c->replaces ? c->loaded[i] == o->there : c->loaded[i] > 0;
        bool bad = i == c->unreadable || i == c->deadly || (hopeless(c, i) && !in);
        if (o->hour == hour && o->there > 0 && bad)
            return true;
    }
    return false;
}

static bool object_done(const struct checker *c, int object)
{
    const struct lake_object *o = &c->lake->objects[object];
    if (o->there == 0 || hopeless(c, object) || object == c->unreadable)
        return true;
    /* Beside an object that kills its reader, or breaks off the hour, nothing is promised. */
    if (doomed(c, o->hour) && (c->deadly >= 0 || c->unreadable >= 0))
        return true;
    return c->replaces ? c->loaded[object] == o->there : c->loaded[object] > 0;
}

/* Nobody is at work on it: it is free, or its worker left it. */
static bool at_rest(const struct claim_row *row)
{
    return row->owner[0] == '\0' || row->lease_until_us <= sched_now_us();
}

static bool hour_done(const struct checker *c, int hour)
{
    const struct claim_row *row = &c->claims[hour];
    bool any = false;
    for (int i = 0; i < c->lake->nobjects; i++)
        any |= c->lake->objects[i].hour == hour && c->lake->objects[i].there > 0;
    if (!any)
        return !row->owner[0];
    if (doomed(c, hour) && row->before == HOUR_FAILED)
        return at_rest(row); /* one who looked at it and died left it as it was */
    if (row->owner[0])
        return false;
    if (doomed(c, hour))
        return !c->queue && row->before == HOUR_RETRYING;
    return row->before == HOUR_LOADED && !(c->queue && lake_queue_has(c->lake, hour));
}

bool check_all_done(struct checker *c)
{
    for (int i = 0; i < c->lake->nobjects; i++)
        if (!object_done(c, i))
            return false;
    for (int hour = 0; hour < c->lake->nhours; hour++)
        if (!hour_done(c, hour))
            return false;
    return true;
}

int check_failed_hour(const struct checker *c)
{
    for (int hour = 0; hour < c->lake->nhours; hour++) {
        const struct claim_row *row = &c->claims[hour];
        bool good = doomed(c, hour);
        for (int i = 0; i < c->lake->nobjects; i++)
            good &= c->lake->objects[i].hour != hour || object_done(c, i);
        if (at_rest(row) && row->before == HOUR_FAILED && !good)
            return hour;
    }
    return -1;
}

void check_describe(const struct checker *c, char *out, size_t cap)
{
    size_t n = 0;
    out[0] = '\0';
    for (int i = 0; i < c->lake->nobjects && n < cap; i++)
        if (!object_done(c, i))
            n += (size_t)snprintf(out + n, cap - n, " %s (version %d of %d)", c->lake->objects[i].key,
                                  c->loaded[i], c->lake->objects[i].there);
    for (int hour = 0; hour < c->lake->nhours && n < cap; hour++)
        if (!hour_done(c, hour))
            n += (size_t)snprintf(out + n, cap - n, " hour %d is %s, with %s%s", hour,
                                  hour_state_text(c->claims[hour].before),
                                  c->claims[hour].owner[0] ? c->claims[hour].owner : "nobody",
                                  lake_queue_has(c->lake, hour) ? ", and has a queue file" : "");
}
