/*
 * options: reads the command line by the tables of commands.c.
 *
 * Invariants: long names are never abbreviated (a script must not break when an option is added); before the
 * command only common options are known; after "--" every word is an argument. What makes no sense together
 * is refused here, before anything is opened.
 */
#include "tools/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/near.h"

/* The words seen so far. */
struct parser {
    struct options *o;
    const char *group; /* "rejects", until its second word is there */
    struct err *err;
};

static bool is_allowed(const struct options *o, enum option_id id)
{
    if (id <= OPT_COMMON_LAST)
        return true;
    for (const unsigned char *p = o->has_command ? command_table[o->command].options : NULL; p && *p; p++) {
        if (*p == id)
            return true;
    }
    return false;
}

/* "run: " before a message, "" before the command is known. */
static enum err_code in_command(struct parser *p)
{
    return p->o->has_command ? err_context(p->err, "%s", command_table[p->o->command].name) : p->err->code;
}

static enum err_code unknown_option(struct parser *p, const char *name, size_t len)
{
    char given[64];
    const char *best = NULL;
    size_t least = near_limit(len);

    if (len >= sizeof given)
        len = sizeof given - 1;
    memcpy(given, name, len);
    given[len] = '\0';
    for (int id = OPT_END + 1; id < OPT_COUNT; id++) {
        size_t d = near_distance(given, option_table[id].name);

        if (is_allowed(p->o, (enum option_id)id) && d <= least && (!best || d < least)) {
            best = option_table[id].name;
            least = d;
        }
    }
    if (best)
        err_set(p->err, ERRN_USAGE, "unknown option --%s; did you mean --%s?", given, best);
    else
        err_set(p->err, ERRN_USAGE, "unknown option --%s; `sluice help%s%s` lists the known ones", given,
                p->o->has_command ? " " : "", p->o->has_command ? command_table[p->o->command].name : "");
    return in_command(p);
}

static enum err_code word_of(const char *option, const char *value, const char *const *words, int *out,
                             struct err *err)
{
    for (int i = 0; words[i]; i++) {
        if (strcmp(value, words[i]) == 0) {
            *out = i;
            return ERR_OK;
        }
    }
    return err_set(err, ERRN_USAGE, "--%s is %s%s%s%s%s, not \"%s\"", option, words[0],
                   words[2] ? ", " : " or ", words[1], words[2] ? " or " : "", words[2] ? words[2] : "",
                   value);
}

static enum err_code number(enum option_id id, const char *value, int64_t min, int64_t max, int64_t *out,
                            struct err *err)
{
    char *end;

    errno = 0;
    *out = strtoll(value, &end, 10);
    if (errno || end == value || *end || *out < min || *out > max || value[0] < '0' || value[0] > '9')
        return err_set(err, ERRN_USAGE, "--%s is a number from %lld to %lld, not \"%s\"",
                       option_table[id].name, (long long)min, (long long)max, value);
    return ERR_OK;
}

/* The first takes the default's place. */
static enum err_code take_config(struct options *o, const char *value, struct err *err)
{
    size_t at = o->given[OPT_CONFIG] ? o->nconfigs : 0;

    if (at == OPTIONS_CONFIGS_MAX)
        return err_set(err, ERRN_USAGE,
                       "--config is given more than %d times; name a folder of pipeline files",
                       OPTIONS_CONFIGS_MAX);
    o->configs[at] = value;
    o->nconfigs = at + 1;
    return ERR_OK;
}

static enum err_code take_set(struct options *o, const char *value, struct err *err)
{
    if (!strchr(value, '=') || value[0] == '=')
        return err_set(err, ERRN_USAGE, "--set takes KEY=VALUE, such as target.table=loans");
    if (o->nsets == OPTIONS_SETS_MAX)
        return err_set(err, ERRN_USAGE, "--set is given more than %d times", OPTIONS_SETS_MAX);
    o->sets[o->nsets++] = value;
    return ERR_OK;
}

static enum err_code take_error_name(struct options *o, const char *value, struct err *err)
{
    enum err_name name = err_name_find(value);

