#ifndef CERTPOOL_CA_SERVICE_METRICS_H
#define CERTPOOL_CA_SERVICE_METRICS_H

#include "common/ca/service/maintenance.h"
#include "common/ca/service/refusal_counts.h"

/* What GET /metrics tells, in the text format of Prometheus 0.0.4. */

#define CONTENT_METRICS "text/plain; version=0.0.4"

enum { METRIC_ROUTES_MAX = 24 };

struct metrics {
	const char *version; /* NULL: not told */
	int64_t now_s;
	struct maintenance_figures figures;
	size_t connections;
	struct route_statistics routes[METRIC_ROUTES_MAX];
	size_t route_count;
	struct refusal_count refusals[REFUSAL_TYPES_MAX];
	size_t refusal_count;
};

int format_metrics(const struct metrics *metrics, struct buffer *ret_text,
		   struct fault *fault) MUST_CHECK;

#endif
