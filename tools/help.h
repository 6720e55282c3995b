/* help: the pages of `sluice help` and the manual page, made from the tables of options.h and err.h. */
#ifndef SLUICE_TOOLS_HELP_H
#define SLUICE_TOOLS_HELP_H

#include "tools/app.h"

enum { HELP_MAX = 256 * 1024, HELP_WIDTH = 88 };

enum err_code help_overview(struct buf *out, struct err *err) MUST_USE;
enum err_code help_command(enum command_id id, struct buf *out, struct err *err) MUST_USE;
/* The commands that begin with this word. */
enum err_code help_group(const char *word, struct buf *out, struct err *err) MUST_USE;
enum err_code help_error(enum err_name name, struct buf *out, struct err *err) MUST_USE;
/* In roff, for docs/sluice.1. */
enum err_code help_man(struct buf *out, struct err *err) MUST_USE;

/* -h: the page of the command that stands there, or of all. */
enum err_code help_of_options(struct app *app, struct err *err) MUST_USE;

/* What an exit status means; NULL beyond the last. */
const char *help_status(int status);

#endif
