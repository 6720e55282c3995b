/*
 * html: writes a page: what is data is escaped, what is markup is written as it stands. Errors stick.
 *
 * Data is shown with control characters as \xNN, bytes that are no UTF-8 as U+FFFD, and inside <bdi>, so that
 * a key cannot turn the text around it.
 */
#ifndef SLUICE_TOOLS_HTML_H
#define SLUICE_TOOLS_HTML_H

#include "core/base/buf.h"
#include "core/base/hour.h"

struct html {
    struct buf *out;
    struct err *err;
};

/* Markup, as it stands; with numbers and texts of sluice's own (no user's data) by the format. */
void html_put(struct html *h, const char *markup);
void html_putf(struct html *h, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Data, escaped: right in text and in a quoted attribute. */
void html_text(struct html *h, const char *text);
/* Data of unknown direction, in <bdi>: only in text. */
void html_data(struct html *h, const char *text);
/* A part of a URL, percent-encoded. */
void html_url(struct html *h, const char *part);

/* <time>, to the second; "never" for 0. */
void html_time(struct html *h, int64_t us);

#endif
