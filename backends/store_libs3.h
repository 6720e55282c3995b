/* store_libs3: objects in a bucket of MinIO or another server that takes version 2 of S3's signatures,
 * through the library libs3: `libs3://bucket/prefix?endpoint=http://HOST:PORT`. Where the build found the
 * library. */
#ifndef SLUICE_BACKENDS_STORE_LIBS3_H
#define SLUICE_BACKENDS_STORE_LIBS3_H

#include "core/store/store.h"

enum { LIBS3_WINDOW = 4 * 1024 * 1024 }; /* a reader fetches so much at once */

extern const struct store_type store_libs3;

#endif
