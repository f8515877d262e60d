#ifndef CERTPOOL_POOL_REVOCATION_CRL_PLACE_H
#define CERTPOOL_POOL_REVOCATION_CRL_PLACE_H

#include "common/base/bytes.h"
#include "common/base/url.h"

#include <sys/stat.h>

/*
 * Where a CRL is had from: a file, or an http URL, which is anything with "://" in it. Remembers
 * when it was last looked at. Zero-initialised is none.
 */
struct crl_place {
	char *name; /* as it was given */
	bool is_url;
	struct endpoint endpoint; /* of a URL */
	char path[URL_PATH_SIZE];
	bool looked;         /* fetch_crl was called */
	int64_t looked_at_s; /* then */
	bool known;          /* the file had a status then */
	struct stat status;
};

/* How often a URL is asked: while there is a current CRL, and while there is none. */
enum { CRL_ASKED_EVERY_S = 60, CRL_RETRIED_EVERY_S = 5 };

/* FAULT_USAGE for a URL that is none of ours. */
int open_crl_place(const char *name, struct crl_place *place, struct fault *fault) MUST_CHECK;
void close_crl_place(struct crl_place *place);

/* Whether there may be something new: the file is not the one that was read, or the URL was not
   asked for a while. */
bool crl_place_is_due(const struct crl_place *place, bool has_current, int64_t now_s);

/* What is there now, DER or PEM as it comes. */
int fetch_crl(struct crl_place *place, int64_t now_s, struct buffer *ret_content,
	      struct fault *fault) MUST_CHECK;

#endif
