/*
 * csv: bytes -> records, through libcsv, one physical line at a time.
 *
 * The window holds the record under construction and what was read beyond it:
 *
 *     win [ passed | line line line | rest of the read ]        fed, scanned, first_len count from `start`
 *                  ^start           ^start + fed       ^end
 *
 * Invariants: first_len <= fed <= scanned <= end - start; no byte of [fed, scanned) but the last is a line
 * end; the window never exceeds record_max + CSV_WINDOW; read - (end - start) is the decoded offset of
 * `start`.
 *
 * States of a record, after each line fed (libcsv's own state is the authority):
 *     closed, no row           a blank line: passed over
 *     closed, one row          the record, or whole a reject where it breaks a cap or holds a NUL
 *     closed, more rows        whole a reject: a lone CR ended a row
 *     open, no row             goes on with the next line; the input's end or the record cap make it broken
 *     open, a row; an error    broken: its first line is the reject, the parser starts anew, the other lines
 * are fed again
 *
 * Feeding again costs no more than one second pass, whatever the input: a line that is open when fed first
 * holds an odd number of quotes, so a record that began before it would close or break on it. No byte is fed
 * to two broken records.
 *
 * A line that begins a record and holds no quote, and no CR but in its line end, is a record as it stands: it
 * is cut at its delimiters here, eight bytes at a time, and libcsv, which takes half of the time of a load,
 * is not asked. All others are libcsv's; their fields are copied to an arena, as it keeps only one at a time.
 */
#include "core/data/csv.h"

#include <csv.h>
#include <endian.h>
#include <string.h>

#include "core/base/mem.h"

enum {
    CSV_WINDOW = 256 * 1024,
    CSV_FIELD_BLOCK = 64 * 1024, /* step in which libcsv's field buffer grows */
    CSV_SHORT = 16,              /* fields up to here are copied by a move of fixed size */
    CSV_WORD = 8, /* bytes that are looked at together: as many may be read behind the window's end */
    CSV_BOM_LEN = 3,
    ROW_NOT_BEGUN = 0, /* libcsv's pstate between records */
};

const struct csv_limits csv_limits_default = {CSV_FIELD_MAX, CSV_RECORD_MAX, CSV_COLUMNS_MAX};

struct csv_reader {
    struct csv_dialect dialect;
    struct csv_limits limits;
    struct bytes *src;
    struct csv_parser parser;
    struct csv_counts counts;

    char *win;
    size_t win_cap, start, end;
    bool begun;    /* the place of a BOM was looked at */
    bool eof;      /* src has ended */
    bool nul_seen; /* in any byte read so far: records are searched for NUL only then */
    int64_t read;  /* bytes from src */
    int64_t line;  /* of `start` */

    size_t fed, scanned, first_len;
    int64_t fed_lines;

    struct csv_field *fields; /* limits.columns_max */
    size_t nfields, rows;
    enum err_name bad;
    size_t bad_field;
    char *arena;
    size_t arena_len, arena_cap;
};

/* libcsv retries with smaller sizes when memory is short; the extra bytes keep copies of fixed size inside.
 */
static void *field_realloc(void *old, size_t size)
{
    return mem_realloc(old, size + CSV_SHORT);
}

/* Spaces are text (RFC 4180); libcsv would trim them. */
static int no_space(unsigned char c)
{
    (void)c;
    return 0;
}

static void parser_start(struct csv_reader *r)
{
    csv_init(&r->parser, CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL | CSV_EMPTY_IS_NULL);
    csv_set_realloc_func(&r->parser, field_realloc);
    csv_set_free_func(&r->parser, mem_free);
    csv_set_blk_size(&r->parser, CSV_FIELD_BLOCK);
    csv_set_space_func(&r->parser, no_space);
    csv_set_delim(&r->parser, (unsigned char)r->dialect.delimiter);
    csv_set_quote(&r->parser, (unsigned char)r->dialect.quote);
}

static void record_start(struct csv_reader *r)
{
    r->fed = r->scanned = r->first_len = 0;
    r->fed_lines = 0;
    r->nfields = r->rows = 0;
    r->bad = ERRN_NONE;
    r->bad_field = 0;
    r->arena_len = 0;
}

void csv_reset(struct csv_reader *r, struct bytes *src)
{
    csv_free(&r->parser);
    parser_start(r);
    record_start(r);
    r->src = src;
    r->counts = (struct csv_counts){0};
    r->start = r->end = 0;
    r->begun = r->eof = r->nul_seen = false;
    r->read = 0;
    r->line = 1;
}

