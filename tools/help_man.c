/*
 * help_man: the manual page in roff, from the same tables as the other help.
 *
 * Invariant: no line of text begins with a roff control character, and every hyphen and backslash is escaped.
 */
#include <string.h>

#include "tools/help.h"

/* Text as roff: a new line where the text has one (an empty one begins a paragraph). */
static enum err_code put_text(struct buf *out, const char *text, struct err *err)
{
    bool start = true;

    for (; *text && err->code == ERR_OK; text++) {
        if (start && (*text == '.' || *text == '\''))
            (void)!buf_append_str(out, "\\&", err);
        start = *text == '\n';
        if (text[0] == '\n' && text[1] == '\n') {
            (void)!buf_append_str(out, "\n.PP\n", err);
            text++;
        } else if (*text == '-') {
            (void)!buf_append_str(out, "\\-", err);
        } else if (*text == '\\') {
            (void)!buf_append_str(out, "\\e", err);
        } else {
            (void)!buf_append_char(out, *text, err);
        }
    }
    return buf_append_char(out, '\n', err);
}

static enum err_code put_option(struct buf *out, int id, struct err *err)
{
    const struct option_def *def = &option_table[id];

    (void)!buf_append_str(out, ".TP\n", err);
    if (def->letter)
        (void)!buf_printf(out, err, "\\fB\\-%c\\fR, ", def->letter);
    (void)!buf_append_str(out, "\\fB\\-\\-", err);
    for (const char *p = def->name; *p && err->code == ERR_OK; p++)
        (void)!buf_append_str(out, *p == '-' ? "\\-" : (char[]){*p, '\0'}, err);
    (void)!buf_printf(out, err, "\\fR%s%s%s\n", def->arg ? " \\fI" : "", def->arg ? def->arg : "",
                      def->arg ? "\\fR" : "");
    return put_text(out, def->help, err);
}

static enum err_code put_commands(struct buf *out, struct err *err)
{
    for (int id = 0; id < CMD_COUNT && err->code == ERR_OK; id++) {
        const struct command_def *def = &command_table[id];

        (void)!buf_printf(out, err, ".SS sluice %s%s%s\n", def->name, def->args[0] ? " " : "", def->args);
        (void)!put_text(out, def->details, err);
        for (const unsigned char *p = def->options; *p && err->code == ERR_OK; p++)
            (void)!put_option(out, *p, err);
    }
    return err->code;
}

enum err_code help_man(struct buf *out, struct err *err)
{
    (void)!buf_append_str(out,
                          ".TH SLUICE 1 \"\" \"sluice\" \"User Commands\"\n.SH NAME\n"
                          "sluice \\- load hour\\-partitioned CSV files into a SQL table, each record once\n"
                          ".SH SYNOPSIS\n\\fBsluice\\fR [\\fIOPTION\\fR]... \\fICOMMAND\\fR "
                          "[\\fIOPTION\\fR|\\fIARG\\fR]...\n.SH DESCRIPTION\n",
                          err);
    (void)!put_text(out,
                    "sluice reads a pipeline file (sluice.yaml) that says where hourly CSV files are, what a "
                    "record is and which table it goes to, and loads each source record exactly once. "
                    "Standard output carries the result only, standard error the log. Times are UTC.",
                    err);
    (void)!buf_append_str(out, ".SH OPTIONS\nCommon options stand before or after the command.\n", err);
    for (int id = OPT_END + 1; id <= OPT_COMMON_LAST && err->code == ERR_OK; id++)
        (void)!put_option(out, id, err);
    (void)!buf_append_str(out, ".SH COMMANDS\n", err);
    (void)!put_commands(out, err);
    (void)!buf_append_str(out, ".SH EXIT STATUS\n", err);
    for (int status = 0; help_status(status) && err->code == ERR_OK; status++) {
        (void)!buf_printf(out, err, ".TP\n%d\n", status);
        (void)!put_text(out, help_status(status), err);
    }
    (void)!put_text(out, "Of several the first in the order 2, 1, 3, 5, 4 counts.", err);
    (void)!buf_append_str(out, ".SH ENVIRONMENT\n.TP\nSLUICE_ENV\n", err);
    (void)!put_text(out, "The environment of the pipeline file, where -e is not given.", err);
    (void)!buf_append_str(out, ".TP\nNO_COLOR\n", err);
    (void)!put_text(out, "No colours, where it is set and not empty.", err);
    (void)!buf_append_str(out, ".SH ERRORS\n", err);
    (void)!put_text(out, "Errors are printed as `sluice: error: NAME: message`.", err);
    for (int name = ERRN_NONE + 1; name < ERRN_COUNT && err->code == ERR_OK; name++) {
        (void)!buf_printf(out, err, ".TP\n%s (%d)\n", err_name_text((enum err_name)name),
                          err_name_status((enum err_name)name));
        (void)!put_text(out, err_name_help((enum err_name)name), err);
    }
    return err->code;
}
