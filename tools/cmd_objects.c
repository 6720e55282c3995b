/*
 * cmd_objects: `sluice ls`, `cat`, `cp`: objects in any store, by URL.
 *
 * Invariants: a copy is all or nothing, because store_put is; it is stopped by a signal without leaving half
 * an object.
 */
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "tools/app.h"
#include "tools/place.h"
#include "tools/progress.h"
#include "tools/stop.h"

enum { COPY_BYTES = 64 * 1024 };

/* ---- ls ---- */

static const struct out_column ls_columns[] = {
    {"bytes", NULL, OUT_BYTES, IN_ALL},
    {"modified", NULL, OUT_TIME, IN_ALL},
    {"key", NULL, OUT_STR, IN_ALL},
    {"etag", NULL, OUT_STR, IN_DATA},
};

struct sums {
    int64_t objects, bytes;
};

static void put_object(struct app *app, const struct store_object *o, struct sums *sums)
{
    out_row(&app->out, (struct out_cell[]){cell_num(o->size), o->mtime_us ? cell_num(o->mtime_us) : CELL_NULL,
                                           cell_str(o->key), cell_str(o->etag)});
    sums->objects++;
    sums->bytes += o->size;
}

static enum err_code list(struct app *app, struct store *store, struct sums *sums, struct err *err)
{
    struct store_list *cursor = NULL;
    struct store_object object;
    bool more = true;

    if (store_list_begin(store, "", STORE_BELOW, &cursor, err))
        return err->code;
    while (store_list_next(cursor, &object, &more, err) == ERR_OK && more)
        put_object(app, &object, sums);
    store_list_end(cursor);
    return err->code;
}

enum err_code cmd_ls(struct app *app, struct err *err)
{
    static const struct out_column totals[] = {{"objects", NULL, OUT_INT, IN_JSON},
                                               {"bytes", NULL, OUT_BYTES, IN_JSON}};
    struct store *store = NULL;
    struct store_object object;
    struct sums sums = {0};
    bool is_object = false;
    char count[OUT_CELL_MAX], size[OUT_CELL_MAX];

    if (app->options->nargs == 0) {
        if (app_open(app, APP_SOURCE, err))
            return err->code;
    } else if (place_open_listed(app, app->options->args[0], &store, &object, &is_object, err)) {
        goto out;
    }
    if (app_begin_out(app, err))
        goto out;
    out_list_begin(&app->out, "objects", ls_columns, sizeof ls_columns / sizeof ls_columns[0]);
    if (is_object)
        put_object(app, &object, &sums);
    else if (list(app, store ? store : app->job.store, &sums, err))
        goto out;
    out_list_end(&app->out);
    out_object(&app->out, "totals", totals, (struct out_cell[]){cell_num(sums.objects), cell_num(sums.bytes)},
               2);
    out_line(&app->out, "%s, %s", out_things(sums.objects, "object", "objects", count),
             out_size(sums.bytes, size));
out:
    store_close(store);
    return err->code;
}

/* ---- cat ---- */

static enum err_code print(struct app *app, struct store *store, const char *key, struct err *err)
{
    struct store_reader *reader = NULL;
    char *block = mem_alloc(COPY_BYTES);
    size_t n;

    if (!block)
        return err_nomem(err);
    if (store_open_read(store, key, NULL, &reader, err) == ERR_OK) {
        while (out_is_open(&app->out) && store_read(reader, block, COPY_BYTES, &n, err) == ERR_OK && n > 0)
            out_bytes(&app->out, block, n);
    }
    store_close_read(reader);
    mem_free(block);
    return err->code;
}

enum err_code cmd_cat(struct app *app, struct err *err)
{
    const struct options *o = app->options;

    if (app_begin_out(app, err))
        return err->code;
    for (size_t i = 0; i < o->nargs && err->code == ERR_OK; i++) {
        struct place place = {0};
        struct store *store = NULL;

        if (place_open_object(app, o->args[i], false, &place, &store, err) == ERR_OK)
            (void)!print(app, store, place.key, err);
        store_close(store);
        place_release(&place);
    }
    return err->code;
}

/* ---- cp ---- */

/* A reader's bytes on their way: counted, and ended by the stop flag. */
struct counted {
    struct bytes base;
    struct store_reader *reader;
    struct progress *progress;
};

static enum err_code read_counted(struct bytes *self, void *dst, size_t cap, size_t *n, struct err *err)
{
    struct counted *c = (struct counted *)self;

