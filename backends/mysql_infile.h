/*
 * mysql_infile: what a MySQL server gets when it asks this client for a file, and rows as the text it gets.
 *
 * A server may answer any statement with "send me file X". Here that gives bytes only while a load has armed
 * one random name, and only for that name, once; the bytes are rows from memory, and no code of this client
 * opens a file for it. Only for the files of the MySQL sink.
 */
#ifndef SLUICE_BACKENDS_MYSQL_INFILE_H
#define SLUICE_BACKENDS_MYSQL_INFILE_H

#include "core/base/clock.h"
#include "core/sink/sink.h"

enum {
    MYS_TOKEN_MAX = 48,
    MYS_TEXT_STEP = 64 * 1024,        /* rows are made into text about so much at a time */
    MYS_TEXT_MAX = 200 * 1024 * 1024, /* of one step: a record at its cap, every byte escaped */
};

/* LOAD: cells end with a tab, rows with a newline, \N is NULL. INSERT: ('a','b',NULL), ... */
enum mys_style { MYS_LOAD, MYS_INSERT };

/* Rows [row, end) of a batch on their way. Segments give each row its load id, where the table has one. */
struct mys_rows {
    enum mys_style style;
    const struct batch *batch;
    const struct sink_segment *segments;
    bool lineage;
    size_t row, end;
    size_t segment; /* that `row` is in, or an earlier one */
};

/* Appends the next row as text, and steps on. */
enum err_code mys_put_row(struct mys_rows *rows, struct buf *out, struct err *err) MUST_USE;

/* Appends text with a backslash before what ends a cell, a row, or a string. */
enum err_code mys_put_escaped(struct buf *out, const char *text, size_t len, struct err *err) MUST_USE;

struct mys_infile {
    char token[MYS_TOKEN_MAX];
    bool armed;            /* the token is good for one request */
    bool refused;          /* the server asked for something else */
    struct mys_rows *rows; /* what an armed request gets */
    struct buf text;
    size_t at; /* what of `text` went out */
    struct err err;
};

void mys_infile_init(struct mys_infile *infile);
void mys_infile_release(struct mys_infile *infile);
/* Takes the place of the library's handler, which would open files. `connection` is a MYSQL. */
void mys_infile_install(struct mys_infile *infile, void *connection);
/* A new token for one statement that sends these rows. */
void mys_infile_arm(struct mys_infile *infile, struct mys_rows *rows, const struct clock *clock);
void mys_infile_disarm(struct mys_infile *infile);

#endif
