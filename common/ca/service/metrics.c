#include "common/ca/service/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void init_refusal_counts(struct refusal_counts *counts)
{
	*counts = (struct refusal_counts){0};
	pthread_mutex_init(&counts->lock, NULL);
}

void clear_refusal_counts(struct refusal_counts *counts)
{
	pthread_mutex_destroy(&counts->lock);
}

void count_refusal(struct refusal_counts *counts, const char *type)
{
	size_t i = 0;

	pthread_mutex_lock(&counts->lock);
	while (i < counts->row_count && strcmp(counts->rows[i].type, type) != 0)
		i++;
	if (i == counts->row_count && i < REFUSAL_TYPES_MAX)
		(void)snprintf(counts->rows[counts->row_count++].type, REFUSAL_TYPE_SIZE, "%s",
			       type);
	if (i < REFUSAL_TYPES_MAX)
		counts->rows[i].count++;
	pthread_mutex_unlock(&counts->lock);
}

size_t copy_refusal_counts(struct refusal_counts *counts,
			   struct refusal_count ret_rows[static REFUSAL_TYPES_MAX])
{
	size_t count;

	pthread_mutex_lock(&counts->lock);
	count = counts->row_count;
	memcpy(ret_rows, counts->rows, count * sizeof(*ret_rows));
	pthread_mutex_unlock(&counts->lock);
	return count;
}

static void describe(struct buffer *text, const char *name, const char *type, const char *help)
{
	append_format(text, "# HELP certpool_%s %s\n# TYPE certpool_%s %s\n", name, help, name,
		      type);
}

static void append_number(struct buffer *text, const char *name, const char *type, const char *help,
			  int64_t value)
{
	describe(text, name, type, help);
	append_format(text, "certpool_%s %" PRId64 "\n", name, value);
}

static void append_build(struct buffer *text, const char *version)
{
	if (version == NULL)
		return;
	describe(text, "build_info", "gauge", "Always 1; what is served, by its version.");
	append_format(text, "certpool_build_info{version=\"%s\"} 1\n", version);
}

static void append_ends(struct buffer *text, const struct metrics *metrics)
{
	const char *name = "ca_not_after_timestamp_seconds";

	describe(text, name, "gauge", "When the CA's certificates end.");
	append_format(text, "certpool_%s{certificate=\"issuing\"} %" PRId64 "\n", name,
		      metrics->issuing_end_s);
	append_format(text, "certpool_%s{certificate=\"root\"} %" PRId64 "\n", name,
		      metrics->root_end_s);
	if (metrics->server_end_s != 0)
		append_format(text, "certpool_%s{certificate=\"server\"} %" PRId64 "\n", name,
			      metrics->server_end_s);
}

static void append_handshakes(struct buffer *text, const struct metrics *metrics)
{
	const struct tls_counts *counts = &metrics->handshakes;

	if (metrics->server_end_s == 0)
		return;
	describe(text, "tls_handshakes_total", "counter",
		 "TLS handshakes: full, resumed by a ticket, failed.");
	append_format(text,
		      "certpool_tls_handshakes_total{result=\"full\"} %" PRIu64 "\n"
		      "certpool_tls_handshakes_total{result=\"resumed\"} %" PRIu64 "\n"
		      "certpool_tls_handshakes_total{result=\"failed\"} %" PRIu64 "\n",
		      counts->full, counts->resumed, counts->failed);
}

static void append_certificates(struct buffer *text, const struct maintenance_figures *figures)
{
	const struct store_summary *summary = &figures->summary;

	if (!figures->counted)
		return;
	describe(text, "certificates", "gauge", "Certificates in the record, by their status.");
	append_format(text, "certpool_certificates{status=\"valid\"} %zu\n", summary->valid);
	append_format(text, "certpool_certificates{status=\"expired\"} %zu\n", summary->expired);
	append_format(text, "certpool_certificates{status=\"revoked\"} %zu\n", summary->revoked);
	append_number(text, "certificates_issued_total", "counter",
		      "Certificates that came into the record, by whichever process.",
		      (int64_t)figures->issued);
	append_number(text, "revocations_total", "counter",
		      "Certificates that were revoked, by whichever process.",
		      (int64_t)figures->revoked);
}

