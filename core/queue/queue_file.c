/*
 * queue_file: see queue_file.h.
 *
 * Invariant: nothing but list, put and remove is asked of the store; no condition, no content.
 */
#include "core/queue/queue_file.h"

#include <string.h>

enum { NAME_DIGITS = 10 };

bool queue_name_parse(const char *name, hour_t *hour)
{
    struct err err = ERR_INIT;
    return strlen(name) == NAME_DIGITS && strspn(name, "0123456789") == NAME_DIGITS &&
           hour_parse(name, hour, &err) == ERR_OK;
}

static enum err_code visit_name(const char *name, queue_visit_fn *visit, void *ctx, struct err *err)
{
    hour_t hour;
    if (name[0] == '.' || name[0] == '_')
        return ERR_OK;
    return visit(ctx, queue_name_parse(name, &hour) ? &hour : NULL, name, err);
}

enum err_code queue_list(struct store *store, queue_visit_fn *visit, void *ctx, struct err *err)
{
    struct store_list *list = NULL;
    struct store_object object;
    bool more = true;
    if (store_list_begin(store, "", STORE_FLAT, &list, err) != ERR_OK)
        return err->code;
    while (store_list_next(list, &object, &more, err) == ERR_OK && more)
        if (visit_name(object.key, visit, ctx, err) != ERR_OK)
            break;
    store_list_end(list);
    return err->code;
}

enum err_code queue_put(struct store *store, hour_t hour, struct err *err)
{
    char name[HOUR_TEXT_MAX];
    hour_format_compact(hour, name);
    return store_put_mem(store, name, "", 0, PUT_ALWAYS, err);
}

enum err_code queue_remove(struct store *store, hour_t hour, struct err *err)
{
    char name[HOUR_TEXT_MAX];
    hour_format_compact(hour, name);
    return store_remove(store, name, err);
}
