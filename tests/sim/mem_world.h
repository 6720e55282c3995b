/*
 * mem_world: the heap of core/base/mem.h, kept account of: linked in the place of core/base/mem.c.
 *
 * What is allocated while a world lasts is forgotten with it, whoever had it: a process that crashed frees
 * nothing.
 */
#ifndef SLUICE_TESTS_SIM_MEM_WORLD_H
#define SLUICE_TESTS_SIM_MEM_WORLD_H

#include <stddef.h>

void mem_world_begin(void);
/* Allocations of this world that nobody has freed. */
size_t mem_world_live(void);
/* Frees them all. */
void mem_world_end(void);

#endif
