/*
 * page_check: reads a page as XML and holds it against what is allowed on one that stands alone: known
 * elements and attributes, links inside of it to places that are there, numbers in drawings that are numbers.
 */
#ifndef SLUICE_TEST_PAGE_CHECK_H
#define SLUICE_TEST_PAGE_CHECK_H

#include <stddef.h>

struct page_seen {
    char *shown; /* the text that a reader sees, "|" at each element's end; the caller's to free() */
    int tables, drawings;
};

/* Fails the test where something is not as it should. */
void page_check(const char *page, size_t len, struct page_seen *out);

#endif
