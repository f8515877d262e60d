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

enum { CONNECT_TIMEOUT_MS = 3000, TIMEOUT_MS = 30000, HTTP_OK = 200 };

/* RFC 2585 section 4.2. Other types are taken as well: what is no CRL is found out anyway. */
static const char content_type[] = "application/pkix-crl";

static int open_crl_place(const char *name, struct crl_place *place, struct fault *fault)
{
	struct crl_place opened = {.is_url = strstr(name, "://") != NULL};

	if (opened.is_url && parse_url(name, &opened.endpoint, opened.path, fault) < 0)
		return prefix_fault(fault, "CRL");
	opened.name = strdup(name);
	if (opened.name == NULL)
		return set_memory_fault(fault);
	*place = opened;
	return 0;
}

static void close_crl_place(struct crl_place *place)
{
	free(place->name);
	*place = (struct crl_place){0};
}

static bool crl_place_is_due(const struct crl_place *place, bool has_current, int64_t now_s)
{
	int64_t every_s = has_current ? CRL_ASKED_EVERY_S : CRL_RETRIED_EVERY_S;
	int64_t age_s = now_s - place->looked_at_s;
	struct stat status;

	if (!place->looked)
		return true;
	if (place->is_url)
		return age_s < 0 || age_s >= every_s;
	return !place->known || stat(place->name, &status) < 0 ||
	       !same_file_state(&status, &place->status);
}

static int fetch_from_url(const struct crl_place *place, struct buffer *ret_content,
			  struct fault *fault)
{
	const struct http_client_settings settings = {.endpoint = place->endpoint,
						      .connect_timeout_ms = CONNECT_TIMEOUT_MS,
						      .timeout_ms = TIMEOUT_MS};
	CLEANUP(free_http_client) struct http_client *client = NULL;
	CLEANUP(clear_http_answer) struct http_answer answer = {0};

	if (new_http_client(&settings, &client, fault) < 0 ||
	    exchange_http(client, place->path, NULL, (struct bytes){0}, CRL_PEM_MAX, &answer,
			  fault) < 0)
		return -1;
	if (answer.status != HTTP_OK)
		return check_http_answer(client, place->path, &answer, content_type, fault);
	*ret_content = take_buffer(&answer.body);
	return 0;
}

static int fetch_crl(struct crl_place *place, int64_t now_s, struct buffer *ret_content,
		     struct fault *fault)
{
	place->looked = true;
	place->looked_at_s = now_s;
	if (place->is_url)
		return fetch_from_url(place, ret_content, fault);
	/* Before it is read, so that what changes meanwhile is seen the next time. */
	place->known = stat(place->name, &place->status) == 0;
	return read_file(AT_FDCWD, place->name, CRL_PEM_MAX, ret_content, fault);
}

struct crl_source {
	pthread_mutex_t lock;
	struct crl_place place;
	struct crl *held;       /* verified; NULL: none yet */
	struct buffer held_key; /* the SPKI by which it is signed */
	struct crl *candidate;  /* read, and not yet held against its issuer's certificate */
	struct fault problem;   /* why the last look brought nothing */
};

int new_crl_source(const char *place, struct crl_source **ret_source, struct fault *fault)
{
	CLEANUP(free_crl_source) struct crl_source *source = calloc(1, sizeof(*source));

	if (source == NULL)
		return set_memory_fault(fault);
	pthread_mutex_init(&source->lock, NULL);
	if (open_crl_place(place, &source->place, fault) < 0)
		return -1;
	*ret_source = TAKE(source);
	return 0;
}

void free_crl_source(struct crl_source **source_pointer)
{
	struct crl_source *source = TAKE(*source_pointer);

	if (source == NULL)
		return;
	close_crl_place(&source->place);
	free_crl(&source->held);
	clear_buffer(&source->held_key);
	free_crl(&source->candidate);
	pthread_mutex_destroy(&source->lock);
	free(source);
}

static bool is_current(const struct crl *crl, int64_t at_s)
{
	struct verdict verdict = {0};

	if (crl == NULL)
		return false;
	check_crl_time(crl, at_s, &verdict);
	return !verdict.invalid;
}

/* Reads what is there, when it may be something new. */
static void look(struct crl_source *source, int64_t at_s)
{
	CLEANUP(clear_buffer) struct buffer content = {0};

	if (!crl_place_is_due(&source->place, is_current(source->held, at_s), at_s))
		return;
	source->problem = (struct fault){0};
	free_crl(&source->candidate);
	if (fetch_crl(&source->place, at_s, &content, &source->problem) == 0 &&
	    parse_crl(&content, &source->candidate, &source->problem) < 0)
		prefix_fault(&source->problem, "%s", source->place.name);
}

static void hold_candidate(struct crl_source *source, const struct certificate *issuer)
{
	CLEANUP(clear_buffer) struct buffer key = {0};

	append_bytes(&key, certificate_fields(issuer)->spki);
	if (check_buffer(&key, &source->problem) < 0)
		return;
	free_crl(&source->held);
	source->held = TAKE(source->candidate);
	clear_buffer(&source->held_key);
	source->held_key = take_buffer(&key);
}

