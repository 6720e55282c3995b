/*
 * cmd_help: `sluice help`: finds the page that the words name: a command, a group of commands, `pipeline`,
 * `man` or an error.
 */
#include <string.h>

#include "core/base/near.h"
#include "tools/help.h"

static const char *nearest_topic(const char *word)
{
    const char *best = command_nearest(word);
    size_t least = best ? near_distance(word, best) : near_limit(strlen(word));

    for (int i = ERRN_NONE + 1; i < ERRN_COUNT; i++) {
        size_t d = near_distance(word, err_name_text((enum err_name)i));

        if (d < least || (!best && d == least)) {
            best = err_name_text((enum err_name)i);
            least = d;
        }
    }
    return best;
}

static enum err_code page(const char *word, const char *second, struct buf *out, struct err *err)
{
    enum command_id id = command_find(word, second);
    const char *nearest;

    if (id != CMD_COUNT)
        return help_command(id, out, err);
    if (!second && command_is_group(word))
        return help_group(word, out, err);
    if (!second && strcmp(word, "pipeline") == 0)
        return pipeline_keys_help(out, err);
    if (!second && strcmp(word, "man") == 0)
        return help_man(out, err);
    if (!second && err_name_find(word) != ERRN_NONE)
        return help_error(err_name_find(word), out, err);
    nearest = second ? NULL : nearest_topic(word);
    return err_set(err, ERRN_USAGE, "help: no page \"%s%s%s\"%s%s%s", word, second ? " " : "",
                   second ? second : "",
                   nearest ? "; did you mean `sluice help " : "; `sluice help` lists the commands",
                   nearest ? nearest : "", nearest ? "`?" : "");
}

static enum err_code print(struct app *app, const struct buf *text, struct err *err)
{
    if (out_begin(&app->out, OUT_TEXT, false, NULL, err))
        return err->code;
    app->has_out = true;
    out_bytes(&app->out, buf_str(text), text->len);
    return ERR_OK;
}

enum err_code help_of_options(struct app *app, struct err *err)
{
    const struct options *o = app->options;
    struct buf text;

    buf_init(&text, HELP_MAX);
    if (o->has_command)
        (void)!help_command(o->command, &text, err);
    else if (o->nargs)
        (void)!help_group(o->args[0], &text, err);
    else
        (void)!help_overview(&text, err);
    if (err->code == ERR_OK)
        (void)!print(app, &text, err);
    buf_release(&text);
    return err->code;
}

enum err_code cmd_help(struct app *app, struct err *err)
{
    const struct options *o = app->options;
    struct buf text;

    buf_init(&text, HELP_MAX);
    if (o->nargs == 0)
        (void)!help_overview(&text, err);
    else
        (void)!page(o->args[0], o->nargs > 1 ? o->args[1] : NULL, &text, err);
    if (err->code == ERR_OK)
        (void)!print(app, &text, err);
    buf_release(&text);
    return err->code;
}
