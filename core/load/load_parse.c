/*
 * load_parse: the second thread of a load: blocks -> records -> typed rows, rejects and slices, in items.
 *
 * States of an object: header -> (skip what earlier chunks loaded) -> records -> end. An item is passed on
 * when its batch is full, its rejects are many, a chunk is complete, or the unit ends. In a GROUP each object
 * lies whole in one item, so a bad one is taken out again before any of its rows is sent; in all other units
 * the first error ends the unit.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/data/canon.h"
#include "core/load/ledger.h"
#include "core/load/load_internal.h"

/* The decoded bytes of one object, pulled out of the channel of blocks. */
struct source {
    struct bytes base;
    struct parse *parse;
    struct block *block; /* in hand, NULL = none */
    size_t at;
    struct block *last; /* the END block, once reached */
    int64_t raw_bytes;  /* of the object, as far as it came */
    struct err failed;
};

/* What is known of the ledger row under construction. */
struct open_slice {
    int64_t chunk, byte_start, first_line;
    int64_t rows_read, rows_loaded, rows_rejected;
    uint64_t row_hash;
    bool told; /* its first part has been passed on */
};

enum { OBJECT_SHOWN = 200, COLUMN_SHOWN = 64, FIRST_MAX = OBJECT_SHOWN + COLUMN_SHOWN + 128 };

struct parser {
    struct parse *in;
    struct item *item;
    struct source source;
    struct open_slice open;
    size_t object;            /* index of the current one */
    struct buf header;        /* its header record */
    int64_t header_records;   /* 0 or 1 */
    int64_t loaded, rejected; /* of the current object in this unit */
    char first[FIRST_MAX];    /* its first reject, for people: " (first: line 3 column age: CAST_INT)" */
    int64_t skipped;          /* records of earlier chunks that were passed over */
    int64_t unit_read, unit_rejected;
};

static void give_back(struct parser *p, struct block **block)
{
    struct err ignored = ERR_INIT;
    if (*block && channel_push(p->in->blocks_empty, *block, &ignored) != ERR_OK)
        ignored = ERR_INIT; /* cancelled: the loader owns all blocks anyway */
    *block = NULL;
}

static enum err_code source_read(struct bytes *self, void *dst, size_t cap, size_t *n, struct err *err)
{
    struct source *s = (struct source *)self;
    struct parser *p = (struct parser *)((char *)s - offsetof(struct parser, source));
    *n = 0;
    while (!s->last && s->failed.code == ERR_OK) {
        if (s->block && s->at < s->block->len) {
            size_t left = s->block->len - s->at;
            *n = left < cap ? left : cap;
            memcpy(dst, s->block->data + s->at, *n);
            s->at += *n;
            return ERR_OK;
        }
        give_back(p, &s->block);
        void *next = NULL;
        if (channel_pop(p->in->blocks_full, &next, &s->failed) != ERR_OK)
            break;
        struct block *b = next;
        s->at = 0;
        if (b)
            s->raw_bytes = b->raw_bytes;
        if (!b)
            err_set(&s->failed, ERRN_INTERNAL, "the fetch thread ended without an end");
        else if (b->kind == BLOCK_ERROR)
            s->failed = b->err;
        if (b && b->kind == BLOCK_END)
            s->last = b;
        else
            s->block = b;
    }
    if (s->failed.code != ERR_OK) {
        *err = s->failed;
        return err->code;
    }
    return ERR_OK;
}

/* Reads on to the object's last block, so that the next object can begin. */
static enum err_code source_finish(struct parser *p, struct err *err)
{
    char sink[4096];
    size_t n = 1;
    struct err ended = ERR_INIT;
    while (n > 0 && ended.code == ERR_OK)
        if (bytes_read(&p->source.base, sink, sizeof sink, &n, &ended) != ERR_OK)
            n = 0;
    give_back(p, &p->source.block);
    give_back(p, &p->source.last);
    return ended.code == ERR_CANCELLED ? err_set(err, ERRN_CANCELLED, "stopped") : ERR_OK;
}

/* ---- items and slices ---- */

