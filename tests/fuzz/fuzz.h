/*
 * fuzz: what the fuzz targets share.
 *
 * A target is a function that takes any bytes and checks what must hold of them. Under KIND=fuzz each is a
 * libFuzzer program of its own; in every other kind all of them are functions that test_replay runs.
 */
#ifndef SLUICE_TESTS_FUZZ_FUZZ_H
#define SLUICE_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"

/* All targets, each with where more seeds are beside tests/fuzz/corpus/NAME ("" = nowhere). `make fuzz` reads
 * this list too. */
#define FUZZ_TARGETS(X)                                                                                      \
    X(csv, "fixtures/csv")                                                                                   \
    X(infer, "fixtures/csv")                                                                                 \
    X(inflate, "")                                                                                           \
    X(interp, "")                                                                                            \
    X(layout, "")                                                                                            \
    X(pipeline, "fixtures/pipelines")                                                                        \
    X(time, "")                                                                                              \
    X(types, "")                                                                                             \
    X(url, "")

#ifdef SLUICE_LIBFUZZER
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
#define FUZZ_TARGET(name) int LLVMFuzzerTestOneInput
#else
#define X(name, seeds) int fuzz_##name(const uint8_t *data, size_t size);
FUZZ_TARGETS(X)
#undef X
#define FUZZ_TARGET(name) int fuzz_##name
#endif

/* Ends the process, saying what did not hold. In effect in every build. */
#define FUZZ_CHECK(what) ((what) ? (void)0 : fuzz_failed(#what, __FILE__, __LINE__))
_Noreturn void fuzz_failed(const char *what, const char *file, int line);

/* A copy of the bytes as text, up to the first NUL: as long as it must be, so that a byte read too far shows.
 * mem_free. */
char *fuzz_text(const void *data, size_t size);

/* The part of [*at, end) before the next `separator`, as text; *at moves behind it. mem_free. */
char *fuzz_part(const uint8_t **at, const uint8_t *end, uint8_t separator);

/* Appends; ends the process where that fails. */
void fuzz_append(struct buf *out, const void *data, size_t len);

/* From now on the n-th allocation fails, once; 0 = none. */
void fuzz_fail_alloc(unsigned n);

#endif
