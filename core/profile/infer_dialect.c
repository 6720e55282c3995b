/*
 * infer_dialect: delimiter, quote and header, by reading the heads of objects with each candidate.
 *
 * core/data/csv reads a head as it would read the object: a head that ends early fails the reader there, so
 * that a record cut in two is not judged. A candidate's worth is how many records have as many fields as most
 * of their object, squared, times how many fields look like values by themselves (numbers, times, words
 * without another candidate's delimiter inside). Equal ones: the first of the table. A file of one column is
 * that where each line is a value as a whole, no candidate divides half of the lines alike, or none the first
 * line as it does the others (12:30 below the name "time").
 */
#include <string.h>

#include "core/base/bytes.h"
#include "core/base/mem.h"
#include "core/profile/infer_internal.h"

enum {
    JUDGED_RECORDS = 300, /* of a head, by each candidate */
    COUNTS_MAX = 32,      /* different numbers of fields in a head */
    HEADER_RECORDS = 1000,
    HEADER_CELL_MAX = 64, /* bytes of a name, where only its look tells it from a value */
};

struct candidate {
    char delimiter;
    double weight;
};
#define ODD_FIRST 0.1 /* what a delimiter is worth still that does not divide the first record */
/* ":", "^" and "~" stand in values too often. */
static const struct candidate candidates[] = {{',', 1},    {';', 1},   {'\t', 1},  {'|', 1},  {'\x1f', 1},
                                              {'\x01', 1}, {':', 0.5}, {'^', 0.5}, {'~', 0.5}};
enum { CANDIDATES = sizeof candidates / sizeof candidates[0] };

/* ---- is it text ---- */

static enum err_code refuse_mac(const struct infer_head *head, struct err *err)
{
    const char *cr = memchr(head->data, '\r', head->len);
    if (!cr || memchr(head->data, '\n', head->len))
        return ERR_OK;
    if (cr + 1 == head->data + head->len)
        return ERR_OK;
    return err_set(err, ERRN_UNSUPPORTED,
                   "its lines end with a carriage return alone (old Mac): tr '\\r' '\\n' <FILE >NEW.csv");
}

enum err_code infer_text(const struct infer_head *head, struct err *err)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *what;
    } magics[] = {
        {"\x1f\x8b", 2, "compressed by gzip: its name must end in .csv.gz"},
        {"\x28\xb5\x2f\xfd", 4, "compressed by zstd: its name must end in .csv.zst"},
        {"PK\x03\x04", 4, "a zip archive or a workbook: unpack it, or save it as CSV"},
        {"PAR1", 4, "a Parquet file, which sluice does not read: write it as CSV"},
        {"SQLite format 3", 15, "a database of SQLite, not a CSV file"},
        {"\xff\xfe\x00\x00", 4, "UTF-32, sluice loads UTF-8: iconv -f UTF-32 -t UTF-8 FILE >NEW.csv"},
        {"\xff\xfe", 2, "UTF-16, sluice loads UTF-8: iconv -f UTF-16 -t UTF-8 FILE >NEW.csv"},
        {"\xfe\xff", 2, "UTF-16, sluice loads UTF-8: iconv -f UTF-16 -t UTF-8 FILE >NEW.csv"},
    };
    size_t controls = 0, nuls[2] = {0};
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++) {
        if (head->len >= magics[i].len && memcmp(head->data, magics[i].bytes, magics[i].len) == 0)
            return err_set(err, ERRN_UNSUPPORTED, "it is %s", magics[i].what);
    }
    for (size_t i = 0; i < head->len; i++) {
        unsigned char c = (unsigned char)head->data[i];
        nuls[i % 2] += c == 0;
        controls += c < ' ' && !strchr("\t\n\r\x01\x1f", c);
    }
    controls += nuls[0] + nuls[1]; /* strchr finds its own end */
    size_t most = nuls[0] > nuls[1] ? nuls[0] : nuls[1], least = nuls[0] + nuls[1] - most;
    if (most > head->len / 5 && least * 8 < most)
        return err_set(err, ERRN_UNSUPPORTED,
                       "it is UTF-16, sluice loads UTF-8: iconv -f UTF-16%s -t UTF-8 FILE >NEW.csv",
                       nuls[1] > nuls[0] ? "LE" : "BE");
    if (controls > head->len / 20)
        return err_set(err, ERRN_UNSUPPORTED,
                       "it is no text: %zu of its first %zu bytes are control characters", controls,
                       head->len);
    return refuse_mac(head, err);
}

