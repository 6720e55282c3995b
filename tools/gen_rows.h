/*
 * gen_rows: rows of loan-applicant CSV, made from a seed.
 *
 * The same seed gives the same bytes. Rows are whole lines ended by LF, with the marginals of the public
 * credit data (see gen_rows.c), and can be damaged in the ways that real files are.
 */
#ifndef SLUICE_TOOLS_GEN_ROWS_H
#define SLUICE_TOOLS_GEN_ROWS_H

#include <stdint.h>

enum { ROW_MAX = 512 }; /* of one row, damaged or not */

enum damage {
    DAMAGE_NONE = 0,
    DAMAGE_RAGGED, /* the last field is missing */
    DAMAGE_QUOTE,  /* a quote opens and never closes */
    DAMAGE_NUL,    /* a NUL byte in a number */
    DAMAGE_UTF8,   /* a byte that no UTF-8 has */
    DAMAGE_TYPE,   /* a word where a number belongs */
    DAMAGE_RANGE,  /* a number beyond 64 bits */
    DAMAGE_BOM,    /* of a file: starts with a byte order mark */
    DAMAGE_CR,     /* of a file: lines end in CR alone */
    DAMAGE_COUNT
};

/* The header line, with its LF. */
extern const char ROW_HEADER[];

struct rows;

/* NULL where memory could not be had. */
struct rows *rows_new(uint64_t seed);
void rows_free(struct rows *r);

/* Writes the next row, numbered from 1, to `out`, which has ROW_MAX bytes; returns the byte after its LF.
 * Kinds of damage that belong to files leave the row whole. */
char *rows_next(struct rows *r, enum damage damage, char *out);

#endif
