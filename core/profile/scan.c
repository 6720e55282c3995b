/*
 * scan: listing -> window of objects -> object after object -> batches, all pulled by the caller. Everything
 * is done by its thread, but that readers ahead may fetch what is in the window.
 *
 * States: between objects (the window is filled, then its first is taken) -> an object is open (header read)
 * -> between objects ... -> done. The listing stays open while its objects are read: memory is one page, the
 * window (one object without readers), what the readers hold, one window of each parser and the caller's
 * batch. A listing that failed fails the scan once what it gave before is read. One record is read ahead, so
 * that an object's last batch is known as such. A scan that failed stays failed.
 */
#include "core/profile/scan.h"

#include <inttypes.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/data/inflate.h"

/* The raw bytes of the open object on their way: counted, and ended by the stop flag. */
struct tee {
    struct bytes base;
    struct bytes *from;
    const atomic_int *stop;
    const char *key;
    int64_t count;
    bool named; /* it failed, and its error names the object already, or needs none */
};

/* Listed and wanted. */
struct wanted {
    struct store_object object;
    hour_t hour;
};

struct scan {
    struct scan_spec spec;
    struct store_list *list;
    bool begun, done;
    bool all_listed; /* or the listing failed */
    struct err list_failed;
    struct wanted *window;      /* a ring: those from `taken` to `listed` */
    size_t room, taken, listed; /* of the window; objects since the beginning */
    struct store_object object; /* the one taken: as listed, then as opened */
    hour_t hour;
    bool open;
    struct store_reader *reader; /* one of these two, while open */
    struct ahead_object *fetched;
    struct tee tee;
    struct bytes *inflate;
    struct csv_reader *csv; /* kept from object to object */
    struct convert *convert;
    struct csv_record record; /* the next one, read ahead */
    enum csv_event event;
    bool first;
    int64_t header_records, records; /* of the open object */
    struct scan_counts counts;
    struct err failed;
};

static enum err_code check_stop(const atomic_int *stop, struct err *err)
{
    if (stop && atomic_load_explicit(stop, memory_order_relaxed))
        return err_set(err, ERRN_CANCELLED, "stopped by a signal");
    return ERR_OK;
}

/* What was listed must be there: its absence is news about the source, not about the set-up. */
static enum err_code source_error(const struct err *e, const char *key, struct err *err)
{
    if (e->code == ERR_NOT_FOUND)
        return err_set(err, ERRN_SOURCE_GONE, "%s: it was listed, but is not there any more", key);
    *err = *e;
    return e->code;
}

static enum err_code tee_read(struct bytes *self, void *dst, size_t cap, size_t *n, struct err *err)
{
    struct tee *tee = (struct tee *)self;
    struct err e = ERR_INIT;
    *n = 0;
    if (check_stop(tee->stop, err) != ERR_OK) {
        tee->named = true;
        return err->code;
    }
    if (bytes_read(tee->from, dst, cap, n, &e) != ERR_OK) {
        tee->named = true;
        return source_error(&e, tee->key, err);
    }
    tee->count += (int64_t)*n;
    return ERR_OK;
}

enum err_code scan_open(const struct scan_spec *spec, struct scan **out, struct err *err)
{
    *out = NULL;
    struct scan *scan = mem_calloc(1, sizeof *scan);
    if (!scan)
        return err_nomem(err);
    scan->spec = *spec;
    scan->room = spec->ahead ? SCAN_AHEAD : 1;
    scan->window = mem_calloc(scan->room, sizeof *scan->window);
    if (!scan->window) {
        scan_close(scan);
        return err_nomem(err);
    }
    if (convert_new(spec->schema, spec->dialect, &scan->convert, err) != ERR_OK) {
        scan_close(scan);
        return err->code;
    }
    *out = scan;
    return ERR_OK;
}

static void close_object(struct scan *scan)
{
    inflate_close(scan->inflate);
    store_close_read(scan->reader);
    ahead_give_back(scan->spec.ahead, scan->fetched);
    scan->inflate = NULL;
    scan->reader = NULL;
    scan->fetched = NULL;
    scan->open = false;
}

void scan_close(struct scan *scan)
{
    if (!scan)
        return;
    close_object(scan);
    if (scan->begun)
        ahead_end(scan->spec.ahead);
    csv_close(scan->csv);
    convert_free(scan->convert);
    store_list_end(scan->list);
    mem_free(scan->window);
    mem_free(scan);
}

const struct scan_counts *scan_counts(const struct scan *scan)
{
    return &scan->counts;
}

/* ---- the listing ---- */

static void item_at(const void *ctx, size_t i, struct ahead_item *out)
{
    const struct scan *scan = ctx;
    const struct store_object *object = &scan->window[i % scan->room].object;
    *out = (struct ahead_item){object->key, object->size, object->etag_trusted ? object->etag : NULL};
}

