/*
 * check_template: the SQL of an hour's check as a pipeline file has it, with names where each sink puts its
 * own words.
 *
 *   {table}  the target table                    SELECT 1 FROM {table} WHERE age < 0 AND _load IN {loads}
 *   {loads}  the ids of this hour's loads of this pipeline, in parentheses
 *   {hour}   the hour, a string: '2022-06-05T12'
 *   {{       a brace; } is itself
 *
 * A check reads, in one statement, and is judged here without a database, so that validate and every sink
 * say the same. Databases differ in how they read a quote behind a backslash, `--` without a space, `#` and
 * `$`: what two of them would read differently is refused, so that what is judged here is what is run. A sink
 * looks once more by its own means (see sink.h, check_sql).
 */
#ifndef SLUICE_SINK_CHECK_TEMPLATE_H
#define SLUICE_SINK_CHECK_TEMPLATE_H

#include "core/base/buf.h"

enum check_word { CHECK_WORD_TABLE, CHECK_WORD_LOADS, CHECK_WORD_HOUR };

/* Appends what stands for the word in this sink's SQL. */
typedef enum err_code check_put(void *ctx, enum check_word word, struct buf *sql, struct err *err);

/* Appends the statement, without its last semicolon. CONFIG where it is no single query that only reads, or
 * where a name is not known; the message does not say which check it is. */
enum err_code check_template_expand(const char *template, check_put *put, void *ctx, struct buf *sql,
                                    struct err *err) MUST_USE;

/* The same judgement, with nothing to put in. */
enum err_code check_template_verify(const char *template, struct err *err) MUST_USE;

/* Appends ", column=value" of a query's first row (without the comma where nothing is there yet), for people
 * to read: NULL data is NULL, what is no UTF-8 is told by its size, control bytes become spaces. Never more
 * than SINK_CHECK_TEXT_MAX bytes in all: what is over ends in "...". */
enum err_code check_put_cell(struct buf *first, const char *column, const char *data, size_t len,
                             struct err *err) MUST_USE;

#endif
