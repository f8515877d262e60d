#include "common/ca/html/chart.h"

#include <stdio.h>

/* In units of the view box. */
enum {
	BAR_STEP = 12,
	BAR_WIDTH = 9,
	PLOT_HEIGHT = 64,
	TOP = 14,
	AXIS_HEIGHT = 14,
	TICK_DROP = 11, /* of a tick's text below the axis */
	METER_WIDTH = 100
};

static size_t largest(const struct chart *chart)
{
	size_t most = 0;

	for (size_t i = 0; i < chart->count; i++)
		if (chart->bars[i].count > most)
			most = chart->bars[i].count;
	return most;
}

static int64_t scale(size_t count, size_t most)
{
	const int64_t smallest = 2;
	int64_t height = most > 0 ? (int64_t)((double)count * PLOT_HEIGHT / (double)most) : 0;

	return count > 0 && height < smallest ? smallest : height;
}

static void append_bar(struct html *html, const struct chart_bar *bar, int64_t x, size_t most)
{
	int64_t height = scale(bar->count, most);

	if (bar->urgent)
		MARKUP(html, "<g class=\"urgent\">");
	else
		MARKUP(html, "<g class=\"bar\">");
	MARKUP(html, "<title>");
	html_plain_text(html, bar->label);
	MARKUP(html, ": ");
	html_plain_number(html, (int64_t)bar->count);
	/* The whole column answers to the pointer, not the bar alone. */
	MARKUP(html, "</title><rect class=\"ground\"");
	NUMBER_ATTRIBUTE(html, "x", x);
	NUMBER_ATTRIBUTE(html, "y", TOP);
	NUMBER_ATTRIBUTE(html, "width", BAR_STEP);
	NUMBER_ATTRIBUTE(html, "height", PLOT_HEIGHT);
	MARKUP(html, "/>");
	if (height > 0) {
		MARKUP(html, "<rect rx=\"1\"");
		NUMBER_ATTRIBUTE(html, "x", x + (BAR_STEP - BAR_WIDTH) / 2);
		NUMBER_ATTRIBUTE(html, "y", TOP + PLOT_HEIGHT - height);
		NUMBER_ATTRIBUTE(html, "width", BAR_WIDTH);
		NUMBER_ATTRIBUTE(html, "height", height);
		MARKUP(html, "/>");
	}
	MARKUP(html, "</g>");
}

/* Below the middle of its bar; the last one ends where the axis does. */
static void append_tick(struct html *html, const struct chart_bar *bar, int64_t x, bool last)
{
	if (bar->tick[0] == '\0')
		return;
	if (last)
		MARKUP(html, "<text class=\"last\"");
	else
		MARKUP(html, "<text");
	NUMBER_ATTRIBUTE(html, "x", last ? x + BAR_STEP : x + BAR_STEP / 2);
	NUMBER_ATTRIBUTE(html, "y", TOP + PLOT_HEIGHT + TICK_DROP);
	MARKUP(html, ">");
	html_plain_text(html, bar->tick);
	MARKUP(html, "</text>");
}

static void append_table(struct html *html, const struct chart *chart)
{
	MARKUP(html, "<details><summary>The same as a table</summary><div class=\"scroll\"><table>"
		     "<caption class=\"hidden\">");
	html_plain_text(html, chart->title);
	MARKUP(html, "</caption><thead><tr><th scope=\"col\">");
	html_plain_text(html, chart->column);
	MARKUP(html, "</th><th scope=\"col\" class=\"n\">");
	html_plain_text(html, chart->unit);
	MARKUP(html, "</th></tr></thead><tbody>");
	for (size_t i = 0; i < chart->count; i++) {
		MARKUP(html, "<tr><th scope=\"row\">");
		html_plain_text(html, chart->bars[i].label);
		MARKUP(html, "</th><td class=\"n\">");
		html_number(html, (int64_t)chart->bars[i].count);
		MARKUP(html, "</td></tr>");
	}
	MARKUP(html, "</tbody></table></div></details>");
}

void html_bar_chart(struct html *html, const struct chart *chart)
{
	size_t most = largest(chart);
	int64_t width = (int64_t)chart->count * BAR_STEP;

	MARKUP(html, "<svg class=\"chart\" role=\"img\"");
	ATTRIBUTE(html, "aria-label", chart->title);
	append_format(&html->text, " viewBox=\"0 0 %lld %d\">", (long long)width,
		      TOP + PLOT_HEIGHT + AXIS_HEIGHT);
	MARKUP(html, "<text class=\"most\" x=\"0\" y=\"9\">");
	html_plain_number(html, (int64_t)most);
	MARKUP(html, "</text><path class=\"axis\"");
	append_format(&html->text, " d=\"M0 %d.5H%lldM0 %d.5H%lld\"/>", TOP - 1, (long long)width,
		      TOP + PLOT_HEIGHT, (long long)width);
	for (size_t i = 0; i < chart->count; i++) {
		append_bar(html, &chart->bars[i], (int64_t)i * BAR_STEP, most);
		append_tick(html, &chart->bars[i], (int64_t)i * BAR_STEP, i + 1 == chart->count);
	}
	MARKUP(html, "</svg>");
	append_table(html, chart);
}

void html_meter(struct html *html, size_t part, size_t whole)
{
	bool over = part > whole;
	int64_t width = whole > 0 && !over ? (int64_t)((double)part * METER_WIDTH / (double)whole)
					   : (over ? METER_WIDTH : 0);

	if (over)
		MARKUP(html, "<svg class=\"meter over\"");
	else
		MARKUP(html, "<svg class=\"meter\"");
	MARKUP(html, " aria-hidden=\"true\" viewBox=\"0 0 100 6\" preserveAspectRatio=\"none\">"
		     "<rect class=\"rail\" width=\"100\" height=\"6\"/><rect height=\"6\"");
	NUMBER_ATTRIBUTE(html, "width", part > 0 && width < 2 ? 2 : width);
	MARKUP(html, "/></svg>");
}
