/*
 * help: pages for a terminal, HELP_WIDTH wide.
 *
 * Invariant: everything here comes from the tables; a command or option cannot be without help.
 */
#include "tools/help.h"

#include <string.h>

const char *help_status(int status)
{
    static const char *const text[] = {
        "done, or nothing to do",
        "a load failed",
        "fix something first: usage, configuration, credentials, rights, a missing bucket, folder or table",
        "a verdict on data: reject limit, check, changed or malformed object, constraint, difference",
        "an hour is held by another worker",
        "unreachable, or timed out after retries: a scheduler may try again",
    };

    return status >= 0 && status < (int)(sizeof text / sizeof text[0]) ? text[status] : NULL;
}

/* Appends text from column `indent` on, broken at spaces, each line after the first indented. */
static enum err_code wrap(struct buf *out, const char *text, size_t indent, struct err *err)
{
    size_t at = indent;

    while (*text && err->code == ERR_OK) {
        size_t word = strcspn(text, " \n");

        if (at > indent && at + 1 + word > HELP_WIDTH) {
            (void)!buf_printf(out, err, "\n%*s", (int)indent, "");
            at = indent;
        } else if (at > indent) {
            (void)!buf_append_char(out, ' ', err);
            at++;
        }
        (void)!buf_append(out, text, word, err);
        at += word;
        text += word;
        for (; *text == ' ' || *text == '\n'; text++) {
            if (*text == '\n') {
                (void)!buf_append_char(out, '\n', err);
                at = indent;
            }
        }
    }
    return buf_append_char(out, '\n', err);
}

/* "  NAME  text" with the text in its own column. */
static enum err_code entry(struct buf *out, const char *name, size_t column, const char *text,
                           struct err *err)
{
    size_t at = 2 + strlen(name);

    (void)!buf_printf(out, err, "  %s", name);
    if (at + 2 > column) {
        (void)!buf_append_char(out, '\n', err);
        at = 0;
    }
    (void)!buf_printf(out, err, "%*s", (int)(column - at), "");
    return wrap(out, text, column, err);
}

static enum err_code option_entry(struct buf *out, int id, struct err *err)
{
    const struct option_def *def = &option_table[id];
    char name[64];

    snprintf(name, sizeof name, "%c%c%s--%s%s%s", def->letter ? '-' : ' ', def->letter ? def->letter : ' ',
             def->letter ? ", " : "  ", def->name, def->arg ? " " : "", def->arg ? def->arg : "");
    return entry(out, name, 28, def->help, err);
}

static enum err_code common_options(struct buf *out, struct err *err)
{
    for (int id = OPT_END + 1; id <= OPT_COMMON_LAST && err->code == ERR_OK; id++)
        (void)!option_entry(out, id, err);
    return err->code;
}

static enum err_code command_entry(struct buf *out, int id, struct err *err)
{
    return entry(out, command_table[id].name, 20, command_table[id].summary, err);
}

enum err_code help_overview(struct buf *out, struct err *err)
{
    (void)!buf_append_str(out,
                          "Usage: sluice [OPTION]... COMMAND [OPTION|ARG]...\n"
                          "Loads hour-partitioned CSV files into a SQL table, each record exactly once.\n\n"
                          "Commands:\n",
                          err);
    for (int id = 0; id < CMD_COUNT && err->code == ERR_OK; id++)
        (void)!command_entry(out, id, err);
    (void)!buf_append_str(out, "\nCommon options, before or after the command:\n", err);
    (void)!common_options(out, err);
    (void)!buf_append_str(out, "\nExit status:\n", err);
    for (int status = 0; help_status(status) && err->code == ERR_OK; status++) {
        char digit[] = {(char)('0' + status), '\0'};

        (void)!entry(out, digit, 5, help_status(status), err);
    }
    return buf_append_str(
        out,
        "\n`sluice help COMMAND` explains a command, `sluice help pipeline` the keys of the "
        "pipeline\nfile, `sluice help NAME` an error.\n",
        err);
}

enum err_code help_command(enum command_id id, struct buf *out, struct err *err)
{
    const struct command_def *def = &command_table[id];

    (void)!buf_printf(out, err, "Usage: sluice [OPTION]... %s%s%s%s\n", def->name,
                      def->options[0] ? " [OPTION]..." : "", def->args[0] ? " " : "", def->args);
    (void)!buf_printf(out, err, "%s: %s.\n\n", def->name, def->summary);
    (void)!wrap(out, def->details, 0, err);
    if (def->options[0])
        (void)!buf_append_str(out, "\nOptions:\n", err);
    for (const unsigned char *p = def->options; *p && err->code == ERR_OK; p++)
        (void)!option_entry(out, *p, err);
    (void)!buf_append_str(out, "\nCommon options:\n", err);
    return common_options(out, err);
}

enum err_code help_group(const char *word, struct buf *out, struct err *err)
{
    size_t len = strlen(word);

    (void)!buf_printf(out, err, "Usage: sluice [OPTION]... %s COMMAND [OPTION|ARG]...\n\nCommands:\n", word);
    for (int id = 0; id < CMD_COUNT && err->code == ERR_OK; id++) {
        if (strncmp(command_table[id].name, word, len) == 0 && command_table[id].name[len] == ' ')
            (void)!command_entry(out, id, err);
    }
    return buf_printf(out, err, "\n`sluice help %s COMMAND` explains one.\n", word);
}

enum err_code help_error(enum err_name name, struct buf *out, struct err *err)
{
    (void)!buf_printf(out, err, "%s (exit status %d)\n\n", err_name_text(name), err_name_status(name));
    return wrap(out, err_name_help(name), 0, err);
}
