#include "common/ca/overview/overview.h"

#include "common/ca/issue/issuing_key.h"
#include "common/ca/issue/server_key.h"
#include "common/ca/overview/fleet_report.h"
#include "common/ca/revocation/ca_roots.h"
#include "common/ca/revocation/root_crl.h"
#include "common/ca/store/certificate_rows.h"
#include "common/ca/store/client_roots.h"
#include "common/ca/store/crl_state.h"
#include "common/ca/store/statement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t hour_s = 3600;
static const int64_t day_s = 86400;

void clear_overview(struct overview *overview)
{
	free(overview->layout);
	free(overview->store);
	clear_fleet(&overview->fleet);
	if (overview->own_activity)
		free_activity(&overview->activity);
	*overview = (struct overview){0};
}

/* --- the CA's own certificates --- */

static int read_ends(const struct manifest *manifest, const struct layout *layout,
		     const struct certificate *root, struct overview *overview, struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *issuing = NULL;
	CLEANUP(free_certificate) struct certificate *server = NULL;
	unsigned int newest;

	if (count_issuing_certificates(layout, &manifest->ca, &newest, fault) < 0 ||
	    read_issuing_certificate(layout, &manifest->ca, newest > 0 ? newest : FIRST_ISSUER,
				     &issuing, fault) < 0 ||
	    read_server_certificate(layout, &server, fault) < 0)
		return -1;
	(void)snprintf(overview->issuing_subject, sizeof(overview->issuing_subject), "%s",
		       certificate_subject(issuing));
	overview->server_expiry_s = server != NULL ? certificate_not_after(server) : 0;
	if (!equal_bytes(certificate_der(issuing), certificate_der(root)))
		overview->issuing_expiry_s = certificate_not_after(issuing);
	overview->root_expiry_s = certificate_not_after(root);
	warn_of_ends(&(struct ca_ends){.issuing = issuing,
				       .root = root,
				       .own_root = manifest->ca.root_layout == NULL,
				       .replacing = is_root_being_replaced(layout),
				       .validity_s = manifest->ca.certificate_validity_s},
		     overview->now_s, &overview->warnings);
	return 0;
}

/* A root_function. */
static int count_lacking(void *context, const char *client, enum root_acknowledgement pinned,
			 struct fault *fault)
{
	struct overview *overview = context;

	(void)client;
	(void)fault;
	overview->lacking += pinned == ROOT_LACKING ? 1 : 0;
	return 0;
}

/* How far the rotation of the root is, if one is under way. */
static int read_rotation(const struct layout *layout, struct store *store,
			 struct overview *overview, struct fault *fault)
{
	CLEANUP(clear_ca_roots) struct ca_roots roots = {0};
	uint8_t sha256[SHA256_LEN];

	if (read_ca_roots(layout, &roots, fault) < 0)
		return -1;
	if (roots.next == NULL)
		return 0;
	(void)snprintf(overview->next_root, sizeof(overview->next_root), "%s",
		       certificate_subject(roots.next));
	digest_sha256(certificate_der(roots.next), sha256);
	return list_client_roots(store, sha256, count_lacking, overview, fault);
}

static int read_crl_info(struct store *store, unsigned int issuer, struct crl_info *ret_info,
			 struct fault *fault)
{
	struct crl_state state;

	if (read_crl_state(store, issuer, &state, fault) < 0)
		return -1;
	*ret_info = (struct crl_info){.number = state.current_number,
				      .this_update_s = state.this_update_s,
				      .next_update_s = state.next_update_s};
	return 0;
}

/* Of the newest issuer, and of the root. Number 0: there is none yet. */
static int read_crls(const struct manifest *manifest, const struct layout *layout,
		     const struct certificate *root, struct store *store, struct overview *overview,
		     struct fault *fault)
{
	CLEANUP(free_crl) struct crl *crl = NULL;
	CLEANUP(clear_issuer_set) struct issuer_set issuers = {0};
	const struct issuer *issuer;
	unsigned int newest;

	if (read_newest_issuer(store, &newest, fault) < 0 ||
	    read_crl_info(store, newest, &overview->crl, fault) < 0)
		return -1;
	overview->root_crl_apart = manifest->ca.root_layout != NULL;
	if (overview->root_crl_apart) {
		if (read_root_crl(layout, root, &crl, fault) < 0)
			return -1;
		return crl != NULL ? describe_root_crl(crl, &overview->root_crl, fault) : 0;
	}
	if (load_issuers(layout, &manifest->ca, NULL, &issuers, fault) < 0)
		return -1;
	issuer = newest_root_issuer(&issuers);
	return read_crl_info(store, issuer != NULL ? issuer_number(issuer) : FIRST_ISSUER,
			     &overview->root_crl, fault);
}

/* --- certificates --- */

static int read_certificates(struct store *store, const struct layout *layout,
			     const struct manifest *manifest, struct overview *overview,
			     struct fault *fault)
{
	unsigned int newest;

