/*
 * yaml: libyaml's events -> a tree of our own; the only file that knows libyaml.
 *
 * Events, not libyaml's document: its nodes forget where a map's key stood, resolve aliases (a few lines can
 * then mean gigabytes) and have no maxima. Invariants: the depth of recursion is bounded by YNODE_DEPTH_MAX,
 * the tree by YNODE_COUNT_MAX, so both hold before memory is had; a failed parse frees all it made; every
 * message names the place.
 */
#include "core/config/yaml.h"

#include <string.h>
#include <yaml.h>

#include "core/base/mem.h"

struct parse {
    yaml_parser_t parser;
    const char *text;
    size_t len;
    const char *file;
    size_t nodes;
};

/* --- the tree --- */

void ynode_free(struct ynode *node)
{
    if (!node)
        return;
    for (size_t i = 0; i < node->nitems; i++)
        ynode_free(node->items[i]);
    mem_free(node->items);
    mem_free(node->key);
    mem_free(node->text);
    mem_free(node);
}

static enum err_code new_node(enum ynode_kind kind, const char *key, const char *text, size_t len,
                              struct ynode **out, struct err *err)
{
    struct ynode *node = mem_calloc(1, sizeof *node);

    *out = NULL;
    if (!node)
        return err_nomem(err);
    node->kind = kind;
    if ((key && !(node->key = mem_strdup(key))) || (text && !(node->text = mem_strndup(text, len)))) {
        ynode_free(node);
        return err_nomem(err);
    }
    *out = node;
    return ERR_OK;
}

enum err_code ynode_scalar(const char *key, const char *text, struct ynode **out, struct err *err)
{
    return new_node(YNODE_SCALAR, key, text, strlen(text), out, err);
}

enum err_code ynode_map(const char *key, struct ynode **out, struct err *err)
{
    return new_node(YNODE_MAP, key, NULL, 0, out, err);
}

enum err_code ynode_add(struct ynode *parent, struct ynode *child, struct err *err)
{
    size_t n = parent->nitems;

    if ((n & (n - 1)) == 0) { /* full: room is always a power of two */
        struct ynode **items = mem_realloc(parent->items, (n ? 2 * n : 1) * sizeof *items);

        if (!items)
            return err_nomem(err);
        parent->items = items;
    }
    parent->items[parent->nitems++] = child;
    return ERR_OK;
}

static struct ynode **find_slot(const struct ynode *map, const char *name, size_t len)
{
    for (size_t i = 0; map->kind == YNODE_MAP && i < map->nitems; i++) {
        if (strncmp(map->items[i]->key, name, len) == 0 && map->items[i]->key[len] == '\0')
            return &map->items[i];
    }
    return NULL;
}

struct ynode *ynode_child(const struct ynode *map, const char *name, size_t len)
{
    struct ynode **slot = find_slot(map, name, len);

    return slot ? *slot : NULL;
}

struct ynode *ynode_path(const struct ynode *map, const char *path)
{
    size_t len = strcspn(path, ".");
    struct ynode *child = ynode_child(map, path, len);

    return child && path[len] ? ynode_path(child, path + len + 1) : child;
}

void ynode_remove(struct ynode *map, const char *name)
{
    struct ynode **slot = find_slot(map, name, strlen(name));

    if (!slot)
        return;
    ynode_free(*slot);
    *slot = map->items[map->nitems - 1]; /* the order of a map means nothing */
    map->nitems--;
}

enum err_code ynode_merge(struct ynode *into, struct ynode *over, struct err *err)
{
    enum err_code code;

    while (over->nitems > 0) {
        struct ynode *child = over->items[over->nitems - 1];
        struct ynode **slot = find_slot(into, child->key, strlen(child->key));

        if (slot && (*slot)->kind == YNODE_MAP && child->kind == YNODE_MAP) {
            code = ynode_merge(*slot, child, err);
            if (code != ERR_OK)
                return code;
            ynode_free(child);
        } else if (slot) {
            ynode_free(*slot);
            *slot = child;
        } else {
            code = ynode_add(into, child, err);
            if (code != ERR_OK)
                return code;
        }
        over->nitems--;
    }
    return ERR_OK;
}

bool ynode_is_null(const struct ynode *node)
{
    return node->kind == YNODE_SCALAR && node->plain &&
           (!*node->text || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0 ||
            strcmp(node->text, "Null") == 0 || strcmp(node->text, "NULL") == 0);
}

/* --- parsing --- */

static enum err_code refuse(const struct parse *p, yaml_mark_t mark, const char *what, struct err *err)
{
    return err_set(err, ERRN_CONFIG, "%s:%zu:%zu: %s", p->file, mark.line + 1, mark.column + 1, what);
}

