/* tempdir: a folder of its own for a test, under $TMPDIR or /tmp. */
#ifndef SLUICE_TESTS_SUPPORT_TEMPDIR_H
#define SLUICE_TESTS_SUPPORT_TEMPDIR_H

#include <stddef.h>

/* Makes a new folder and gives its absolute path; the caller hands it to tempdir_remove. Aborts where it
 * cannot. */
char *tempdir_make(void);

/* For tests of many small databases: from here on folders are made in memory (/dev/shm), where there is such
 * a place; what is left of them is removed when this process ends. */
void tempdir_use_memory(void);

/* Removes the folder with all that is in it, and frees the path. NULL is fine. */
void tempdir_remove(char *path);

/* Writes a file below the folder, making its parents. Aborts where it cannot. */
void tempdir_write(const char *path, const char *name, const void *data, size_t len);

#endif