/* ---- reading a head ---- */

struct cut {
    struct bytes base;
    const struct infer_head *head;
    size_t pos;
};

static enum err_code read_cut(struct bytes *self, void *dst, size_t cap, size_t *n, struct err *err)
{
    struct cut *cut = (struct cut *)self;
    size_t left = cut->head->len - cut->pos;
    *n = left < cap ? left : cap;
    if (*n > 0)
        memcpy(dst, cut->head->data + cut->pos, *n);
    cut->pos += *n;
    if (*n == 0 && !cut->head->whole)
        return err_set(err, ERRN_CANCELLED, "the sample ends here");
    return ERR_OK;
}

/* A reader over a head, and the record at hand. */
struct head_reader {
    struct cut cut;
    struct csv_reader *reader;
    struct csv_record record;
    enum csv_event event;
};

static enum err_code open_head(struct head_reader *r, const struct infer_head *head,
                               const struct csv_dialect *dialect, struct err *err)
{
    *r = (struct head_reader){.cut = {.base = {read_cut}, .head = head}};
    return csv_open(dialect, NULL, &r->cut.base, &r->reader, err);
}

/* True while there is a record, good or bad; the end of the sample is the end. */
static bool next(struct head_reader *r, struct err *err)
{
    if (csv_next(r->reader, &r->event, &r->record, err) == ERR_CANCELLED) {
        err_clear(err);
        return false;
    }
    return err->code == ERR_OK && r->event != CSV_END;
}

/* ---- candidates ---- */

struct tally {
    int64_t records, good, regular;
    int64_t cells, clean;
    int64_t whole;  /* records that are one value */
    int64_t quoted; /* records in which a field begins with the quote */
    int64_t crlf, lf;
    int64_t weight; /* records of the head whose number of fields is `fields` */
    size_t fields;
    size_t heads, odd; /* with a record; whose first one has not as many fields as most of it */
};

/* A field that a person would leave together. */
static bool is_clean(const struct csv_field *f, char delimiter)
{
    if (f->len == 0 || infer_classify(f->data, f->len) < INFER_TEXT)
        return true;
    if (f->data[0] == '\'' || f->data[0] == '"')
        return false;
    for (uint32_t i = 0; i < f->len; i++) {
        char c = f->data[i], after = i + 1 < f->len ? f->data[i + 1] : ' ';
        if (c == delimiter || after == ' ')
            continue;
        if (c == ';' || c == '\t' || c == '|' ||
            (c == ',' && (after < '0' || after > '9'))) /* 1,5 is a number */
            return false;
    }
    return true;
}

struct counts {
    size_t fields[COUNTS_MAX];
    int64_t records[COUNTS_MAX];
    size_t n;
};

static void count(struct counts *counts, size_t fields)
{
    size_t i = 0;
    while (i < counts->n && counts->fields[i] != fields)
        i++;
    if (i == COUNTS_MAX)
        return;
    counts->fields[i] = fields;
    counts->records[i] = i == counts->n ? 1 : counts->records[i] + 1;
    counts->n += i == counts->n;
}

