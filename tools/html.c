/*
 * html: see html.h.
 *
 * Invariant: no byte of data reaches the page but letters, digits and what is harmless in text and
 * attributes.
 */
#include "tools/html.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/data/types.h"

enum { LINE_MAX_LEN = 2048 };

void html_put(struct html *h, const char *markup)
{
    if (h->err->code == ERR_OK)
        (void)!buf_append_str(h->out, markup, h->err);
}

void html_putf(struct html *h, const char *fmt, ...)
{
    char text[LINE_MAX_LEN];
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof text)
        err_set(h->err, ERRN_LIMIT, "a line of the page is longer than %d bytes", LINE_MAX_LEN);
    else
        html_put(h, text);
}

/* The length of the UTF-8 sequence at s, 0 where there is none or no document may hold it (U+FFFE, U+FFFF).
 */
static size_t sequence(const char *s, size_t left)
{
    for (size_t n = 1; n <= 4 && n <= left; n++) {
        if (utf8_length(s, n) == 1)
            return n == 3 && (memcmp(s, "\xef\xbf\xbe", 3) == 0 || memcmp(s, "\xef\xbf\xbf", 3) == 0) ? 0 : n;
    }
    return 0;
}

static void put_char(struct html *h, const char *s, size_t n)
{
    unsigned char c = (unsigned char)*s;

    if (n == 0)
        html_put(h, "\xef\xbf\xbd");
    else if (n == 1 && (c < ' ' || c == 0x7f))
        html_putf(h, "\\x%02X", c);
    else if (strchr("&<>\"'", c))
        html_putf(h, "&#%u;", c);
    else if (h->err->code == ERR_OK)
        (void)!buf_append(h->out, s, n, h->err);
}

void html_text(struct html *h, const char *text)
{
    size_t left = text ? strlen(text) : 0;

    while (left > 0 && h->err->code == ERR_OK) {
        size_t n = sequence(text, left), step = n ? n : 1;

        put_char(h, text, n);
        text += step;
        left -= step;
    }
}

void html_data(struct html *h, const char *text)
{
    html_put(h, "<bdi>");
    html_text(h, text);
    html_put(h, "</bdi>");
}

void html_url(struct html *h, const char *part)
{
    for (; *part && h->err->code == ERR_OK; part++) {
        unsigned char c = (unsigned char)*part;

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-_.~", c))
            (void)!buf_append_char(h->out, *part, h->err);
        else
            html_putf(h, "%%%02X", c);
    }
}

void html_time(struct html *h, int64_t us)
{
    char text[CLOCK_TEXT_MAX];

    if (us == 0) {
        html_put(h, "never");
        return;
    }
    clock_format(us, text);
    html_putf(h, "<time datetime=\"%s\">%.10s %.8s</time>", text, text, text + 11);
}
