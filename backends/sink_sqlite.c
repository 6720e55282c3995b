/*
 * sink_sqlite: a table in an SQLite file as a sink: connecting, the load's transaction, appending.
 *
 * Invariants: rollback journal and synchronous=FULL always, so that a kill at any moment leaves either the
 * unit or nothing; one writer at a time (the file lock is the lease); caches are bounded (CACHE_KIB). A
 * handle for reading only changes nothing, but may roll back what a killed writer left: the file is opened
 * for writing where rights allow, with query_only set.
 *
 *   load: begin = BEGIN IMMEDIATE -> ... -> commit = fence, COMMIT | abort = ROLLBACK
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/sqlite_internal.h"
#include "core/base/mem.h"

enum {
    CACHE_KIB = 8192,
    PAGE_SIZE_NEW = 16384, /* loads a sixth faster than 4096; larger gains nothing */
    BATCH_ROWS = 4096,     /* the batch stays in the cache between parser and sink */
    BATCH_TEXT = 1024 * 1024,
    PRAGMA_MAX = 192,
    WAL_FIXED = 3051003, /* and the backports 3.44.6 and 3.50.7 */
};

extern const struct sink_type sink_sqlite;

/* ---- open ---- */

/* The path as SQLite gets it: absolute or beginning with "./", so that it is never ":memory:" or a URI. */
static char *full_path(const char *base_dir, const char *path)
{
    struct err err = ERR_INIT;
    struct buf out;
    char *copy = NULL;

    buf_init(&out, ERR_MSG_MAX * 4);
    if ((path[0] != '/' && buf_printf(&out, &err, "%s/", base_dir && base_dir[0] ? base_dir : ".")) ||
        buf_append_str(&out, path, &err))
        goto out;
    if (out.data[0] != '/' && out.data[0] != '.')
        copy = mem_alloc(out.len + 3);
    else
        copy = mem_strdup(out.data);
    if (copy && out.data[0] != '/' && out.data[0] != '.') {
        memcpy(copy, "./", 2);
        memcpy(copy + 2, out.data, out.len + 1);
    }
out:
    buf_release(&out);
    return copy;
}

/* The folder that the file is in, or would be. */
static enum err_code check_folder(struct sqlite_sink *s, bool to_write, struct err *err)
{
    char *slash = strrchr(s->path, '/');
    struct stat st;

    if (!slash || slash == s->path)
        return ERR_OK;
    *slash = '\0';
    if (stat(s->path, &st) != 0 && (errno == ENOENT || errno == ENOTDIR))
        err_set(err, ERRN_NOT_FOUND, "folder %s is not there: make it, or correct target.url", s->path);
    else if (to_write && access(s->path, W_OK | X_OK) != 0)
        err_set(err, ERRN_READ_ONLY, "folder %s cannot be written to: let this user write there", s->path);
    *slash = '/';
    return err->code;
}

/* Why the file cannot be opened, better than SQLite's "unable to open database file". */
static enum err_code explain_open(struct sqlite_sink *s, int rc, struct err *err)
{
    struct stat st;

    if (stat(s->path, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return err_set(err, ERRN_CONFIG, "%s is a folder: name a database file in it", s->path);
        if (access(s->path, R_OK) != 0)
            return err_set_errno(err, errno, "database %s", s->path);
        return sqlite_fail(s, rc, "open", err);
    }
    return check_folder(s, true, err) ? err->code : sqlite_fail(s, rc, "open", err);
}

static enum err_code connect_file(struct sqlite_sink *s, struct err *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    const char *path = s->path;

    if (!s->base.read_only)
        flags |= SQLITE_OPEN_CREATE;
    else if (access(s->path, F_OK) != 0) {
        if (check_folder(s, false, err))
            return err->code;
        path = ":memory:"; /* nothing there reads as empty */
    }
    int rc = sqlite3_open_v2(path, &s->db, flags, NULL);
    if (!s->db)
        return err_nomem(err);
    if (rc != SQLITE_OK)
        return explain_open(s, rc, err);
    sqlite3_busy_handler(s->db, sqlite_on_busy, s);
    /* A name in double quotes that is no column is a mistake, not a text. */
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite_wait(s, s->base.read_only ? SQLITE_READ_WAIT_MS : SQLITE_WRITE_WAIT_MS);
    return ERR_OK;
}

static bool wal_is_safe(void)
{
    int v = sqlite3_libversion_number();

    return v >= WAL_FIXED || (v >= 3050007 && v < 3051000) || (v >= 3044006 && v < 3045000);
}

/* A database that others keep in WAL mode stays as it is, but is written to only where WAL can be trusted. */
static enum err_code check_journal(struct sqlite_sink *s, struct err *err)
{
    sqlite3_stmt *stmt;
    bool row, wal = false;

