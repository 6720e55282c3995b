/*
 * s3_list: ListObjectsV2, page by page, as a listing of a store.
 */
#ifndef SLUICE_BACKENDS_S3_LIST_H
#define SLUICE_BACKENDS_S3_LIST_H

#include "backends/s3_client.h"
#include "core/store/store.h"

struct s3_list;

/* Asks nothing yet. */
enum err_code s3_list_open(struct s3 *s3, const char *prefix, enum store_scope scope, struct s3_list **out,
                           struct err *err) MUST_USE;
enum err_code s3_list_next(struct s3_list *list, struct store_object *object, bool *more,
                           struct err *err) MUST_USE;
void s3_list_close(struct s3_list *list);

/* Lists one key at most: fails where the bucket is not there or may not be listed. */
enum err_code s3_list_probe(struct s3 *s3, struct err *err) MUST_USE;

/* True where no key starts with this: one of its whole parts is none of a key's. */
bool s3_prefix_hopeless(const char *prefix);
/* Cuts the end that servers refuse, though keys may go on from there: a last part of "." or "..", the first
 * bytes of a character. */
void s3_prefix_cut(char *prefix);

/* An etag without the quotes around it, as stores compare it; UNSUPPORTED where it is empty or too long. */
enum err_code s3_etag(const char *text, char out[STORE_ETAG_MAX + 1], struct err *err) MUST_USE;

#endif