enum err_code csv_open(const struct csv_dialect *dialect, const struct csv_limits *limits, struct bytes *src,
                       struct csv_reader **out, struct err *err)
{
    *out = NULL;
    struct csv_reader *r = mem_calloc(1, sizeof *r);
    if (!r)
        return err_nomem(err);
    r->dialect = *dialect;
    r->limits = limits ? *limits : csv_limits_default;
    r->win_cap = CSV_WINDOW;
    r->win = mem_alloc(r->win_cap + CSV_WORD);
    r->fields = mem_calloc(r->limits.columns_max, sizeof *r->fields);
    if (!r->win || !r->fields) {
        csv_close(r);
        return err_nomem(err);
    }
    csv_reset(r, src);
    *out = r;
    return ERR_OK;
}

void csv_close(struct csv_reader *r)
{
    if (!r)
        return;
    csv_free(&r->parser);
    mem_free(r->arena);
    mem_free(r->fields);
    mem_free(r->win);
    mem_free(r);
}

const struct csv_counts *csv_counts(const struct csv_reader *r)
{
    return &r->counts;
}

/* Decoded offset of `start`. */
static int64_t offset(const struct csv_reader *r)
{
    return r->read - (int64_t)(r->end - r->start);
}

/* ---- the window ---- */

/* Moving costs nothing on the whole: at least half of the window, or CSV_WINDOW, was read since the last
 * move. */
static enum err_code make_room(struct csv_reader *r, struct err *err)
{
    size_t live = r->end - r->start;
    size_t max = r->limits.record_max + CSV_WINDOW;
    if (live <= r->win_cap / 2 || r->win_cap >= max) {
        memmove(r->win, r->win + r->start, live);
    } else {
        size_t cap = r->win_cap > max / 2 ? max : r->win_cap * 2;
        char *win = mem_alloc(cap + CSV_WORD);
        if (!win)
            return err_nomem(err);
        memcpy(win, r->win + r->start, live);
        mem_free(r->win);
        r->win = win;
        r->win_cap = cap;
    }
    r->start = 0;
    r->end = live;
    return ERR_OK;
}

/* One read; at the end of the source sets eof. */
static enum err_code fill(struct csv_reader *r, struct err *err)
{
    if (r->end == r->win_cap && make_room(r, err) != ERR_OK)
        return err->code;
    char *to = r->win + r->end;
    size_t n = 0;
    enum err_code code = bytes_read(r->src, to, r->win_cap - r->end, &n, err);
    if (code != ERR_OK)
        return code;
    r->eof = n == 0;
    r->nul_seen = r->nul_seen || memchr(to, 0, n);
    r->end += n;
    r->read += (int64_t)n;
    return ERR_OK;
}

static enum err_code pass_bom(struct csv_reader *r, struct err *err)
{
    while (!r->eof && r->end - r->start < CSV_BOM_LEN) {
        enum err_code code = fill(r, err);
        if (code != ERR_OK)
            return code;
    }
    r->begun = true;
    if (r->end - r->start >= CSV_BOM_LEN && memcmp(r->win + r->start, "\xEF\xBB\xBF", CSV_BOM_LEN) == 0) {
        r->start += CSV_BOM_LEN;
        r->counts.bytes_bom = CSV_BOM_LEN;
    }
    return ERR_OK;
}

/* The length of the line at start + fed, 0 at the end of the input. It is cut where the record is over its
 * cap. */
static enum err_code next_line(struct csv_reader *r, size_t *len, struct err *err)
{
    size_t enough = r->limits.record_max > CSV_CUT_KEEP ? r->limits.record_max : CSV_CUT_KEEP;
    for (;;) {
        const char *from = r->win + r->start + r->scanned;
        const char *nl = memchr(from, '\n', r->end - r->start - r->scanned);
        if (nl) {
            r->scanned += (size_t)(nl + 1 - from);
            break;
        }
        r->scanned = r->end - r->start;
        if (r->eof || r->scanned > enough)
            break;
        enum err_code code = fill(r, err);
        if (code != ERR_OK)
            return code;
    }
    *len = r->scanned - r->fed;
    return ERR_OK;
}

/* ---- one line ---- */

