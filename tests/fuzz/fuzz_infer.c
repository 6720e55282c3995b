/*
 * fuzz_infer: one to four CSV files of any bytes, 0xFE between them (no UTF-8 has it).
 *
 * Checks: the pipeline file that is inferred from them loads, and says what was inferred; loading the same
 * files by it refuses only what was told as a fault: no value is refused by its type, its length or its
 * nulls. Short memory is an error and nothing else.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/pipeline.h"
#include "core/data/convert.h"
#include "core/profile/infer.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/tempdir.h"
#include "tools/infer_yaml.h"

enum { FILES_MAX = 4, SEPARATOR = 0xFE, ROWS = 64, ALLOCATIONS = 200 };

static const char *const keys[FILES_MAX] = {"a/0.csv", "b\n\"'#: /1.csv", "c\xff/2.csv",
                                            "\xe2\x80\xa8/3.csv"};
static char file_path[256];
static char *folder;

static void remove_folder(void)
{
    tempdir_remove(folder);
}

static void make_folder(void)
{
    folder = tempdir_make();
    atexit(remove_folder);
    snprintf(file_path, sizeof file_path, "%s/sluice.yaml", folder);
}

struct files {
    struct infer_head heads[FILES_MAX];
    size_t n;
};

static void divide(const uint8_t *data, size_t size, struct files *files)
{
    files->n = 0;
    for (const uint8_t *at = data, *end = data + size; at && files->n < FILES_MAX;) {
        const uint8_t *next = at < end ? memchr(at, SEPARATOR, (size_t)(end - at)) : NULL;
        size_t len = (size_t)((next ? next : end) - at);

        files->heads[files->n++] = (struct infer_head){(const char *)at, len, true};
        at = next ? next + 1 : NULL;
    }
}

/* The whole way; *infer is the caller's. */
static enum err_code guess(const struct files *files, struct infer_dialect *dialect, struct infer **infer,
                           const struct infer_result **result, struct buf *yaml, struct err *err)
{
    const struct infer_limits none = {0, 0};

    *infer = NULL;
    if (infer_dialect(files->heads, files->n, dialect, err) || infer_new(dialect, infer, err))
        return err->code;
    for (size_t i = 0; i < files->n; i++) {
        struct bytes_mem src;

        bytes_mem_init(&src, files->heads[i].data, files->heads[i].len);
        if (infer_object(*infer, keys[i], &src.base, &none, err))
            return err->code;
    }
    if (infer_finish(*infer, result, err))
        return err->code;
    struct infer_doc doc = {.source = "lake",
                            .name = "lake",
                            .url = "file:lake",
                            .layout = "%Y/%m/%d/%H/*.csv",
                            .time = INFER_HOUR,
                            .keys = 9,
                            .matched = 4,
                            .others = 2,
                            .other_keys = {keys[1], keys[2], NULL},
                            .dialect = dialect,
                            .result = *result};
    return infer_yaml(&doc, yaml, err);
}

static struct pipeline *load(const struct buf *yaml)
{
    struct pipeline_options options = {.file = file_path};
    struct pipeline *pipeline = NULL;
    struct err err = ERR_INIT;
    int fd = open(file_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    FUZZ_CHECK(fd >= 0 && write(fd, yaml->data, yaml->len) == (ssize_t)yaml->len);
    close(fd);
    if (pipeline_load(&options, &pipeline, &err))
        fprintf(stderr, "%s\n%s\n", err.msg, yaml->data);
    FUZZ_CHECK(err.code == ERR_OK);
    return pipeline;
}

static void check_same(const struct pipeline *p, const struct infer_dialect *dialect,
                       const struct infer_result *r)
{
    FUZZ_CHECK(p->source.csv.delimiter == dialect->csv.delimiter &&
               p->source.csv.quote == dialect->csv.quote);
    FUZZ_CHECK(p->source.csv.header == r->header);
    FUZZ_CHECK(p->schema.ncolumns == r->ncolumns);
    for (size_t i = 0; i < r->ncolumns; i++) {
        const struct schema_column *c = &p->schema.columns[i];

        FUZZ_CHECK(strcmp(c->name, r->columns[i].name) == 0);
        FUZZ_CHECK(r->header != CSV_HEADER_BY_NAME || strcmp(c->from, r->columns[i].from) == 0);
        FUZZ_CHECK(c->type.kind == r->columns[i].type.kind && c->type.length == r->columns[i].type.length &&
                   c->type.precision == r->columns[i].type.precision &&
                   c->type.scale == r->columns[i].type.scale);
        FUZZ_CHECK(c->drop == r->columns[i].drop && c->nullable);
    }
    for (int i = 0; i < INFER_TOKENS; i++) {
        bool taken = false;

        for (size_t k = 0; k < p->schema.nnulls; k++)
            taken = taken || strcmp(p->schema.nulls[k], r->tokens[i].text) == 0;
        FUZZ_CHECK(taken == r->tokens[i].taken);
    }
}

struct counts {
    int64_t added, faults, broken;
};

/* Loads one file as the engine does. */
static void load_file(const struct pipeline *p, const struct infer_result *r, const struct infer_head *file,
                      struct batch *batch, struct counts *counts)
{
    struct csv_reader *reader;
    struct convert *convert;
    struct csv_record record;
    struct bytes_mem src;
    struct err err = ERR_INIT;
    enum csv_event event = CSV_RECORD;
    bool mapped = p->source.csv.header == CSV_HEADER_NONE;

