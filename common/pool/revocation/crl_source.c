#include "common/pool/revocation/crl_source.h"

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/url.h"
#include "common/net/client.h"
#include "common/x509/certificate_fields.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CONNECT_TIMEOUT_MS = 3000, TIMEOUT_MS = 30000, HTTP_OK = 200 };

/* RFC 2585 section 4.2. Only for messages: other types are accepted, as parse_crl checks the CRL.
 */
static const char content_type[] = "application/pkix-crl";

/* A file or an http URL, and when it was last read. */
struct crl_location {
	char *name; /* as the user gave it */
	bool is_url;
	struct endpoint endpoint; /* of a URL */
	char path[URL_PATH_SIZE]; /* of a URL */
	bool fetched;             /* fetch_crl was called, with or without success */
	int64_t fetched_at_s;
	bool has_state; /* stat succeeded on the file then */
	struct stat state;
};

struct crl_source {
	pthread_mutex_t lock;
	struct crl_location location;
	struct crl *crl;          /* the cached CRL, signature verified; NULL: none yet */
	struct buffer issuer_key; /* the SPKI of the key that verified it */
	struct crl *candidate;    /* fetched and parsed, but not verified yet */
	struct fault problem;     /* why the last fetch brought no CRL */
};

static int open_crl_location(const char *name, struct crl_location *location, struct fault *fault)
{
	struct crl_location opened = {.is_url = strstr(name, "://") != NULL};

	if (opened.is_url && parse_url(name, &opened.endpoint, opened.path, fault) < 0)
		return prefix_fault(fault, "CRL");
	opened.name = strdup(name);
	if (opened.name == NULL)
		return set_memory_fault(fault);
	*location = opened;
	return 0;
}

int new_crl_source(const char *location, struct crl_source **ret_source, struct fault *fault)
{
	CLEANUP(free_crl_source) struct crl_source *source = calloc(1, sizeof(*source));

	if (source == NULL)
		return set_memory_fault(fault);
	pthread_mutex_init(&source->lock, NULL);
	if (open_crl_location(location, &source->location, fault) < 0)
		return -1;
	*ret_source = TAKE(source);
	return 0;
}

void free_crl_source(struct crl_source **source_pointer)
{
	struct crl_source *source = TAKE(*source_pointer);

	if (source == NULL)
		return;
	free(source->location.name);
	free_crl(&source->crl);
	clear_buffer(&source->issuer_key);
	free_crl(&source->candidate);
	pthread_mutex_destroy(&source->lock);
	free(source);
}

/* Whether to fetch: the file has changed since the last fetch, or the URL's interval is over. */
static bool is_fetch_due(const struct crl_location *location, bool has_current, int64_t now_s)
{
	int64_t interval_s = has_current ? CRL_REFRESH_S : CRL_RETRY_S;
	int64_t age_s = now_s - location->fetched_at_s;
	struct stat state;

	if (!location->fetched)
		return true;
	if (location->is_url)
		return age_s < 0 || age_s >= interval_s;
	return !location->has_state || stat(location->name, &state) < 0 ||
	       !same_file_state(&state, &location->state);
}

static int fetch_from_url(const struct crl_location *location, struct buffer *ret_content,
			  struct fault *fault)
{
	const struct http_client_settings settings = {.endpoint = location->endpoint,
						      .connect_timeout_ms = CONNECT_TIMEOUT_MS,
						      .timeout_ms = TIMEOUT_MS};
	CLEANUP(free_http_client) struct http_client *client = NULL;
	CLEANUP(clear_http_answer) struct http_answer answer = {0};

	if (new_http_client(&settings, &client, fault) < 0 ||
	    exchange_http(client, location->path, NULL, (struct bytes){0}, CRL_PEM_MAX, &answer,
			  fault) < 0)
		return -1;
	if (answer.status != HTTP_OK)
		return check_http_answer(client, location->path, &answer, content_type, fault);
	*ret_content = take_buffer(&answer.body);
	return 0;
}

/* Reads the file or asks the URL: the CRL in DER or PEM. */
static int fetch_crl(struct crl_location *location, int64_t now_s, struct buffer *ret_content,
		     struct fault *fault)
{
	location->fetched = true;
	location->fetched_at_s = now_s;
	if (location->is_url)
		return fetch_from_url(location, ret_content, fault);
	/* Before the file is read, so that a change in between is noticed on the next use. */
	location->has_state = stat(location->name, &location->state) == 0;
	return read_file(AT_FDCWD, location->name, CRL_PEM_MAX, ret_content, fault);
}

static bool is_current(const struct crl *crl, int64_t at_s)
{
	struct verdict verdict = {0};

	if (crl == NULL)
		return false;
	check_crl_time(crl, at_s, &verdict);
	return !verdict.invalid;
}

/* Fetches a new candidate if it is time to. */
static void refresh_candidate(struct crl_source *source, int64_t at_s)
{
	CLEANUP(clear_buffer) struct buffer content = {0};

	if (!is_fetch_due(&source->location, is_current(source->crl, at_s), at_s))
		return;
	source->problem = (struct fault){0};
	free_crl(&source->candidate);
	if (fetch_crl(&source->location, at_s, &content, &source->problem) == 0 &&
	    parse_crl(&content, &source->candidate, &source->problem) < 0)
		prefix_fault(&source->problem, "%s", source->location.name);
}

/* Whether the cached CRL is this issuer's. Name and key identifier can be copied, so the key that
   verified the CRL must be the issuer's too. */
