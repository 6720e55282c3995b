/* sink_mem: `mem:NAME`, databases in this process's memory: the reference model of a sink. */
#ifndef SLUICE_BACKENDS_SINK_MEM_H
#define SLUICE_BACKENDS_SINK_MEM_H

/* Forgets every database; no handle may be open. For tests. */
void sink_mem_reset(void);

#endif