/* True if a tab stands in the indentation of a line (0-based), YAML's commonest trap. */
static bool tab_indents(const struct parse *p, size_t line)
{
    const char *at = p->text, *end = p->text + p->len;

    while (line-- > 0 && at < end) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));

        at = feed ? feed + 1 : end;
    }
    while (at < end && *at == ' ')
        at++;
    return at < end && *at == '\t';
}

/* The reader counts bytes only. */
static yaml_mark_t mark_of_offset(const struct parse *p, size_t offset)
{
    yaml_mark_t mark = {0};

    for (size_t i = 0; i < offset && i < p->len; i++) {
        mark.line += p->text[i] == '\n';
        mark.column = p->text[i] == '\n' ? 0 : mark.column + 1;
    }
    return mark;
}

static enum err_code syntax_error(const struct parse *p, struct err *err)
{
    const yaml_parser_t *y = &p->parser;
    const char *problem = y->problem ? y->problem : "unreadable";
    yaml_mark_t at = y->problem_mark;

    if (y->error == YAML_MEMORY_ERROR)
        return err_nomem(err);
    if (y->error == YAML_READER_ERROR)
        at = mark_of_offset(p, y->problem_offset);
    if (tab_indents(p, at.line))
        return refuse(p, at, "a tab stands in the indentation: YAML wants spaces", err);
    if (y->error == YAML_SCANNER_ERROR && strstr(problem, "cannot start any token"))
        return refuse(p, at, "no value can start with this character: put the value in quotes", err);
    if (!y->context)
        return err_set(err, ERRN_CONFIG, "%s:%zu:%zu: not valid YAML: %s", p->file, at.line + 1,
                       at.column + 1, problem);
    return err_set(err, ERRN_CONFIG,
                   "%s:%zu:%zu: not valid YAML: %s, %s that starts in line %zu; look at indentation, colons "
                   "and quotes",
                   p->file, at.line + 1, at.column + 1, problem, y->context, y->context_mark.line + 1);
}

static enum err_code next_event(struct parse *p, yaml_event_t *event, struct err *err)
{
    return yaml_parser_parse(&p->parser, event) ? ERR_OK : syntax_error(p, err);
}

/* Anything that a plain reader of the text would not expect is refused. */
static enum err_code check_event(struct parse *p, const yaml_event_t *event, int depth, struct err *err)
{
    const yaml_char_t *tag = NULL;

    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return refuse(p, event->start_mark,
                      "aliases (*name) are not supported: write the value again, or put it in quotes", err);
    case YAML_SCALAR_EVENT:
        tag = event->data.scalar.tag;
        if (memchr(event->data.scalar.value, '\0', event->data.scalar.length))
            return refuse(p, event->start_mark, "a value may not hold a NUL character", err);
        break;
    case YAML_SEQUENCE_START_EVENT:
        tag = event->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        tag = event->data.mapping_start.tag;
        break;
    default:
        break;
    }
    if (tag)
        return refuse(p, event->start_mark, "tags (!name) are not supported: put the value in quotes", err);
    if (depth > YNODE_DEPTH_MAX)
        return refuse(p, event->start_mark, "nested too deeply", err);
    if (++p->nodes > YNODE_COUNT_MAX)
        return err_set(err, ERRN_LIMIT, "%s:%zu: more than %d values in one file", p->file,
                       event->start_mark.line + 1, YNODE_COUNT_MAX);
    return ERR_OK;
}

static enum err_code build(struct parse *p, yaml_event_t *event, const char *key, int depth,
                           struct ynode **out, struct err *err);

/* Reads the children of `map` up to its end. */
static enum err_code build_map(struct parse *p, struct ynode *map, int depth, struct err *err)
{
    yaml_event_t name, value;
    struct ynode *child;
    enum err_code code;

    for (;;) {
        code = next_event(p, &name, err);
        if (code != ERR_OK)
            return code;
        if (name.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&name);
            return ERR_OK;
        }
        const char *key = name.type == YAML_SCALAR_EVENT ? (const char *)name.data.scalar.value : NULL;
        const struct ynode *twin;

