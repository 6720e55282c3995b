/*
 * queue_file: hours that wait, as files in a store: `<queue.url>/2022060512`.
 *
 * A queue file is a hint that an hour has work: its name is all that counts, so it may be empty and made by
 * anyone (touch, aws s3 cp). Only names of ten digits directly under the place are queue files; names that
 * begin with "." or "_", and folders, are nobody's business; other names are told and left alone. The place
 * belongs to one pipeline. Putting and removing are idempotent.
 */
#ifndef SLUICE_QUEUE_QUEUE_FILE_H
#define SLUICE_QUEUE_QUEUE_FILE_H

#include "core/base/hour.h"
#include "core/store/store.h"

/* True for the name of an hour that exists. */
bool queue_name_parse(const char *name, hour_t *hour);

/* One call for each queue file, in order of time, and for each other name (hour is NULL then). An error that
 * it returns ends the listing. */
typedef enum err_code queue_visit_fn(void *ctx, const hour_t *hour, const char *name, struct err *err);
enum err_code queue_list(struct store *store, queue_visit_fn *visit, void *ctx, struct err *err) MUST_USE;

enum err_code queue_put(struct store *store, hour_t hour, struct err *err) MUST_USE;
enum err_code queue_remove(struct store *store, hour_t hour, struct err *err) MUST_USE;

#endif