static enum err_code take_item(struct parser *p, struct err *err)
{
    void *next = NULL;
    enum err_code code = channel_pop(p->in->items_empty, &next, err);
    if (code != ERR_OK)
        return code;
    p->item = next;
    item_clear(p->item);
    return ERR_OK;
}

static const struct unit_object *current(const struct parser *p)
{
    return &p->in->unit->objects[p->object];
}

/* Puts a slice for the open ledger row into the item, beginning at the batch's next row. */
static enum err_code add_slice(struct parser *p, struct err *err)
{
    struct item *item = p->item;
    struct slice *s = &item->slices[item->nslices];
    struct ledger_row *row = &item->rows[item->nslices];
    *s = (struct slice){
        .object = p->object, .from = item->batch->rows, .to = item->batch->rows, .first = !p->open.told};
    s->header_off = item->raw.len;
    s->header_len = p->header.len;
    if (buf_append(&item->raw, buf_str(&p->header), p->header.len, err) != ERR_OK)
        return err->code;
    memset(row, 0, sizeof *row);
    snprintf(row->object, sizeof row->object, "%s", current(p)->key);
    snprintf(row->run_id, sizeof row->run_id, "%s", p->in->run_id);
    snprintf(row->load_method, sizeof row->load_method, "%s", p->in->load_method);
    snprintf(row->etag, sizeof row->etag, "%s", current(p)->etag);
    row->chunk = p->open.chunk;
    row->hour = p->in->unit->hour;
    row->kind = LOAD_KIND_LOAD;
    row->byte_start = p->open.byte_start;
    row->byte_end = p->open.byte_start;
    row->first_line = row->next_line = p->open.first_line;
    row->schema_hash = p->in->pipeline->schema.hash;
    p->open.told = true;
    item->nslices++;
    return ERR_OK;
}

static struct slice *top(struct parser *p)
{
    return &p->item->slices[p->item->nslices - 1];
}

/* Ends the item's part of the open slice: its rows are hashed and counted. */
static void close_part(struct parser *p)
{
    struct slice *s = top(p);
    s->to = p->item->batch->rows;
    p->open.row_hash += canon_rows_hash(p->item->batch, s->from, s->to);
    p->open.rows_loaded += (int64_t)(s->to - s->from);
    if (p->in->judge)
        judge_rows(p->in->judge, p->item->batch, s->from, s->to);
}

static void seal(struct item *item)
{
    const char *raw = buf_str(&item->raw);
    for (size_t i = 0; i < item->nrejects; i++)
        item->rejects[i].raw = raw + item->reject_off[i];
    for (size_t i = 0; i < item->nslices; i++) {
        item->rows[i].header = item->slices[i].header_len ? raw + item->slices[i].header_off : NULL;
        item->rows[i].header_len = item->slices[i].header_len;
    }
}

static enum err_code pass_on(struct parser *p, bool end, struct err *err)
{
    seal(p->item);
    p->item->end = end;
    enum err_code code = channel_push(p->in->items_full, p->item, err);
    if (code == ERR_OK)
        p->item = NULL;
    return code;
}

/* Passes a full item on in the middle of an object and goes on in a new one. */
static enum err_code turn_page(struct parser *p, struct err *err)
{
    close_part(p);
    if (pass_on(p, false, err) != ERR_OK || take_item(p, err) != ERR_OK)
        return err->code;
    return add_slice(p, err);
}

/* Totals of the open ledger row into the item, and what its checks have to say. */
static enum err_code close_row(struct parser *p, int64_t byte_end, int64_t next_line, bool object_end,
                               struct err *err)
{
    close_part(p);
    struct ledger_row *row = &p->item->rows[p->item->nslices - 1];
    top(p)->last = true;
    row->byte_end = byte_end;
    row->next_line = next_line;
    row->rows_read = p->open.rows_read;
    row->rows_loaded = p->open.rows_loaded;
    row->rows_rejected = p->open.rows_rejected;
    row->row_hash = p->open.row_hash;
    return p->in->judge ? judge_end(p->in->judge, object_end, p->item->nslices - 1, &p->item->notes, err)
                        : ERR_OK;
}