    if (atomic_load_explicit(stop_flag(), memory_order_relaxed))
        return err_set(err, ERRN_CANCELLED, "stopped by a signal; the object is not copied");
    if (store_read(c->reader, dst, cap, n, err) == ERR_OK)
        progress_add(&c->progress->bytes_done, (long long)*n);
    return err->code;
}

static enum err_code copy(struct app *app, struct store *from, const char *from_key, struct store *to,
                          const char *to_key, struct sums *sums, struct err *err)
{
    struct counted body = {.base = {read_counted}, .progress = &app->progress};

    if (store_open_read(from, from_key, NULL, &body.reader, err) == ERR_OK &&
        store_put(to, to_key, &body.base, body.reader->object.size, PUT_ALWAYS, err) == ERR_OK) {
        log_msg(LOG_DEBUG, "%s/%s -> %s/%s", from->label, from_key, to->label, to_key);
        sums->objects++;
        sums->bytes += body.reader->object.size;
        progress_add(&app->progress.objects_done, 1);
    }
    store_close_read(body.reader);
    return err->code;
}

static enum err_code copy_all(struct app *app, const char *source, const char *dest, struct sums *sums,
                              struct err *err)
{
    struct store *from = NULL, *to = NULL;
    struct store_list *cursor = NULL;
    struct store_object object;
    bool more = true;

    if (place_open(app, source, false, &from, err) || place_open(app, dest, true, &to, err) ||
        store_list_begin(from, "", STORE_BELOW, &cursor, err))
        goto out;
    while (store_list_next(cursor, &object, &more, err) == ERR_OK && more) {
        if (copy(app, from, object.key, to, object.key, sums, err))
            break;
    }
out:
    store_list_end(cursor);
    store_close(to);
    store_close(from);
    return err->code;
}

/* True where DEST is a folder that is there: the object keeps its name below it. */
static bool is_folder(const struct app *app, const char *url)
{
    struct store *store = NULL;
    struct err err = ERR_INIT;
    bool is = !place_has_host(url) && place_open(app, url, false, &store, &err) == ERR_OK;

    store_close(store);
    return is;
}

static enum err_code copy_one(struct app *app, const char *source, const char *dest, struct sums *sums,
                              struct err *err)
{
    struct place from = {0}, to = {0};
    struct store *from_store = NULL, *to_store = NULL;
    struct store_object object;
    bool into = is_folder(app, dest);

    if (place_open_object(app, source, false, &from, &from_store, err))
        goto out;
    /* Before anything is made at DEST. */
    if (store_stat(from_store, from.key, &object, err)) {
        if (err->code == ERR_NOT_FOUND && is_folder(app, source)) {
            err_clear(err);
            err_set(err, ERRN_USAGE, "%s is a folder: -r copies all objects below it", source);
        }
        goto out;
    }
    if (place_parse(dest, &to, err) || place_open(app, into ? dest : to.store, true, &to_store, err))
        goto out;
    (void)!copy(app, from_store, from.key, to_store, into || !to.key ? from.key : to.key, sums, err);
out:
    store_close(to_store);
    store_close(from_store);
    place_release(&to);
    place_release(&from);
    return err->code;
}

enum err_code cmd_cp(struct app *app, struct err *err)
{
    static const struct out_column totals[] = {{"objects", NULL, OUT_INT, IN_DATA},
                                               {"bytes", NULL, OUT_BYTES, IN_DATA}};
    const struct options *o = app->options;
    struct sums sums = {0};
    struct bar *bar = NULL;
    char count[OUT_CELL_MAX], size[OUT_CELL_MAX];

    stop_catch();
    if (app_begin_out(app, err) || bar_start(o, &app->progress, &bar, err))
        return err->code;
    if (o->given[OPT_RECURSIVE])
        (void)!copy_all(app, o->args[0], o->args[1], &sums, err);
    else
        (void)!copy_one(app, o->args[0], o->args[1], &sums, err);
    bar_stop(bar);
    if (err->code && sums.objects == 0)
        return err->code;
    out_list_begin(&app->out, "copied", totals, 2);
    out_row(&app->out, (struct out_cell[]){cell_num(sums.objects), cell_num(sums.bytes)});
    out_list_end(&app->out);
    out_line(&app->out, "%s copied, %s", out_things(sums.objects, "object", "objects", count),
             out_size(sums.bytes, size));
    return err->code;
}
