/*
 * libs3_list: ListObjects (the first version, by marker), page by page, as a listing of a store.
 */
#ifndef SLUICE_BACKENDS_LIBS3_LIST_H
#define SLUICE_BACKENDS_LIBS3_LIST_H

#include "backends/libs3_client.h"

struct libs3_list;

/* Asks nothing yet. */
enum err_code libs3_list_open(struct libs3 *libs3, const char *prefix, enum store_scope scope,
                              struct libs3_list **out, struct err *err) MUST_USE;
enum err_code libs3_list_next(struct libs3_list *list, struct store_object *object, bool *more,
                              struct err *err) MUST_USE;
void libs3_list_close(struct libs3_list *list);

/* Lists one key at most: fails where the bucket is not there or may not be listed. */
enum err_code libs3_list_probe(struct libs3 *libs3, struct err *err) MUST_USE;

#endif