static enum err_code open_row(struct parser *p, int64_t chunk, int64_t byte_start, int64_t line,
                              struct err *err)
{
    p->open = (struct open_slice){.chunk = chunk, .byte_start = byte_start, .first_line = line};
    return add_slice(p, err);
}

/* ---- records ---- */

/* Over a limit that is a number nothing can make good again: further rejects are counted, but once there are
 * enough for the samples they are not stored only to be rolled back. */
static bool is_doomed(const struct parser *p)
{
    const struct reject_limit *limit = p->in->limit;
    int64_t before = p->in->unit->kind == UNIT_HOUR ? p->unit_rejected : current(p)->rejected_before;
    return limit && p->rejected > REC_SAMPLES_MAX && reject_over_limit(limit, before + p->rejected, 0, false);
}

/* The first reject of the object (of the hour, where that is the unit), for the message of the limit. */
static void note_first(struct parser *p, const struct csv_record *record, enum err_name name,
                       const char *column)
{
    const char *object = p->in->unit->kind == UNIT_HOUR ? current(p)->key : "";
    snprintf(p->first, sizeof p->first, " (first: %.*s%sline %" PRId64 "%s%.*s: %s)", OBJECT_SHOWN, object,
             object[0] ? " " : "", record->line, column[0] ? " column " : "", COLUMN_SHOWN, column,
             err_name_text(name));
}

static enum err_code add_reject(struct parser *p, const struct csv_record *record, enum err_name name,
                                const char *column, const char *message, struct err *err)
{
    struct item *item = p->item;
    struct reject *r = &item->rejects[item->nrejects];
    p->open.rows_rejected++;
    if (p->rejected++ == 0 && (p->in->unit->kind != UNIT_HOUR || p->unit_rejected == 0))
        note_first(p, record, name, column);
    if (is_doomed(p))
        return ERR_OK;
    memset(r, 0, sizeof *r);
    snprintf(r->object, sizeof r->object, "%s", current(p)->key);
    r->line = record->line;
    r->offset = record->offset;
    r->length = record->raw_total;
    r->raw_len = record->raw_len;
    snprintf(r->column, sizeof r->column, "%s", column);
    snprintf(r->error_name, sizeof r->error_name, "%s", err_name_text(name));
    snprintf(r->message, sizeof r->message, "%s", message);
    item->reject_off[item->nrejects] = item->raw.len;
    item->reject_slice[item->nrejects] = item->nslices - 1;
    if (buf_append(&item->raw, record->raw, record->raw_len, err) != ERR_OK)
        return err->code;
    item->nrejects++;
    return ERR_OK;
}

/* An object of a GROUP may use the second half of the item's rejects: it cannot turn the page. */
static bool item_full(const struct item *item, enum unit_kind kind)
{
    size_t most = kind == UNIT_GROUP ? ITEM_REJECTS_MAX : LOAD_ITEM_REJECTS;
    return batch_full(item->batch) || item->nrejects == most || item->raw.len > LOAD_ITEM_REJECT_BYTES;
}

static enum err_code check_limit(struct parser *p, int64_t rejected, int64_t read, bool final,
                                 struct err *err)
{
    const struct reject_limit *limit = p->in->limit;
    if (!limit || !reject_over_limit(limit, rejected, read, final))
        return ERR_OK;
    char allowed[REJECT_LIMIT_TEXT_MAX];
    reject_limit_format(limit, read, allowed);
    return err_set(err, ERRN_REJECT_LIMIT,
                   "%" PRId64 " of %" PRId64
                   " records were refused%s; max_rejects allows %s; `sluice rejects ls` shows samples",
                   rejected, read, p->first, allowed);
}

