/*
 * infer_evidence: in words, why a column is what it is: what was seen, how often, and where the odd values
 * are.
 *
 * Invariant: one line, of at most EVIDENCE_MAX bytes and a few names, whatever the data.
 */
#include <inttypes.h>
#include <string.h>

#include "tools/infer_yaml.h"
#include "tools/out.h"

enum { OBJECT_SHOWN = 80 };

static const char *counted(int64_t n, char text[OUT_CELL_MAX])
{
    return out_count(n, text);
}

/* `text` (OBJECT line 17) */
static enum err_code put_example(struct buf *out, const struct infer_example *e, struct err *err)
{
    size_t len = strlen(e->object);
    return buf_printf(out, err, "`%s` (%s%s line %" PRId64 ")", e->text, len > OBJECT_SHOWN ? "..." : "",
                      len > OBJECT_SHOWN ? e->object + len - OBJECT_SHOWN : e->object, e->line);
}

static bool has_range(const struct infer_column *c)
{
    switch (c->type.kind) {
    case TYPE_BOOLEAN:
    case TYPE_VARCHAR:
    case TYPE_TEXT:
        return false;
    default:
        return c->values > 0;
    }
}

/* What the values are. */
static enum err_code put_values(const struct infer_column *c, struct buf *out, struct err *err)
{
    const struct infer_example *text = &c->examples[INFER_TEXT][0];
    if (c->why == INFER_NO_VALUE)
        return buf_append_str(out, "no value was read, so the type is open", err);
    if (c->type.kind == TYPE_BOOLEAN)
        return buf_append_str(out, c->classes[INFER_WORD] ? "only true and false" : "only 0 and 1", err);
    if (has_range(c) && strcmp(c->low.text, c->high.text) == 0)
        return buf_printf(out, err, "all %s", c->low.text);
    if (has_range(c))
        return buf_printf(out, err, "%s..%s", c->low.text, c->high.text);
    if (c->length_min == c->length_max)
        (void)!buf_printf(out, err, "%" PRId64 " character%s", c->length_max, c->length_max == 1 ? "" : "s");
    else
        (void)!buf_printf(out, err, "%" PRId64 "..%" PRId64 " characters", c->length_min, c->length_max);
    if (c->why == INFER_PLAIN && text->count > 0)
        (void)!buf_printf(out, err, ", such as `%s`", text->text);
    return err->code;
}

/* How many of each class; where the texts are, or else one of each class. */
static enum err_code put_classes(const struct infer_column *c, struct buf *out, struct err *err)
{
    char count[OUT_CELL_MAX];
    for (int i = INFER_CLASSES - 1; i >= 0; i--) {
        const struct infer_example *e = c->examples[i];
        bool shown = i >= INFER_TEXT || c->classes[INFER_TEXT] == 0;
        if (c->classes[i] == 0)
            continue;
        if (buf_printf(out, err, "; %s: %s", infer_class_text((enum infer_class)i),
                       counted(c->classes[i], count)))
            return err->code;
        for (int k = 0; shown && k < INFER_EXAMPLES && e[k].count > 0 && (k == 0 || i == INFER_TEXT); k++)
            if (buf_append_str(out, ", ", err) || put_example(out, &e[k], err))
                return err->code;
    }
    return err->code;
}

/* All but one text of a column have another class: what if that one means NULL? */
static bool is_like_token(const struct infer_column *c)
{
    const struct infer_example *e = c->examples[INFER_TEXT];
    return c->why == INFER_MIXED && e[0].count > 0 && e[0].len > 0 && e[0].count == c->classes[INFER_TEXT] &&
           c->classes[INFER_BROKEN] == 0 && c->classes[INFER_ZEROS] == 0;
}

/* What the values would be without a token that is not taken. */
static enum err_code put_kept(const struct infer_column *c, struct buf *out, struct err *err)
{
    int most = 0;
    for (int i = 1; i < INFER_CLASSES; i++)
        most = c->classes[i] > c->classes[most] ? i : most;
    return buf_printf(out, err, ", %s but for what source.csv.nulls tells",
                      infer_class_text((enum infer_class)most));
}

