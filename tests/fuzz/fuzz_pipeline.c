/*
 * fuzz_pipeline: a pipeline file of any bytes; behind a byte 0xFF (no text has one) an environment's name,
 * behind more of them values of --set.
 *
 * Checks: a pipeline that is accepted keeps every promise of pipeline.h, and loads again to the same; a
 * refusal is an error with a message that names the file, and the same one again; short memory is one error
 * among them.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/url.h"
#include "core/config/pipeline.h"
#include "core/data/types.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/tempdir.h"

enum { SETS_MAX = 4, SEPARATOR = 0xFF, WARNINGS_MAX = 1 << 24, ALLOCATIONS = 400 };

static char file_path[256]; /* in a folder of its own */
static char *folder;

static void remove_folder(void)
{
    tempdir_remove(folder);
}

static void make_folder(void)
{
    setenv("SLUICE_DB_PASSWORD", "correct horse", 1);
    folder = tempdir_make();
    atexit(remove_folder);
    snprintf(file_path, sizeof file_path, "%s/sluice.yaml", folder);
}

static void write_file(const uint8_t *data, size_t size)
{
    int fd = open(file_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    FUZZ_CHECK(fd >= 0);
    FUZZ_CHECK(size == 0 || write(fd, data, size) == (ssize_t)size);
    close(fd);
}

static void check_type(const struct type *type)
{
    char text[TYPE_TEXT_MAX];
    struct err err = ERR_INIT;
    struct type back;

    type_format(type, text);
    FUZZ_CHECK(type_parse(text, &back, &err) == ERR_OK);
    FUZZ_CHECK(back.kind == type->kind && back.precision == type->precision && back.scale == type->scale &&
               back.length == type->length);
}

static void check_schema(const struct schema *schema)
{
    size_t loaded = 0;

    FUZZ_CHECK(schema->ncolumns >= 1 && schema->ncolumns <= CSV_COLUMNS_MAX);
    FUZZ_CHECK(schema->nloaded >= 1 && schema->nloaded <= schema->ncolumns);
    for (size_t i = 0; i < schema->ncolumns; i++) {
        const struct schema_column *column = &schema->columns[i];

        FUZZ_CHECK(*column->name && column->from && utf8_length(column->name, strlen(column->name)) > 0);
        check_type(&column->type);
        if (!column->drop)
            FUZZ_CHECK(loaded < schema->nloaded && schema->loaded[loaded++] == i);
        for (size_t k = 0; k < i; k++)
            FUZZ_CHECK(strcmp(schema->columns[k].name, column->name) != 0);
        for (size_t k = 0; k < column->checks.n; k++) {
            const struct check *check = &column->checks.items[k];
            FUZZ_CHECK((check->kind == CHECK_KIND_IN) == (check->in_count > 0));
            FUZZ_CHECK((check->kind == CHECK_KIND_REGEX) == (check->regex != NULL));
        }
    }
    FUZZ_CHECK(loaded == schema->nloaded);
}

static void check_url(const char *text)
{
    struct err err = ERR_INIT;
    struct url url;

    FUZZ_CHECK(url_parse(text, &url, &err) == ERR_OK);
    url_release(&url);
}

static void check_target(const struct pipeline *p)
{
    check_url(p->target.url);
    FUZZ_CHECK(*p->target.table && strncasecmp(p->target.table, "sluice_", 7) != 0);
    FUZZ_CHECK(p->target.connections >= 1 && p->target.connections <= 64);
    FUZZ_CHECK(p->target.lease_ms > 0 && p->target.chunk_rows > 0);
    for (size_t i = 0; i < p->target.nkey; i++) {
        FUZZ_CHECK(p->target.key[i] < p->schema.nloaded);
        FUZZ_CHECK(!schema_loaded(&p->schema, p->target.key[i])->nullable);
        for (size_t k = 0; k < i; k++)
            FUZZ_CHECK(p->target.key[k] != p->target.key[i]);
    }
}

static void check_pipeline(const struct pipeline *p)
{
    const struct csv_dialect *csv = &p->source.csv;
    const struct reject_limit *limit = &p->policy.max_rejects;
    struct err err = ERR_INIT;
    struct buf warnings;

    FUZZ_CHECK(strlen(p->name) >= 1 && strlen(p->name) <= 64);
    FUZZ_CHECK(strspn(p->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") ==
               strlen(p->name));
    FUZZ_CHECK(strcmp(p->file, file_path) == 0 && strcmp(p->base_dir, folder) == 0);
    check_url(p->source.url);
    FUZZ_CHECK(*p->source.layout && p->source.expect_within_ms >= 0);
    FUZZ_CHECK(csv->delimiter && csv->quote && csv->delimiter != csv->quote);
    FUZZ_CHECK(!strchr("\r\n", csv->delimiter) && !strchr("\r\n", csv->quote));
    check_schema(&p->schema);
    check_target(p);
    FUZZ_CHECK(limit->is_share ? limit->share_ppm >= 0 && limit->share_ppm <= 1000000 : limit->number >= 0);
    FUZZ_CHECK(p->policy.retry_attempts >= 1 && p->policy.retry_delay_ms >= 0);
    FUZZ_CHECK(p->policy.on_changed != ON_CHANGED_REPLACE ||
               (p->target.lineage != PIPELINE_LINEAGE_FALSE && p->target.commit_unit != COMMIT_CHUNK));
    if (p->queue.url)
        check_url(p->queue.url);
    FUZZ_CHECK(p->queue.lookback_ms >= 0 && p->schedule.enqueue && p->schedule.work);
    buf_init(&warnings, WARNINGS_MAX);
    FUZZ_CHECK(pipeline_warnings(p, &warnings, &err) == ERR_OK);
    buf_release(&warnings);
}

static void check_load(const struct pipeline_options *options)
{
    struct err err = ERR_INIT, again = ERR_INIT;
    struct pipeline *p, *q;
    enum err_code code = pipeline_load(options, &p, &err);

    FUZZ_CHECK(code == err.code && (code == ERR_OK) == (p != NULL));
    FUZZ_CHECK(pipeline_load(options, &q, &again) == code && again.name == err.name);
    if (code == ERR_OK) {
        check_pipeline(p);
        FUZZ_CHECK(p->schema.hash == q->schema.hash && strcmp(p->name, q->name) == 0);
    } else {
        FUZZ_CHECK(err.name != ERRN_INTERNAL && err.name != ERRN_NOMEM);
        FUZZ_CHECK(strcmp(err.msg, again.msg) == 0);
        FUZZ_CHECK(strstr(err.msg, "sluice.yaml") || strstr(err.msg, "--set") || err.name == ERRN_LIMIT);
    }
    pipeline_free(p);
    pipeline_free(q);
}

FUZZ_TARGET(pipeline)(const uint8_t *data, size_t size)
{
    const uint8_t *end = data + size, *at = size > 0 ? memchr(data, SEPARATOR, size) : NULL;
    char *parts[1 + SETS_MAX] = {NULL};
    struct err err = ERR_INIT;
    struct pipeline *p;
    size_t n = 0;

    if (!folder)
        make_folder();
    write_file(data, at ? (size_t)(at - data) : size);
    for (at = at ? at + 1 : end; at < end && n < 1 + SETS_MAX; n++)
        parts[n] = fuzz_part(&at, end, SEPARATOR);
    struct pipeline_options options = {.file = file_path,
                                       .env = n > 0 && *parts[0] ? parts[0] : NULL,
                                       .sets = (const char *const *)(parts + 1),
                                       .nsets = n > 0 ? n - 1 : 0};
    check_load(&options);
    fuzz_fail_alloc(1 + (unsigned)size % ALLOCATIONS);
    enum err_code code = pipeline_load(&options, &p, &err);
    fuzz_fail_alloc(0);
    FUZZ_CHECK(code == err.code && (code == ERR_OK) == (p != NULL));
    pipeline_free(p);
    log_release();
    for (size_t i = 0; i < n; i++)
        mem_free(parts[i]);
    return 0;
}