/* A chunk is complete and another record follows: its ledger row ends here. */
static enum err_code next_chunk(struct parser *p, const struct csv_record *record, struct err *err)
{
    const struct unit_object *object = current(p);
    int64_t chunk = p->open.chunk;
    if (check_limit(p, object->rejected_before + p->rejected, object->read_before + p->loaded + p->rejected,
                    false, err) != ERR_OK ||
        close_row(p, record->offset, record->line, false, err) != ERR_OK)
        return err->code;
    struct ledger_row *row = &p->item->rows[p->item->nslices - 1];
    row->content = hash_digest(p->in->prefix);
    row->etag[0] = '\0';
    row->chunk_rows = object->chunk_rows;
    if (pass_on(p, false, err) != ERR_OK || take_item(p, err) != ERR_OK)
        return err->code;
    return open_row(p, chunk + 1, record->offset, record->line, err);
}

static enum err_code add_record(struct parser *p, const struct csv_record *record, bool bad, struct err *err)
{
    bool chunked = p->in->unit->kind == UNIT_CHUNK;
    struct refusal refusal = {.name = ERRN_NONE};
    if (chunked && p->open.rows_read == current(p)->chunk_rows && next_chunk(p, record, err) != ERR_OK)
        return err->code;
    if (item_full(p->item, p->in->unit->kind)) {
        if (p->in->unit->kind == UNIT_GROUP)
            return err_set(err, ERRN_LIMIT, "too many rejects for a group: it is loaded alone");
        if (turn_page(p, err) != ERR_OK)
            return err->code;
    }
    p->open.rows_read++;
    if (chunked)
        hash_update(p->in->prefix, record->raw, record->raw_len);
    if (bad)
        return add_reject(p, record, record->bad, "", err_name_help(record->bad), err);
    if (convert_record(p->in->convert, record, p->item->batch, &refusal, err) != ERR_OK)
        return err->code;
    if (refusal.name != ERRN_NONE)
        return add_reject(p, record, refusal.name, refusal.column, refusal.detail, err);
    if (p->in->judge && judge_row(p->in->judge, p->item->batch, p->in->convert, &refusal, err) != ERR_OK)
        return err->code;
    if (refusal.name != ERRN_NONE) {
        batch_truncate(p->item->batch, p->item->batch->rows - 1);
        return add_reject(p, record, refusal.name, refusal.column, refusal.detail, err);
    }
    p->loaded++;
    return ERR_OK;
}

/* ---- objects ---- */

static enum err_code read_header(struct parser *p, struct err *err)
{
    struct csv_record record;
    enum csv_event event;
    buf_clear(&p->header);
    p->header_records = 0;
    if (p->in->pipeline->source.csv.header == CSV_HEADER_NONE) {
        convert_no_header(p->in->convert);
        return ERR_OK;
    }
    if (csv_next(p->in->csv, &event, &record, err) != ERR_OK)
        return err->code;
    if (event == CSV_END)
        return err_set(err, ERRN_CSV_NO_HEADER,
                       "the object is empty, but its header line is needed (source.csv.header)");
    if (event == CSV_BAD)
        return err_set(err, ERRN_CSV_HEADER, "line %" PRId64 ": the header is no record: %s", record.line,
                       err_name_help(record.bad));
    p->header_records = 1;
    if (buf_append(&p->header, record.raw, record.raw_len, err) != ERR_OK)
        return err->code;
    hash_update(p->in->prefix, record.raw, record.raw_len);
    if (convert_header(p->in->convert, &record, err) != ERR_OK)
        return err_context(err, "line %" PRId64, record.line);
    return ERR_OK;
}

/* What counts for the object as a whole goes on over its chunks. */
static enum err_code look_at_passed(struct parser *p, const struct csv_record *record, struct err *err)
{
    struct batch *batch = p->item->batch;
    struct refusal refusal;
    size_t rows = batch->rows;
    if (convert_record(p->in->convert, record, batch, &refusal, err) == ERR_OK && refusal.name == ERRN_NONE &&
        judge_passed(p->in->judge, batch, err) == ERR_OK)
        batch_truncate(batch, rows);
    return err->code;
}

