/*
 * svg: see svg.h.
 *
 * Invariants: every number in a drawing is finite and written by svg_num; every text by html_text. Elements
 * carry a class and plain attributes only: a policy that forbids inline styles forbids nothing here.
 */
#include "tools/svg.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define COORD_MAX 1e9

char *svg_num(double v, char out[SVG_NUM_MAX])
{
    int64_t cents;
    size_t n;

    if (!(v > -COORD_MAX))
        v = -COORD_MAX;
    else if (v > COORD_MAX)
        v = COORD_MAX;
    cents = llround(v * 100);
    snprintf(out, SVG_NUM_MAX, "%s%" PRId64 ".%02d", cents < 0 ? "-" : "", (cents < 0 ? -cents : cents) / 100,
             (int)((cents < 0 ? -cents : cents) % 100));
    n = strlen(out);
    while (out[n - 1] == '0')
        n--;
    if (out[n - 1] == '.')
        n--;
    out[n] = '\0';
    return out;
}

/* A share of the width. */
static char *percent(double share, char out[SVG_NUM_MAX])
{
    svg_num(share * 100, out);
    if (strcmp(out, "0") != 0)
        memcpy(out + strlen(out), "%", 2);
    return out;
}

/* ---- frame ---- */

void svg_begin(struct html *h, const char *class, int height, const char *title, const char *desc)
{
    html_putf(h,
              "<svg class=\"%s\" role=\"img\" fill=\"#7d8b99\" stroke=\"#7d8b99\" font-size=\"11\" "
              "width=\"100%%\" height=\"%d\"><title>",
              class, height);
    html_text(h, title);
    html_put(h, "</title>");
    if (desc) {
        html_put(h, "<desc>");
        html_text(h, desc);
        html_put(h, "</desc>");
    }
    html_put(h, "\n");
}

void svg_end(struct html *h)
{
    html_put(h, "</svg>\n");
}

void svg_stretch_begin(struct html *h, int y, int height, double w, double units)
{
    char width[SVG_NUM_MAX], high[SVG_NUM_MAX];

    html_putf(h,
              "<svg y=\"%d\" width=\"100%%\" height=\"%d\" viewBox=\"0 0 %s %s\" "
              "preserveAspectRatio=\"none\">\n",
              y, height, svg_num(w, width), svg_num(units, high));
}

void svg_stretch_end(struct html *h)
{
    html_put(h, "</svg>\n");
}

/* ---- shapes ---- */

static void end_shape(struct html *h, const char *name, const char *tip)
{
    if (tip) {
        html_put(h, "><title>");
        html_text(h, tip);
        html_putf(h, "</title></%s>\n", name);
    } else {
        html_put(h, "/>\n");
    }
}

static void put_shape(struct html *h, const char *name, const char *class)
{
    html_putf(h, class ? "<%s class=\"%s\"" : "<%s", name, class);
}

void svg_cell(struct html *h, const char *class, double x, double y, double w, double height, const char *tip)
{
    char t[4][SVG_NUM_MAX];

    html_putf(h, "<rect class=\"%s\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\"", class, svg_num(x, t[0]),
              svg_num(y, t[1]), svg_num(w, t[2]), svg_num(height, t[3]));
    end_shape(h, "rect", tip);
}

void svg_bar(struct html *h, const char *class, double x0, double x1, int y, int height, const char *tip)
{
    char t[2][SVG_NUM_MAX];

    html_putf(h, "<rect class=\"%s\" x=\"%s\" y=\"%d\" width=\"%s\" height=\"%d\"", class, percent(x0, t[0]),
              y, percent(x1 - x0, t[1]), height);
    end_shape(h, "rect", tip);
}

void svg_line(struct html *h, const char *class, double x0, int y0, double x1, int y1)
{
    char t[2][SVG_NUM_MAX];

    put_shape(h, "line", class);
    html_putf(h, " x1=\"%s\" y1=\"%d\" x2=\"%s\" y2=\"%d\"/>\n", percent(x0, t[0]), y0, percent(x1, t[1]),
              y1);
}

void svg_dot(struct html *h, double x, int y, const char *tip)
{
    char t[SVG_NUM_MAX];

    html_putf(h, "<circle cx=\"%s\" cy=\"%d\" r=\"3\"", percent(x, t), y);
    end_shape(h, "circle", tip);
}

void svg_label(struct html *h, const char *class, double x, int y, enum svg_anchor anchor, const char *text)
{
    static const char *const anchors[] = {"", " text-anchor=\"middle\"", " text-anchor=\"end\"",
                                          " text-anchor=\"end\" dx=\"-7\""};
    char t[SVG_NUM_MAX];

    put_shape(h, "text", class);
    html_putf(h, " x=\"%s\" y=\"%d\"%s>", percent(x, t), y, anchors[anchor]);
    html_text(h, text);
    html_put(h, "</text>\n");
}

/* ---- axes ---- */

bool svg_within(const struct svg_axis *axis, double v)
{
    return v >= axis->low && v <= axis->high;
}

static double share(double v)
{
    return !(v > 0) ? 0 : v > 1 ? 1 : v;
}

double svg_at(const struct svg_axis *axis, double v)
{
    double width = axis->high - axis->low, at;

    /* Halves, where the width itself is no double. */
    if (isinf(width))
        at = (v / 2 - axis->low / 2) / (axis->high / 2 - axis->low / 2);
    else
        at = width > 0 ? (v - axis->low) / width : 0.5;
    return share(at);
}

int svg_ticks(const struct svg_axis *axis, int most, double out[SVG_TICKS_MAX])
{
    static const double nice[] = {1, 2, 2.5, 5, 10};
    double width = axis->high - axis->low, unit, step = 0, first;
    int n = 0;

    if (!(width > 0) || isinf(width) || most < 2) {
        out[0] = axis->low;
        return 1;
    }
    unit = pow(10, floor(log10(width / most)));
    for (size_t i = 0; i < sizeof nice / sizeof nice[0]; i++) {
        step = nice[i] * unit;
        if (floor(axis->high / step) - ceil(axis->low / step) + 1 <= most)
            break;
    }
    first = ceil(axis->low / step);
    for (int i = 0; i < most && (first + i) * step <= axis->high + width * 1e-9; i++)
        out[n++] = (first + i) * step;
    return n;
}

void svg_steps(struct html *h, const char *class, const double *values, int n, int height)
{
    html_putf(h, "<path class=\"%s\" d=\"M0 %d", class, height);
    for (int i = 0, next; i < n; i = next) {
        int y = (int)lround(height * (1 - share(values[i])));

        for (next = i + 1; next < n && (int)lround(height * (1 - share(values[next]))) == y; next++)
            ;
        html_putf(h, "V%dh%d", y, next - i);
    }
    html_putf(h, "V%dz\"/>\n", height);
}