static bool has_crl_of(const struct crl_source *source, const struct certificate *issuer)
{
	return source->crl != NULL && names_issuer(source->crl, issuer) &&
	       equal_bytes(bytes_of_buffer(&source->issuer_key), certificate_fields(issuer)->spki);
}

static void refuse_older(struct crl_source *source)
{
	char older[CRL_NUMBER_TEXT_SIZE];
	char newer[CRL_NUMBER_TEXT_SIZE];

	format_crl_number(source->candidate, older);
	format_crl_number(source->crl, newer);
	set_fault(&source->problem, FAULT_UNVERIFIED,
		  "%s: RFC 5280 section 5.2.3: CRL number: %s is older than the CRL that was "
		  "there before, number %s",
		  source->location.name, older, newer);
}

static void accept_candidate(struct crl_source *source, const struct certificate *issuer)
{
	CLEANUP(clear_buffer) struct buffer key = {0};

	append_bytes(&key, certificate_fields(issuer)->spki);
	if (check_buffer(&key, &source->problem) < 0)
		return;
	free_crl(&source->crl);
	source->crl = TAKE(source->candidate);
	clear_buffer(&source->issuer_key);
	source->issuer_key = take_buffer(&key);
}

/* Verifies the candidate, if it is the issuer's, and accepts or drops it. */
static void verify_candidate(struct crl_source *source, const struct certificate *issuer)
{
	struct verdict verdict = {0};

	if (source->candidate == NULL || !names_issuer(source->candidate, issuer) ||
	    (source->crl != NULL && !has_crl_of(source, issuer)))
		return;
	if (verify_crl_signature(source->candidate, issuer, &verdict, &source->problem) == 0 &&
	    verdict.invalid)
		set_fault(&source->problem, FAULT_UNVERIFIED, "%s: %s", source->location.name,
			  verdict.reason);
	if (source->problem.class == FAULT_NONE && source->crl != NULL &&
	    older_crl(source->candidate, source->crl))
		refuse_older(source);
	if (source->problem.class == FAULT_NONE)
		accept_candidate(source, issuer);
	free_crl(&source->candidate);
}

static void set_unknown(const struct crl_source *source, const struct verdict *verdict,
			struct crl_finding *finding)
{
	const char *problem = source->problem.text;
	const char *reason = verdict->reason;

	finding->status = CRL_UNKNOWN;
	set_fault(&finding->problem, FAULT_UNREACHABLE,
		  "cannot tell whether the certificate is revoked: %s%s%s: fetch the issuer's "
		  "current CRL (the CA serves it as /crl), and try again",
		  reason, *reason != '\0' && *problem != '\0' ? "; " : "", problem);
}

/* Looks the certificate up in the cached CRL, if that is its issuer's and current. */
static void look_up(const struct crl_source *source, const struct certificate *issuer,
		    const struct certificate *certificate, int64_t at_s,
		    struct crl_finding *finding)
{
	struct crl_revocation revocation = {0};
	struct verdict verdict = {0};

	if (has_crl_of(source, issuer))
		check_crl_time(source->crl, at_s, &verdict);
	else if (source->crl != NULL || source->candidate != NULL)
		reject_because(
			&verdict,
			"%s: expected the CRL of the certificate's issuer %s, found another's",
			source->location.name, certificate_subject(issuer));
	if (source->crl != NULL) {
		format_crl_number(source->crl, finding->number);
		finding->this_update_s = crl_this_update(source->crl);
		finding->next_update_s = crl_next_update(source->crl);
	}
	if (source->crl == NULL || verdict.invalid) {
		set_unknown(source, &verdict, finding);
		return;
	}
	finding->status = CRL_GOOD;
	if (!find_revoked(source->crl, certificate_serial(certificate), &revocation))
		return;
	finding->status = CRL_REVOKED;
	finding->revoked_at_s = revocation.revoked_at_s;
	finding->reason = revocation.reason;
}

void consult_crl(struct crl_source *source, const struct certificate *issuer,
		 const struct certificate *certificate, int64_t at_s,
		 struct crl_finding *ret_finding)
{
	struct crl_finding finding = {0};

	pthread_mutex_lock(&source->lock);
	refresh_candidate(source, at_s);
	verify_candidate(source, issuer);
	look_up(source, issuer, certificate, at_s, &finding);
	pthread_mutex_unlock(&source->lock);
	*ret_finding = finding;
}

const char *format_crl_status(enum crl_status status)
{
	static const char *const names[] = {
		[CRL_GOOD] = "good", [CRL_REVOKED] = "revoked", [CRL_UNKNOWN] = "unknown"};

	return names[status];
}

void check_crl_status(struct crl_source *source, const struct certificate *issuer,
		      const struct certificate *certificate, int64_t at_s, struct verdict *verdict)
{
	struct crl_finding finding;
	char revoked_at[TIME_TEXT_SIZE];

	consult_crl(source, issuer, certificate, at_s, &finding);
	switch (finding.status) {
	case CRL_GOOD:
		return;
	case CRL_REVOKED:
		format_time(finding.revoked_at_s, revoked_at);
		reject_because(verdict, "CRL number %s: the certificate was revoked at %s (%s)",
			       finding.number, revoked_at, format_crl_reason(finding.reason));
		return;
	case CRL_UNKNOWN:
		reject_because(verdict, "%s", finding.problem.text);
	}
}