    if (sqlite_prepare(s, "PRAGMA main.journal_mode", 0, &stmt, err))
        return err->code;
    struct bind b = bind_to(stmt);
    if (sqlite_row(s, &b, "open", &row, err) == ERR_OK && row)
        wal = strcmp((const char *)sqlite3_column_text(stmt, 0), "wal") == 0;
    sqlite3_finalize(stmt);
    if (!err->code && wal && !wal_is_safe())
        return err_set(err, ERRN_UNSUPPORTED,
                       "%s is in WAL mode, which SQLite %s can corrupt: PRAGMA journal_mode = DELETE",
                       s->path, sqlite3_libversion());
    return err->code;
}

enum err_code sqlite_check_writable(struct sqlite_sink *s, struct err *err)
{
    if (sqlite3_db_readonly(s->db, "main") == 1)
        return err_set(err, ERRN_READ_ONLY, "file %s cannot be written to: let this user write to it",
                       s->path);
    /* The journal is a file beside it. */
    return check_folder(s, true, err) ? err->code : check_journal(s, err);
}

static enum err_code configure(struct sqlite_sink *s, struct err *err)
{
    char sql[PRAGMA_MAX];

    sqlite3_snprintf(sizeof sql, sql,
                     "PRAGMA page_size = %d; PRAGMA cache_size = -%d; PRAGMA temp_store = MEMORY;"
                     "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
                     "PRAGMA query_only = %d",
                     PAGE_SIZE_NEW, CACHE_KIB, s->base.read_only);
    /* The first statement that reads the file also says whether it is a database. */
    if (sqlite_exec(s, sql, "open", err) || sqlite_exec(s, "SELECT 1 FROM sqlite_master", "open", err))
        return err->code;
    return s->base.read_only ? ERR_OK : sqlite_check_writable(s, err);
}

/* A reader says what would keep a writer out; a writer would not be here. */
static enum err_code preflight(struct sink *sink, bool creates, struct sink_preflight *out, struct err *err)
{
    (void)creates;
    out->asked = false; /* a file has no settings and no users */
    return sink->read_only ? sqlite_check_writable(sqlite_of(sink), err) : ERR_OK;
}

static void close_sink(struct sink *sink)
{
    struct sqlite_sink *s = sqlite_of(sink);

    sqlite_finalize_statements(s);
    sqlite_runs_release(&s->runs);
    sqlite3_close(s->db);
    for (size_t c = 0; s->source.text && c < s->source.schema->nloaded; c++)
        buf_release(&s->source.text[c]);
    mem_free(s->source.text);
    mem_free(s->path);
    sink_base_release(sink);
    mem_free(s);
}

static enum err_code open_sink(const struct sink_open *args, struct sink **out, struct err *err)
{
    struct sqlite_sink *s = NULL;
    struct url url;

    if (url_parse(args->url, &url, err))
        return err->code;
    if (!url.path || !url.path[0]) {
        err_set(err, ERRN_CONFIG, "target.url names no file: write sqlite:FILE");
        goto out;
    }
    s = mem_calloc(1, sizeof *s);
    if (!s) {
        err_nomem(err);
        goto out;
    }
    s->source.schema = args->target.schema;
    if (sink_base_init(&s->base, &sink_sqlite, args, err))
        goto out;
    s->base.caps = (struct sink_caps){1, true, BATCH_ROWS, BATCH_TEXT, "vtab"};
    s->path = full_path(args->base_dir, url.path);
    s->source.text = mem_calloc(args->target.schema->nloaded, sizeof *s->source.text);
    if (!s->path || !s->source.text) {
        err_nomem(err);
        goto out;
    }
    for (size_t c = 0; c < args->target.schema->nloaded; c++)
        buf_init(&s->source.text[c], TYPE_TEXT_MAX * 2);
    if (connect_file(s, err) || configure(s, err) || sqlite_vtab_register(s, err))
        goto out;
    *out = &s->base;
    s = NULL;
out:
    if (s)
        close_sink(&s->base);
    url_release(&url);
    return err->code;
}

/* ---- a load ---- */

static enum err_code begin_load(struct sink *sink, const struct sink_begin *begin, struct sink_load **out,
                                struct err *err)
{
    struct sqlite_sink *s = sqlite_of(sink);
    struct sqlite_load *load = mem_calloc(1, sizeof *load);

    if (!load)
        return err_nomem(err);
    load->hour = begin->hour;
    load->epoch = begin->epoch;
    memcpy(load->owner, begin->owner, strlen(begin->owner) + 1);
    memcpy(load->run_id, begin->run_id, strlen(begin->run_id) + 1);
    if (sqlite_begin_write(s, err)) {
        mem_free(load);
        return err->code;
    }
    *out = &load->base;
    return ERR_OK;
}

static enum err_code append_sql(const struct sink_target *t, struct buf *sql, struct err *err)
{
    bool lineage = t->lineage != LINEAGE_NONE;

