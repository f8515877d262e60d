#include "common/ca/issue/ca_ends.h"

#include "common/base/clock.h"

#include <inttypes.h>
#include <stdio.h>

enum { DAY_S = 86400, HOUR_S = 3600, DURATION_SIZE = 32 };

/* "61 days", "1 day", "5 hours": whole ones, rounded down. */
static void format_duration(int64_t duration_s, char ret_text[static DURATION_SIZE])
{
	int64_t unit_s = duration_s >= DAY_S ? DAY_S : HOUR_S;
	int64_t count = duration_s / unit_s;

	(void)snprintf(ret_text, DURATION_SIZE, "%" PRId64 " %s%s", count,
		       unit_s == DAY_S ? "day" : "hour", count == 1 ? "" : "s");
}

static bool is_in_last_third(const struct certificate *certificate, int64_t now_s)
{
	int64_t end_s = certificate_not_after(certificate);

	return now_s >= end_s - (end_s - certificate_not_before(certificate)) / 3;
}

static char *next_text(struct ca_warnings *warnings)
{
	return warnings->texts[warnings->count++];
}

static void warn_of_end(const struct certificate *certificate, const char *what, const char *advice,
			int64_t now_s, struct ca_warnings *warnings)
{
	int64_t left_s = certificate_not_after(certificate) - now_s;
	char duration[DURATION_SIZE];

	if (!is_in_last_third(certificate, now_s))
		return;
	format_duration(left_s < 0 ? -left_s : left_s, duration);
	(void)snprintf(next_text(warnings), CA_WARNING_SIZE, "the %s %s %s%s: %s", what,
		       left_s < 0 ? "ended" : "ends in", duration, left_s < 0 ? " ago" : "",
		       advice);
}

static void warn_of_cut(const struct certificate *issuing, int64_t validity_s, int64_t now_s,
			struct ca_warnings *warnings)
{
	int64_t left_s = certificate_not_after(issuing) - now_s;
	char left[DURATION_SIZE];
	char full[DURATION_SIZE];

	if (left_s < 0 || left_s >= validity_s)
		return;
	format_duration(left_s, left);
	format_duration(validity_s, full);
	(void)snprintf(next_text(warnings), CA_WARNING_SIZE,
		       "new certificates of members are cut short by that: they last %s instead of "
		       "%s",
		       left, full);
}

void warn_of_ends(const struct ca_ends *ends, int64_t now_s, struct ca_warnings *ret_warnings)
{
	struct ca_warnings warnings = {0};
	const char *advice =
		ends->replacing ? "certpool rotate root --finish" : "certpool rotate root";

	if (!ends->own_root)
		warn_of_end(ends->issuing, "issuing certificate", "certpool rotate ca", now_s,
			    &warnings);
	warn_of_end(ends->root, "root", advice, now_s, &warnings);
	warn_of_cut(ends->issuing, ends->validity_s, now_s, &warnings);
	*ret_warnings = warnings;
}