/* One object alone is listed by its whole key; one that cannot be in range is not even asked for. */
static enum err_code list_begin(struct scan *scan, struct err *err)
{
    const struct scan_spec *spec = &scan->spec;
    hour_t from = HOUR_MIN, to = HOUR_MAX + 1, hour;
    struct buf prefix;
    if (spec->range.bounded) {
        from = spec->range.from > from ? spec->range.from : from;
        to = spec->range.to < to ? spec->range.to : to;
    }
    scan->begun = true;
    scan->done = from >= to ||
                 (spec->object && (!store_key_valid(spec->object) ||
                                   layout_match(spec->layout, spec->object, &hour) != LAYOUT_MATCH ||
                                   !hour_in_range(hour, &spec->range)));
    if (scan->done)
        return ERR_OK;
    buf_init(&prefix, STORE_KEY_MAX);
    enum err_code code = spec->object ? buf_append_str(&prefix, spec->object, err)
                                      : layout_range_prefix(spec->layout, from, to, &prefix, err);
    if (code == ERR_OK)
        code = store_list_begin(spec->store, buf_str(&prefix), STORE_BELOW, &scan->list, err);
    buf_release(&prefix);
    const struct ahead_list list = {item_at, scan};
    ahead_begin(spec->ahead, &list, 0, spec->stop);
    return code;
}

/* Counts the listed object; true where it is to be read. */
static bool is_wanted(struct scan *scan, struct wanted *w)
{
    const struct scan_spec *spec = &scan->spec;
    scan->counts.listed++;
    switch (layout_match(spec->layout, w->object.key, &w->hour)) {
    case LAYOUT_HIDDEN:
        return false;
    case LAYOUT_IGNORED:
        scan->counts.ignored++;
        return false;
    case LAYOUT_MATCH:
        break;
    }
    if (hour_in_range(w->hour, &spec->range) && (!spec->object || strcmp(spec->object, w->object.key) == 0) &&
        (!spec->wants || spec->wants(spec->ctx, &w->object, w->hour)))
        return true;
    scan->counts.passed++;
    return false;
}

/* The window grows with what was read: from one object on, to its whole room. */
static enum err_code fill_window(struct scan *scan, struct err *err)
{
    size_t most = scan->taken < scan->room ? scan->taken + 1 : scan->room;
    while (!scan->all_listed && scan->listed - scan->taken < most) {
        struct wanted *w = &scan->window[scan->listed % scan->room];
        bool another = false;
        if (check_stop(scan->spec.stop, err) != ERR_OK)
            return err->code;
        (void)!store_list_next(scan->list, &w->object, &another, &scan->list_failed);
        scan->all_listed = !another;
        scan->listed += another && is_wanted(scan, w);
    }
    ahead_grow(scan->spec.ahead, scan->listed);
    return ERR_OK;
}

/* ---- one object ---- */

static enum err_code read_ahead(struct scan *scan, struct err *err)
{
    return csv_next(scan->csv, &scan->event, &scan->record, err);
}

static enum err_code read_header(struct scan *scan, struct err *err)
{
    scan->header_records = 0;
    if (scan->spec.dialect->header == CSV_HEADER_NONE) {
        convert_no_header(scan->convert);
        return ERR_OK;
    }
    if (read_ahead(scan, err) != ERR_OK)
        return err->code;
    if (scan->event == CSV_END)
        return err_set(err, ERRN_CSV_NO_HEADER,
                       "the object is empty, but its header line is needed (source.csv.header)");
    if (scan->event == CSV_BAD)
        return err_set(err, ERRN_CSV_HEADER, "line %" PRId64 ": the header is no record: %s",
                       scan->record.line, err_name_help(scan->record.bad));
    scan->header_records = 1;
    if (convert_header(scan->convert, &scan->record, err) != ERR_OK)
        return err_context(err, "line %" PRId64, scan->record.line);
    return ERR_OK;
}

/* The next one of the window, from the store or from the reader that was there before. */
static enum err_code open_bytes(struct scan *scan, struct bytes **out, struct err *err)
{
    size_t i = scan->taken++;
    struct ahead_item item;
    item_at(scan, i, &item);
    struct store_range range = {.length = -1, .if_match = item.if_match};
    scan->object = scan->window[i % scan->room].object;
    scan->hour = scan->window[i % scan->room].hour;
    scan->fetched = ahead_take(scan->spec.ahead, i);
    if (!scan->fetched) {
        if (store_open_read(scan->spec.store, item.key, &range, &scan->reader, err) != ERR_OK)
            return err->code;
        scan->object = scan->reader->object;
        *out = &scan->reader->bytes;
        return ERR_OK;
    }
    *out = &scan->fetched->bytes;
    if (scan->fetched->opened) {
        scan->object = scan->fetched->object;
        return ERR_OK;
    }
    size_t n;
    char none;
    return bytes_read(*out, &none, sizeof none, &n, err);
}

