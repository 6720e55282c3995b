/*
 * yaml_text: texts of any bytes as YAML that core/config/yaml reads back the same, and as comments that stay
 * comments.
 */
#ifndef SLUICE_TOOLS_YAML_TEXT_H
#define SLUICE_TOOLS_YAML_TEXT_H

#include "core/base/buf.h"

enum { YAML_WIDTH = 110, YAML_COMMENT_MAX = 2000 };

/* A scalar of a pipeline file: plain where that is safe everywhere, else in double quotes; "${" is written so
 * that it is no reference. CONFIG for what no YAML can hold: bytes that are no UTF-8. */
enum err_code yaml_scalar(struct buf *out, const char *text, struct err *err) MUST_USE;

/* Text behind a "# " on the line at hand; bytes that YAML does not allow are shown as \xNN, line ends too.
 * No line end is added. */
enum err_code yaml_comment_text(struct buf *out, const char *text, struct err *err) MUST_USE;

/* A comment of as many lines as it needs, each indented by so many spaces. Line feeds in `fmt` begin a new
 * line; what comes by %s should have gone through yaml_comment_text's rules, and does here. */
enum err_code yaml_comment(struct buf *out, int indent, struct err *err, const char *fmt, ...)
    PRINTF_LIKE(4, 5) MUST_USE;

/* A word as a POSIX shell reads it back. */
enum err_code shell_word(struct buf *out, const char *text, struct err *err) MUST_USE;

#endif
