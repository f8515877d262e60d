#ifndef CERTPOOL_CA_SERVICE_METRICS_H
#define CERTPOOL_CA_SERVICE_METRICS_H

#include "common/ca/service/maintenance.h"
#include "common/net/server.h"

#include <pthread.h>

/* GET /metrics, in the text format of Prometheus, version 0.0.4. */

#define CONTENT_METRICS "text/plain; version=0.0.4"

enum { METRIC_ROUTES_MAX = 48, REFUSAL_TYPES_MAX = 48, REFUSAL_TYPE_SIZE = 32 };

struct refusal_count {
	char type[REFUSAL_TYPE_SIZE];
	uint64_t count;
};

/*
 * Counts the refused requests and members of requests by the type of the refusal
 * (common/wire/claims.h). Types beyond REFUSAL_TYPES_MAX are not counted. Safe for several threads.
 */
struct refusal_counts {
	pthread_mutex_t lock;
	struct refusal_count rows[REFUSAL_TYPES_MAX];
	size_t row_count;
};

void init_refusal_counts(struct refusal_counts *counts);
void clear_refusal_counts(struct refusal_counts *counts);
void count_refusal(struct refusal_counts *counts, const char *type);

/* Returns the number of rows. */
size_t copy_refusal_counts(struct refusal_counts *counts,
			   struct refusal_count ret_rows[static REFUSAL_TYPES_MAX]);

struct metrics {
	const char *version; /* of the program; NULL: left out */
	int64_t now_s;
	int64_t issuing_end_s; /* notAfter of the issuing certificate, and of the root */
	int64_t root_end_s;
	struct maintenance_figures figures;
	bool crl_alarm;       /* is_crl_alarmed */
	int64_t server_end_s; /* notAfter of the TLS server's certificate; 0: there is none */
	struct tls_counts handshakes;
	struct connection_counts connections;
	struct route_statistics routes[METRIC_ROUTES_MAX];
	size_t route_count;
	struct refusal_count refusals[REFUSAL_TYPES_MAX];
	size_t refusal_count;
};

/* Figures that are not known yet are left out. */
int format_metrics(const struct metrics *metrics, struct buffer *ret_text,
		   struct fault *fault) MUST_CHECK;

#endif
