/*
 * profile_files: where a profile goes: stdout, --summary, the files of --json and --html.
 *
 * Invariant: a file appears whole or not at all, and all of them say the same of the same rows.
 */
#include <errno.h>
#include <string.h>

#include "tools/page_profile.h"
#include "tools/profile_out.h"

enum { PAGE_MAX = 64 * 1024 * 1024 };

static bool is_file(const char *path)
{
    return path && strcmp(path, "-") != 0;
}

enum err_code profile_files_open(struct profile_files *files, const struct options *o, struct err *err)
{
    *files = (struct profile_files){0};
    if (is_file(o->json) && out_file_open(&files->json, "json", o->json, err))
        return err->code;
    if (is_file(o->html) && out_file_open(&files->html, "html", o->html, err))
        return err->code;
    return ERR_OK;
}

static enum err_code write_json(struct out_file *file, const struct profile_doc *doc, struct err *err)
{
    struct out out;

    out_begin_file(&out, file->file);
    out_members(&out, profile_tree, doc);
    if (out_end(&out, err))
        err_context(err, "--json %s", file->path);
    else
        (void)!out_file_end(file, err);
    out_release(&out);
    return err->code;
}

static enum err_code write_html(struct out_file *file, const struct profile_doc *doc, struct err *err)
{
    struct buf text;

    buf_init(&text, PAGE_MAX);
    if (page_profile(doc->report, &text, err) == ERR_OK) {
        if (fwrite(buf_str(&text), 1, text.len, file->file) != text.len)
            err_set_errno(err, errno ? errno : EIO, "--html %s", file->path);
        (void)!out_file_end(file, err);
    }
    buf_release(&text);
    return err->code;
}

enum err_code profile_files_write(struct profile_files *files, const struct profile_doc *doc, struct err *err)
{
    if (files->json.file && write_json(&files->json, doc, err))
        return err->code;
    if (files->html.file)
        (void)!write_html(&files->html, doc, err);
    return err->code;
}

void profile_files_release(struct profile_files *files)
{
    out_file_release(&files->json);
    out_file_release(&files->html);
}

/* Who asks for files alone gets no more. */
static bool wants_text(const struct options *o)
{
    return o->output == OUT_TEXT && !(o->given[OPT_QUIET] && (o->json || o->html));
}

void profile_put_behind(struct out *out, const struct options *o, const struct profile_doc *doc)
{
    out_members(out, profile_tree_member, doc);
    if (!wants_text(o))
        return;
    out_line(out, "%s", "");
    profile_text(out, doc);
}

enum err_code profile_put(struct out *out, const struct options *o, const struct profile_doc *doc,
                          struct err *err)
{
    struct buf text;
    bool html = o->html && !is_file(o->html);

    out_members(out, profile_tree, doc);
    if (html) {
        buf_init(&text, PAGE_MAX);
        if (page_profile(doc->report, &text, err) == ERR_OK)
            out_bytes(out, buf_str(&text), text.len);
        buf_release(&text);
    } else if (o->output == OUT_CSV) {
        profile_csv(out, doc);
    } else if (wants_text(o)) {
        profile_text(out, doc);
    }
    return err->code;
}
