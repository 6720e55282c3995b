/* svg: coordinates are finite and short, ticks are round, texts are escaped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "tools/svg.h"

static struct buf out;
static struct err err;
static struct html h = {&out, &err};

static int setup(void **state)
{
    (void)state;
    buf_release(&out);
    buf_init(&out, 1 << 20);
    err = ERR_INIT;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_release(&out);
    return err.code == ERR_OK ? 0 : -1;
}

static void coordinates(void **state)
{
    char text[SVG_NUM_MAX];
    (void)state;
    assert_string_equal(svg_num(0, text), "0");
    assert_string_equal(svg_num(12.5, text), "12.5");
    assert_string_equal(svg_num(-0.126, text), "-0.13");
    assert_string_equal(svg_num(-0.001, text), "0");
    assert_string_equal(svg_num(100, text), "100");
    assert_string_equal(svg_num(NAN, text), "-1000000000");
    assert_string_equal(svg_num(INFINITY, text), "1000000000");
}

static void places_on_an_axis(void **state)
{
    struct svg_axis axis = {-10, 30}, wide = {-DBL_MAX, DBL_MAX}, point = {5, 5};
    (void)state;
    assert_true(svg_at(&axis, 0) == 0.25);
    assert_true(svg_at(&axis, -11) == 0);
    assert_true(svg_at(&axis, INFINITY) == 1);
    assert_true(svg_at(&axis, NAN) == 0);
    assert_true(svg_at(&wide, 0) == 0.5);
    assert_true(svg_at(&point, 5) == 0.5);
    assert_true(svg_within(&axis, 30));
    assert_false(svg_within(&axis, 30.1));
    assert_false(svg_within(&axis, NAN));
}

static void ticks_are_round(void **state)
{
    double t[SVG_TICKS_MAX];
    (void)state;
    assert_int_equal(svg_ticks(&(struct svg_axis){0, 100}, 6, t), 6);
    assert_true(t[0] == 0 && t[1] == 20 && t[5] == 100);
    assert_int_equal(svg_ticks(&(struct svg_axis){-0.3, 0.31}, 4, t), 3);
    assert_true(fabs(t[0] + 0.2) < 1e-12 && t[1] == 0 && fabs(t[2] - 0.2) < 1e-12);
    assert_int_equal(svg_ticks(&(struct svg_axis){-30, -5}, 6, t), 6); /* -30 -25 ... -5 */
    assert_true(t[0] == -30 && t[5] == -5);
    assert_int_equal(svg_ticks(&(struct svg_axis){7, 7}, 4, t), 1);
    assert_int_equal(svg_ticks(&(struct svg_axis){-DBL_MAX, DBL_MAX}, 4, t), 1);
    for (double width = 1e-300; width < 1e300; width *= 7.3) {
        int n = svg_ticks(&(struct svg_axis){width, 2.7 * width}, 5, t);

        assert_in_range(n, 1, 5);
        for (int i = 0; i < n; i++)
            assert_true(t[i] >= width * 0.999999 && t[i] <= 2.7 * width * 1.000001);
    }
}

static void a_drawing(void **state)
{
    (void)state;
    svg_begin(&h, "plot", 20, "a<b", "c&d");
    svg_bar(&h, "bar", 0.25, 0.75, 2, 10, "\"tip\"");
    svg_label(&h, NULL, 1, 9, SVG_END, "<>");
    svg_steps(&h, "bar", (const double[]){0.5, 0.51, 2, -1}, 4, 10);
    svg_end(&h);
    assert_string_equal(buf_str(&out), "<svg class=\"plot\" role=\"img\" fill=\"#7d8b99\" stroke=\"#7d8b99\" "
                                       "font-size=\"11\" width=\"100%\" "
                                       "height=\"20\"><title>a&#60;b</title>"
                                       "<desc>c&#38;d</desc>\n"
                                       "<rect class=\"bar\" x=\"25%\" y=\"2\" width=\"50%\" "
                                       "height=\"10\"><title>&#34;tip&#34;</title></rect>\n"
                                       "<text x=\"100%\" y=\"9\" text-anchor=\"end\">&#60;&#62;</text>\n"
                                       "<path class=\"bar\" d=\"M0 10V5h2V0h1V10h1V10z\"/>\n"
                                       "</svg>\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(coordinates, setup, teardown),
        cmocka_unit_test_setup_teardown(places_on_an_axis, setup, teardown),
        cmocka_unit_test_setup_teardown(ticks_are_round, setup, teardown),
        cmocka_unit_test_setup_teardown(a_drawing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
