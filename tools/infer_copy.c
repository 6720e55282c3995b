/*
 * infer_copy: `sluice cp` for each object, or -r for all of them at once.
 *
 * One object, and objects whose day or hour is known, get a command each; a folder whose objects tell nothing
 * is copied whole to one hour, where all lie at the same depth and the copies are not below it. Invariant:
 * what the commands make is matched by the layout; no two objects get one key, because the whole key is in
 * the copy's name.
 */
#include "tools/infer_copy.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/data/types.h"
#include "tools/place.h"
#include "tools/yaml_text.h"

static const char folders[] = "yyyy=%Y/mm=%m/dd=%d/hh=%H";

/* ".csv", or how the object's name ends; what is packed stays so. */
static enum err_code put_name(const char *key, struct buf *out, struct err *err)
{
    const char *suffix = infer_layout_suffix(key);
    size_t len = strlen(key), pack = 0;
    if ((key[0] == '.' || key[0] == '_') &&
        buf_append_char(out, 'x', err)) /* names that begin so are not read */
        return err->code;
    for (size_t i = 0; i < len; i++)
        if (key[i] == '/' ? buf_append_char(out, '_', err) : buf_append_char(out, key[i], err))
            return err->code;
    if (suffix)
        return ERR_OK;
    if (len > 3 && strcmp(key + len - 3, ".gz") == 0)
        pack = 3;
    else if (len > 4 && strcmp(key + len - 4, ".zst") == 0)
        pack = 4;
    out->len -= pack;
    return buf_printf(out, err, ".csv%s", key + len - pack);
}

/* DEST/yyyy=2022/mm=06/dd=05/hh=12 */
static enum err_code put_folder(const char *dest, hour_t hour, struct buf *out, struct err *err)
{
    int year, month, day, h;
    hour_to_civil(hour, &year, &month, &day, &h);
    return buf_printf(out, err, "%s/yyyy=%04d/mm=%02d/dd=%02d/hh=%02d", dest, year, month, day, h);
}

struct copy {
    const struct infer_source *source;
    const char *given, *dest;
    hour_t hour;
    int64_t max, left_out;
    struct buf *commands;
};

/* A name that cannot stand in a comment, or in a line of a shell, as it is. */
static bool is_unprintable(const char *text)
{
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f || (unsigned char)*p == 0xC2 || (unsigned char)*p == 0xE2 ||
            (unsigned char)*p == 0xEF)
            return true;
    return utf8_length(text, strlen(text)) < 0;
}

static enum err_code put_words(struct buf *out, const char *flag, const char *from, const char *to,
                               struct err *err)
{
    if (is_unprintable(from) || is_unprintable(to))
        return err_set(
            err, ERRN_UNSUPPORTED,
            "no hour can be found in the keys, and the name of an object cannot be printed: copy it "
            "under a key such as yyyy=2022/mm=06/dd=05/hh=12/x.csv by `sluice cp`");
    (void)!buf_printf(out, err, "sluice cp %s", flag);
    (void)!shell_word(out, from, err);
    (void)!buf_append_char(out, ' ', err);
    (void)!shell_word(out, to, err);
    (void)!buf_append_char(out, '\n', err);
    return err->code;
}

/* The URL of an object below the place that was given. */
static enum err_code put_url(const struct copy *c, const char *key, struct buf *out, struct err *err)
{
    const char *given = c->given;
    size_t end = place_has_host(given) ? strcspn(given, "?") : strlen(given);
    if (c->source->object)
        return buf_append_str(out, given, err);
    (void)!buf_append(out, given, end, err);
    if (end > 0 && given[end - 1] != '/')
        (void)!buf_append_char(out, '/', err);
    (void)!buf_append_str(out, key, err);
    (void)!buf_append_str(out, given + end, err);
    return err->code;
}

static enum err_code copy_object(void *ctx, const char *key, struct err *err)
{
    struct copy *c = ctx;
    struct buf from, to;
    hour_t hour = c->hour, own;
    if (c->max-- <= 0) {
        c->left_out++;
        return ERR_OK;
    }
    if (infer_layout_time(key, &own) != INFER_NO_TIME)
        hour = own;
    buf_init(&from, 4 * STORE_KEY_MAX);
    buf_init(&to, 4 * STORE_KEY_MAX);
    if (put_url(c, key, &from, err) == ERR_OK && put_folder(c->dest, hour, &to, err) == ERR_OK &&
        buf_append_char(&to, '/', err) == ERR_OK && put_name(key, &to, err) == ERR_OK)
        (void)!put_words(c->commands, "", buf_str(&from), buf_str(&to), err);
    buf_release(&from);
    buf_release(&to);
    return err->code;
}

static enum err_code copy_folder(struct copy *c, struct err *err)
{
    struct buf to;
    buf_init(&to, 4 * STORE_KEY_MAX);
    if (put_folder(c->dest, c->hour, &to, err) == ERR_OK)
        (void)!put_words(c->commands, "-r ", c->given, buf_str(&to), err);
    buf_release(&to);
    return err->code;
}

/* Whether `folder`, where the copies go, is inside the place: copied whole, it would be copied into itself.
 */
static bool is_inside(const char *folder, const char *place)
{
    char real[PATH_MAX];
    struct url url;
    struct err err = ERR_INIT;
    if (place_has_host(place) || url_parse(place, &url, &err))
        return false;
    size_t len = realpath(url.path, real) ? strlen(real) : 0;
    url_release(&url);
    return len > 0 && strncmp(folder, real, len) == 0 &&
           (folder[len] == '/' || folder[len] == '\0' || real[len - 1] == '/');
}

enum err_code infer_copy(const struct infer_source *source, const char *given, const char *dest,
                         const char *folder, hour_t hour, int64_t max, struct buf *commands,
                         struct buf *layout, int64_t *left_out, struct err *err)
{
    struct copy c = {source, given, dest, hour, max, 0, commands};
    const char *suffix = source->object ? infer_layout_suffix(source->object) : source->found.suffix;
    bool whole = !source->object && source->found.time == INFER_NO_TIME && !source->mixed &&
                 !is_inside(folder, source->place);
    if (whole)
        (void)!copy_folder(&c, err);
    else
        (void)!infer_source_each(source, copy_object, &c, err);
    *left_out = c.left_out;
    (void)!buf_append_str(layout, folders, err);
    for (size_t i = 0; whole && i < source->depth; i++)
        (void)!buf_append_str(layout, "/*", err);
    (void)!buf_printf(layout, err, "/*%s", suffix ? suffix : ".csv");
    return err->code;
}
