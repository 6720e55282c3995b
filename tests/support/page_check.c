/* page_check: see page_check.h. */
#include "tests/support/page_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include <cmocka.h>
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the parser has met. */
static struct {
    char ids[4096][24], links[16384][24];
    int nids, nlinks, depth;
    struct page_seen *out;
    size_t nshown;
} seen;

static bool one_of(const char *name, const char *const *list)
{
    for (; *list; list++) {
        if (strcmp(name, *list) == 0)
            return true;
    }
    return false;
}

static void element(void *ctx, const XML_Char *name, const XML_Char **attrs)
{
    static const char *const elements[] = {
        "html", "head",  "meta",    "title",   "style",   "body", "a",      "header", "p",    "h1",
        "h2",   "h3",    "nav",     "ul",      "li",      "span", "main",   "dl",     "div",  "dt",
        "dd",   "small", "section", "table",   "b",       "br",   "tbody",  "thead",  "tr",   "th",
        "td",   "code",  "caption", "details", "summary", "svg",  "rect",   "line",   "path", "text",
        "desc", "i",     "circle",  "article", "abbr",    "bdi",  "footer", NULL};
    static const char *const attributes[] = {"lang",
                                             "charset",
                                             "http-equiv",
                                             "content",
                                             "name",
                                             "class",
                                             "href",
                                             "id",
                                             "aria-labelledby",
                                             "aria-label",
                                             "role",
                                             "width",
                                             "height",
                                             "viewBox",
                                             "preserveAspectRatio",
                                             "x",
                                             "y",
                                             "x1",
                                             "x2",
                                             "y1",
                                             "y2",
                                             "cx",
                                             "cy",
                                             "r",
                                             "d",
                                             "fill",
                                             "stroke",
                                             "fill-opacity",
                                             "font-size",
                                             "text-anchor",
                                             "dx",
                                             "scope",
                                             "tabindex",
                                             "title",
                                             "colspan",
                                             "aria-hidden",
                                             NULL};
    static const char *const numbers[] = {"x",  "y",  "x1",    "x2",     "y1", "y2",
                                          "cx", "cy", "width", "height", "d",  NULL};
    (void)ctx;

    seen.depth++;
    seen.out->tables += strcmp(name, "table") == 0;
    seen.out->drawings += strcmp(name, "svg") == 0;
    if (!one_of(name, elements))
        fail_msg("an element <%s>", name);
    for (; attrs[0]; attrs += 2) {
        if (!one_of(attrs[0], attributes))
            fail_msg("an attribute %s=\"%s\" of <%s>", attrs[0], attrs[1], name);
        if (one_of(attrs[0], numbers))
            assert_int_equal(strspn(attrs[1], "0123456789.-% MVhvz"), strlen(attrs[1]));
        assert_in_range(seen.nids, 0, 4095);
        assert_in_range(seen.nlinks, 0, 16383);
        if (strcmp(attrs[0], "id") == 0)
            snprintf(seen.ids[seen.nids++], sizeof seen.ids[0], "%s", attrs[1]);
        if (strcmp(attrs[0], "href") == 0) {
            assert_int_equal(attrs[1][0], '#');
            snprintf(seen.links[seen.nlinks++], sizeof seen.links[0], "%s", attrs[1] + 1);
        }
    }
}

static void element_end(void *ctx, const XML_Char *name)
{
    (void)ctx;
    (void)name;
    seen.depth--;
    seen.out->shown[seen.nshown++] = '|';
}

static void characters(void *ctx, const XML_Char *text, int len)
{
    (void)ctx;
    memcpy(seen.out->shown + seen.nshown, text, (size_t)len);
    seen.nshown += (size_t)len;
}

static void check_links(void)
{
    for (int i = 0; i < seen.nlinks; i++) {
        int found = 0;

        for (int k = 0; k < seen.nids; k++)
            found += strcmp(seen.links[i], seen.ids[k]) == 0;
        if (found != 1)
            fail_msg("%d places for a link to #%s", found, seen.links[i]);
    }
}

void page_check(const char *page, size_t len, struct page_seen *out)
{
    XML_Parser parser = XML_ParserCreate("UTF-8");

    memset(&seen, 0, sizeof seen);
    *out = (struct page_seen){.shown = malloc(len + 1)};
    assert_non_null(out->shown);
    seen.out = out;
    XML_SetElementHandler(parser, element, element_end);
    XML_SetCharacterDataHandler(parser, characters);
    if (XML_Parse(parser, page, (int)len, 1) == XML_STATUS_ERROR)
        fail_msg("line %lu: %s", XML_GetCurrentLineNumber(parser), XML_ErrorString(XML_GetErrorCode(parser)));
    XML_ParserFree(parser);
    out->shown[seen.nshown] = '\0';
    assert_int_equal(seen.depth, 0);
    check_links();
    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "javascript:"));
    assert_null(strstr(page, "url("));
    assert_null(strstr(page, "@import"));
}
