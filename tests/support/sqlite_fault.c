/*
 * sqlite_fault: see sqlite_fault.h. The wrapped file's methods stand before the inner file in one piece of
 * memory that SQLite gives (szOsFile). State is one struct: the tests that use it have one connection at work
 * at a time. A sync that is let through does nothing: no test here cuts the power, and the kernel keeps what
 * a killed process wrote.
 */
#include "tests/support/sqlite_fault.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ANSWER_MAX = 512 };

/* ---- memory ---- */

static sqlite3_mem_methods inner_mem;
static bool (*memory_fn)(void *ctx);
static void *memory_ctx;

static void *fault_malloc(int size)
{
    return memory_fn && memory_fn(memory_ctx) ? NULL : inner_mem.xMalloc(size);
}

static void *fault_realloc(void *old, int size)
{
    return memory_fn && memory_fn(memory_ctx) ? NULL : inner_mem.xRealloc(old, size);
}

void sqlite_fault_memory(bool (*fn)(void *ctx), void *ctx)
{
    memory_fn = fn;
    memory_ctx = ctx;
}

/* ---- disk ---- */

static struct {
    enum disk_fault fault;
    int64_t nth, calls, fired;
    bool onwards;
} disk;

struct file {
    sqlite3_file base;
    sqlite3_file *inner; /* behind this struct */
};

static sqlite3_vfs shim;

static sqlite3_vfs *inner_vfs(void)
{
    return shim.pAppData;
}

static sqlite3_file *in(sqlite3_file *file)
{
    return ((struct file *)file)->inner;
}

enum call { CALL_WRITE, CALL_OTHER, CALL_READ };

/* Whether this call fails. */
static bool strikes(enum call call)
{
    bool concerned = disk.fault == DISK_NONE                                  ? false
                     : disk.fault == DISK_EIO_READ                            ? call == CALL_READ
                     : disk.fault == DISK_IS_FULL || disk.fault == DISK_SHORT ? call == CALL_WRITE
                                                                              : call != CALL_READ;
    if (!concerned)
        return false;
    disk.calls++;
    bool hit = disk.calls == disk.nth || (disk.onwards && disk.calls > disk.nth);
    disk.fired += hit;
    if (hit && disk.fault == DISK_KILL && call == CALL_OTHER)
        kill(getpid(), SIGKILL);
    return hit;
}

void sqlite_fault_disk(enum disk_fault fault, int64_t nth, bool onwards)
{
    disk.fault = fault;
    disk.nth = nth;
    disk.onwards = onwards;
    disk.calls = disk.fired = 0;
}

int64_t sqlite_fault_fired(void)
{
    return disk.fired;
}

static int file_close(sqlite3_file *f)
{
    return in(f)->pMethods ? in(f)->pMethods->xClose(in(f)) : SQLITE_OK;
}

static int file_read(sqlite3_file *f, void *dst, int n, sqlite3_int64 at)
{
    return strikes(CALL_READ) ? SQLITE_IOERR_READ : in(f)->pMethods->xRead(in(f), dst, n, at);
}

static int file_write(sqlite3_file *f, const void *src, int n, sqlite3_int64 at)
{
    if (!strikes(CALL_WRITE))
        return in(f)->pMethods->xWrite(in(f), src, n, at);
    if (disk.fault != DISK_IS_FULL && disk.fault != DISK_EIO && n > 1)
        (void)in(f)->pMethods->xWrite(in(f), src, n / 2, at);
    if (disk.fault == DISK_KILL)
        kill(getpid(), SIGKILL);
    return disk.fault == DISK_EIO || disk.fault == DISK_EIO_SHORT ? SQLITE_IOERR_WRITE : SQLITE_FULL;
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    return strikes(CALL_OTHER) ? SQLITE_IOERR_TRUNCATE : in(f)->pMethods->xTruncate(in(f), size);
}

static int file_sync(sqlite3_file *f, int flags)
{
    (void)f;
    (void)flags;
    return strikes(CALL_OTHER) ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int file_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return in(f)->pMethods->xFileSize(in(f), size);
}

static int file_lock(sqlite3_file *f, int level)
{
    return in(f)->pMethods->xLock(in(f), level);
}

static int file_unlock(sqlite3_file *f, int level)
{
    return in(f)->pMethods->xUnlock(in(f), level);
}

static int file_check_lock(sqlite3_file *f, int *out)
{
    return in(f)->pMethods->xCheckReservedLock(in(f), out);
}

static int file_control(sqlite3_file *f, int op, void *arg)
{
    return in(f)->pMethods->xFileControl(in(f), op, arg);
}

static int file_sector(sqlite3_file *f)
{
    return in(f)->pMethods->xSectorSize(in(f));
}

static int file_traits(sqlite3_file *f)
{
    return in(f)->pMethods->xDeviceCharacteristics(in(f));
}

static const sqlite3_io_methods METHODS = {
    .iVersion = 1,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_traits,
};

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    struct file *f = (struct file *)file;
    (void)vfs;
    f->inner = (sqlite3_file *)(f + 1);
    f->base.pMethods = NULL;
    int rc = inner_vfs()->xOpen(inner_vfs(), name, f->inner, flags, out_flags);
    if (f->inner->pMethods)
        f->base.pMethods = &METHODS;
    return rc;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs;
    (void)sync;
    return strikes(CALL_OTHER) ? SQLITE_IOERR_DELETE : inner_vfs()->xDelete(inner_vfs(), name, 0);
}

void sqlite_fault_init(void)
{
    sqlite3_mem_methods methods;
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &inner_mem) != SQLITE_OK)
        abort();
    methods = inner_mem;
    methods.xMalloc = fault_malloc;
    methods.xRealloc = fault_realloc;
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK || sqlite3_initialize() != SQLITE_OK)
        abort();
    shim = *sqlite3_vfs_find(NULL);
    shim.pAppData = sqlite3_vfs_find(NULL);
    shim.zName = "sluice-fault";
    shim.szOsFile += (int)sizeof(struct file);
    shim.pNext = NULL;
    shim.xOpen = vfs_open;
    shim.xDelete = vfs_delete;
    if (sqlite3_vfs_register(&shim, 1) != SQLITE_OK)
        abort();
}

static int keep_answer(void *ctx, int n, char **values, char **names)
{
    char *answer = ctx;
    (void)names;
    snprintf(answer, ANSWER_MAX, "%s", n && values[0] ? values[0] : "");
    return 0;
}

const char *sqlite_fault_integrity(const char *path)
{
    static char answer[ANSWER_MAX];
    sqlite3 *db = NULL;
    answer[0] = '\0';
    int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, "PRAGMA integrity_check(1)", keep_answer, answer, NULL);
    if (rc != SQLITE_OK)
        snprintf(answer, sizeof answer, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
    return answer;
}