    if (name == ERRN_NONE)
        return err_set(err, ERRN_USAGE, "--error: no error has the name \"%s\"", value);
    o->error_name = err_name_text(name);
    return ERR_OK;
}

/* The words of an option, in the order of its enum. */
static enum err_code take_word(struct options *o, enum option_id id, const char *value, struct err *err)
{
    static const char *const formats[] = {"text", "json", "csv", NULL};
    static const char *const logs[] = {"text", "json", NULL};
    static const char *const bars[] = {"auto", "bar", "none", NULL};
    static const char *const colors[] = {"auto", "always", "never", NULL};
    const char *const *words = id == OPT_OUTPUT       ? formats
                               : id == OPT_LOG_FORMAT ? logs
                               : id == OPT_PROGRESS   ? bars
                                                      : colors;
    int i = 0;

    if (word_of(option_table[id].name, value, words, &i, err))
        return err->code;
    if (id == OPT_OUTPUT)
        o->output = (enum out_format)i;
    else if (id == OPT_LOG_FORMAT)
        o->log_json = i == 1;
    else if (id == OPT_PROGRESS)
        o->progress = (enum progress_mode)i;
    else
        o->color = (enum color_mode)i;
    return ERR_OK;
}

static enum err_code take_hour(enum option_id id, const char *value, hour_t *out, struct err *err)
{
    return hour_parse(value, out, err) ? err_context(err, "--%s", option_table[id].name) : ERR_OK;
}

static enum err_code take_value(struct options *o, enum option_id id, const char *value, struct err *err)
{
    switch (id) {
    case OPT_CONFIG:
        return take_config(o, value, err);
    case OPT_DIRECTORY:
        o->directory = value;
        return ERR_OK;
    case OPT_ENV:
        o->env = value;
        return ERR_OK;
    case OPT_SET:
        return take_set(o, value, err);
    case OPT_SUMMARY:
        o->summary = value;
        return ERR_OK;
    case OPT_NOW:
        return time_parse_us(value, &o->now_us, err) ? err_context(err, "--now") : ERR_OK;
    case OPT_WAIT:
        return duration_parse(value, &o->wait_ms, err) ? err_context(err, "--wait") : ERR_OK;
    case OPT_LISTEN:
        o->listen = value;
        return ERR_OK;
    case OPT_GRACE:
        return duration_parse(value, &o->grace_ms, err) ? err_context(err, "--grace") : ERR_OK;
    case OPT_HOUR:
        return take_hour(id, value, &o->hour, err);
    case OPT_FROM:
        return take_hour(id, value, &o->from, err);
    case OPT_TO:
        return take_hour(id, value, &o->to, err);
    case OPT_RUN:
        o->run_id = value;
        return ERR_OK;
    case OPT_OBJECT:
        o->object = value;
        return ERR_OK;
    case OPT_ERROR:
        return take_error_name(o, value, err);
    case OPT_BY:
        o->by = value;
        return ERR_OK;
    case OPT_SHOW:
        return number(id, value, 0, OPTIONS_SHOW_MAX, &o->show, err);
    case OPT_SAMPLES:
        return number(id, value, 1, OPTIONS_SAMPLES_MAX, &o->samples, err);
    case OPT_THREADS:
        return number(id, value, 1, OPTIONS_THREADS_MAX, &o->threads, err);
    case OPT_HTML:
        o->html = value;
        return ERR_OK;
    case OPT_JSON:
        o->json = value;
        return ERR_OK;
    default:
        return take_word(o, id, value, err);
    }
}

static enum err_code take(struct parser *p, enum option_id id, const char *value)
{
    const struct option_def *def = &option_table[id];

    if (p->o->given[id] && (def->flags & OPTION_ONCE))
        err_set(p->err, ERRN_USAGE, "--%s is given twice", def->name);
    else if (value && !value[0])
        err_set(p->err, ERRN_USAGE, "--%s has an empty value", def->name);
    else if (value)
        (void)!take_value(p->o, id, value, p->err);
    p->o->given[id] = true;
    return p->err->code ? in_command(p) : ERR_OK;
}

