/*
 * verify_rows: the names of the rows that differ: `verify --show N`.
 *
 * Two passes over each side of one object. The first keeps a hash (and line) for each row; sorted, the two
 * lists show which hashes stand on one side only. The second turns those few into text. Memory: 16 bytes a
 * row, ROWS_MAX rows a side at the most.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/data/canon.h"
#include "core/load/verify_internal.h"

enum { ROWS_MAX = 20 * 1000 * 1000, SCAN_ROWS = 1024, SCAN_TEXT = 1024 * 1024, ROW_TEXT_MAX = 64 * 1024 };

struct mark {
    uint64_t hash;
    int64_t line; /* 0 = a row of the target */
};

struct marks {
    struct mark *at;
    size_t n, cap;
};

struct show {
    struct verify *v;
    const struct diff_entry *entry;
    struct marks source, target; /* first pass: all rows; then: only the odd ones */
    bool second;
    struct buf text;
};

static int by_hash(const void *a, const void *b)
{
    const struct mark *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return (x->line > y->line) - (x->line < y->line);
}

static enum err_code add_mark(struct marks *m, uint64_t hash, int64_t line, struct err *err)
{
    if (m->n == ROWS_MAX)
        return err_set(err, ERRN_LIMIT, "an object of more than %d rows is too large for --show", ROWS_MAX);
    if (m->n == m->cap) {
        size_t cap = m->cap ? m->cap * 2 : 4096;
        struct mark *grown = mem_realloc(m->at, cap * sizeof *grown);
        if (!grown)
            return err_nomem(err);
        m->at = grown;
        m->cap = cap;
    }
    m->at[m->n++] = (struct mark){hash, line};
    return ERR_OK;
}

/* Takes the mark of this row out of the (sorted) odd ones; false where it is not among them. */
static bool take_mark(struct marks *m, uint64_t hash, int64_t line)
{
    for (size_t i = 0; i < m->n; i++) {
        if (m->at[i].hash != hash || m->at[i].line != line)
            continue;
        memmove(&m->at[i], &m->at[i + 1], (m->n - i - 1) * sizeof *m->at);
        m->n--;
        return true;
    }
    return false;
}

/* The row as a CSV line. */
static enum err_code row_text(const struct batch *batch, size_t row, struct buf *out, struct err *err)
{
    struct buf cell;
    buf_init(&cell, ROW_TEXT_MAX);
    buf_clear(out);
    for (size_t c = 0; c < batch->ncols; c++) {
        buf_clear(&cell);
        if ((c > 0 && buf_append_char(out, ',', err) != ERR_OK) ||
            canon_text(batch, c, row, &cell, err) != ERR_OK)
            break;
        const char *text = buf_str(&cell);
        bool quote = strpbrk(text, ",\"\r\n") != NULL || (cell.len == 0 && !batch->cols[c].null[row]);
        if (quote && buf_append_char(out, '"', err) != ERR_OK)
            break;
        for (const char *p = text; *p && err->code == ERR_OK; p++)
            if (buf_append(out, *p == '"' ? "\"\"" : p, *p == '"' ? 2 : 1, err) != ERR_OK)
                break;
        if (quote && buf_append_char(out, '"', err) != ERR_OK)
            break;
    }
    buf_release(&cell);
    return err->code;
}

static enum err_code name_row(struct show *s, const struct batch *batch, size_t row, bool in_source,
                              struct err *err)
{
    struct verify *v = s->v;
    struct err cut = ERR_INIT;
    if (v->shown >= v->options->show)
        return ERR_OK;
    if (row_text(batch, row, &s->text, &cut) != ERR_OK && cut.name != ERRN_LIMIT) {
        *err = cut;
        return err->code;
    }
    struct verify_row named = {.object = s->entry->object.key,
                               .in_source = in_source,
                               .line = in_source ? batch->line[row] : 0,
                               .text = buf_str(&s->text)};
    v->shown++;
    if (v->options->row)
        v->options->row(v->options->ctx, &named);
    return ERR_OK;
}