enum issuer_figure {
	ISSUER_CERTIFICATES,
	ISSUER_VALID,
	ISSUER_CRL_NUMBER,
	ISSUER_END,
	ISSUER_SERVICE_END
};

static int64_t issuer_figure(const struct issuer_summary *issuer, enum issuer_figure figure)
{
	switch (figure) {
	case ISSUER_CERTIFICATES:
		return (int64_t)issuer->certificates;
	case ISSUER_VALID:
		return (int64_t)issuer->valid;
	case ISSUER_CRL_NUMBER:
		return (int64_t)issuer->crl_number;
	case ISSUER_END:
		return issuer->not_after_s;
	case ISSUER_SERVICE_END:
		return issuer->serves_until_s;
	}
	return 0;
}

static void append_issuers(struct buffer *text, const struct maintenance_figures *figures)
{
	static const struct {
		const char *name;
		enum issuer_figure figure;
		const char *help;
	} rows[] = {
		{"issuer_certificates", ISSUER_CERTIFICATES,
		 "Certificates in the record, by the issuer that issued them."},
		{"issuer_valid_certificates", ISSUER_VALID,
		 "Those of them that are neither expired nor revoked."},
		{"issuer_crl_number", ISSUER_CRL_NUMBER, "Number of the issuer's CRL; 0: none."},
		{"issuer_not_after_timestamp_seconds", ISSUER_END,
		 "When the issuer's certificate ends."},
		{"issuer_serves_until_timestamp_seconds", ISSUER_SERVICE_END,
		 "When the issuer's CRL and its OCSP answers end."},
	};

	for (size_t i = 0; figures->issuer_count > 0 && i < COUNT_OF(rows); i++) {
		describe(text, rows[i].name, "gauge", rows[i].help);
		for (size_t k = 0; k < figures->issuer_count; k++)
			append_format(text, "certpool_%s{issuer=\"%u\"} %" PRId64 "\n",
				      rows[i].name, figures->issuers[k].number,
				      issuer_figure(&figures->issuers[k], rows[i].figure));
	}
}

static void append_crl(struct buffer *text, const struct metrics *metrics)
{
	const struct crl_info *crl = &metrics->figures.crl;

	append_number(text, "crl_number", "gauge", "Number of the CRL; 0: there is none.",
		      (int64_t)crl->number);
	append_number(text, "crl_alarm", "gauge",
		      "1: a CRL was not published, for it would have undone a revocation.",
		      metrics->crl_alarm);
	if (crl->number == 0)
		return;
	append_number(text, "crl_age_seconds", "gauge", "Time since the CRL's thisUpdate.",
		      metrics->now_s - crl->this_update_s);
	append_number(text, "crl_next_update_timestamp_seconds", "gauge", "The CRL's nextUpdate.",
		      crl->next_update_s);
}

static void append_clock(struct buffer *text, const struct maintenance_figures *figures)
{
	append_number(text, "clock_jumps_total", "counter",
		      "Jumps of the clock against the monotonic one, by more than a minute.",
		      (int64_t)figures->clock_jumps);
	append_number(text, "crls_from_future_total", "counter",
		      "CRLs that were replaced because their thisUpdate was in the future.",
		      (int64_t)figures->future_crls);
}

static void append_root_crl(struct buffer *text, const struct crl_info *crl)
{
	append_number(text, "root_crl_number", "gauge",
		      "Number of the root's CRL; 0: there is none.", (int64_t)crl->number);
	if (crl->number > 0)
		append_number(text, "root_crl_next_update_timestamp_seconds", "gauge",
			      "The nextUpdate of the root's CRL.", crl->next_update_s);
}