/* Passes over the records of earlier chunks, and makes sure that they are the ones that were loaded. */
static enum err_code skip_loaded(struct parser *p, struct csv_record *record, enum csv_event *event,
                                 struct err *err)
{
    const struct unit_object *object = current(p);
    bool judged = p->in->judge && judge_needs_passed(p->in->judge);
    p->skipped = 0;
    for (;;) {
        if (csv_next(p->in->csv, event, record, err) != ERR_OK)
            return err->code;
        if (*event == CSV_END || object->chunk == 0 || record->offset >= object->byte_start)
            break;
        hash_update(p->in->prefix, record->raw, record->raw_len);
        if (judged && *event == CSV_RECORD && look_at_passed(p, record, err) != ERR_OK)
            return err->code;
        p->skipped++;
    }
    if (object->chunk == 0)
        return ERR_OK;
    struct hash128 prefix = hash_digest(p->in->prefix);
    bool there = *event != CSV_END && record->offset == object->byte_start;
    if (!there || !hash_equal(&prefix, &object->prefix_hash))
        return err_set(err, ERRN_SOURCE_CHANGED,
                       "%" PRId64 " chunks of it are loaded, but what they held has changed; `sluice run "
                       "--reload` loads the hour again",
                       object->chunk);
    return ERR_OK;
}

/* All is read: the books of this object must balance, then its ledger row is complete. */
static enum err_code end_object(struct parser *p, struct err *err)
{
    const struct unit_object *object = current(p);
    const struct block *last = p->source.last;
    const struct csv_counts *counts = csv_counts(p->in->csv);
    struct object_tally tally = {
        .raw_bytes = last->raw_bytes,
        .object_size = last->object_size,
        .decoded_bytes = last->decoded_bytes,
        .csv = *counts,
        .other_records = p->header_records + p->skipped,
        .rows_loaded = p->loaded,
        .rows_rejected = p->rejected,
    };
    if (ledger_check_object(&tally, err) != ERR_OK)
        return err->code;
    p->unit_read += p->loaded + p->rejected;
    p->unit_rejected += p->rejected;
    if (p->in->unit->kind != UNIT_HOUR &&
        check_limit(p, object->rejected_before + p->rejected, object->read_before + p->loaded + p->rejected,
                    true, err) != ERR_OK)
        return err->code;
    if (close_row(p, counts->bytes, counts->lines + 1, true, err) != ERR_OK)
        return err->code;
    struct ledger_row *row = &p->item->rows[p->item->nslices - 1];
    top(p)->object_end = true;
    row->last = true;
    row->content = last->content;
    row->bytes = last->raw_bytes;
    row->chunk_rows = p->in->unit->kind == UNIT_CHUNK ? object->chunk_rows : 0;
    snprintf(row->etag, sizeof row->etag, "%s", last->etag);
    return ERR_OK;
}

static enum err_code parse_records(struct parser *p, struct err *err)
{
    struct csv_record record;
    enum csv_event event;
    const struct unit_object *object = current(p);
    int64_t told = 0;
    if (read_header(p, err) != ERR_OK)
        return err->code;
    if (p->in->judge)
        judge_object(p->in->judge, object->chunk ? NULL : convert_drift(p->in->convert));
    if (skip_loaded(p, &record, &event, err) != ERR_OK)
        return err->code;
    int64_t start = object->chunk ? object->byte_start : 0;
    if (open_row(p, object->chunk, start, event == CSV_END ? csv_counts(p->in->csv)->lines + 1 : record.line,
                 err) != ERR_OK)
        return err->code;
    while (event != CSV_END) {
        if (add_record(p, &record, event == CSV_BAD, err) != ERR_OK)
            return err->code;
        if (p->in->progress && (p->loaded + p->rejected - told) >= 4096) {
            progress_add(&p->in->progress->rows_done, p->loaded + p->rejected - told);
            told = p->loaded + p->rejected;
        }
        if (csv_next(p->in->csv, &event, &record, err) != ERR_OK)
            return err->code;
    }
    if (p->in->progress)
        progress_add(&p->in->progress->rows_done, p->loaded + p->rejected - told);
    return end_object(p, err);
}

/* Takes what the current object left in the item out again (GROUP only). */
static void leave_out(struct parser *p, size_t slices, size_t rows, size_t rejects, size_t raw, size_t notes)
{
    check_notes_cut(&p->item->notes, notes);
    p->item->nslices = slices;
    p->item->nrejects = rejects;
    p->item->raw.len = raw;
    batch_truncate(p->item->batch, rows);
    p->in->outcomes[p->object].left_out = true;
}

