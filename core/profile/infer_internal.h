/* infer_internal: what the files behind infer.h share. No other file includes it. */
#ifndef SLUICE_PROFILE_INFER_INTERNAL_H
#define SLUICE_PROFILE_INFER_INTERNAL_H

#include "core/profile/infer.h"

/* A column while it is read: what is told of it in the end, and what only decides. */
struct infer_cells {
    struct infer_column column;
    size_t from_len;
    int64_t mark; /* number of the object that has it */
    bool running; /* within each object one more than before */
    bool has_last, has_last_here;
    int64_t last; /* the whole number before */
    int64_t int_min, int_max;
    int64_t scale_min, scale_max, whole_max; /* digits behind and before the point */
    bool padded;                             /* some value ends in a zero behind its point */
    bool pairs;                              /* all values are two letters */
};

extern const char *const infer_token_texts[INFER_TOKENS];
int infer_token_find(const char *text, size_t len); /* -1: none */

void cells_init(struct infer_cells *cells);
void cells_object(struct infer_cells *cells); /* another object begins */

/* Where a record stands. `used`: an example refers to `object`. */
struct infer_place {
    const char *object;
    int64_t line;
    bool used;
};
void example_set(struct infer_example *example, const char *text, size_t len, struct infer_place *place);
void cells_add(struct infer_cells *cells, const struct csv_field *field, struct infer_place *place);
/* Which tokens to take, then each column's type. named: there are headers. */
void cells_decide(struct infer_cells *cells, size_t n, bool named, struct infer_token tokens[INFER_TOKENS]);

/* Bytes as one line of printable text: control characters and what is no UTF-8 as \xNN, cut with "...". */
void infer_show(const char *text, size_t len, char out[INFER_SHOWN_MAX]);

/* Legal, unique names from `from`s. */
enum err_code infer_names(struct infer_column *columns, size_t n, struct err *err) MUST_USE;

#endif
