/* store_mem: objects in memory, shared by all handles of one name in this process; the reference model of the
 * store tests. */
#ifndef SLUICE_BACKENDS_STORE_MEM_H
#define SLUICE_BACKENDS_STORE_MEM_H

#include "core/store/store.h"

enum { STORE_MEM_OBJECT_MAX = 1 << 30 };

extern const struct store_type store_mem;

/* Forgets all places; handles that are open keep theirs until they are closed. */
void store_mem_reset(void);

#endif
