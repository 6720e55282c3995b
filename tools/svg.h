/*
 * svg: small static drawings inside a page: bars, lines, boxes, labels.
 *
 * A drawing is as wide as its place and `height` pixels high: x are shares of the width (0..1), y pixels, so
 * that texts keep their size on any screen. Colours come from the stylesheet by class; where a viewer blocks
 * that, each shape has a grey of its own. Texts are escaped, numbers do not depend on the locale.
 */
#ifndef SLUICE_TOOLS_SVG_H
#define SLUICE_TOOLS_SVG_H

#include "tools/html.h"

enum { SVG_NUM_MAX = 32, SVG_TICKS_MAX = 8 };

/* A coordinate with at most two digits behind the point. */
char *svg_num(double v, char out[SVG_NUM_MAX]);

/* title and desc are what a screen reader says; desc may be NULL. class: of sluice's own. */
void svg_begin(struct html *h, const char *class, int height, const char *title, const char *desc);
void svg_end(struct html *h);

/* A part of it, from y on, whose inside is measured in w by h units and stretched to the whole width. Texts
 * do not belong into it. */
void svg_stretch_begin(struct html *h, int y, int height, double w, double units);
void svg_stretch_end(struct html *h);

/* Inside of a stretched part, in its units. tip NULL: none. */
void svg_cell(struct html *h, const char *class, double x, double y, double w, double height,
              const char *tip);

/* In the drawing itself. class NULL: none. */
void svg_bar(struct html *h, const char *class, double x0, double x1, int y, int height, const char *tip);
void svg_line(struct html *h, const char *class, double x0, int y0, double x1, int y1);
void svg_dot(struct html *h, double x, int y, const char *tip);
/* SVG_BEFORE: ends left of it, in the margin that the stylesheet leaves. */
enum svg_anchor { SVG_START, SVG_MIDDLE, SVG_END, SVG_BEFORE };
void svg_label(struct html *h, const char *class, double x, int y, enum svg_anchor anchor, const char *text);

/* An axis of numbers. */
struct svg_axis {
    double low, high;
};
/* Where v is on it, 0..1; what lies outside is at its end. */
double svg_at(const struct svg_axis *axis, double v);
bool svg_within(const struct svg_axis *axis, double v);
/* Round numbers along it, at most `most` (<= SVG_TICKS_MAX); how many. */
int svg_ticks(const struct svg_axis *axis, int most, double out[SVG_TICKS_MAX]);

/* Bars of a histogram as one path, n of them side by side, each 1 wide and up to `height` high: values are
 * shares of that, in whole units. */
void svg_steps(struct html *h, const char *class, const double *values, int n, int height);

#endif
