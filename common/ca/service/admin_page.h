#ifndef CERTPOOL_CA_SERVICE_ADMIN_PAGE_H
#define CERTPOOL_CA_SERVICE_ADMIN_PAGE_H

#include "common/base/endpoint.h"
#include "common/ca/issue/authority.h"
#include "common/net/server.h"

/*
 * The page of a serving CA for its operator, at an address of its own (ca.admin in the manifest):
 *
 *   GET /TOKEN/                       the overview; with ?q=TEXT what a search finds
 *   GET /TOKEN/client/NAME            a client
 *   GET /TOKEN/certificate/SERIAL     a certificate
 *
 * It has an HTTP server of its own, so that its work takes no thread of those who enroll, and only
 * reads. A request without the token, which is compared in constant time, gets the same 404 as one
 * for a path that there is not; one whose Host is not the listener's gets 421. The log has the
 * paths without the token.
 *
 * The overview is kept and served again for a while, so that looking costs at most 1/20 of the
 * time, however large the record is; one that takes long to make is made by a thread, and a visitor
 * gets the last.
 */
struct admin_page;

struct admin_settings {
	struct endpoint listen; /* with a port */
	const char *token;
	const struct layout *layout;
	const struct manifest *manifest;
	struct store *store;
	/* Fills the problems that the CA has now; NULL: it has none. */
	void (*check)(void *context, int64_t now_s, struct health *ret_health);
	void *check_context;
	http_log *log; /* may be NULL */
	void *log_context;
};

/* The settings are copied; what they point to outlives the page. */
int start_admin_page(const struct admin_settings *settings, struct admin_page **ret_page,
		     struct fault *fault) MUST_CHECK;

void stop_admin_page(struct admin_page **page);

#endif
