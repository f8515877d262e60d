#include "common/ca/service/metrics.h"

#include "common/net/server.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

static const struct http_route route = {.method = "GET", .path = "/crl"};

static void expect_metric(const struct buffer *text, const char *line)
{
	cr_expect_not_null(strstr((const char *)text->data, line), "%s in:\n%s", line, text->data);
}

Test(metrics, print_every_figure)
{
	struct metrics metrics = {
		.version = "1.2.3",
		.now_s = 1100,
		.figures = {.counted = true,
			    .summary = {.certificates = 6, .valid = 3, .expired = 2, .revoked = 1},
			    .issuers = {{1, 5000, 4000, 6, 4, 2}, {2, 8000, 8000, 7, 2, 1}},
			    .issuer_count = 2,
			    .issued = 11,
			    .revoked = 12,
			    .crl = {.number = 7, .this_update_s = 1000, .next_update_s = 2000},
			    .clock_jumps = 13,
			    .future_crls = 14,
			    .root_crl = {.number = 3, .next_update_s = 9000}},
		.crl_alarm = true,
		.connections = {.open = 4, .turned_away = 15, .replaced = 16},
		.routes = {{.route = &route,
			    .answers = {[2] = 8, [5] = 1},
			    .within = {[LATENCY_BOUNDS - 1] = 9},
			    .count = 9,
			    .total_us = 1500000},
			   {.answers = {[4] = 2}, .count = 2}},
		.route_count = 2,
		.refusals = {{"quota", 5}},
		.refusal_count = 1,
	};
	CLEANUP(clear_buffer) struct buffer text = {0};

	OK(format_metrics(&metrics, &text, &fault));
	expect_metric(&text, "\ncertpool_build_info{version=\"1.2.3\"} 1\n");
	expect_metric(&text, "\ncertpool_certificates{status=\"valid\"} 3\n");
	expect_metric(&text, "\ncertpool_certificates{status=\"expired\"} 2\n");
	expect_metric(&text, "\ncertpool_certificates{status=\"revoked\"} 1\n");
	expect_metric(&text, "\ncertpool_certificates_issued_total 11\n");
	expect_metric(&text, "\ncertpool_revocations_total 12\n");
	expect_metric(&text, "\ncertpool_issuer_certificates{issuer=\"1\"} 4\n");
	expect_metric(&text, "\ncertpool_issuer_valid_certificates{issuer=\"2\"} 1\n");
	expect_metric(&text, "\ncertpool_issuer_crl_number{issuer=\"1\"} 6\n");
	expect_metric(&text, "\ncertpool_issuer_not_after_timestamp_seconds{issuer=\"2\"} 8000\n");
	expect_metric(&text,
		      "\ncertpool_issuer_serves_until_timestamp_seconds{issuer=\"1\"} 4000\n");
	expect_metric(&text, "\ncertpool_crl_number 7\n");
	expect_metric(&text, "\ncertpool_crl_age_seconds 100\n");
	expect_metric(&text, "\ncertpool_crl_next_update_timestamp_seconds 2000\n");
	expect_metric(&text, "\ncertpool_crl_alarm 1\n");
	expect_metric(&text, "\ncertpool_clock_jumps_total 13\n");
	expect_metric(&text, "\ncertpool_crls_from_future_total 14\n");
	expect_metric(&text, "\ncertpool_root_crl_number 3\n");
	expect_metric(&text, "\ncertpool_root_crl_next_update_timestamp_seconds 9000\n");
	expect_metric(&text, "\ncertpool_refusals_total{type=\"quota\"} 5\n");
	expect_metric(&text, "\ncertpool_open_connections 4\n");
	expect_metric(&text, "\ncertpool_connections_turned_away_total 15\n");
	expect_metric(&text, "\ncertpool_connections_replaced_total 16\n");
	expect_metric(&text, "\ncertpool_http_requests_total{method=\"GET\",path=\"/crl\","
			     "class=\"5x\"} 1\n");
	expect_metric(&text, "\ncertpool_http_requests_total{method=\"\",path=\"other\","
			     "class=\"4x\"} 2\n");
	expect_metric(&text, "_bucket{method=\"GET\",path=\"/crl\",le=\"0.0005\"} 0\n");
	expect_metric(&text, "_bucket{method=\"GET\",path=\"/crl\",le=\"10\"} 9\n");
	expect_metric(&text, "_bucket{method=\"GET\",path=\"/crl\",le=\"+Inf\"} 9\n");
	expect_metric(&text, "_sum{method=\"GET\",path=\"/crl\"} 1.500000\n");
	expect_metric(&text, "_count{method=\"GET\",path=\"/crl\"} 9\n");
}

