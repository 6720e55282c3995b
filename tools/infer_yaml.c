/*
 * infer_yaml: the pipeline file: keys in the order of docs/pipeline.example.yaml, each with its evidence.
 *
 * Invariant: the text is a pipeline file that pipeline_load takes, whatever the data: scalars go through
 * yaml_scalar, all else that comes from the data stands in comments, through yaml_comment. Of very many
 * columns the comments are cut, so that the file stays below YAML's maximum.
 */
#include "tools/infer_yaml.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "tools/out.h"
#include "tools/yaml_text.h"

enum { EVIDENCE_MAX = 1600, EVIDENCE_ALL = 500 * 1024, EVIDENCE_LINE = 100 };

bool infer_name(const char *place, char out[INFER_NAME_MAX + 1])
{
    const char *end = place + strlen(place), *query = strstr(place, "://") ? strchr(place, '?') : NULL;
    size_t n = 0;
    end = query ? query : end;
    while (end > place && (end[-1] == '/' || (end[-1] == '.' && (end - 1 == place || end[-2] == '/'))))
        end--;
    const char *start = end;
    while (start > place && start[-1] != '/' && start[-1] != ':')
        start--;
    if (start < end) {
        const char *dot = memchr(start + 1, '.', (size_t)(end - start - 1));
        end = dot ? dot : end;
    }
    for (; start < end && n < INFER_NAME_MAX; start++) {
        bool word = (*start >= '0' && *start <= '9') || (*start >= 'A' && *start <= 'Z') ||
                    (*start >= 'a' && *start <= 'z');
        if (word)
            out[n++] = *start;
        else if (n > 0 && out[n - 1] != '_')
            out[n++] = '_';
    }
    while (n > 0 && out[n - 1] == '_')
        n--;
    out[n] = '\0';
    if (n > 0 && strncasecmp(out, "sluice", 6) != 0)
        return true;
    snprintf(out, INFER_NAME_MAX + 1, "data"); /* tables of that name are sluice's own */
    return n > 0;
}

/* ---- parts ---- */

static const char *plural(int64_t n)
{
    return n == 1 ? "" : "s";
}

static enum err_code put_intro(const struct infer_doc *d, struct buf *out, struct err *err)
{
    const struct infer_result *r = d->result;
    char objects[OUT_CELL_MAX], all[OUT_CELL_MAX], records[OUT_CELL_MAX], size[OUT_CELL_MAX];
    bool whole = r->objects + d->damaged == d->matched && r->whole_objects == r->objects && d->listed_all;
    (void)!yaml_comment(
        out, 0, err,
        "Inferred from %s: %s of %s object%s, %s record%s, %s%s. Read it before use: docs/infer.md "
        "has the rules.",
        d->source, out_count(r->objects, objects), out_count(d->matched, all), plural(d->matched),
        out_count(r->records, records), plural(r->records), out_size(r->bytes, size),
        whole ? ", all there is" : "; what was not read may be different");
    (void)!yaml_comment(
        out, 0, err, "Relative paths start beside this file: keep it in the folder where it was inferred.");
    if (r->whole_objects < r->objects)
        (void)!yaml_comment(out, 0, err, "Of %s only the first part was read; `--full` reads all.",
                            out_count(r->objects - r->whole_objects, objects));
    if (d->damaged > 0)
        (void)!yaml_comment(out, 0, err, "%s object%s could not be used: %s", out_count(d->damaged, objects),
                            plural(d->damaged), d->damaged_why);
    if (r->empty_objects > 0)
        (void)!yaml_comment(out, 0, err, "%s object%s of those read %s empty%s.",
                            out_count(r->empty_objects, objects), plural(r->empty_objects),
                            r->empty_objects == 1 ? "is" : "are",
                            r->header == CSV_HEADER_NONE ? "" : ", without even a header: a run fails there");
    return err->code;
}

/* Keys that do not count, with examples. */
static enum err_code put_others(const struct infer_doc *d, int indent, struct buf *out, struct err *err)
{
    char count[OUT_CELL_MAX];
    if (d->others == 0)
        return err->code;
    return yaml_comment(out, indent, err, "Not matched: %s, such as %.300s%s%.300s%s%.300s",
                        out_count(d->others, count), d->other_keys[0], d->other_keys[1] ? ", " : "",
                        d->other_keys[1] ? d->other_keys[1] : "", d->other_keys[2] ? ", " : "",
                        d->other_keys[2] ? d->other_keys[2] : "");
}