/* --name, --name=value, --name value. */
static enum err_code take_long(struct parser *p, const char *text, char ***next)
{
    const char *equal = strchr(text, '=');
    size_t len = equal ? (size_t)(equal - text) : strlen(text);
    const char *value = equal ? equal + 1 : NULL;
    int id = OPT_END + 1;

    while (id < OPT_COUNT &&
           (strlen(option_table[id].name) != len || strncmp(option_table[id].name, text, len) != 0))
        id++;
    if (id == OPT_COUNT || !is_allowed(p->o, (enum option_id)id))
        return unknown_option(p, text, len);
    if (!option_table[id].arg && value) {
        err_set(p->err, ERRN_USAGE, "--%s takes no value", option_table[id].name);
        return in_command(p);
    }
    if (option_table[id].arg && !value) {
        if (!**next) {
            err_set(p->err, ERRN_USAGE, "--%s needs a value: --%s %s", option_table[id].name,
                    option_table[id].name, option_table[id].arg);
            return in_command(p);
        }
        value = *(*next)++;
    }
    return take(p, (enum option_id)id, value);
}

/* -q, -qv, -c FILE, -cFILE. */
static enum err_code take_short(struct parser *p, const char *text, char ***next)
{
    for (; *text; text++) {
        const char *value = NULL;
        int id = OPT_END + 1;

        while (id < OPT_COUNT && option_table[id].letter != *text)
            id++;
        if (id == OPT_COUNT || !is_allowed(p->o, (enum option_id)id)) {
            err_set(p->err, ERRN_USAGE, "unknown option -%c; `sluice help%s%s` lists the known ones", *text,
                    p->o->has_command ? " " : "", p->o->has_command ? command_table[p->o->command].name : "");
            return in_command(p);
        }
        if (option_table[id].arg) {
            value = text[1] ? text + 1 : **next ? *(*next)++ : NULL;
            if (!value) {
                err_set(p->err, ERRN_USAGE, "-%c needs a value: -%c %s", *text, *text, option_table[id].arg);
                return in_command(p);
            }
        }
        if (take(p, (enum option_id)id, value))
            return p->err->code;
        if (value)
            break;
    }
    return ERR_OK;
}

static enum err_code unknown_command(struct err *err, const char *first, const char *second)
{
    char name[64];
    const char *nearest;

    snprintf(name, sizeof name, "%.30s%s%.30s", first, second ? " " : "", second ? second : "");
    nearest = command_nearest(name);
    if (nearest)
        return err_set(err, ERRN_USAGE, "unknown command \"%s\"; did you mean `sluice %s`?", name, nearest);
    return err_set(err, ERRN_USAGE, "unknown command \"%s\"; `sluice help` lists the known ones", name);
}

static enum err_code take_word_arg(struct parser *p, const char *word)
{
    struct options *o = p->o;
    enum command_id id;

    if (o->has_command) {
        if (o->nargs == OPTIONS_ARGS_MAX)
            return err_set(p->err, ERRN_USAGE, "more than %d arguments", OPTIONS_ARGS_MAX);
        o->args[o->nargs++] = word;
        return ERR_OK;
    }
    if (!p->group && command_is_group(word)) {
        p->group = word;
        return ERR_OK;
    }
    id = p->group ? command_find(p->group, word) : command_find(word, NULL);
    if (id == CMD_COUNT)
        return p->group ? unknown_command(p->err, p->group, word) : unknown_command(p->err, word, NULL);
    o->command = id;
    o->has_command = true;
    return ERR_OK;
}

/* The second words of a group, for messages: "ls, show or replay". */
static void group_words(const char *group, char *out, size_t cap)
{
    size_t len = strlen(group), n = 0;

    out[0] = '\0';
    for (int i = 0; i < CMD_COUNT && n < cap; i++) {
        const char *name = command_table[i].name;

        if (strncmp(name, group, len) == 0 && name[len] == ' ')
            n += (size_t)snprintf(out + n, cap - n, "%s%s", n ? ", " : "", name + len + 1);
    }
}

