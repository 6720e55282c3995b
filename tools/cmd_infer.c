/*
 * cmd_infer: `sluice infer SOURCE`: lists, reads heads and samples, and prints a pipeline file.
 *
 * Invariants: the source is only read; nothing is printed but a whole file, or one error. An object that
 * cannot be read as text is told in the file, as long as another one can.
 */
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "tools/app.h"
#include "tools/infer_copy.h"
#include "tools/infer_json.h"
#include "tools/infer_source.h"
#include "tools/infer_yaml.h"

enum {
    HEADS_MAX = 20,
    COMMANDS_MAX = 256 * 1024,
    SAMPLE_BYTES = 8 * 1024 * 1024, /* of an object */
    SAMPLE_RECORDS = 100000,
};

_Static_assert((int)INFER_KEYS_TOLD == (int)SOURCE_OTHERS, "all keys that were kept are told");

/* All that is under way. */
struct work {
    struct app *app;
    const char *given;
    struct infer_source source;
    struct infer_head heads[HEADS_MAX];
    char *blocks[HEADS_MAX];
    size_t nheads;
    struct infer_dialect dialect;
    struct infer *infer;
    const struct infer_result *result;
    int64_t damaged;
    struct err why; /* of the first damaged object, with its key */
    char name[INFER_NAME_MAX + 1], url[INFER_NAME_MAX + 32];
    struct buf layout, commands, yaml;
    int64_t commands_left_out;
};

static void work_release(struct work *w)
{
    for (size_t i = 0; i < HEADS_MAX; i++)
        mem_free(w->blocks[i]);
    infer_free(w->infer);
    infer_source_release(&w->source);
    buf_release(&w->layout);
    buf_release(&w->commands);
    buf_release(&w->yaml);
    mem_free(w);
}

/* A verdict on one object: told, and passed over. Any other error ends the command. */
static enum err_code pass_over(struct work *w, const char *key, bool again, struct err *err)
{
    if (err->code != ERR_DATA && err->code != ERR_UNSUPPORTED)
        return err_context(err, "%s", key);
    err_context(err, "%s", key);
    w->damaged += !again;
    if (!w->why.code)
        w->why = *err;
    err_clear(err);
    return ERR_OK;
}

static enum err_code read_head(struct work *w, const char *key, char *block, struct infer_head *head,
                               struct err *err)
{
    struct infer_stream stream;
    size_t len = 0, n = 1;
    if (infer_stream_open(&w->source, key, &stream, err) == ERR_OK) {
        while (len < INFER_HEAD_BYTES && n > 0 &&
               bytes_read(&stream.base, block + len, INFER_HEAD_BYTES - len, &n, err) == ERR_OK)
            len += n;
    }
    *head = (struct infer_head){block, len, n == 0};
    infer_stream_close(&stream);
    return err->code ? err->code : infer_text(head, err);
}

static enum err_code read_heads(struct work *w, struct err *err)
{
    const struct infer_source *s = &w->source;
    size_t want = s->nsamples < HEADS_MAX ? s->nsamples : HEADS_MAX;
    for (size_t i = 0; i < want; i++) {
        const char *key = s->samples[want > 1 ? i * (s->nsamples - 1) / (want - 1) : 0];
        char *block = mem_alloc(INFER_HEAD_BYTES);
        if (!block)
            return err_nomem(err);
        w->blocks[i] = block;
        if (read_head(w, key, block, &w->heads[w->nheads], err) == ERR_OK)
            w->nheads += w->heads[w->nheads].len > 0;
        else if (pass_over(w, key, true, err))
            return err->code;
    }
    if (w->nheads > 0)
        return infer_dialect(w->heads, w->nheads, &w->dialect, err);
    if (w->why.code) {
        *err = w->why;
        return err->code;
    }
    return err_set(err, ERRN_UNSUPPORTED,
                   "%s: all objects looked at are empty: there is nothing to infer from", w->given);
}

/* Where some objects have a header and some have none, those of the rarer kind would spoil the columns. */
static enum err_code judge_header(const struct work *w, const struct infer_head *head, struct err *err)
{
    const struct infer_dialect *d = &w->dialect;
    bool any, header, by_types, named = d->csv.header != CSV_HEADER_NONE;
    if (d->with_header == 0 || d->without_header == 0)
        return ERR_OK;
    if (infer_header(head, &d->csv, &any, &header, &by_types, err) == ERR_OK && any && by_types &&
        header != named)
        err_set(err, ERRN_UNSUPPORTED,
                named ? "it has no header line, as most others have"
                      : "it has a header line, unlike most others");
    return err->code;
}