/* What to do before a run: no hour can be read from the keys. */
static enum err_code put_commands(const struct infer_doc *d, struct buf *out, struct err *err)
{
    if (d->time == INFER_DAY)
        (void)!yaml_comment(
            out, 0, err,
            "\nThe keys tell the day (%s), but no hour, and sluice loads hour by hour: each object "
            "lies under a key that tells its hour. So copy them first, here to hour 00 of their day:",
            d->pattern);
    else if (d->time == INFER_ONE_DIGIT)
        (void)!yaml_comment(
            out, 0, err,
            "\nThe keys tell the hour (%s), but some with one digit (hour=3), and a layout reads two of the "
            "month, the day and the hour (hour=03). So copy them first, here under keys that have them:",
            d->pattern);
    else
        (void)!yaml_comment(
            out, 0, err,
            "\nNo hour can be found in the keys, and sluice loads hour by hour: each object lies "
            "under a key that tells its hour. So copy first, here to the hour when it was written:");
    for (const char *line = d->commands; line && *line;) {
        size_t len = strcspn(line, "\n");
        (void)!buf_printf(out, err, "#   %.*s\n", (int)len, line); /* shell_word has seen to the bytes */
        line += len + (line[len] == '\n');
    }
    if (d->commands_left_out > 0)
        (void)!yaml_comment(out, 0, err, "and so the other %" PRId64 ".", d->commands_left_out);
    (void)!put_others(d, 0, out, err);
    if (d->path_has_hour)
        (void)!yaml_comment(
            out, 0, err,
            "The path of the file has an hour. If it is one file of many, infer the folder that "
            "holds them all instead: then nothing needs to be copied.");
    return yaml_comment(out, 0, err, "The keys below are those of the copies.");
}

static enum err_code put_layout_comment(const struct infer_doc *d, struct buf *out, struct err *err)
{
    char matched[OUT_CELL_MAX], keys[OUT_CELL_MAX], first[HOUR_TEXT_MAX], last[HOUR_TEXT_MAX];
    if (d->time != INFER_HOUR)
        return err->code;
    hour_format(d->first, first);
    hour_format(d->last, last);
    (void)!yaml_comment(out, 2, err, "Matches %s of %s%s key%s, hours %s to %s.",
                        out_count(d->matched, matched), d->listed_all ? "" : "the first ",
                        out_count(d->keys, keys), plural(d->keys), first, last);
    if (d->hidden > 0)
        (void)!yaml_comment(out, 2, err, "%s begin with \".\" or \"_\" somewhere: they are never read.",
                            out_count(d->hidden, keys));
    return put_others(d, 2, out, err);
}

/* "  key: value" and, from a fixed place on, the comment. */
static enum err_code put_pair(struct buf *out, const char *key, const char *value, const char *comment,
                              struct err *err)
{
    size_t start = out->len;
    (void)!buf_printf(out, err, "%s: ", key);
    (void)!yaml_scalar(out, value, err);
    if (comment && *comment) {
        size_t width = out->len - start;
        (void)!buf_printf(out, err, "%*s# ", width < 24 ? (int)(26 - width) : 3, "");
        (void)!yaml_comment_text(out, comment, err);
    }
    return buf_append_char(out, '\n', err);
}

static enum err_code put_header(const struct infer_doc *d, struct buf *out, struct err *err)
{
    const struct infer_result *r = d->result;
    const char *value = r->header == CSV_HEADER_BY_NAME ? "by_name" : "by_position";
    char comment[256];
    const char *how = d->dialect->header_by_types ? "by the values below"
                                                  : "by its looks: no text of it comes again";
    if (r->header == CSV_HEADER_NONE) {
        value = "none";
        how = d->dialect->header_by_types
                  ? "the first records look like the others"
                  : "the first records look like the others: if they are names, write by_name";
    }
    if (r->header == CSV_HEADER_BY_POSITION && r->twice)
        snprintf(comment, sizeof comment, "the name \"%s\" stands twice, so names cannot tell columns apart",
                 r->twice_name);
    else if (r->header == CSV_HEADER_BY_POSITION)
        snprintf(comment, sizeof comment,
                 "a name is too long or no UTF-8, so that it cannot stand in this file");
    else
        snprintf(comment, sizeof comment, "%s", how);
    if (d->dialect->with_header > 0 && d->dialect->without_header > 0)
        (void)!yaml_comment(out, 4, err,
                            "Of the objects looked at, %zu seem to have a header, %zu seem to have none: "
                            "those of the rarer kind cannot be loaded by this file.",
                            d->dialect->with_header, d->dialect->without_header);
    return put_pair(out, "    header", value, comment, err);
}

