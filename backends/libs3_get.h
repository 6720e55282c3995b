/*
 * libs3_get: what an object is, and a piece of it into memory.
 */
#ifndef SLUICE_BACKENDS_LIBS3_GET_H
#define SLUICE_BACKENDS_LIBS3_GET_H

#include "backends/libs3_client.h"

/* A piece of an object: told to libs3_get, and what came of it. */
struct libs3_piece {
    int64_t offset;
    int64_t length;       /* at least 1 */
    const char *if_match; /* NULL, or the etag that the object must have */
    char *dst;            /* takes `length` bytes */
    int64_t said;         /* so many are coming, says the server, */
    int64_t got;          /* so many came: fewer where the answer broke off */
    bool beyond;          /* the object ends before the offset: nothing came, *object is untouched */
};

/* NOT_FOUND where there is none. */
enum err_code libs3_head(struct libs3 *libs3, const char *key, struct store_object *out,
                         struct err *err) MUST_USE;

/* Gets a piece and fills all of *object but its size. An answer that broke off before its first byte is
 * STORE_TRUNCATED. */
enum err_code libs3_get(struct libs3 *libs3, const char *key, struct libs3_piece *piece,
                        struct store_object *object, struct err *err) MUST_USE;

#endif
