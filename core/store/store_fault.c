/*
 * store_fault: counts the calls of a store and fails those that its plan names.
 *
 * Invariants: a call that fails by plan does not reach the inner store; the first rule that fails a call
 * decides, delays and short reads of rules before it apply too. Nothing is random: the same calls fail in the
 * same way.
 */
#include "core/store/store_fault.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/store/store_wrap.h"

enum op { OP_LIST, OP_STAT, OP_OPEN, OP_READ, OP_PUT, OP_REMOVE, OP_ANY, OPS };

static const char *const op_names[OPS] = {"list", "stat", "open", "read", "put", "remove", "any"};

enum { WORD_MAX = 31, RULE_MAX = 127, DELAY_MS_MAX = 3600000 };

struct action {
    const char *text;
    enum err_name name; /* ERRN_NONE: lets the call through */
    bool reads_only;
};

static const struct action actions[] = {
    {"transient", ERRN_STORE_UNREACHABLE, false},
    {"throttle", ERRN_STORE_THROTTLED, false},
    {"denied", ERRN_DENIED, false},
    {"gone", ERRN_NOT_FOUND, false},
    {"io", ERRN_IO, false},
    {"changed", ERRN_SOURCE_MOVED, false},
    {"cut", ERRN_STORE_TRUNCATED, true},
    {"short", ERRN_NONE, true},
};

static const struct action delay = {"delay", ERRN_NONE, false};

struct rule {
    enum op op;
    int64_t first, last; /* calls of op, from 1 */
    const struct action *action;
    int64_t delay_ms;
};

struct fault {
    struct store_wrap wrap;
    struct rule rules[STORE_FAULT_RULES_MAX];
    size_t nrules;
    int64_t calls[OPS];
};

static bool parse_number(const char *text, int64_t min, int64_t max, const char **end, int64_t *out)
{
    char *stop;

    errno = 0;
    *out = strtoll(text, &stop, 10);
    *end = stop;
    return stop != text && errno == 0 && *out >= min && *out <= max;
}

static bool parse_calls(const char *text, struct rule *rule)
{
    const char *end;

    rule->first = 1;
    rule->last = INT64_MAX;
    if (strcmp(text, "*") == 0) {
        return true;
    }
    if (!parse_number(text, 1, INT64_MAX, &end, &rule->first)) {
        return false;
    }
    if (strcmp(end, "+") == 0) {
        return true;
    }
    rule->last = rule->first;
    return *end == '\0';
}

static bool parse_action(const char *text, struct rule *rule)
{
    const char *end;

    if (strncmp(text, "delay=", 6) == 0) {
        rule->action = &delay;
        return parse_number(text + 6, 0, DELAY_MS_MAX, &end, &rule->delay_ms) && *end == '\0';
    }
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(text, actions[i].text) == 0) {
            rule->action = &actions[i];
            return !actions[i].reads_only || rule->op == OP_READ || rule->op == OP_ANY;
        }
    }
    return false;
}

static bool parse_op(const char *text, struct rule *rule)
{
    for (rule->op = 0; rule->op < OPS; rule->op++) {
        if (strcmp(text, op_names[rule->op]) == 0) {
            return true;
        }
    }
    return false;
}

/* One rule, or nothing where the text is blank. */
static enum err_code parse_rule(struct fault *fault, const char *text, size_t len, struct err *err)
{
    char line[RULE_MAX + 1], op[WORD_MAX + 1], calls[WORD_MAX + 1], action[WORD_MAX + 1], more;
    struct rule rule = {0};
    int words;

    snprintf(line, sizeof line, "%.*s", (int)(len < RULE_MAX ? len : RULE_MAX), text);
    words = sscanf(line, " %31s %31s %31s %c", op, calls, action, &more);
    if (words <= 0) {
        return ERR_OK;
    }
    if (words != 3 || !parse_op(op, &rule) || !parse_calls(calls, &rule) || !parse_action(action, &rule)) {
        return err_set(err, ERRN_CONFIG,
                       "fault plan: \"%s\" is not OP N ACTION (list, stat, open, read, put, remove, any; N, "
                       "N+, *; transient, "
                       "throttle, denied, gone, io, changed, delay=MS, for reads cut, short)",
                       line);
    }
    if (fault->nrules == STORE_FAULT_RULES_MAX) {
        return err_set(err, ERRN_LIMIT, "fault plan: more than %d rules", STORE_FAULT_RULES_MAX);
    }
    fault->rules[fault->nrules++] = rule;
    return ERR_OK;
}