static enum err_code check_hours(const struct options *o, struct err *err)
{
    const bool *given = o->given;

    if (given[OPT_HOUR] + (given[OPT_FROM] || given[OPT_TO]) + given[OPT_ALL] > 1)
        return err_set(err, ERRN_USAGE, "--hour, --from/--to and --all exclude each other");
    if (o->command == CMD_BASELINE)
        return given[OPT_TO] ? ERR_OK
                             : err_set(err, ERRN_USAGE,
                                       "--to H is needed: the first hour that is not yet in "
                                       "the table");
    if (o->command == CMD_QUEUE_DROP && !given[OPT_HOUR] && !given[OPT_FROM] && !given[OPT_ALL])
        return err_set(err, ERRN_USAGE, "which hours? --hour H, --from H --to H, or --all");
    if (given[OPT_MISSING] && given[OPT_HOUR])
        return err_set(err, ERRN_USAGE, "--missing and --hour exclude each other");
    if (given[OPT_ONCE] + given[OPT_DRAIN] + given[OPT_WATCH] > 1)
        return err_set(err, ERRN_USAGE, "--once, --drain and --watch exclude each other");
    if (given[OPT_TO] && !given[OPT_FROM])
        return err_set(err, ERRN_USAGE, "--to needs --from: the first hour");
    return ERR_OK;
}

/* stdout has room for one of them. */
static enum err_code check_profile(struct options *o, struct err *err)
{
    bool json = o->json && strcmp(o->json, "-") == 0, html = o->html && strcmp(o->html, "-") == 0;

    if (o->command == CMD_RUN && !o->given[OPT_PROFILE]) {
        enum option_id id = o->json ? OPT_JSON : o->html ? OPT_HTML : OPT_BY;

        return o->json || o->html || o->by
                   ? err_set(err, ERRN_USAGE, "--%s is of the profile: it needs --profile",
                             option_table[id].name)
                   : ERR_OK;
    }
    if (o->given[OPT_DRY_RUN] && o->given[OPT_PROFILE])
        return err_set(err, ERRN_USAGE, "--dry-run loads nothing: --profile has no meaning");
    if (o->command == CMD_RUN && (json || html))
        return err_set(
            err, ERRN_USAGE, "--%s -: stdout has the result of the load, also with -q; name a file%s",
            json ? "json" : "html", json ? ", or write -o json, which has the profile beside the load" : "");
    if (json && html)
        return err_set(err, ERRN_USAGE, "--json - and --html - exclude each other: stdout has room for one");
    if ((json && o->output == OUT_CSV) || (html && o->output != OUT_TEXT))
        return err_set(err, ERRN_USAGE, "--%s - and -o %s exclude each other: stdout has room for one",
                       json ? "json" : "html", o->output == OUT_CSV ? "csv" : "json");
    if (o->json && o->html && !json && strcmp(o->json, o->html) == 0)
        return err_set(err, ERRN_USAGE, "--json and --html name the same file");
    if (json)
        o->output = OUT_JSON;
    return ERR_OK;
}

/* What the tables cannot say. */
static enum err_code check(struct parser *p)
{
    struct options *o = p->o;
    const struct command_def *def = &command_table[o->command];
    bool bytes = (def->flags & COMMAND_TEXT_ONLY) || o->given[OPT_PRINT];

