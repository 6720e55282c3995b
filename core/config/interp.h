/*
 * interp: ${...} in a scalar's text.
 *
 *   ${NAME}            the environment variable; CONFIG_UNSET where it is not set
 *   ${NAME:-default}   the same; the default where it is not set or empty (a plain text up to the brace)
 *   ${file:PATH}       what the file holds, without one line end behind it
 *   ${SCHEME:ARG}      what a provider answers
 *   $${                a literal "${"
 * Any other "$" is itself. What comes out is not looked at again.
 */
#ifndef SLUICE_CONFIG_INTERP_H
#define SLUICE_CONFIG_INTERP_H

#include "core/config/pipeline.h"

enum { INTERP_TEXT_MAX = 1024 * 1024, INTERP_FILE_MAX = 64 * 1024 };

struct interp {
    const char *base_dir; /* relative ${file:} paths start here; NULL = the current folder */
    const struct interp_provider *providers;
    size_t nproviders;
};

/* The text with its references resolved; *out is the caller's. Messages hold no resolved value. */
enum err_code interp_text(const struct interp *interp, const char *text, char **out,
                          struct err *err) MUST_USE;

/* True if anything in the text stands there literally, a default among it. */
bool interp_has_literal(const char *text);

#endif