/* Counts a call and does what the plan says about it. */
static enum err_code strike(struct store *store, enum op op, const char *key, bool *short_read,
                            struct err *err)
{
    struct fault *fault = (struct fault *)store;

    fault->calls[op]++;
    fault->calls[OP_ANY]++;
    for (size_t i = 0; i < fault->nrules; i++) {
        const struct rule *rule = &fault->rules[i];
        int64_t call = fault->calls[rule->op];

        if ((rule->op != op && rule->op != OP_ANY) || call < rule->first || call > rule->last ||
            (rule->action->reads_only && op != OP_READ)) {
            continue;
        }
        if (rule->action->name != ERRN_NONE) {
            return err_set(err, rule->action->name, "%s/%s: %s by fault plan, %s %lld", store->label, key,
                           rule->action->text, op_names[rule->op], (long long)call);
        }
        if (rule->action == &delay) {
            clock_sleep_us(store->clock, rule->delay_ms * 1000);
        } else if (short_read) {
            *short_read = true;
        }
    }
    return ERR_OK;
}

static enum err_code fault_list_begin(struct store *store, const char *prefix, enum store_scope scope,
                                      struct store_list **out, struct err *err)
{
    return strike(store, OP_LIST, prefix, NULL, err) != ERR_OK
               ? err->code
               : store_wrap_list_begin(store, prefix, scope, out, err);
}

static enum err_code fault_list_next(struct store_list *list, struct store_object *object, bool *more,
                                     struct err *err)
{
    return strike(list->store, OP_LIST, list->prefix, NULL, err) != ERR_OK
               ? err->code
               : store_wrap_list_next(list, object, more, err);
}

static enum err_code fault_stat(struct store *store, const char *key, struct store_object *out,
                                struct err *err)
{
    return strike(store, OP_STAT, key, NULL, err) != ERR_OK ? err->code
                                                            : store_wrap_stat(store, key, out, err);
}

static enum err_code fault_open_read(struct store *store, const char *key, const struct store_range *range,
                                     struct store_reader **out, struct err *err)
{
    return strike(store, OP_OPEN, key, NULL, err) != ERR_OK
               ? err->code
               : store_wrap_open_read(store, key, range, out, err);
}

static enum err_code fault_read(struct store_reader *reader, void *dst, size_t cap, size_t *n,
                                struct err *err)
{
    bool short_read = false;

    return strike(reader->store, OP_READ, reader->object.key, &short_read, err) != ERR_OK
               ? err->code
               : store_wrap_read(reader, dst, short_read ? 1 : cap, n, err);
}

static enum err_code fault_put(struct store *store, const char *key, struct bytes *body, int64_t size,
                               enum store_condition condition, struct err *err)
{
    return strike(store, OP_PUT, key, NULL, err) != ERR_OK
               ? err->code
               : store_wrap_put(store, key, body, size, condition, err);
}

static enum err_code fault_remove(struct store *store, const char *key, struct err *err)
{
    return strike(store, OP_REMOVE, key, NULL, err) != ERR_OK ? err->code
                                                              : store_wrap_remove(store, key, err);
}

static const char *const schemes[] = {NULL};

static const struct store_type store_fault = {
    .name = "fault",
    .schemes = schemes,
    .list_begin = fault_list_begin,
    .list_next = fault_list_next,
    .list_end = store_wrap_list_end,
    .stat = fault_stat,
    .open_read = fault_open_read,
    .read = fault_read,
    .close_read = store_wrap_close_read,
    .put = fault_put,
    .remove = fault_remove,
    .close = store_wrap_close,
};

enum err_code store_fault_wrap(struct store *inner, const char *plan, struct store **out, struct err *err)
{
    struct fault *fault = store_wrap_new(sizeof *fault, &store_fault, inner, err);

    *out = NULL;
    if (!fault) {
        return err->code;
    }
    for (const char *at = plan; *at;) {
        size_t len = strcspn(at, ";\n");

        if (parse_rule(fault, at, len, err) != ERR_OK) {
            mem_free(fault->wrap.base.label);
            mem_free(fault);
            return err->code;
        }
        at += len + (at[len] != '\0');
    }
    *out = &fault->wrap.base;
    return ERR_OK;
}

int64_t store_fault_calls(const struct store *fault)
{
    return ((const struct fault *)fault)->calls[OP_ANY];
}
