#include "common/ca/revocation/recorded_crl.h"

#include "common/base/staging.h"
#include "common/ca/store/statement.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* The number of the CRL that the copy is of, in state/. */
#define COPY_FILE "copy.crl"
enum { NUMBER_TEXT_SIZE = 24 };

static int write_copy(const struct ca_crl_options *options, struct bytes der, struct fault *fault)
{
	char name[FILE_NAME_SIZE];

	name_crl(options->number, name);
	if (write_file(options->layout->cert, name, STAGE_REPLACE, 0644, der, fault) < 0)
		return prefix_fault(fault, "%s/cert", options->layout->path);
	return 0;
}

/* 0: there is no copy. */
static int read_copied_number(const struct ca_crl_options *options, uint64_t *ret_number,
			      struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	struct fault problem = {0};
	char name[FILE_NAME_SIZE];
	bool found;

	*ret_number = 0;
	name_crl(options->number, name);
	if (find_file(options->layout->cert, name, &found, fault) < 0)
		return prefix_fault(fault, "%s/cert", options->layout->path);
	if (!found)
		return 0;
	name_issuer_file(COPY_FILE, options->number, name);
	if (read_file(options->layout->state, name, NUMBER_TEXT_SIZE, &text, &problem) == 0)
		*ret_number = strtoull((const char *)text.data, NULL, 10);
	else if (problem.class != FAULT_NOT_FOUND)
		return pass_fault(&problem, fault);
	return 0;
}

static int write_copied_number(const struct ca_crl_options *options, uint64_t number,
			       struct fault *fault)
{
	char name[FILE_NAME_SIZE];
	char text[NUMBER_TEXT_SIZE];

	name_issuer_file(COPY_FILE, options->number, name);
	(void)snprintf(text, sizeof(text), "%" PRIu64 "\n", number);
	if (write_file(options->layout->state, name, STAGE_REPLACE, 0600, bytes_of_string(text),
		       fault) < 0)
		return prefix_fault(fault, "%s/state", options->layout->path);
	return 0;
}

static int read_recorded(const struct ca_crl_options *options, struct buffer *ret_der,
			 uint64_t *ret_number, struct fault *fault)
{
	static const char sql[] = "SELECT crl_der, crl_standing FROM issuer WHERE id = ?1";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};
	uint64_t number;

	if (begin_transaction(options->store, TRANSACTION_READ, &transaction, fault) < 0 ||
	    query_row(&transaction, sql, VALUES(number_value(options->number)), &rows, NULL,
		      fault) < 0)
		return -1;
	if (!row_is_null(&rows, 0))
		append_bytes(&der, row_bytes(&rows, 0));
	number = (uint64_t)row_number(&rows, 1);
	if (check_row(&rows, fault) < 0 || check_buffer(&der, fault) < 0)
		return -1;
	*ret_der = take_buffer(&der);
	*ret_number = number;
	return 0;
}

int take_recorded_crl(const struct ca_crl_options *options, const struct crl_state *state,
		      struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	uint64_t copied;
	uint64_t number;

	if (!is_shared_store(options->store) || state->current_number == 0)
		return 0;
	if (read_copied_number(options, &copied, fault) < 0)
		return -1;
	if (copied == state->current_number)
		return 0;
	/* In the other order, a process that is killed in between would take an old copy for the
	   new one. */
	if (read_recorded(options, &der, &number, fault) < 0 ||
	    (der.len > 0 && write_copy(options, bytes_of_buffer(&der), fault) < 0))
		return -1;
	return der.len > 0 ? write_copied_number(options, number, fault) : 0;
}

int begin_publisher(struct publisher *publisher, bool *ret_mine, struct fault *fault)
{
	struct store *store = publisher->options->store;
	struct lease lease;

	*ret_mine = true;
	if (!is_shared_store(store))
		return 0;
	if (take_lease(store, CRL_LEASE, CRL_LEASE_S, &lease, ret_mine, fault) < 0)
		return -1;
	if (*ret_mine)
		publisher->lease = lease;
	return 0;
}

void drop_publisher(struct publisher *publisher)
{
	if (publisher->lease.name != NULL)
		drop_lease(publisher->options->store, &publisher->lease);
	publisher->lease = (struct lease){0};
}

static int write_recorded(struct transaction *transaction, unsigned int issuer, struct bytes der,
			  struct fault *fault)
{
	static const char sql[] = "UPDATE issuer SET crl_der = ?2 WHERE id = ?1";

	return run_statement(transaction, sql,
			     VALUES(number_value(issuer), octets_value(der.data, der.len)), NULL,
			     fault);
}

int install_crl(struct publisher *publisher, const struct crl_state *state, struct bytes der,
		const char *detail, int64_t now_s, struct fault *fault)
{
	const struct ca_crl_options *options = publisher->options;
	CLEANUP(end_transaction) struct transaction transaction = {0};
	bool shared = publisher->lease.name != NULL;

	if (!shared && write_copy(options, der, fault) < 0)
		return -1;
	if (begin_transaction(options->store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    (shared && (spend_lease(&transaction, &publisher->lease, fault) < 0 ||
			write_recorded(&transaction, options->number, der, fault) < 0)) ||
	    record_crl(&transaction, state, detail, now_s, fault) < 0 ||
	    commit_transaction(&transaction, fault) < 0)
		return -1;
	publisher->lease = (struct lease){0};
	return take_recorded_crl(options, state, fault);
}
