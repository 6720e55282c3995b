/* store_s3: objects in a bucket of S3, or of a server that speaks its language: `s3://bucket/prefix`. */
#ifndef SLUICE_BACKENDS_STORE_S3_H
#define SLUICE_BACKENDS_STORE_S3_H

#include "core/store/store.h"

extern const struct store_type store_s3;

#endif