static enum err_code parse_object(struct parser *p, struct err *err)
{
    const struct unit *unit = p->in->unit;
    struct item *item = p->item;
    size_t slices = item->nslices, rows = item->batch->rows, rejects = item->nrejects, raw = item->raw.len;
    size_t notes = item->notes.n;
    struct load_outcome *outcome = &p->in->outcomes[p->object];
    struct err e = ERR_INIT;

    p->source = (struct source){.base = {source_read}, .parse = p->in};
    p->loaded = p->rejected = p->skipped = 0;
    if (unit->kind != UNIT_HOUR)
        p->first[0] = '\0';
    hash_reset(p->in->prefix);
    csv_reset(p->in->csv, &p->source.base);
    enum err_code code = parse_records(p, &e);
    outcome->rows_read = p->loaded + p->rejected;
    outcome->rows_loaded = p->loaded;
    outcome->rows_rejected = p->rejected;
    outcome->bytes = p->source.raw_bytes;
    if (code != ERR_OK && (unit->kind != UNIT_GROUP || code == ERR_CANCELLED || e.name == ERRN_NOMEM)) {
        *err = e;
        return p->source.failed.code != ERR_OK ? code : err_context(err, "%s", current(p)->key);
    }
    if (code != ERR_OK)
        leave_out(p, slices, rows, rejects, raw, notes);
    return source_finish(p, err);
}

/* Before a GROUP's next object: it must fit into the item whole, at two bytes a record. */
static enum err_code make_room(struct parser *p, struct err *err)
{
    const struct item *item = p->item;
    size_t size = (size_t)current(p)->size;
    bool rows = item->batch->rows + size / 2 + 1 <= item->batch->max_rows;
    bool rejects = item->nrejects <= LOAD_ITEM_REJECTS && item->raw.len + size <= LOAD_ITEM_REJECT_BYTES;
    if (item->nslices == 0 || (rows && rejects && item->nslices < ITEM_SLICES_MAX &&
                               item->notes.n < ITEM_NOTES && !batch_full(item->batch)))
        return ERR_OK;
    if (pass_on(p, false, err) != ERR_OK)
        return err->code;
    return take_item(p, err);
}

static enum err_code parse_unit(struct parser *p, struct err *err)
{
    const struct unit *unit = p->in->unit;
    if (take_item(p, err) != ERR_OK)
        return err->code;
    if (p->in->judge)
        judge_unit(p->in->judge, unit->kind, p->in->limit != NULL);
    for (p->object = 0; p->object < unit->n; p->object++) {
        bool full = p->item->nslices == ITEM_SLICES_MAX || p->item->notes.n >= ITEM_NOTES;
        if (unit->kind == UNIT_GROUP && make_room(p, err) != ERR_OK)
            return err->code;
        if (unit->kind != UNIT_GROUP && full &&
            (pass_on(p, false, err) != ERR_OK || take_item(p, err) != ERR_OK))
            return err->code;
        if (parse_object(p, err) != ERR_OK)
            return err->code;
    }
    if (unit->kind == UNIT_HOUR && check_limit(p, p->unit_rejected, p->unit_read, true, err) != ERR_OK)
        return err->code;
    return pass_on(p, true, err);
}

void parse_main(void *arg)
{
    struct parser p = {.in = arg};
    struct err err = ERR_INIT, ignored = ERR_INIT;
    buf_init(&p.header, CSV_RECORD_MAX);
    if (parse_unit(&p, &err) != ERR_OK && err.code != ERR_CANCELLED) {
        /* Tell the sink thread why; what this item holds is for the samples only. */
        if (p.item || take_item(&p, &ignored) == ERR_OK) {
            seal(p.item);
            p.item->err = err;
            if (channel_push(p.in->items_full, p.item, &ignored) != ERR_OK)
                p.item = NULL;
        }
    }
    buf_release(&p.header);
    channel_close(p.in->items_full);
}
