#include "common/ca/html/chart.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <string.h>

static struct html html;

static void tear_down(void)
{
	clear_html(&html);
}

TestSuite(chart, .fini = tear_down);

static const char *written(void)
{
	OK(check_buffer(&html.text, &fault));
	return (const char *)html.text.data;
}

/* What is small beside the rest can still be seen, and nothing is not drawn. */
Test(chart, draws_a_bar_for_each_count)
{
	const struct chart_bar bars[] = {
		{"a", "", 1000000, true}, {"b", "t", 1, false}, {"<c>", "u", 0, false}};
	const struct chart chart = {"Title \"x\"", "Week", "Count", bars, COUNT_OF(bars)};

	html_bar_chart(&html, &chart);
	cr_expect_not_null(strstr(written(), "aria-label=\"Title &quot;x&quot;\""));
	cr_expect_not_null(
		strstr(written(), "<g class=\"urgent\"><title>a: 1&#8239;000&#8239;000</title>"));
	cr_expect_not_null(strstr(written(), "y=\"14\" width=\"9\" height=\"64\"/>"));
	cr_expect_not_null(strstr(written(), "y=\"76\" width=\"9\" height=\"2\"/>"));
	cr_expect_not_null(strstr(written(), "&lt;c&gt;: 0</title>"));
	cr_expect_null(strstr(written(), "height=\"0\""));
	cr_expect_not_null(strstr(written(), "<th scope=\"row\">b</th><td class=\"n\"><data"));
	cr_expect_not_null(strstr(written(), "viewBox=\"0 0 36 92\""));
	cr_expect_not_null(strstr(written(), "y=\"9\">1&#8239;000&#8239;000</text>"));
	/* A tick is below the middle of its column, and the last one within the chart. */
	cr_expect_not_null(strstr(written(), "<text x=\"18\" y=\"89\">t</text>"));
	cr_expect_not_null(strstr(written(), "<text class=\"last\" x=\"36\" y=\"89\">u</text>"));
}

/* Nothing has happened yet: no height is divided by 0. */
Test(chart, draws_axes_alone_where_nothing_is_counted)
{
	const struct chart_bar bars[] = {{"a", "", 0, false}, {"b", "", 0, false}};
	const struct chart chart = {"Title", "Week", "Count", bars, COUNT_OF(bars)};

	html_bar_chart(&html, &chart);
	cr_expect_null(strstr(written(), "rx=\"1\""));
	cr_expect_not_null(strstr(written(), "y=\"9\">0</text>"));
	cr_expect_not_null(strstr(written(), "<g class=\"bar\"><title>b: 0</title>"));
}

Test(chart, fills_a_meter_by_its_share)
{
	html_meter(&html, 63, 100);
	cr_expect_not_null(strstr(written(), "<svg class=\"meter\""));
	cr_expect_not_null(strstr(written(), "width=\"63\""));
	clear_html(&html);
	html_meter(&html, 101, 100);
	cr_expect_not_null(strstr(written(), "<svg class=\"meter over\""));
	clear_html(&html);
	html_meter(&html, 0, 0);
	cr_expect_not_null(strstr(written(), "width=\"0\""));
	clear_html(&html);
	html_meter(&html, 1, 1000000);
	cr_expect_not_null(strstr(written(), "width=\"2\""), "one of a million can be seen");
}