static enum err_code put_why(const struct infer_column *c, struct buf *out, struct err *err)
{
    switch (c->why) {
    case INFER_MIXED:
        if (put_classes(c, out, err) == ERR_OK && is_like_token(c))
            (void)!buf_append_str(out, "; if that one means no value, add it to source.csv.nulls", err);
        return err->code;
    case INFER_CODES:
        return buf_printf(out, err, ", with leading zeros that a number would lose: `%s`",
                          c->examples[INFER_ZEROS][0].text);
    case INFER_BEYOND:
        return buf_printf(out, err, ", whole numbers beyond bigint: `%s`", c->examples[INFER_BIG][0].text);
    case INFER_FEW_BITS:
        if (c->low.value < c->high.value)
            (void)!buf_append_str(out, ", too few to be sure of a boolean", err);
        return err->code;
    case INFER_RUNNING:
        return buf_append_str(out, ", a running number without a name: not loaded", err);
    case INFER_KEPT_TOKEN:
        return put_kept(c, out, err);
    case INFER_PLAIN:
        if (c->decimal_commas)
            return buf_append_str(out, ": sluice takes numbers with a point only", err);
        break;
    case INFER_NO_VALUE:
        break;
    }
    if (c->type.kind == TYPE_DECIMAL)
        return buf_printf(out, err, ", all with %u digits behind the point", c->type.scale);
    return ERR_OK;
}

/* NULLs, and what the tokens mean here. */
static enum err_code put_nulls(const struct infer_result *r, const struct infer_column *c, struct buf *out,
                               struct err *err)
{
    char nulls[OUT_CELL_MAX], all[OUT_CELL_MAX];
    bool text = c->type.kind == TYPE_VARCHAR || c->type.kind == TYPE_TEXT;
    counted(c->nulls + c->values, all);
    if (c->nulls + c->values == 0)
        return ERR_OK; /* put_values has said that there is none */
    if (c->nulls > 0 ? buf_printf(out, err, "; %s NULL among %s", counted(c->nulls, nulls), all)
                     : buf_printf(out, err, "; no NULL among %s", all))
        return err->code;
    for (int i = 0; i < INFER_TOKENS && text; i++) {
        const struct infer_token *t = &r->tokens[i];
        if (c->tokens[i] == 0 || (t->taken && i == 0))
            continue;
        counted(c->tokens[i], all);
        if (i == 0)
            (void)!buf_printf(out, err, "; empty fields, %s of them, stay empty texts", all);
        else if (t->taken)
            (void)!buf_printf(out, err, "; `%s`, here %s, is NULL too", t->text, all);
        else
            (void)!buf_printf(out, err, "; `%s`, here %s, stays a text%s", t->text, all,
                              t->blocked ? ": see source.csv.nulls" : "");
    }
    return err->code;
}

enum err_code infer_evidence(const struct infer_result *r, size_t column, struct buf *out, struct err *err)
{
    const struct infer_column *c = &r->columns[column];
    char some[OUT_CELL_MAX], all[OUT_CELL_MAX];
    if (put_values(c, out, err) || put_why(c, out, err) || put_nulls(r, c, out, err))
        return err->code;
    if (c->objects < r->headers)
        (void)!buf_printf(out, err, "; in %s of %s objects", counted(c->objects, some),
                          counted(r->headers, all));
    if (c->increasing && c->why != INFER_RUNNING)
        (void)!buf_append_str(
            out, "; each larger than the one before: with `nullable: false` it could be target.key", err);
    if (c->classes[INFER_BROKEN] > 0) {
        (void)!buf_printf(out, err, "; no UTF-8, so rejected: %s, such as ",
                          counted(c->classes[INFER_BROKEN], some));
        (void)!put_example(out, &c->examples[INFER_BROKEN][0], err);
    }
    return err->code;
}