static enum err_code put_nulls(const struct infer_result *r, struct buf *out, struct err *err)
{
    char count[OUT_CELL_MAX];
    bool any = false;
    for (int i = 0; i < INFER_TOKENS; i++) {
        const struct infer_token *t = &r->tokens[i];
        const char *column = t->count > 0 ? r->columns[t->column].name : "";
        if (t->blocked)
            (void)!yaml_comment(out, 4, err,
                                "`%s`: %s, not taken: in %s it looks like one of the codes of two letters.",
                                t->text, out_count(t->count, count), column);
        else if (t->taken && i > 0)
            (void)!yaml_comment(out, 4, err, "`%s`: %s, among typed values (in %s first).", t->text,
                                out_count(t->count, count), column);
        else if (t->taken)
            (void)!yaml_comment(out, 4, err, "Empty fields: %s, among typed values (in %s first).",
                                out_count(t->count, count), column);
    }
    (void)!buf_append_str(out, "    nulls: [", err);
    for (int i = 0; i < INFER_TOKENS && err->code == ERR_OK; i++) {
        if (!r->tokens[i].taken)
            continue;
        if (any)
            (void)!buf_append_str(out, ", ", err);
        any = true;
        (void)!buf_append_char(out, '"', err);
        for (const char *p = r->tokens[i].text; *p; p++)
            (void)!buf_printf(out, err, "%s%c", *p == '\\' ? "\\" : "", *p);
        (void)!buf_append_char(out, '"', err);
    }
    return buf_append_str(out, any ? "]\n" : "]             # no text stands for NULL among typed values\n",
                          err);
}

/* Fields that are no UTF-8: their records are rejected. */
static int64_t count_broken(const struct infer_result *r)
{
    int64_t n = 0;
    for (size_t i = 0; i < r->ncolumns; i++)
        n += r->columns[i].classes[INFER_BROKEN];
    return n;
}

static enum err_code put_csv(const struct infer_doc *d, struct buf *out, struct err *err)
{
    const struct infer_dialect *di = d->dialect;
    char regular[OUT_CELL_MAX], records[OUT_CELL_MAX], comment[256];
    char delimiter[2] = {di->csv.delimiter, '\0'}, quote[2] = {di->csv.quote, '\0'};
    (void)!buf_append_str(out, "  csv:\n", err);
    if (di->regular == di->records && di->records == 1)
        snprintf(comment, sizeof comment, "the one record looked at has %zu field%s", di->fields,
                 plural((int64_t)di->fields));
    else if (di->regular == di->records)
        snprintf(comment, sizeof comment, "all %s records looked at have %zu field%s",
                 out_count(di->records, records), di->fields, plural((int64_t)di->fields));
    else
        snprintf(comment, sizeof comment,
                 "%s of %s records looked at have as many fields as most of their file",
                 out_count(di->regular, regular), out_count(di->records, records));
    (void)!put_pair(out, "    delimiter", delimiter, comment, err);
    snprintf(comment, sizeof comment, di->quoted ? "%s record%s use%s it" : "none was seen",
             out_count(di->quoted, records), plural(di->quoted), di->quoted == 1 ? "s" : "");
    (void)!put_pair(out, "    quote", quote, comment, err);
    if (d->result->backslashes > 0)
        (void)!yaml_comment(
            out, 4, err,
            "Records that cannot be read and have a backslash before a quote or delimiter: %s. sluice "
            "knows quotes only as they are doubled: \"a \"\"word\"\"\". Write the files anew so.",
            out_count(d->result->backslashes, records));
    if (count_broken(d->result) > 0)
        (void)!yaml_comment(
            out, 4, err,
            "Texts that are no UTF-8 are rejected. If the files are Latin-1, convert them: iconv -f "
            "LATIN1 -t UTF-8 FILE >NEW.csv");
    if (di->crlf > 0 || di->boms > 0)
        (void)!yaml_comment(out, 4, err, "%s%s%s, which needs no setting.",
                            di->crlf > 0 ? "Lines end with CR and LF" : "",
                            di->crlf > 0 && di->boms > 0 ? ", " : "",
                            di->boms > 0 ? "the files begin with a byte order mark" : "");
    (void)!put_header(d, out, err);
    return put_nulls(d->result, out, err);
}