Test(metrics, leave_out_figures_that_are_not_known_yet)
{
	static const char *const names[] = {"certpool_build_info", "certpool_certificates",
					    "certpool_crl_age_seconds"};
	struct metrics metrics = {.now_s = 1100};
	CLEANUP(clear_buffer) struct buffer text = {0};

	OK(format_metrics(&metrics, &text, &fault));
	expect_metric(&text, "\ncertpool_crl_number 0\n");
	for (size_t i = 0; i < COUNT_OF(names); i++)
		cr_expect_null(strstr((const char *)text.data, names[i]), "%s", text.data);
}

/* The grammar of the text format: comments, and samples each with its labels and a number. */
Test(metrics, are_lines_that_a_monitor_can_read)
{
	static const char pattern[] =
		"^(# (HELP|TYPE) certpool_[a-z_]+ .+|"
		"certpool_[a-z_]+(\\{[a-z]+=\"[^\"]*\"(,[a-z]+=\"[^\"]*\")*\\})? [0-9.]+)$";
	struct metrics metrics = {.version = "1.2.3",
				  .figures = {.counted = true, .crl = {.number = 1}},
				  .routes = {{.route = &route, .answers = {[2] = 1}, .count = 1}},
				  .route_count = 1};
	CLEANUP(clear_buffer) struct buffer text = {0};
	regex_t line;
	char *rest;

	cr_assert_eq(regcomp(&line, pattern, REG_EXTENDED | REG_NOSUB), 0);
	OK(format_metrics(&metrics, &text, &fault));
	rest = (char *)text.data;
	cr_expect_eq(rest[text.len - 1], '\n');
	for (char *each = strsep(&rest, "\n"); each != NULL && rest != NULL;
	     each = strsep(&rest, "\n"))
		cr_expect_eq(regexec(&line, each, 0, NULL, 0), 0, "%s", each);
	regfree(&line);
}

Test(metrics, count_each_type_of_refusal_for_itself)
{
	struct refusal_counts counts;
	struct refusal_count rows[REFUSAL_TYPES_MAX];

	init_refusal_counts(&counts);
	count_refusal(&counts, "quota");
	count_refusal(&counts, "policy");
	count_refusal(&counts, "quota");
	cr_assert_eq(copy_refusal_counts(&counts, rows), 2);
	cr_expect_str_eq(rows[0].type, "quota");
	cr_expect_eq(rows[0].count, 2);
	cr_expect_str_eq(rows[1].type, "policy");
	cr_expect_eq(rows[1].count, 1);
	clear_refusal_counts(&counts);
}

Test(metrics, count_a_bounded_number_of_refusal_types)
{
	struct refusal_counts counts;
	struct refusal_count rows[REFUSAL_TYPES_MAX];
	char type[REFUSAL_TYPE_SIZE];

	init_refusal_counts(&counts);
	for (int i = 0; i < REFUSAL_TYPES_MAX + 5; i++) {
		(void)snprintf(type, sizeof(type), "type%d", i);
		count_refusal(&counts, type);
	}
	cr_expect_eq(copy_refusal_counts(&counts, rows), REFUSAL_TYPES_MAX);
	clear_refusal_counts(&counts);
}
