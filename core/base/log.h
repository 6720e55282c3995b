/*
 * log: one line to stderr for each thing that happened, as text or as JSON, with secrets removed.
 *
 * Every secret that sluice resolves is registered with log_add_secret(); whatever is printed afterwards
 * (logs, and error texts through log_redact) has it replaced by "***". Levels: quiet prints errors only,
 * normal adds warnings and notes, verbose adds debug. Thread-safe. Lines never hold raw control characters.
 */
#ifndef SLUICE_BASE_LOG_H
#define SLUICE_BASE_LOG_H

#include <stdbool.h>
#include <stdio.h>

#include "core/base/err.h"

enum log_level { LOG_ERROR = 0, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

/* Where and what to print. `out` is borrowed (stderr). Before the call: text to stderr, LOG_INFO. */
void log_configure(FILE *out, enum log_format format, enum log_level max_level);

/* Text: "sluice: warning: MESSAGE" (info has no level word, error "sluice: error: "); JSON:
 * {"time","level","message"} on a line. */
void log_msg(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Prints an error once: text "sluice: error: NAME: message"; JSON adds "error_name". */
void log_err(enum log_level level, const struct err *err);

/* Registers a secret of at least 4 bytes (shorter ones are ignored: they would blot out everything). Copied.
 */
void log_add_secret(const char *secret);

/* Replaces every registered secret in `text` in place by "***". */
void log_redact(char *text);

/* Called before and after each line, so that a progress bar can get out of the way; NULL removes. */
void log_set_around(void (*before)(void *ctx), void (*after)(void *ctx), void *ctx);

/* Frees the registered secrets (at exit). */
void log_release(void);

#endif