static enum err_code put_column(const struct infer_doc *d, size_t i, struct buf *out, struct err *err)
{
    const struct infer_result *r = d->result;
    const struct infer_column *c = &r->columns[i];
    char type[TYPE_TEXT_MAX];
    size_t room = EVIDENCE_ALL / r->ncolumns;
    struct buf evidence, line;
    buf_init(&evidence, INFER_YAML_MAX);
    buf_init(&line, INFER_YAML_MAX);
    type_format(&c->type, type);
    (void)!buf_append_str(&line, "    - {name: ", err);
    (void)!yaml_scalar(&line, c->name, err);
    if (r->header == CSV_HEADER_BY_NAME && strcmp(c->name, c->from) != 0) {
        (void)!buf_append_str(&line, ", from: ", err);
        (void)!yaml_scalar(&line, c->from, err);
    }
    /* In a flow map a comma would end the type. */
    (void)!buf_printf(&line, err, strchr(type, ',') ? ", type: \"%s\"" : ", type: %s", type);
    (void)!buf_append_str(&line, c->drop ? ", drop: true}" : "}", err);
    if (err->code == ERR_OK && infer_evidence(r, i, &evidence, err) == ERR_OK) {
        room = room > EVIDENCE_MAX ? EVIDENCE_MAX : room;
        if (evidence.len > room) {
            memcpy(evidence.data + room - 3, "...", 4);
            evidence.len = room;
        }
        if (line.len + evidence.len <= EVIDENCE_LINE) {
            (void)!buf_append_str(&line, "   # ", err);
            (void)!yaml_comment_text(&line, buf_str(&evidence), err);
        } else {
            (void)!yaml_comment(out, 4, err, "%s", buf_str(&evidence));
        }
    }
    if (err->code == ERR_OK && buf_append(out, line.data, line.len, err) == ERR_OK)
        (void)!buf_append_char(out, '\n', err);
    buf_release(&line);
    buf_release(&evidence);
    return err->code;
}

static enum err_code put_schema(const struct infer_doc *d, struct buf *out, struct err *err)
{
    const struct infer_result *r = d->result;
    char differ[OUT_CELL_MAX], all[OUT_CELL_MAX];
    (void)!buf_append_str(out, "\nschema:\n  columns:\n", err);
    for (size_t i = 0; i < r->ncolumns && err->code == ERR_OK; i++)
        (void)!put_column(d, i, out, err);
    if (r->differ == 0)
        return err->code;
    (void)!yaml_comment(out, 2, err, "%s of %s objects lack some of these columns, first %.300s.",
                        out_count(r->differ, differ), out_count(r->headers, all), r->differ_object);
    if (r->header != CSV_HEADER_BY_NAME)
        return yaml_comment(
            out, 2, err,
            "They cannot be loaded by this file: columns are found by position, so all objects must "
            "have the same. Give each column a name of its own.");
    (void)!put_pair(out, "  extra_columns", "fail",
                    "ignore: load objects with columns that no object read had", err);
    return buf_append_str(out, "  missing_columns: null   # a column that an object has not is NULL there\n",
                          err);
}

static enum err_code put_policy(const struct infer_doc *d, struct buf *out, struct err *err)
{
    const struct infer_result *r = d->result;
    char count[OUT_CELL_MAX];
    (void)!buf_append_str(out, "\npolicy:\n", err);
    for (size_t i = 0; i < r->nfaults; i++) {
        const struct infer_fault *f = &r->faults[i];
        (void)!yaml_comment(out, 2, err,
                            "%s record%s cannot be loaded, %s: first %.300s line %" PRId64 ", `%s`",
                            out_count(f->count, count), plural(f->count), err_name_text(f->name),
                            f->first.object, f->first.line, f->first.text);
    }
    return put_pair(out, "  max_rejects", "0",
                    r->nfaults || count_broken(r)
                        ? "so objects with such records are not loaded; 1% would let some pass"
                        : "records of an object that may be refused: a number, or a share such as 1%",
                    err);
}

enum err_code infer_yaml(const struct infer_doc *d, struct buf *out, struct err *err)
{
    char url[INFER_NAME_MAX + 16];
    (void)!put_intro(d, out, err);
    if (d->time != INFER_HOUR)
        (void)!put_commands(d, out, err);
    (void)!buf_append_str(out, "\n", err);
    (void)!put_pair(out, "name", d->name, "", err);
    (void)!buf_append_str(out, "\nsource:\n", err);
    (void)!put_pair(out, "  url", d->url, "", err);
    (void)!put_layout_comment(d, out, err);
    (void)!put_pair(out, "  layout", d->layout, "", err);
    (void)!put_csv(d, out, err);
    (void)!put_schema(d, out, err);
    snprintf(url, sizeof url, "sqlite:%s.db", d->name);
    (void)!buf_append_str(out, "\ntarget:\n", err);
    (void)!put_pair(out, "  url", url, "or mysql://HOST:PORT/DATABASE, with `user` and `password`", err);
    (void)!put_pair(out, "  table", d->name, "", err);
    (void)!buf_append_str(out,
                          "\n# For `sluice enqueue`, `work` and `serve`: a place of its own for hours that "
                          "wait.\n# queue: {url: ",
                          err);
    snprintf(url, sizeof url, "file:queue/%s", d->name);
    (void)!yaml_scalar(out, url, err);
    (void)!buf_append_str(out, "}\n", err);
    (void)!put_policy(d, out, err);
    return err->code;
}