    if (o->nargs < (size_t)def->min_args || o->nargs > (size_t)def->max_args)
        err_set(p->err, ERRN_USAGE, "%s: the form is `sluice %s%s%s`",
                o->nargs < (size_t)def->min_args ? "an argument is missing" : "too many arguments", def->name,
                def->args[0] ? " " : "", def->args);
    else if (bytes && (o->output != OUT_TEXT || o->summary))
        err_set(p->err, ERRN_USAGE, "the result is printed as it is: no -o %s",
                o->summary ? "and no --summary" : "");
    else if (o->nconfigs > 1 && !(def->flags & COMMAND_MANY))
        err_set(p->err, ERRN_USAGE, "--config is given twice; this command works on one pipeline");
    else if (o->given[OPT_SAMPLES] && o->given[OPT_FULL])
        err_set(p->err, ERRN_USAGE, "--samples and --full exclude each other");
    else if (o->given[OPT_QUIET] && o->given[OPT_VERBOSE])
        err_set(p->err, ERRN_USAGE, "-q and -v exclude each other");
    else if (o->command == CMD_QUERY && o->given[OPT_TARGET] &&
             (o->given[OPT_EXPLAIN] || o->given[OPT_HOUR] || o->given[OPT_FROM] || o->given[OPT_ALL]))
        err_set(p->err, ERRN_USAGE, "--target asks the target: --explain and hours are of the source");
    else if (o->given[OPT_DRY_RUN] && o->given[OPT_ALLOW_NONEMPTY])
        err_set(p->err, ERRN_USAGE, "--dry-run loads nothing: --allow-nonempty has no meaning");
    else if (o->nargs > 0 && o->command == CMD_REJECTS_SHOW &&
             (o->given[OPT_RUN] || o->given[OPT_HOUR] || o->given[OPT_OBJECT] || o->given[OPT_ERROR]))
        err_set(p->err, ERRN_USAGE, "give either IDs or options that choose");
    else if (check_profile(o, p->err) == ERR_OK)
        (void)!check_hours(o, p->err);
    if ((o->given[OPT_WATCH] || o->command == CMD_SERVE) && !o->given[OPT_GRACE])
        o->grace_ms = OPTIONS_GRACE_MS;
    if (o->command == CMD_WORK && !o->given[OPT_ONCE] && !o->given[OPT_WAIT])
        o->wait_ms = OPTIONS_WORK_WAIT_MS; /* workers wait for each other */
    return p->err->code ? in_command(p) : ERR_OK;
}

enum err_code options_parse(int argc, char **argv, struct options *out, struct err *err)
{
    struct parser p = {.o = out, .err = err};
    bool words_only = false;
    char **next = argv + (argc > 0);
    const char *env = getenv("SLUICE_ENV");

    *out = (struct options){
        .configs = {"sluice.yaml"}, .nconfigs = 1, .listen = "127.0.0.1:8080", .samples = OPTIONS_SAMPLES};
    while (*next) {
        const char *text = *next++;

        if (!words_only && strcmp(text, "--") == 0)
            words_only = true;
        else if (!words_only && strncmp(text, "--", 2) == 0)
            (void)!take_long(&p, text + 2, &next);
        else if (!words_only && text[0] == '-' && text[1])
            (void)!take_short(&p, text + 1, &next);
        else
            (void)!take_word_arg(&p, text);
        if (err->code)
            return err->code;
    }
    if (!out->env && env && env[0])
        out->env = env;
    if (out->given[OPT_HELP] || out->given[OPT_VERSION]) {
        if (p.group && !out->has_command)
            out->args[out->nargs++] = p.group; /* `sluice rejects -h` */
        return ERR_OK;
    }
    if (!out->has_command && p.group) {
        char words[128];

        group_words(p.group, words, sizeof words);
        return err_set(err, ERRN_USAGE, "%s: what of them? %s", p.group, words);
    }
    if (!out->has_command)
        return err_set(err, ERRN_USAGE, "no command is given; `sluice help` lists them");
    return check(&p);
}

enum err_code options_hours(const struct options *o, int64_t now_us, struct hour_range *out, struct err *err)
{
    char from[HOUR_TEXT_MAX], to[HOUR_TEXT_MAX];

    *out = (struct hour_range){0};
    if (o->given[OPT_HOUR]) {
        *out = (struct hour_range){true, o->hour, o->hour + 1};
    } else if (o->given[OPT_FROM]) {
        *out = (struct hour_range){true, o->from, o->given[OPT_TO] ? o->to : hour_of_us(now_us)};
        hour_format(out->from, from);
        hour_format(out->to, to);
        if (out->from >= out->to)
            return err_set(err, ERRN_USAGE, "no hour is from %s up to (and without) %s", from, to);
    }
    return ERR_OK;
}
