/* store_random_suite: random operations on a store and on the model (mem) side by side. */
#ifndef SLUICE_TESTS_CONFORMANCE_STORE_RANDOM_SUITE_H
#define SLUICE_TESTS_CONFORMANCE_STORE_RANDOM_SUITE_H

#include "core/store/store.h"

/* `store` is empty. The same seed gives the same operations. */
void store_random_suite_run(struct store *store, int operations, uint64_t seed);

#endif
