/*
 * sqlite_fault: SQLite's own memory and its way to the disk, made to fail.
 *
 * Memory: each of SQLite's allocations is asked about first. Disk: a VFS around the default one, so that a
 * database opened as always goes through it; the Nth call that changes (or reads) a file fails as the plan
 * says.
 */
#ifndef SLUICE_TESTS_SUPPORT_SQLITE_FAULT_H
#define SLUICE_TESTS_SUPPORT_SQLITE_FAULT_H

#include <stdbool.h>
#include <stdint.h>

/* Once in a process, before SQLite is used. From then on files are not synced: tests are many, disks slow. */
void sqlite_fault_init(void);

/* As mem_set_fault. */
void sqlite_fault_memory(bool (*fn)(void *ctx), void *ctx);

enum disk_fault {
    DISK_NONE,
    DISK_IS_FULL,   /* writes fail: SQLITE_FULL; everything else goes well */
    DISK_SHORT,     /* half of a write lands, then SQLITE_FULL */
    DISK_EIO,       /* writes, syncs, truncates, deletes: SQLITE_IOERR_* */
    DISK_EIO_SHORT, /* half of a write lands, then SQLITE_IOERR_WRITE; the others as DISK_EIO */
    DISK_EIO_READ,  /* reads: SQLITE_IOERR_READ */
    DISK_KILL,      /* the process is killed at a write (half of which lands), sync, truncate or delete */
};

/* From now on the Nth call of the kind fails, or that and all later ones. */
void sqlite_fault_disk(enum disk_fault fault, int64_t nth, bool onwards);

/* How many calls have failed since sqlite_fault_disk. */
int64_t sqlite_fault_fired(void);

/* What PRAGMA integrity_check says of the file ("ok"), valid until the next call. Plays back a journal that a
 * killed process left. */
const char *sqlite_fault_integrity(const char *path);

#endif
