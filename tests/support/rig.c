/* rig: see rig.h. */
#include "tests/support/rig.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "backends/registry.h"
#include "backends/sink_mem.h"
#include "backends/store_mem.h"
#include "core/base/mem.h"
#include "core/data/canon.h"
#include "tests/support/tempdir.h"

enum { LOG_MAX = 64 * 1024 * 1024 };

#define START_US INT64_C(1654473600000000) /* 2022-06-06T00:00:00Z */

static void must(enum err_code code, const struct err *err)
{
    if (code != ERR_OK)
        fail_msg("%s: %s", err_name_text(err->name), err->msg);
}

static enum err_code open_store(void *ctx, struct store **out, struct err *err)
{
    struct rig *rig = ctx;
    if (registry_open_store(rig->pipeline->source.url, rig->pipeline->base_dir, &rig->clock.base, true, out,
                            err) != ERR_OK)
        return err->code;
    if (rig->wrap_store)
        *out = rig->wrap_store(rig->wrap_ctx, *out);
    return *out ? ERR_OK : err_nomem(err);
}

static enum err_code open_sink(void *ctx, bool read_only, int64_t replaces, struct sink **out,
                               struct err *err)
{
    struct rig *rig = ctx;
    const struct pipeline *p = rig->pipeline;
    struct sink_open args = {.url = p->target.url,
                             .base_dir = p->base_dir,
                             .user = p->target.user,
                             .password = p->target.password,
                             .clock = &rig->clock.base,
                             .read_only = read_only,
                             .replaces_connection = replaces,
                             .target = {.pipeline = p->name,
                                        .table = p->target.table,
                                        .schema = &p->schema,
                                        .key = p->target.key,
                                        .nkey = p->target.nkey,
                                        .lineage = (enum sink_lineage)p->target.lineage,
                                        .evolve = p->schema.contract == CONTRACT_EVOLVE,
                                        .lease_ms = p->target.lease_ms}};
    if (registry_open_sink(&args, out, err) != ERR_OK)
        return err->code;
    if (rig->wrap_sink)
        *out = rig->wrap_sink(rig->wrap_ctx, *out);
    return *out ? ERR_OK : err_nomem(err);
}

struct sink *rig_sink(struct rig *rig, bool read_only)
{
    struct sink *sink = NULL;
    struct err err = ERR_INIT;
    must(open_sink(rig, read_only, 0, &sink, &err), &err);
    return sink;
}

static void on_object(void *ctx, const struct object_result *r)
{
    struct rig *rig = ctx;
    struct err err = ERR_INIT;
    must(buf_printf(&rig->log, &err, "%s %s %lld %lld %lld %s\n", r->object[0] ? r->object : "(hour)",
                    object_status_text(r->status), (long long)r->rows_read, (long long)r->rows_loaded,
                    (long long)r->rows_rejected, r->error.code ? err_name_text(r->error.name) : "-"),
         &err);
}

static void on_hour(void *ctx, hour_t hour, enum hour_state state, const struct err *why)
{
    struct rig *rig = ctx;
    struct err err = ERR_INIT;
    char text[HOUR_TEXT_MAX];
    (void)why;
    hour_format(hour, text);
    must(buf_printf(&rig->hours, &err, "%s %s\n", text, hour_state_text(state)), &err);
}

/* As the commands do: only where it is needed, for it waits for the lock. */
static void set_up(struct sink *sink)
{
    struct sink_state state;
    struct err err = ERR_INIT;
    must(sink_describe(sink, &state, &err), &err);
    if (state.own != OWN_CURRENT || !state.table_exists)
        must(sink_setup(sink, NULL, &err), &err);
    buf_release(&state.problems);
}