static enum err_code tally_head(const struct infer_head *head, const struct csv_dialect *dialect,
                                struct tally *t, struct err *err)
{
    const char opening[2] = {dialect->delimiter, dialect->quote};
    struct counts counts = {.n = 0};
    struct head_reader r;
    size_t first = 0; /* fields of the first record */
    if (open_head(&r, head, dialect, err))
        return err->code;
    for (int n = 0; n < JUDGED_RECORDS && next(&r, err); n++) {
        t->records++;
        if (r.event == CSV_BAD)
            continue;
        t->good++;
        count(&counts, r.record.nfields);
        first = n == 0 ? r.record.nfields : first;
        t->quoted += r.record.raw[0] == dialect->quote || memmem(r.record.raw, r.record.raw_len, opening, 2);
        size_t len = r.record.raw_len;
        t->lf += len > 0 && r.record.raw[len - 1] == '\n' && !(len > 1 && r.record.raw[len - 2] == '\r');
        t->crlf += len > 1 && memcmp(r.record.raw + len - 2, "\r\n", 2) == 0;
        while (len > 0 && (r.record.raw[len - 1] == '\n' || r.record.raw[len - 1] == '\r'))
            len--;
        t->whole += n > 0 && infer_classify(r.record.raw, len) < INFER_TEXT;
        for (size_t i = 0; i < r.record.nfields; i++)
            t->clean += is_clean(&r.record.fields[i], dialect->delimiter);
        t->cells += (int64_t)r.record.nfields;
    }
    csv_close(r.reader);
    size_t most = 0;
    for (size_t i = 1; i < counts.n; i++)
        if (counts.records[i] > counts.records[most] ||
            (counts.records[i] == counts.records[most] && counts.fields[i] > counts.fields[most]))
            most = i;
    if (counts.n > 0) {
        t->regular += counts.records[most];
        t->heads++;
        t->odd += first != counts.fields[most];
        if (counts.records[most] > t->weight) {
            t->weight = counts.records[most];
            t->fields = counts.fields[most];
        }
    }
    return err->code;
}

static double worth(const struct tally *t, double weight)
{
    double first = 2 * t->odd > t->heads ? ODD_FIRST : 1;
    double regular = (double)t->regular / (double)t->records, clean = (double)t->clean / (double)t->cells;
    if (t->fields > 1 && regular < 0.5)
        return 0;
    if (t->fields == 1) /* no delimiter: the lines are values, or nothing divides them */
        return regular * (t->whole > 0 && t->whole * 10 >= (t->good - 1) * 9 ? 0.95 : 0.05);
    return first * regular * regular * (0.2 + 0.8 * clean) * weight * (1 - 0.5 / (double)t->fields);
}

static bool stands_in(const struct infer_head *heads, size_t nheads, char c)
{
    for (size_t h = 0; h < nheads; h++)
        if (memchr(heads[h].data, c, heads[h].len))
            return true;
    return false;
}

/* Delimiters that are nowhere all give one column: the first of them stands for the others. */
static enum err_code judge(const struct infer_head *heads, size_t nheads, struct infer_dialect *out,
                           struct err *err)
{
    static const char quotes[] = {'"', '\''};
    double best = 0;
    char absent = '\0';
    for (size_t i = 0; i < CANDIDATES * sizeof quotes; i++) {
        struct csv_dialect dialect = {candidates[i / sizeof quotes].delimiter, quotes[i % sizeof quotes],
                                      CSV_HEADER_NONE};
        struct tally t = {0};
        if (!stands_in(heads, nheads, dialect.delimiter)) {
            if (absent && absent != dialect.delimiter)
                continue;
            absent = dialect.delimiter;
        }
        if (dialect.quote != '"' && !stands_in(heads, nheads, dialect.quote))
            continue;
        for (size_t h = 0; h < nheads; h++)
            if (tally_head(&heads[h], &dialect, &t, err))
                return err->code;
        bool used = t.good > 0 && (dialect.quote == '"' || t.quoted > 0);
        double value = used ? worth(&t, candidates[i / sizeof quotes].weight) : 0;
        if (value > best + 1e-9) {
            best = value;
            *out = (struct infer_dialect){.csv = dialect,
                                          .records = t.records,
                                          .regular = t.regular,
                                          .fields = t.fields,
                                          .quoted = t.quoted,
                                          .crlf = t.crlf,
                                          .lf = t.lf};
        }
    }
    if (best > 0)
        return ERR_OK;
    return err_set(err, ERRN_UNSUPPORTED,
                   "no record could be read: is it CSV, in lines that end with a line feed?");
}

/* ---- the header ---- */

enum family { NOTHING, NUMBER, TIME, WORD, TEXT };