    /* ABORT: a table's own ON CONFLICT REPLACE or IGNORE would lose rows and say nothing. */
    if (buf_append_str(sql, "INSERT OR ABORT INTO main.", err) || sqlite_quote(sql, t->table, err))
        return err->code;
    for (size_t c = 0; c < t->schema->nloaded; c++)
        if (buf_append_str(sql, c ? ", " : " (", err) ||
            sqlite_quote(sql, schema_loaded(t->schema, c)->name, err))
            return err->code;
    if (buf_append_str(sql, lineage ? ", _load) SELECT " : ") SELECT ", err))
        return err->code;
    for (size_t c = 0; c < t->schema->nloaded; c++)
        if (buf_printf(sql, err, c ? ", c%zu" : "c%zu", c))
            return err->code;
    return buf_append_str(sql, lineage ? ", _load FROM " SQLITE_VTAB_NAME : " FROM " SQLITE_VTAB_NAME, err);
}

static enum err_code prepare_append(struct sqlite_sink *s, struct err *err)
{
    struct buf sql;

    if (s->append)
        return ERR_OK;
    buf_init(&sql, SQLITE_SQL_MAX);
    if (append_sql(&s->base.target, &sql, err) == ERR_OK)
        (void)!sqlite_prepare(s, buf_str(&sql), SQLITE_PREPARE_PERSISTENT, &s->append, err);
    buf_release(&sql);
    return err->code;
}

/* SQLite takes NULL in an INTEGER PRIMARY KEY as "choose a number": no key column may have one. */
static enum err_code check_key(struct sink_load *load, const struct batch *batch, struct err *err)
{
    const struct sink_target *t = &load->sink->target;

    for (size_t i = 0; i < t->nkey; i++) {
        const uint8_t *null = batch->cols[t->key[i]].null;
        const uint8_t *at = batch->rows ? memchr(null, 1, batch->rows) : NULL;
        if (!at)
            continue;
        load->failed_row = at - null;
        return err_set(err, ERRN_DB_CONSTRAINT, "%s: NULL in the key column %s", t->table,
                       schema_loaded(t->schema, t->key[i])->name);
    }
    return ERR_OK;
}

static enum err_code append(struct sink_load *load, const struct batch *batch,
                            const struct sink_segment *segments, size_t nsegments, int64_t *stored,
                            struct err *err)
{
    struct sqlite_sink *s = sqlite_of_load(load);

    if (prepare_append(s, err) || check_key(load, batch, err))
        return err->code;
    s->source.batch = batch;
    s->source.segments = segments;
    s->source.nsegments = nsegments;
    s->source.row = 0;
    struct bind b = bind_to(s->append);
    /* A trigger makes SQLite read the batch to its end first: then the row is not known. */
    if (sqlite_run(s, &b, s->base.target.table, stored, err) == ERR_DATA && s->source.row < batch->rows)
        load->failed_row = (int64_t)s->source.row;
    s->source.batch = NULL;
    return err->code;
}

static enum err_code commit(struct sink_load *load, struct err *err)
{
    struct sqlite_sink *s = sqlite_of_load(load);

    if (sqlite_fence(s, (struct sqlite_load *)load, err))
        sqlite_rollback(s);
    else
        (void)!sqlite_commit_write(s, err);
    mem_free(load);
    return err->code;
}

static void abort_load(struct sink_load *load)
{
    sqlite_rollback(sqlite_of_load(load));
    mem_free(load);
}

static const char *const SCHEMES[] = {"sqlite", NULL};

const struct sink_type sink_sqlite = {
    .name = "sqlite",
    .schemes = SCHEMES,
    .open = open_sink,
    .close = close_sink,
    .setup = sqlite_setup,
    .describe = sqlite_describe,
    .preflight = preflight,
    .has_foreign_rows = sqlite_has_foreign_rows,
    .begin = begin_load,
    .ledger_insert = sqlite_ledger_insert,
    .replace = sqlite_replace,
    .append = append,
    .rejects = sqlite_rejects,
    .mark_replayed = sqlite_mark_replayed,
    .checks_add = sqlite_checks_add,
    .check_sql = sqlite_check_sql,
    .check_prepare = sqlite_check_prepare,
    .hour_sum = sqlite_hour_sum,
    .totals = sqlite_totals,
    .commit = commit,
    .abort = abort_load,
    .ledger_page = sqlite_ledger_page,
    .ledger_header = sqlite_ledger_header,
    .ledger_set_etags = sqlite_ledger_set_etags,
    .attempt_add = sqlite_attempt_add,
    .attempt_page = sqlite_attempt_page,
    .reject_page = sqlite_reject_page,
    .check_page = sqlite_check_page,
    .claim_take = sqlite_claim_take,
    .claim_renew = sqlite_claim_renew,
    .claim_release = sqlite_claim_release,
    .claim_page = sqlite_claim_page,
    .scan_begin = sqlite_scan_begin,
    .scan_next = sqlite_scan_next,
    .scan_end = sqlite_scan_end,
    .query = sqlite_query,
};