static enum err_code source_item(void *ctx, struct item *item, struct err *err)
{
    struct show *s = ctx;
    if (item->err.code != ERR_OK)
        return err_set(err, item->err.name, "%s", item->err.msg);
    for (size_t i = 0; i < item->batch->rows; i++) {
        uint64_t hash = canon_row_hash(item->batch, i);
        if (!s->second ? add_mark(&s->source, hash, item->batch->line[i], err) != ERR_OK
                       : take_mark(&s->source, hash, item->batch->line[i]) &&
                             name_row(s, item->batch, i, true, err) != ERR_OK)
            return err->code;
    }
    return ERR_OK;
}

static enum err_code read_source(struct show *s, struct err *err)
{
    struct unit *unit = NULL;
    struct load_outcome outcome;
    enum err_code code = verify_unit(s->entry, &unit, err);
    if (code == ERR_OK)
        code = loader_drive(s->v->loader, unit, NULL, &outcome, source_item, s, err);
    unit_free(unit);
    return code;
}

static enum err_code read_target(struct show *s, int64_t id, struct err *err)
{
    struct sink_scan *scan = NULL;
    struct batch *batch = NULL;
    int64_t ids[SCAN_ROWS];
    uint8_t odd[SCAN_ROWS];
    if (batch_new(&s->v->job->pipeline->schema, SCAN_ROWS, SCAN_TEXT, &batch, err) != ERR_OK ||
        sink_scan_begin(s->v->job->sink, id, &scan, err) != ERR_OK)
        goto out;
    do {
        if (sink_scan_next(scan, batch, ids, odd, err) != ERR_OK)
            goto out;
        for (size_t i = 0; i < batch->rows; i++) {
            uint64_t hash = canon_row_hash(batch, i) + odd[i];
            if (!s->second ? add_mark(&s->target, hash, 0, err) != ERR_OK
                           : take_mark(&s->target, hash, 0) && name_row(s, batch, i, false, err) != ERR_OK)
                goto out;
        }
    } while (batch->rows > 0);
out:
    sink_scan_end(scan);
    batch_free(batch);
    return err->code;
}

/* Leaves in each list only what the other one lacks, at most `most` of each. */
static void keep_odd(struct marks *a, struct marks *b, size_t most)
{
    size_t i = 0, k = 0, na = 0, nb = 0;
    if (a->n > 1)
        qsort(a->at, a->n, sizeof *a->at, by_hash);
    if (b->n > 1)
        qsort(b->at, b->n, sizeof *b->at, by_hash);
    while (i < a->n || k < b->n) {
        if (i < a->n && k < b->n && a->at[i].hash == b->at[k].hash) {
            i++;
            k++;
        } else if (k == b->n || (i < a->n && a->at[i].hash < b->at[k].hash)) {
            if (na < most)
                a->at[na++] = a->at[i];
            i++;
        } else {
            if (nb < most)
                b->at[nb++] = b->at[k];
            k++;
        }
    }
    a->n = na;
    b->n = nb;
}

enum err_code verify_show(struct verify *v, const struct diff_entry *entry, const int64_t *ids, size_t nids,
                          struct err *err)
{
    struct show s = {.v = v, .entry = entry};
    buf_init(&s.text, ROW_TEXT_MAX);
    if (read_source(&s, err) != ERR_OK)
        goto out;
    for (size_t i = 0; i < nids; i++)
        if (read_target(&s, ids[i], err) != ERR_OK)
            goto out;
    keep_odd(&s.source, &s.target, (size_t)(v->options->show - v->shown));
    s.second = true;
    if (s.source.n > 0 && read_source(&s, err) != ERR_OK)
        goto out;
    for (size_t i = 0; s.target.n > 0 && i < nids; i++)
        if (read_target(&s, ids[i], err) != ERR_OK)
            goto out;
out:
    if (err->name == ERRN_LIMIT) {
        log_msg(LOG_WARN, "%s: %s", entry->object.key, err->msg);
        err_clear(err);
    }
    mem_free(s.source.at);
    mem_free(s.target.at);
    buf_release(&s.text);
    return err->code;
}