        code = check_event(p, &name, depth, err);
        if (code == ERR_OK && !key)
            code = refuse(p, name.start_mark, "a key must be a plain name", err);
        if (code == ERR_OK && map->nitems == YNODE_KEYS_MAX)
            code = err_set(err, ERRN_LIMIT, "%s:%zu: more than %d keys in one map", p->file,
                           name.start_mark.line + 1, YNODE_KEYS_MAX);
        if (code == ERR_OK && (twin = ynode_child(map, key, strlen(key))))
            code = err_set(err, ERRN_CONFIG, "%s:%zu:%zu: the key %.100s stands here twice, first in line %d",
                           p->file, name.start_mark.line + 1, name.start_mark.column + 1, key,
                           twin->key_line);
        if (code == ERR_OK)
            code = next_event(p, &value, err);
        if (code == ERR_OK)
            code = build(p, &value, key, depth, &child, err);
        if (code == ERR_OK) {
            child->key_line = (int)name.start_mark.line + 1;
            child->key_column = (int)name.start_mark.column + 1;
            code = ynode_add(map, child, err);
            if (code != ERR_OK)
                ynode_free(child);
        }
        yaml_event_delete(&name);
        if (code != ERR_OK)
            return code;
    }
}

static enum err_code build_list(struct parse *p, struct ynode *list, int depth, struct err *err)
{
    yaml_event_t event;
    struct ynode *child;
    enum err_code code;

    while ((code = next_event(p, &event, err)) == ERR_OK) {
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return ERR_OK;
        }
        code = build(p, &event, NULL, depth, &child, err);
        if (code == ERR_OK && (code = ynode_add(list, child, err)) != ERR_OK)
            ynode_free(child);
        if (code != ERR_OK)
            break;
    }
    return code;
}

/* The node that begins with `event`, which is used up. */
static enum err_code build(struct parse *p, yaml_event_t *event, const char *key, int depth,
                           struct ynode **out, struct err *err)
{
    struct ynode *node = NULL;
    enum err_code code = check_event(p, event, depth, err);

    if (code != ERR_OK)
        goto out;
    if (event->type == YAML_SCALAR_EVENT)
        code = new_node(YNODE_SCALAR, key, (const char *)event->data.scalar.value, event->data.scalar.length,
                        &node, err);
    else
        code = new_node(event->type == YAML_MAPPING_START_EVENT ? YNODE_MAP : YNODE_LIST, key, NULL, 0, &node,
                        err);
    if (code != ERR_OK)
        goto out;
    node->plain = node->kind == YNODE_SCALAR && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->line = (int)event->start_mark.line + 1;
    node->column = (int)event->start_mark.column + 1;
    if (node->kind == YNODE_MAP)
        code = build_map(p, node, depth + 1, err);
    else if (node->kind == YNODE_LIST)
        code = build_list(p, node, depth + 1, err);
out:
    yaml_event_delete(event);
    if (code != ERR_OK) {
        ynode_free(node);
        node = NULL;
    }
    *out = node;
    return code;
}

/* The document must be the last one. */
static enum err_code check_end(struct parse *p, struct err *err)
{
    yaml_event_t event;
    enum err_code code;

    while ((code = next_event(p, &event, err)) == ERR_OK) {
        bool end = event.type == YAML_STREAM_END_EVENT;

        if (!end && event.type != YAML_DOCUMENT_END_EVENT)
            code = refuse(p, event.start_mark, "a second document (---): one file is one pipeline", err);
        yaml_event_delete(&event);
        if (end || code != ERR_OK)
            break;
    }
    return code;
}

/* The root begins behind the starts of stream and document; an empty stream has none. */
static enum err_code build_root(struct parse *p, struct ynode **out, struct err *err)
{
    yaml_event_t event;
    enum err_code code;

    while ((code = next_event(p, &event, err)) == ERR_OK) {
        if (event.type == YAML_STREAM_END_EVENT) {
            yaml_event_delete(&event);
            code = ynode_scalar(NULL, "", out, err);
            if (code == ERR_OK)
                (*out)->plain = true;
            return code;
        }
        if (event.type != YAML_STREAM_START_EVENT && event.type != YAML_DOCUMENT_START_EVENT)
            break;
        yaml_event_delete(&event);
    }
    if (code == ERR_OK)
        code = build(p, &event, NULL, 1, out, err);
    return code == ERR_OK ? check_end(p, err) : code;
}

enum err_code ynode_parse(const char *text, size_t len, const char *file, struct ynode **out, struct err *err)
{
    struct parse p = {.text = text, .len = len, .file = file};
    enum err_code code;

    *out = NULL;
    if (len > YNODE_BYTES_MAX)
        return err_set(err, ERRN_LIMIT, "%s: larger than %d bytes", file, YNODE_BYTES_MAX);
    if (!yaml_parser_initialize(&p.parser))
        return err_nomem(err);
    yaml_parser_set_encoding(&p.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&p.parser, (const unsigned char *)text, len);
    code = build_root(&p, out, err);
    yaml_parser_delete(&p.parser);
    if (code != ERR_OK) {
        ynode_free(*out);
        *out = NULL;
    }
    return code;
}