	if (load_fleet(store, layout, manifest, overview->now_s, &overview->fleet, &overview->tally,
		       fault) < 0 ||
	    read_newest_issuer(store, &newest, fault) < 0)
		return -1;
	for (size_t week = 0; week < ENDING_SOON_WEEKS; week++)
		overview->ending_soon += overview->tally.ends[week];
	/* With one issuer alone, its figures are those of the record. */
	if (newest <= FIRST_ISSUER)
		return 0;
	if (describe_issuers(store, overview->issuers, &overview->issuer_count, fault) < 0)
		return -1;
	for (size_t i = 0; i < overview->issuer_count; i++) {
		struct issuer_summary *issuer = &overview->issuers[i];

		if (issuer->number > ISSUERS_MAX)
			continue;
		issuer->certificates = overview->tally.issuers[issuer->number].certificates;
		issuer->valid = overview->tally.issuers[issuer->number].valid;
	}
	return 0;
}

/* A front_end_function. */
static int add_front_end_row(void *context, const struct front_end *front_end, struct fault *fault)
{
	struct overview *overview = context;

	(void)fault;
	if (overview->front_end_count < OVERVIEW_FRONT_ENDS)
		overview->front_ends[overview->front_end_count++] = *front_end;
	return 0;
}

static int read_log(struct store *store, struct activity *given, struct overview *overview,
		    struct fault *fault)
{
	overview->activity = given;
	if (given == NULL) {
		if (new_activity(&overview->activity, fault) < 0)
			return -1;
		overview->own_activity = true;
	}
	if (read_activity(store, overview->now_s, overview->activity, fault) < 0)
		return -1;
	overview->hour = sum_activity(overview->activity, hour_s);
	overview->day = sum_activity(overview->activity, day_s);
	overview->month = sum_activity(overview->activity, ACTIVITY_DAYS * day_s);
	return 0;
}

int read_overview(struct store *store, const struct layout *layout, const struct manifest *manifest,
		  int64_t now_s, struct activity *activity, struct overview *ret_overview,
		  struct fault *fault)
{
	CLEANUP(clear_overview)
	struct overview overview = {.now_s = now_s, .shared = is_shared_store(store)};
	CLEANUP(free_certificate) struct certificate *root = NULL;

	overview.layout = strdup(layout->path);
	overview.store = strdup(store_name(store));
	if (overview.layout == NULL || overview.store == NULL)
		return set_memory_fault(fault);
	if (read_ca_root(layout, &root, fault) < 0 ||
	    read_certificates(store, layout, manifest, &overview, fault) < 0 ||
	    list_front_ends(store, add_front_end_row, &overview, fault) < 0 ||
	    read_log(store, activity, &overview, fault) < 0 ||
	    read_ends(manifest, layout, root, &overview, fault) < 0 ||
	    read_rotation(layout, store, &overview, fault) < 0 ||
	    read_crls(manifest, layout, root, store, &overview, fault) < 0)
		return -1;
	MOVE(ret_overview, overview);
	return 0;
}

/* --- lists --- */

static int list_rows(struct store *store, const char *sql, struct values values,
		     certificate_function *function, void *context, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	int ended = 0;
	bool row;

	if (begin_transaction(store, TRANSACTION_SCAN, &transaction, fault) < 0 ||
	    query_rows(&transaction, sql, values, &rows, fault) < 0 ||
	    next_row(&rows, &row, fault) < 0)
		return -1;
	while (row && ended == 0) {
		CLEANUP(clear_issued_certificate) struct issued_certificate certificate = {0};

		if (read_certificate_row(&rows, false, &certificate, fault) < 0)
			return -1;
		ended = function(context, &certificate, row_number(&rows, COLUMN_ID), fault);
		if (ended == 0 && next_row(&rows, &row, fault) < 0)
			return -1;
	}
	return ended < 0 ? -1 : 0;
}

int list_newest_certificates(struct store *store, const char *client, size_t limit,
			     certificate_function *function, void *context, struct fault *fault)
{
	static const char all_sql[] =
		"SELECT " CERTIFICATE_COLUMNS " FROM certificate ORDER BY id DESC LIMIT ?1";
	static const char client_sql[] = "SELECT " CERTIFICATE_COLUMNS " FROM certificate"
					 " WHERE client = ?2 ORDER BY id DESC LIMIT ?1";
	const struct value values[] = {number_value((int64_t)limit),
				       text_value(client != NULL ? client : "")};

	return client != NULL ? list_rows(store, client_sql, (struct values){values, 2}, function,
					  context, fault)
			      : list_rows(store, all_sql, (struct values){values, 1}, function,
					  context, fault);
}

int list_by_serial_prefix(struct store *store, struct bytes prefix, size_t limit,
			  certificate_function *function, void *context, struct fault *fault)
{
	static const char sql[] = "SELECT " CERTIFICATE_COLUMNS " FROM certificate"
				  " WHERE serial >= ?1 AND serial <= ?2 ORDER BY serial LIMIT ?3";
	uint8_t first[SERIAL_MAX] = {0};
	uint8_t last[SERIAL_MAX];

	memset(last, 0xff, sizeof(last));
	memcpy(first, prefix.data, prefix.len);
	memcpy(last, prefix.data, prefix.len);
	return list_rows(store, sql,
			 VALUES(octets_value(first, SERIAL_MAX), octets_value(last, SERIAL_MAX),
				number_value((int64_t)limit)),
			 function, context, fault);
}