static bool holds_crl_of(const struct crl_source *source, const struct certificate *issuer)
{
	return source->held != NULL && names_issuer(source->held, issuer) &&
	       equal_bytes(bytes_of_buffer(&source->held_key), certificate_fields(issuer)->spki);
}

static void refuse_older(struct crl_source *source)
{
	char older[CRL_NUMBER_TEXT_SIZE];
	char newer[CRL_NUMBER_TEXT_SIZE];

	format_crl_number(source->candidate, older);
	format_crl_number(source->held, newer);
	set_fault(&source->problem, FAULT_UNVERIFIED,
		  "%s: RFC 5280 section 5.2.3: CRL number: %s is older than the CRL that was "
		  "there before, number %s",
		  source->place.name, older, newer);
}

/* Decides about the candidate, once its issuer's certificate is known. */
static void settle(struct crl_source *source, const struct certificate *issuer)
{
	struct verdict verdict = {0};

	if (source->candidate == NULL || !names_issuer(source->candidate, issuer) ||
	    (source->held != NULL && !holds_crl_of(source, issuer)))
		return;
	if (verify_crl_signature(source->candidate, issuer, &verdict, &source->problem) == 0 &&
	    verdict.invalid)
		set_fault(&source->problem, FAULT_UNVERIFIED, "%s: %s", source->place.name,
			  verdict.reason);
	if (source->problem.class == FAULT_NONE && source->held != NULL &&
	    older_crl(source->candidate, source->held))
		refuse_older(source);
	if (source->problem.class == FAULT_NONE)
		hold_candidate(source, issuer);
	free_crl(&source->candidate);
}

static void tell_unknown(const struct crl_source *source, const struct verdict *verdict,
			 struct fault *why)
{
	const char *problem = source->problem.text;
	const char *stale = verdict->reason;

	set_fault(why, FAULT_UNREACHABLE,
		  "cannot tell whether the certificate is revoked: %s%s%s: fetch the issuer's "
		  "current CRL (the CA serves it as /crl), and try again",
		  stale, *stale != '\0' && *problem != '\0' ? "; " : "", problem);
}

/* What is held, if it can be relied on. */
static void check_held(const struct crl_source *source, const struct certificate *issuer,
		       int64_t at_s, struct verdict *verdict)
{
	if (holds_crl_of(source, issuer))
		check_crl_time(source->held, at_s, verdict);
	else if (source->held != NULL || source->candidate != NULL)
		reject_because(
			verdict,
			"%s: expected the CRL of the certificate's issuer %s, found another's",
			source->place.name, certificate_subject(issuer));
}

static void ask(struct crl_source *source, const struct certificate *issuer,
		const struct certificate *certificate, int64_t at_s, struct crl_finding *finding)
{
	struct crl_revocation revocation = {0};
	struct verdict verdict = {0};

	check_held(source, issuer, at_s, &verdict);
	finding->standing = CRL_UNKNOWN;
	if (source->held != NULL) {
		format_crl_number(source->held, finding->number);
		finding->this_update_s = crl_this_update(source->held);
		finding->next_update_s = crl_next_update(source->held);
	}
	if (source->held == NULL || verdict.invalid) {
		tell_unknown(source, &verdict, &finding->why);
		return;
	}
	finding->standing = CRL_GOOD;
	if (!find_revoked(source->held, certificate_serial(certificate), &revocation))
		return;
	finding->standing = CRL_REVOKED;
	finding->revoked_at_s = revocation.revoked_at_s;
	finding->reason = revocation.reason;
}

void consult_crl(struct crl_source *source, const struct certificate *issuer,
		 const struct certificate *certificate, int64_t at_s,
		 struct crl_finding *ret_finding)
{
	struct crl_finding finding = {0};

	pthread_mutex_lock(&source->lock);
	look(source, at_s);
	settle(source, issuer);
	ask(source, issuer, certificate, at_s, &finding);
	pthread_mutex_unlock(&source->lock);
	*ret_finding = finding;
}

const char *format_crl_status(enum crl_status standing)
{
	static const char *const names[] = {
		[CRL_GOOD] = "good", [CRL_REVOKED] = "revoked", [CRL_UNKNOWN] = "unknown"};

	return names[standing];
}

void check_crl_source(struct crl_source *source, const struct certificate *issuer,
		      const struct certificate *certificate, int64_t at_s, struct verdict *verdict)
{
	struct crl_finding finding;
	char revoked_at[TIME_TEXT_SIZE];

	consult_crl(source, issuer, certificate, at_s, &finding);
	switch (finding.standing) {
	case CRL_GOOD:
		return;
	case CRL_REVOKED:
		format_time(finding.revoked_at_s, revoked_at);
		reject_because(verdict, "CRL number %s: the certificate was revoked at %s (%s)",
			       finding.number, revoked_at, format_crl_reason(finding.reason));
		return;
	case CRL_UNKNOWN:
		reject_because(verdict, "%s", finding.why.text);
	}
}
