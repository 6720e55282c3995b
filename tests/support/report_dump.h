/* report_dump: all of a report as lines of text, to the last bit: for tests that compare two, and for eyes.
 */
#ifndef SLUICE_TESTS_REPORT_DUMP_H
#define SLUICE_TESTS_REPORT_DUMP_H

#include <stdio.h>

#include "core/profile/report.h"

void report_dump(const struct report *report, FILE *to);
/* The same as one string, for free(). */
char *report_dump_text(const struct report *report);

#endif