static enum family family_of(const char *text, size_t len)
{
    enum infer_class class = infer_classify(text, len);
    return len == 0                                          ? NOTHING
           : class == INFER_DATE || class == INFER_TIMESTAMP ? TIME
           : class == INFER_WORD                             ? WORD
           : class < INFER_DATE                              ? NUMBER
                                                             : TEXT;
}

/* One field of the first record, against those below it. */
struct place {
    char *text;
    size_t len;
    enum family family;
    unsigned below; /* 1 << family, of the fields below that are no token */
    bool again;     /* the same text stands below */
};

static enum err_code take_first(const struct csv_record *record, struct place **out, struct err *err)
{
    struct place *places = mem_calloc(record->nfields, sizeof *places);
    *out = places;
    for (size_t i = 0; places && i < record->nfields; i++) {
        const struct csv_field *f = &record->fields[i];
        places[i] = (struct place){mem_strndup(f->data, f->len), f->len, family_of(f->data, f->len), 0,
                                   false};
        if (!places[i].text)
            return err_nomem(err);
    }
    return places ? ERR_OK : err_nomem(err);
}

static void look_below(const struct csv_record *record, struct place *places, size_t n)
{
    for (size_t i = 0; i < n && i < record->nfields; i++) {
        const struct csv_field *f = &record->fields[i];
        struct place *p = &places[i];
        if (f->len > 0 && infer_token_find(f->data, f->len) < 0)
            p->below |= 1u << family_of(f->data, f->len);
        p->again = p->again || (f->len > 0 && f->len == p->len && memcmp(f->data, p->text, p->len) == 0);
    }
}

/* Whether the first record names the columns; *by_types: the values below told. */
static bool is_header(const struct place *places, size_t n, bool *by_types)
{
    size_t against = 0, in_favour = 0, empty = 0;
    bool look = true, again = false;
    for (size_t i = 0; i < n; i++) {
        const struct place *p = &places[i];
        bool one = p->below && !(p->below & (p->below - 1)) && !(p->below & 1u << TEXT);
        empty += p->len == 0;
        against += one && p->below == 1u << p->family;
        again = again || p->again;
        in_favour += one && p->family == TEXT && infer_token_find(p->text, p->len) < 0;
        look = look && (p->family == TEXT || (p->family == NOTHING && i == 0)) && p->len <= HEADER_CELL_MAX &&
               !memchr(p->text, '\n', p->len) && infer_token_find(p->text, p->len) < 0;
    }
    *by_types = in_favour != against;
    if (in_favour != against)
        return in_favour > against;
    return look && !again && empty <= 1;
}

enum err_code infer_header(const struct infer_head *head, const struct csv_dialect *dialect, bool *any,
                           bool *header, bool *by_types, struct err *err)
{
    struct head_reader r;
    struct place *places = NULL;
    size_t n = 0;
    *any = *header = *by_types = false;
    if (open_head(&r, head, dialect, err))
        return err->code;
    for (int i = 0; i < HEADER_RECORDS && next(&r, err); i++) {
        if (r.event == CSV_BAD)
            continue;
        if (places) {
            look_below(&r.record, places, n);
            continue;
        }
        n = r.record.nfields;
        if (take_first(&r.record, &places, err))
            break;
    }
    if (err->code == ERR_OK && places) {
        *any = true;
        *header = is_header(places, n, by_types);
    }
    for (size_t i = 0; places && i < n; i++)
        mem_free(places[i].text);
    mem_free(places);
    csv_close(r.reader);
    return err->code;
}

enum err_code infer_dialect(const struct infer_head *heads, size_t nheads, struct infer_dialect *out,
                            struct err *err)
{
    bool any, header, by_types;
    if (judge(heads, nheads, out, err))
        return err->code;
    for (size_t i = 0; i < nheads; i++) {
        if (infer_header(&heads[i], &out->csv, &any, &header, &by_types, err))
            return err->code;
        out->with_header += any && header;
        out->without_header += any && !header;
        out->header_by_types = out->header_by_types || by_types;
        out->boms += heads[i].len >= 3 && memcmp(heads[i].data, "\xEF\xBB\xBF", 3) == 0;
    }
    out->csv.header = out->with_header >= out->without_header ? CSV_HEADER_BY_NAME : CSV_HEADER_NONE;
    return ERR_OK;
}