static enum err_code open_object(struct scan *scan, struct err *err)
{
    struct store_object *object = &scan->object;
    struct err e = ERR_INIT;
    scan->tee = (struct tee){.base = {tee_read}, .stop = scan->spec.stop, .key = object->key, .named = true};
    scan->open = true;
    if (open_bytes(scan, &scan->tee.from, &e) != ERR_OK)
        return source_error(&e, object->key, err);
    scan->tee.named = false;
    scan->counts.objects++;
    scan->records = 0;
    scan->first = true;
    struct bytes *bytes = &scan->tee.base;
    enum compression kind = compression_of(object->key);
    if (kind != COMPRESSION_NONE) {
        if (inflate_open(kind, bytes, &scan->inflate, err) != ERR_OK)
            return err->code;
        bytes = scan->inflate;
    }
    if (scan->csv)
        csv_reset(scan->csv, bytes);
    else if (csv_open(scan->spec.dialect, NULL, bytes, &scan->csv, err) != ERR_OK)
        return err->code;
    if (read_header(scan, err) != ERR_OK)
        return err->code;
    return read_ahead(scan, err);
}

/* All is read: no byte of it may be unaccounted for. */
static enum err_code end_object(struct scan *scan, struct err *err)
{
    const struct csv_counts *c = csv_counts(scan->csv);
    if (scan->tee.count != scan->object.size ||
        c->bytes != c->bytes_bom + c->bytes_records + c->bytes_blank ||
        c->records != scan->header_records + scan->records)
        return err_set(err, ERRN_CONSERVATION,
                       "%" PRId64 " of %" PRId64 " bytes were read, and %" PRId64 " of %" PRId64
                       " decoded bytes and %" PRId64 " of %" PRId64 " records accounted for",
                       scan->tee.count, scan->object.size, c->bytes_bom + c->bytes_records + c->bytes_blank,
                       c->bytes, scan->header_records + scan->records, c->records);
    scan->counts.bytes += scan->tee.count;
    close_object(scan);
    return ERR_OK;
}

static enum err_code take_record(struct scan *scan, struct batch *batch, struct err *err)
{
    struct refusal refusal = {.name = ERRN_NONE, .column = ""};
    scan->records++;
    scan->counts.records++;
    if (scan->event == CSV_BAD) {
        refusal.name = scan->record.bad;
        strncat(refusal.detail, err_name_help(refusal.name), sizeof refusal.detail - 1);
    } else if (convert_record(scan->convert, &scan->record, batch, &refusal, err) != ERR_OK) {
        return err->code;
    }
    if (refusal.name != ERRN_NONE) {
        scan->counts.refused++;
        if (scan->spec.refused)
            scan->spec.refused(scan->spec.ctx, &scan->object, &scan->record, &refusal);
    }
    return ERR_OK;
}

static enum err_code fill(struct scan *scan, struct batch *batch, struct scan_part *part, struct err *err)
{
    while (scan->event != CSV_END && !batch_full(batch))
        if (take_record(scan, batch, err) != ERR_OK || read_ahead(scan, err) != ERR_OK)
            return err->code;
    *part = (struct scan_part){
        .object = &scan->object, .hour = scan->hour, .first = scan->first, .last = scan->event == CSV_END};
    scan->first = false;
    return part->last ? end_object(scan, err) : ERR_OK;
}

static enum err_code next(struct scan *scan, struct batch *batch, struct scan_part *part, bool *more,
                          struct err *err)
{
    if (!scan->begun && list_begin(scan, err) != ERR_OK)
        return err->code;
    if (!scan->open && !scan->done) {
        if (check_stop(scan->spec.stop, err) != ERR_OK || fill_window(scan, err) != ERR_OK)
            return err->code;
        if (scan->taken == scan->listed) {
            scan->done = true;
            *err = scan->list_failed;
            return err->code;
        }
        if (open_object(scan, err) != ERR_OK)
            goto object_failed;
    }
    *more = !scan->done;
    if (scan->done || fill(scan, batch, part, err) == ERR_OK)
        return err->code;
object_failed:
    if (!scan->tee.named)
        err_context(err, "%s", scan->object.key);
    return err->code;
}

enum err_code scan_next(struct scan *scan, struct batch *batch, struct scan_part *part, bool *more,
                        struct err *err)
{
    *more = false;
    *part = (struct scan_part){0};
    batch_clear(batch);
    if (scan->failed.code == ERR_OK && next(scan, batch, part, more, &scan->failed) == ERR_OK)
        return ERR_OK;
    *more = false;
    batch_clear(batch);
    *err = scan->failed;
    return err->code;
}
