#ifndef CERTPOOL_CA_STORE_CLIENT_ROWS_H
#define CERTPOOL_CA_STORE_CLIENT_ROWS_H

#include "common/ca/store/clients.h"
#include "common/ca/store/statement.h"

/* Rows of the table client, inside a transaction, for store/. */

/* The columns that read_client_row reads, which are the first of a query. */
#define CLIENT_COLUMNS                                                                             \
	"name, subject, alt_names, keys, validity, certificates, requests_per_minute, by_hand,"    \
	" disabled, revoked_at, reason, origin, pool_size, removed_at, invited_at,"                \
	" invitation_ends, joined_at, seen_at, invitation_kid, usages, added_at"

enum { CLIENT_COLUMN_COUNT = 21 };

int read_client_row(struct rows *rows, struct client *ret_client, struct fault *fault) MUST_CHECK;

/* 0 for NULL. */
int64_t row_time(struct rows *rows, int column);

/* FAULT_NOT_FOUND. Returns -1. */
int refuse_unknown_client(const char *name, struct fault *fault);

/* Also a client that was removed: its `removed` is set. */
int find_client_row(struct transaction *transaction, const char *name, struct client *ret_client,
		    bool *ret_found, struct fault *fault) MUST_CHECK;

/* Adds or changes the row, with its event. An existing one keeps origin, disabled, revoked and all
   times. */
int write_client_row(struct transaction *transaction, const struct client *client, bool exists,
		     int64_t now_s, struct fault *fault) MUST_CHECK;

/* Deletes the row that a removed client left, so that the name begins anew. */
int forget_removed(struct transaction *transaction, const char *name,
		   struct fault *fault) MUST_CHECK;

/* The event of a change of a client. detail NULL: there is none. */
int append_client_change(struct transaction *transaction, const char *name, const char *what,
			 const char *detail, int64_t now_s, struct fault *fault) MUST_CHECK;

#endif
