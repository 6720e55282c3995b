/*
 * mysql_infile: the guarded answer to "send me file X".
 *
 *   disarmed -arm-> armed -a request for the token-> sending -end-> disarmed
 *   any request in another state, or for another name: refused, nothing goes out, the connection is done for
 *
 * Invariants: this file opens nothing and knows no path; a token is random and serves one request; an error
 * while rows are made is kept for the caller and fails the statement.
 */
#include "backends/mysql_infile.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <mysql.h>

enum { CLIENT_ERROR = 2000 /* CR_UNKNOWN_ERROR */ };

static int begin_request(void **state, const char *name, void *ctx)
{
    struct mys_infile *infile = ctx;

    *state = infile;
    if (!infile->armed || strcmp(name, infile->token) != 0) {
        infile->refused = true;
        return 1;
    }
    infile->armed = false;
    return 0;
}

/* Makes rows into text until there is a step of it. */
static enum err_code refill(struct mys_infile *infile)
{
    struct mys_rows *rows = infile->rows;

    buf_clear(&infile->text);
    infile->at = 0;
    while (rows->row < rows->end && infile->text.len < MYS_TEXT_STEP)
        if (mys_put_row(rows, &infile->text, &infile->err))
            return infile->err.code;
    return ERR_OK;
}

static int read_rows(void *state, char *dst, unsigned cap)
{
    struct mys_infile *infile = state;

    if (infile->refused || !infile->rows)
        return -1;
    if (infile->at == infile->text.len && refill(infile))
        return -1;
    size_t n = infile->text.len - infile->at;
    if (n > cap)
        n = cap;
    if (n)
        memcpy(dst, infile->text.data + infile->at, n);
    infile->at += n;
    return (int)n;
}

static void end_request(void *state)
{
    (void)state;
}

static int say_error(void *state, char *dst, unsigned cap)
{
    (void)state;
    (void)!snprintf(dst, cap, "this client sends no files");
    return CLIENT_ERROR;
}

void mys_infile_init(struct mys_infile *infile)
{
    *infile = (struct mys_infile){0};
    buf_init(&infile->text, MYS_TEXT_MAX);
}

void mys_infile_release(struct mys_infile *infile)
{
    buf_release(&infile->text);
}

void mys_infile_install(struct mys_infile *infile, void *connection)
{
    mysql_set_local_infile_handler(connection, begin_request, read_rows, end_request, say_error, infile);
}

void mys_infile_arm(struct mys_infile *infile, struct mys_rows *rows, const struct clock *clock)
{
    (void)!snprintf(infile->token, sizeof infile->token, "sluice-%016" PRIx64 "%016" PRIx64,
                    clock_random(clock), clock_random(clock));
    infile->rows = rows;
    infile->armed = true;
    infile->at = 0;
    infile->err = ERR_INIT;
    buf_clear(&infile->text);
}

void mys_infile_disarm(struct mys_infile *infile)
{
    infile->armed = false;
    infile->rows = NULL;
    if (infile->text.cap > 4 * MYS_TEXT_STEP) /* one long record is no reason to keep its room */
        buf_release(&infile->text);
}