    bytes_mem_init(&src, file->data, file->len);
    FUZZ_CHECK(csv_open(&p->source.csv, NULL, &src.base, &reader, &err) == ERR_OK);
    FUZZ_CHECK(convert_new(&p->schema, &p->source.csv, &convert, &err) == ERR_OK);
    if (mapped)
        convert_no_header(convert);
    while (csv_next(reader, &event, &record, &err) == ERR_OK && event != CSV_END) {
        struct refusal refusal;

        if (event == CSV_BAD) {
            counts->faults++;
            continue;
        }
        if (!mapped) {
            mapped = true;
            if (convert_header(convert, &record, &err) == ERR_OK)
                continue;
            FUZZ_CHECK(r->header == CSV_HEADER_BY_POSITION && r->differ > 0); /* told as such */
            counts->faults = -1;
            break;
        }
        if (batch_full(batch))
            batch_clear(batch);
        FUZZ_CHECK(convert_record(convert, &record, batch, &refusal, &err) == ERR_OK);
        counts->added += refusal.name == ERRN_NONE;
        counts->faults += refusal.name == ERRN_CSV_RAGGED;
        counts->broken += refusal.name == ERRN_TEXT_ENCODING;
        if (refusal.name == ERRN_NONE || refusal.name == ERRN_CSV_RAGGED ||
            refusal.name == ERRN_TEXT_ENCODING)
            continue;
        /* A number's column refuses what is no UTF-8 as no number. */
        counts->broken++;
        size_t i = 0;
        while (i < r->ncolumns && strcmp(r->columns[i].name, refusal.column) != 0)
            i++;
        FUZZ_CHECK(i < r->ncolumns && r->columns[i].classes[INFER_BROKEN] > 0);
    }
    convert_free(convert);
    csv_close(reader);
}

static void check_loads(const struct files *files, const struct pipeline *p, const struct infer_result *r)
{
    struct counts counts = {0};
    struct batch *batch;
    struct err err = ERR_INIT;
    int64_t told = 0, broken = 0;

    FUZZ_CHECK(batch_new(&p->schema, ROWS, 1 << 20, &batch, &err) == ERR_OK);
    for (size_t i = 0; i < files->n && counts.faults >= 0; i++)
        load_file(p, r, &files->heads[i], batch, &counts);
    batch_free(batch);
    for (size_t i = 0; i < r->nfaults; i++)
        told += r->faults[i].count;
    for (size_t i = 0; i < r->ncolumns; i++)
        broken += r->columns[i].drop ? 0 : r->columns[i].classes[INFER_BROKEN];
    if (counts.faults < 0)
        return;
    FUZZ_CHECK(counts.faults == told);
    FUZZ_CHECK(counts.added + counts.broken == r->records);
    FUZZ_CHECK(counts.broken <= broken);
}

FUZZ_TARGET(infer)(const uint8_t *data, size_t size)
{
    struct infer_dialect dialect;
    struct infer *infer;
    const struct infer_result *result;
    struct files files;
    struct buf yaml;
    struct err err = ERR_INIT;

    if (!folder)
        make_folder();
    divide(data, size, &files);
    for (size_t i = 0; i < files.n; i++) {
        struct err text = ERR_INIT;

        FUZZ_CHECK(infer_text(&files.heads[i], &text) == text.code && (text.code == ERR_OK || *text.msg));
    }
    buf_init(&yaml, INFER_YAML_MAX);
    if (guess(&files, &dialect, &infer, &result, &yaml, &err) == ERR_OK) {
        struct pipeline *pipeline = load(&yaml);

        check_same(pipeline, &dialect, result);
        check_loads(&files, pipeline, result);
        pipeline_free(pipeline);
        log_release();
    } else {
        FUZZ_CHECK(err.name == ERRN_UNSUPPORTED || err.name == ERRN_LIMIT);
    }
    infer_free(infer);
    buf_release(&yaml);
    err_clear(&err);
    fuzz_fail_alloc(1 + (unsigned)size % ALLOCATIONS);
    enum err_code code = guess(&files, &dialect, &infer, &result, &yaml, &err);
    fuzz_fail_alloc(0);
    FUZZ_CHECK(code == err.code);
    infer_free(infer);
    buf_release(&yaml);
    return 0;
}