static enum err_code read_object(void *ctx, const char *key, struct err *err)
{
    struct work *w = ctx;
    bool full = w->app->options->given[OPT_FULL];
    const struct infer_limits limits = {full ? 0 : SAMPLE_BYTES, full ? 0 : SAMPLE_RECORDS};
    struct infer_stream stream;
    struct infer_head head;
    if (infer_stream_open(&w->source, key, &stream, err) == ERR_OK &&
        infer_stream_look(&stream, &head, err) == ERR_OK && infer_text(&head, err) == ERR_OK &&
        judge_header(w, &head, err) == ERR_OK)
        (void)!infer_object(w->infer, key, &stream.base, &limits, err);
    infer_stream_close(&stream);
    return err->code ? pass_over(w, key, false, err) : ERR_OK;
}

static enum err_code read_samples(struct work *w, struct err *err)
{
    if (infer_new(&w->dialect, &w->infer, err))
        return err->code;
    if (w->app->options->given[OPT_FULL]) {
        (void)!infer_source_each(&w->source, read_object, w, err);
    } else {
        for (size_t i = 0; i < w->source.nsamples && err->code == ERR_OK; i++)
            (void)!read_object(w, w->source.samples[i], err);
    }
    return err->code ? err->code : infer_finish(w->infer, &w->result, err);
}

/* Where the keys have no hour: the copies are the source. */
static enum err_code make_place(struct work *w, struct err *err)
{
    const struct infer_source *s = &w->source;
    char dest[INFER_NAME_MAX + 16];
    hour_t hour = hour_of_us(s->written ? s->written : clock_wall_us(w->app->clock));
    if (!infer_name(s->object ? w->given : s->place, w->name))
        (void)infer_name(w->app->folder, w->name); /* of "." */
    if (s->found.time == INFER_HOUR)
        return buf_append_str(&w->layout, s->found.pattern, err);
    snprintf(dest, sizeof dest, "%s_by_hour", w->name);
    snprintf(w->url, sizeof w->url, "file:%s", dest);
    return infer_copy(s, w->given, dest, w->app->folder, hour, INFER_COMMANDS, &w->commands, &w->layout,
                      &w->commands_left_out, err);
}

static enum err_code print(struct work *w, struct err *err)
{
    const struct infer_source *s = &w->source;
    hour_t hour;
    struct infer_doc doc = {.source = w->given,
                            .name = w->name,
                            .url = w->url[0] ? w->url : s->place,
                            .layout = buf_str(&w->layout),
                            .time = s->found.time,
                            .pattern = s->found.pattern,
                            .keys = s->found.keys,
                            .listed_all = s->listed_all,
                            .matched = s->matched,
                            .hidden = s->found.hidden,
                            .others = s->others,
                            .first = s->first,
                            .last = s->last,
                            .commands = buf_str(&w->commands),
                            .commands_left_out = w->commands_left_out,
                            .path_has_hour = s->object && infer_layout_time(w->given, &hour) == INFER_HOUR,
                            .full = w->app->options->given[OPT_FULL],
                            .damaged = w->damaged,
                            .damaged_why = w->why.msg,
                            .dialect = &w->dialect,
                            .result = w->result};
    for (int i = 0; i < INFER_KEYS_TOLD; i++)
        doc.other_keys[i] = s->other_keys[i];
    if (infer_yaml(&doc, &w->yaml, err) || app_begin_out(w->app, err))
        return err->code;
    out_bytes(&w->app->out, w->yaml.data, w->yaml.len);
    return infer_json(&doc, buf_str(&w->yaml), &w->app->out, err);
}

enum err_code cmd_infer(struct app *app, struct err *err)
{
    const char *given = app->options->args[0];
    struct work *w;
    if (strcmp(given, "-") == 0)
        return err_set(err, ERRN_USAGE,
                       "standard input is no place that a pipeline could load from: name a file or folder");
    w = mem_calloc(1, sizeof *w);
    if (!w)
        return err_nomem(err);
    w->app = app;
    w->given = given;
    buf_init(&w->layout, 2 * STORE_KEY_MAX + 256);
    buf_init(&w->commands, COMMANDS_MAX);
    buf_init(&w->yaml, INFER_YAML_MAX);
    if (infer_source_open(app, given, &w->source, err) == ERR_OK &&
        infer_source_list(&w->source, (size_t)app->options->samples, app->options->given[OPT_FULL], err) ==
            ERR_OK &&
        read_heads(w, err) == ERR_OK && read_samples(w, err) == ERR_OK && make_place(w, err) == ERR_OK)
        (void)!print(w, err);
    work_release(w);
    return err->code;
}
