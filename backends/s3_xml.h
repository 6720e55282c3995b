/*
 * s3_xml: answers in XML, read whole: each element's end is told with its path and text.
 *
 * A DOCTYPE is refused (no entity is ever expanded), depth and lengths are capped. A document that is cut
 * short is STORE_TRUNCATED, anything that is no such XML is CONFIG: the endpoint is no S3 server.
 */
#ifndef SLUICE_BACKENDS_S3_XML_H
#define SLUICE_BACKENDS_S3_XML_H

#include <stddef.h>

#include "core/base/err.h"

enum {
    XML_DEPTH_MAX = 8,
    XML_PATH_MAX = 256,
    XML_TEXT_MAX = 16 * 1024, /* a key of 1,024 bytes, each as %XX or as a character reference */
};

/* `path` is as "ListBucketResult/Contents/Key", from the root; text is that of the element itself. Not ERR_OK
 * ends the parse with this error. */
typedef enum err_code xml_element_fn(void *ctx, const char *path, const char *text, struct err *err);

enum err_code xml_parse(const void *data, size_t len, xml_element_fn *fn, void *ctx,
                        struct err *err) MUST_USE;

/* What an error document says; "" where it does not. */
struct s3_fault {
    char code[64];
    char message[256];
    char region[64];
};

/* True where the body is an <Error> document; *out is filled. */
int s3_fault_parse(const void *data, size_t len, struct s3_fault *out);

#endif
