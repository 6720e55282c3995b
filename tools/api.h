/*
 * api: the JSON documents of `serve`: what -o json prints of status, queue ls and history, and a list of all
 * pipelines. Made from snapshots, but for history, which reads the books.
 */
#ifndef SLUICE_TOOLS_API_H
#define SLUICE_TOOLS_API_H

#include "tools/lane.h"

enum { API_HISTORY_MAX = 10000 };

enum err_code api_pipelines(const struct lane_look *looks, size_t n, struct buf *body,
                            struct err *err) MUST_USE;
enum err_code api_status(const struct lane_look *look, struct buf *body, struct err *err) MUST_USE;
enum err_code api_queue(const struct lane_look *look, struct buf *body, struct err *err) MUST_USE;
/* The query has an hour or a run: everything would have no end. */
enum err_code api_history(const struct app *app, const struct record_query *query, struct buf *body,
                          struct err *err) MUST_USE;

#endif
