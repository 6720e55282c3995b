/* verify_out: the rows that verify names, kept until the list of objects is through, and then shown. */
#ifndef SLUICE_TOOLS_VERIFY_OUT_H
#define SLUICE_TOOLS_VERIFY_OUT_H

#include "core/load/verify.h"
#include "tools/out.h"

/* Keeps the row, as far as there is room: what is named are examples. */
void verify_keep_row(struct buf *rows, const struct verify_row *row);

/* The list "rows". */
enum err_code verify_put_rows(struct out *out, const struct buf *rows, struct err *err) MUST_USE;

#endif