static void append_refusals(struct buffer *text, const struct metrics *metrics)
{
	describe(text, "refusals_total", "counter",
		 "Requests, or members of them, refused, by the type of the refusal.");
	for (size_t i = 0; i < metrics->refusal_count; i++)
		append_format(text, "certpool_refusals_total{type=\"%s\"} %" PRIu64 "\n",
			      metrics->refusals[i].type, metrics->refusals[i].count);
}

/* Requests for paths that the CA does not have are counted together. */
static const char *route_path(const struct route_statistics *row)
{
	return row->route != NULL ? row->route->path : "other";
}

static const char *route_method(const struct route_statistics *row)
{
	return row->route != NULL ? row->route->method : "";
}

static void append_answers(struct buffer *text, const struct metrics *metrics)
{
	describe(text, "http_requests_total", "counter",
		 "Requests answered, by path and class of status (0: lost before the answer).");
	for (size_t i = 0; i < metrics->route_count; i++)
		for (unsigned int class = 0; class < STATUS_CLASSES; class ++)
			if (metrics->routes[i].answers[class] > 0)
				append_format(text,
					      "certpool_http_requests_total{method=\"%s\","
					      "path=\"%s\",class=\"%ux\"} %" PRIu64 "\n",
					      route_method(&metrics->routes[i]),
					      route_path(&metrics->routes[i]), class,
					      metrics->routes[i].answers[class]);
}

static void append_latency(struct buffer *text, const struct route_statistics *row)
{
	static const char name[] = "certpool_http_request_duration_seconds";
	const char *method = route_method(row);
	const char *path = route_path(row);

	for (size_t i = 0; i < LATENCY_BOUNDS; i++)
		append_format(text, "%s_bucket{method=\"%s\",path=\"%s\",le=\"%g\"} %" PRIu64 "\n",
			      name, method, path, (double)latency_bounds_us[i] / 1e6,
			      row->within[i]);
	append_format(text, "%s_bucket{method=\"%s\",path=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", name,
		      method, path, row->count);
	append_format(text, "%s_sum{method=\"%s\",path=\"%s\"} %.6f\n", name, method, path,
		      (double)row->total_us / 1e6);
	append_format(text, "%s_count{method=\"%s\",path=\"%s\"} %" PRIu64 "\n", name, method, path,
		      row->count);
}

static void append_latencies(struct buffer *text, const struct metrics *metrics)
{
	describe(text, "http_request_duration_seconds", "histogram",
		 "Time from a request's first line to its answer.");
	for (size_t i = 0; i < metrics->route_count; i++)
		if (metrics->routes[i].count > 0)
			append_latency(text, &metrics->routes[i]);
}

static void append_connections(struct buffer *text, const struct connection_counts *counts)
{
	append_number(text, "open_connections", "gauge", "Connections that are open.",
		      (int64_t)counts->open);
	append_number(text, "connections_turned_away_total", "counter",
		      "Connections refused, as their address had too many.",
		      (int64_t)counts->turned_away);
	append_number(text, "connections_replaced_total", "counter",
		      "Connections ended, to give another one their place.",
		      (int64_t)counts->replaced);
}

int format_metrics(const struct metrics *metrics, struct buffer *ret_text, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};

	append_build(&text, metrics->version);
	append_ends(&text, metrics);
	append_certificates(&text, &metrics->figures);
	append_issuers(&text, &metrics->figures);
	append_crl(&text, metrics);
	append_clock(&text, &metrics->figures);
	append_root_crl(&text, &metrics->figures.root_crl);
	append_refusals(&text, metrics);
	append_connections(&text, &metrics->connections);
	append_handshakes(&text, metrics);
	append_answers(&text, metrics);
	append_latencies(&text, metrics);
	if (check_buffer(&text, fault) < 0)
		return -1;
	*ret_text = take_buffer(&text);
	return 0;
}
