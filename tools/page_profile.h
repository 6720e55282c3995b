/*
 * page_profile: a profile's report as one HTML file that needs nothing else: inline SVG, no script, nothing
 * from elsewhere, no time of making and no absolute path, so that two can be compared.
 *
 * The page is well-formed XML, too. Below PAGE_PROFILE_MAX whatever the report: many columns or classes cost
 * tooltips first, then cards, and the page says what it left out.
 */
#ifndef SLUICE_TOOLS_PAGE_PROFILE_H
#define SLUICE_TOOLS_PAGE_PROFILE_H

#include "core/base/buf.h"
#include "core/profile/report.h"

enum { PAGE_PROFILE_MAX = 1024 * 1024 - 1 };

/* `out` is cleared first; its own maximum should be PAGE_PROFILE_MAX or more. */
enum err_code page_profile(const struct report *report, struct buf *out, struct err *err) MUST_USE;

#endif
