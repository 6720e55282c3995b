/*
 * types: text -> typed value, by the grammars of the design. The only authority on what a value is: no sink
 * may accept more, or change a value.
 *
 *   integers   -?[0-9]+ in range                      boolean    0 1 true false
 *   double     -?digits[.digits][(e|E)[+|-]digits], finite; float the same, rounded to float, finite as a
 * float decimal    -?digits[.digits]; non-zero digits beyond the scale are rejected, never rounded; kept as
 * scaled text varchar(n) at most n code points of valid UTF-8   text       valid UTF-8; both without NUL date
 * YYYY-MM-DD, a real date                timestamp  YYYY-MM-DD[ T]HH:MM:SS[.1-6 digits][Z|+hh:mm|-hh:mm],
 * none = UTC Correctly rounded: the double is what strtod in the C locale gives.
 */
#ifndef SLUICE_DATA_TYPES_H
#define SLUICE_DATA_TYPES_H

#include "core/data/batch.h"

/* Parses text into column c of the row under construction, or says why not (ERRN_NONE = stored; CAST_*,
 * TEXT_*; ERRN_NOMEM only when the arena is full). Does not know about nulls: "" is a value here. Hot. */
enum err_name types_put(struct batch *batch, size_t c, const struct type *type, const char *text, size_t len);

/* Parses text into a value outside a batch (bounds of checks); value->str is allocated. */
enum err_name types_value(const struct type *type, const char *text, size_t len, struct value *out);
void value_release(struct value *value);

/* The number of code points, or -1 where the bytes are not valid UTF-8 or hold a NUL. */
int64_t utf8_length(const char *text, size_t len);

/* The text in printable form, cut to fit, for messages. */
enum { TEXT_SHOWN_MAX = 64 };
void text_show(const char *text, size_t len, char out[TEXT_SHOWN_MAX]);

/* The value of a cell that is not NULL, of a number, boolean or decimal, as the nearest double. */
double types_number(const struct batch *batch, size_t c, size_t row);

/* Compares two scaled decimals of any scale by value: <0, 0, >0. */
int decimal_compare(const char *a, size_t alen, const char *b, size_t blen);

#endif