/* The next field of the record; NULL where a cap is broken. */
static inline struct csv_field *add_field(struct csv_reader *r, size_t len)
{
    size_t i = r->nfields++;
    if (i >= r->limits.columns_max || len > r->limits.field_max) {
        if (r->bad == ERRN_NONE) {
            r->bad = i >= r->limits.columns_max ? ERRN_CSV_TOO_MANY_COLUMNS : ERRN_CSV_FIELD_TOO_LONG;
            r->bad_field = i + 1;
        }
        return NULL;
    }
    r->fields[i].len = (uint32_t)len;
    return &r->fields[i];
}

/* The length of a line's text where it is a record as it stands, or 0. */
static size_t plain_text(const struct csv_reader *r, const char *line, size_t len)
{
    if (memchr(line, r->dialect.quote, len))
        return 0;
    const char *cr = memchr(line, '\r', len);
    size_t text = line[len - 1] == '\n' ? len - 1 : len;
    if (!cr)
        return text;
    return cr + 1 == line + text && text < len ? text - 1 : 0;
}

static inline void plain_field(struct csv_reader *r, const char *from, const char *to)
{
    struct csv_field *f = add_field(r, (size_t)(to - from));
    if (f) {
        f->data = from;
        f->empty_unquoted = to == from;
    }
}

/* Cuts the text at its delimiters. A byte of `found` has its highest bit set where the text has one. */
static void split_plain(struct csv_reader *r, const char *text, size_t len)
{
    const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
    const uint64_t delimiters = UINT64_C(0x0101010101010101) * (uint8_t)r->dialect.delimiter;
    const char *field = text;
    for (size_t at = 0; at < len; at += CSV_WORD) {
        uint64_t word;
        memcpy(&word, text + at, CSV_WORD);
        word = le64toh(word) ^ delimiters;
        uint64_t found = ~(((word & low) + low) | word | low);
        if (len - at < CSV_WORD) /* what lies behind the text */
            found &= (UINT64_C(1) << 8 * (len - at)) - 1;
        for (; found; found &= found - 1) {
            const char *end = text + at + (__builtin_ctzll(found) >> 3);
            plain_field(r, field, end);
            field = end + 1;
        }
    }
    plain_field(r, field, text + len);
    r->rows = 1;
}

static void on_field(void *text, size_t len, void *ctx)
{
    struct csv_reader *r = ctx;
    struct csv_field *f = add_field(r, len);
    if (!f)
        return;
    char *to = r->arena + r->arena_len;
    f->data = to;
    f->empty_unquoted = !text;
    if (text && len <= CSV_SHORT)
        memcpy(to, text, CSV_SHORT);
    else if (text)
        memcpy(to, text, len);
    r->arena_len += len;
}

static void on_row(int end, void *ctx)
{
    (void)end;
    ((struct csv_reader *)ctx)->rows++;
}

/* The text of a record is never longer than the lines it came from. */
static enum err_code arena_reserve(struct csv_reader *r, size_t need, struct err *err)
{
    if (need <= r->arena_cap)
        return ERR_OK;
    size_t cap = need < CSV_FIELD_BLOCK ? CSV_FIELD_BLOCK : need * 2;
    char *arena = mem_alloc(cap);
    if (!arena)
        return err_nomem(err);
    if (r->arena_len > 0)
        memcpy(arena, r->arena, r->arena_len);
    for (size_t i = 0; i < r->nfields && i < r->limits.columns_max; i++)
        r->fields[i].data = arena + (r->fields[i].data - r->arena);
    mem_free(r->arena);
    r->arena = arena;
    r->arena_cap = cap;
    return ERR_OK;
}

/* Takes the line at start + fed; *ok is false where libcsv finds a quote out of place. */
static enum err_code feed_line(struct csv_reader *r, size_t len, bool *ok, struct err *err)
{
    const char *line = r->win + r->start + r->fed;
    size_t text = r->fed == 0 ? plain_text(r, line, len) : 0;
    if (r->fed == 0)
        r->first_len = len;
    if (text == 0 && arena_reserve(r, r->fed + len + CSV_SHORT, err) != ERR_OK)
        return err->code;
    r->fed += len;
    r->fed_lines++;
    if (text > 0) {
        split_plain(r, line, text);
        *ok = true;
        return ERR_OK;
    }
    *ok = csv_parse(&r->parser, line, len, on_field, on_row, r) == len;
    if (*ok && line[len - 1] != '\n') /* the last line; a quote that is still open stays so */
        *ok = csv_fini(&r->parser, on_field, on_row, r) == 0 || csv_error(&r->parser) == CSV_EPARSE;
    return !*ok && csv_error(&r->parser) != CSV_EPARSE ? err_nomem(err) : ERR_OK;
}

