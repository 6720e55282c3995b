/* store_fs: the files below a folder as objects (`file:DIR`, `fs:DIR`, `DIR`). */
#ifndef SLUICE_BACKENDS_STORE_FS_H
#define SLUICE_BACKENDS_STORE_FS_H

#include "core/store/store.h"

extern const struct store_type store_fs;

#endif