void rig_reopen(struct rig *rig, const char *text, const char *const *sets, size_t nsets)
{
    char file[4096], name[64];
    struct err err = ERR_INIT;
    snprintf(name, sizeof name, "sluice-%d.yaml", (int)getpid()); /* processes may share the folder */
    tempdir_write(rig->dir, name, text, strlen(text));
    snprintf(file, sizeof file, "%s/%s", rig->dir, name);
    chmod(file, 0600);
    struct pipeline_options options = {.file = file, .sets = sets, .nsets = nsets};
    must(pipeline_load(&options, &rig->pipeline, &err), &err);
    must(layout_compile(rig->pipeline->source.layout, &rig->layout, &err), &err);
    must(open_store(rig, &rig->store, &err), &err);
    atomic_init(&rig->stop, 0);
    buf_init(&rig->log, LOG_MAX);
    buf_init(&rig->hours, LOG_MAX);
    rig->job = (struct job){.pipeline = rig->pipeline,
                            .layout = rig->layout,
                            .clock = &rig->clock.base,
                            .store = rig->store,
                            .stores = {open_store, rig},
                            .sinks = {open_sink, rig},
                            .stop = &rig->stop,
                            .events = {.object = on_object, .hour = on_hour, .ctx = rig}};
    must(open_sink(rig, false, 0, &rig->job.sink, &err), &err);
    set_up(rig->job.sink);
    job_identify(&rig->job);
}

void rig_open(struct rig *rig, const char *text, const char *const *sets, size_t nsets)
{
    if (!rig->dir) {
        store_mem_reset();
        sink_mem_reset();
        rig->dir = tempdir_make();
        clock_virtual_init(&rig->clock, START_US, 7);
    }
    rig_reopen(rig, text, sets, nsets);
}

static void release(struct rig *rig)
{
    sink_close(rig->job.sink);
    store_close(rig->store);
    layout_free(rig->layout);
    pipeline_free(rig->pipeline);
    buf_release(&rig->log);
    buf_release(&rig->hours);
}

void rig_restart(struct rig *rig, const char *text, const char *const *sets, size_t nsets)
{
    release(rig);
    rig_reopen(rig, text, sets, nsets);
}

void rig_close(struct rig *rig)
{
    release(rig);
    tempdir_remove(rig->dir);
    *rig = (struct rig){0};
}

void rig_put(struct rig *rig, const char *key, const char *text)
{
    rig_put_bytes(rig, key, text, strlen(text));
}

void rig_put_bytes(struct rig *rig, const char *key, const void *data, size_t len)
{
    struct err err = ERR_INIT;
    must(store_put_mem(rig->store, key, data, len, PUT_ALWAYS, &err), &err);
    if (strncmp(rig->pipeline->source.url, "file:", 5) == 0) {
        /* The folder's times are the system's: this file was written now, by the rig's clock. */
        char path[4096];
        struct timespec now = {.tv_sec = rig->clock.now_us / 1000000,
                               .tv_nsec = rig->clock.now_us % 1000000 * 1000};
        snprintf(path, sizeof path, "%s/%s/%s", rig->dir, rig->pipeline->source.url + 5, key);
        if (utimensat(AT_FDCWD, path, (struct timespec[]){now, now}, 0) != 0)
            fail_msg("cannot set the time of %s", path);
    }
    rig->clock.now_us += 3000000;
}

int rig_run(struct rig *rig, const struct run_options *options)
{
    struct run_options all = {.range = {.bounded = false}};
    buf_clear(&rig->log);
    buf_clear(&rig->hours);
    rig->err = ERR_INIT;
    job_identify(&rig->job);
    if (run_load(&rig->job, options ? options : &all, &rig->totals, &rig->status, &rig->err) != ERR_OK)
        return rig->status;
    return rig->status;
}

int64_t rig_rows(struct rig *rig, uint64_t *hash)
{
    struct err err = ERR_INIT;
    struct sink *sink = rig_sink(rig, true);
    struct sink_scan *scan = NULL;
    struct batch *batch = NULL;
    int64_t ids[512], rows = 0;
    uint8_t odd[512];
    uint64_t sum = 0;
    must(batch_new(&rig->pipeline->schema, 512, 65536, &batch, &err), &err);
    must(sink_scan_begin(sink, 0, &scan, &err), &err);
    do {
        must(sink_scan_next(scan, batch, ids, odd, &err), &err);
        rows += (int64_t)batch->rows;
        sum += canon_rows_hash(batch, 0, batch->rows);
    } while (batch->rows > 0);
    sink_scan_end(scan);
    batch_free(batch);
    sink_close(sink);
    if (hash)
        *hash = sum;
    return rows;
}