/* ---- records ---- */

/* Goes on behind `used` bytes of the window and `lines` lines of the input. */
static void pass(struct csv_reader *r, size_t used, int64_t lines)
{
    r->start += used;
    r->line += lines;
    r->counts.lines = r->line - 1;
    r->counts.bytes = offset(r);
    record_start(r);
}

/* The record is [start, start + len) of the window, in `lines` lines. */
static void emit(struct csv_reader *r, size_t len, int64_t lines, enum err_name bad, enum csv_event *event,
                 struct csv_record *record)
{
    const char *raw = r->win + r->start;
    if (r->nul_seen && memchr(raw, 0, len)) {
        bad = ERRN_CSV_NUL;
        r->bad_field = 0;
    }
    *event = bad == ERRN_NONE ? CSV_RECORD : CSV_BAD;
    *record = (struct csv_record){
        .fields = r->fields,
        .nfields = bad == ERRN_NONE ? r->nfields : 0,
        .line = r->line,
        .offset = offset(r),
        .raw = raw,
        .raw_len = len,
        .raw_total = (int64_t)len,
        .bad = bad,
        .bad_field = r->bad_field,
    };
    r->counts.records++;
    r->counts.bytes_records += (int64_t)len;
    if (bad != ERRN_NONE) {
        csv_free(&r->parser);
        parser_start(r);
    }
    pass(r, len, lines);
}

/* A line over the record cap, of which `len` bytes are in the window: keeps its head and reads on to its end.
 */
static enum err_code emit_long_line(struct csv_reader *r, size_t len, enum csv_event *event,
                                    struct csv_record *record, struct err *err)
{
    int64_t at = offset(r), total = (int64_t)len;
    size_t keep = len < CSV_CUT_KEEP ? len : CSV_CUT_KEEP;
    size_t used = len;
    bool whole = r->eof || r->win[r->start + len - 1] == '\n';
    if (!whole) {
        memmove(r->win, r->win + r->start, keep);
        r->start = 0;
    }
    while (!whole) {
        r->end = keep;
        enum err_code code = fill(r, err);
        if (code != ERR_OK)
            return code;
        const char *nl = memchr(r->win + keep, '\n', r->end - keep);
        whole = nl || r->eof;
        used = nl ? (size_t)(nl + 1 - r->win) : r->end;
        total += (int64_t)(used - keep);
    }
    *event = CSV_BAD;
    *record = (struct csv_record){
        .line = r->line,
        .offset = at,
        .raw = r->win + r->start,
        .raw_len = keep,
        .raw_total = total,
        .bad = ERRN_CSV_RECORD_TOO_LONG,
    };
    r->counts.records++;
    r->counts.bytes_records += total;
    pass(r, used, 1);
    return ERR_OK;
}

enum err_code csv_next(struct csv_reader *r, enum csv_event *event, struct csv_record *record,
                       struct err *err)
{
    *event = CSV_END;
    enum err_code code = r->begun ? ERR_OK : pass_bom(r, err);
    while (code == ERR_OK) {
        size_t len;
        bool ok = false;
        code = next_line(r, &len, err);
        if (code != ERR_OK)
            break;
        if (r->fed + len > r->limits.record_max && r->fed == 0)
            return emit_long_line(r, len, event, record, err);
        if (r->fed + len > r->limits.record_max) {
            emit(r, r->first_len, 1, ERRN_CSV_RECORD_TOO_LONG, event, record);
            break;
        }
        if (len == 0) {
            if (r->fed > 0)
                emit(r, r->first_len, 1, ERRN_CSV_QUOTE, event, record);
            else
                pass(r, 0, 0);
            break;
        }
        code = feed_line(r, len, &ok, err);
        if (code != ERR_OK)
            break;
        bool open = r->parser.pstate != ROW_NOT_BEGUN;
        if (ok && open && r->rows == 0)
            continue;
        if (!ok || open) {
            r->bad_field = r->nfields + 1;
            emit(r, r->first_len, 1, ok ? ERRN_CSV_LONE_CR : ERRN_CSV_QUOTE, event, record);
            break;
        }
        if (r->rows > 0) {
            emit(r, r->fed, r->fed_lines, r->rows > 1 ? ERRN_CSV_LONE_CR : r->bad, event, record);
            break;
        }
        r->counts.blank_lines++;
        r->counts.bytes_blank += (int64_t)len;
        pass(r, len, 1);
    }
    return code;
}
