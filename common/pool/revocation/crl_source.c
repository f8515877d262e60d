#include "common/pool/revocation/crl_source.h"

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/periodic_thread.h"
#include "common/base/url.h"
#include "common/net/client/client.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/revocation/crl_bundle.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CONNECT_TIMEOUT_MS = 3000, TIMEOUT_MS = 30000, FIRST_WAIT_MS = 1000, HTTP_OK = 200 };

/* RFC 2585 section 4.2. Only for messages: other types are accepted, as parse_crl checks the CRL.
 */
static const char content_type[] = "application/pkix-crl";

/* A file or a URL, when it was last read, and what was found there. */
struct crl_location {
	char *name;               /* as the user gave it */
	struct http_client *http; /* of a URL; NULL: a file */
	char path[URL_PATH_SIZE]; /* of a URL */
	bool fetched;             /* fetch_crl was called, with or without success */
	int64_t fetched_at_s;
	bool has_state; /* stat succeeded on the file then */
	struct stat state;
	struct crl_bundle candidates; /* fetched and parsed, but not verified yet */
	struct fault problem;         /* why the last fetch brought no CRL, or a wrong one */
};

/* A cached CRL, whose signature was verified. */
struct accepted_crl {
	struct crl *crl;
	struct buffer issuer_key; /* the SPKI of the key that verified it */
};

/* The issuers of which CRLs are cached; more of them are never on the paths of one receiver. */
enum { ACCEPTED_MAX = 16 };

/* Leaves room for the advice in a fault's text. */
enum { REASONS_SIZE = FAULT_TEXT_SIZE - 300 };

/*
 * The lock is not held while a CRL is fetched or verified. One thread at a time does that for a
 * message (`refreshing`); it alone changes `accepted`. The fetcher, if there is one, fetches the
 * URLs, and nobody else does.
 */
struct crl_source {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool refreshing;
	bool fetched_all; /* the fetcher has tried each URL */
	struct periodic_thread *fetcher;
	struct crl_location locations[CRL_LOCATIONS_MAX];
	size_t location_count;
	struct accepted_crl accepted[ACCEPTED_MAX];
	size_t accepted_count;
};

static int open_crl_location(const char *name, const char *roots, struct crl_location *location,
			     struct fault *fault)
{
	struct http_client_settings settings = {.roots = roots,
						.connect_timeout_ms = CONNECT_TIMEOUT_MS,
						.timeout_ms = TIMEOUT_MS,
						.cancellable = true};
	struct crl_location opened = {0};
	bool is_url = strstr(name, "://") != NULL;

	if (is_url && parse_url(name, &settings.endpoint, opened.path, fault) < 0)
		return prefix_fault(fault, "CRL");
	if (is_url && new_http_client(&settings, &opened.http, fault) < 0)
		return -1;
	*location = opened;
	location->name = strdup(name);
	return location->name != NULL ? 0 : set_memory_fault(fault);
}

int new_crl_source(const char *const *locations, size_t count, const char *roots,
		   struct crl_source **ret_source, struct fault *fault)
{
	CLEANUP(free_crl_source) struct crl_source *source = calloc(1, sizeof(*source));

	if (source == NULL)
		return set_memory_fault(fault);
	pthread_mutex_init(&source->lock, NULL);
	init_condition(&source->changed);
	if (count > CRL_LOCATIONS_MAX)
		return set_fault(fault, FAULT_USAGE,
				 "expected at most %d files and URLs of CRLs, found %zu",
				 CRL_LOCATIONS_MAX, count);
	while (source->location_count < count) {
		size_t index = source->location_count++;

		if (open_crl_location(locations[index], roots, &source->locations[index], fault) <
		    0)
			return -1;
	}
	*ret_source = TAKE(source);
	return 0;
}

void free_crl_source(struct crl_source **source_pointer)
{
	struct crl_source *source = TAKE(*source_pointer);

	if (source == NULL)
		return;
	for (size_t i = 0; i < source->location_count; i++)
		if (source->locations[i].http != NULL)
			cancel_http_client(source->locations[i].http);
	stop_periodic_thread(&source->fetcher);
	for (size_t i = 0; i < source->location_count; i++) {
		free(source->locations[i].name);
		free_http_client(&source->locations[i].http);
		clear_crl_bundle(&source->locations[i].candidates);
	}
	for (size_t i = 0; i < source->accepted_count; i++) {
		free_crl(&source->accepted[i].crl);
		clear_buffer(&source->accepted[i].issuer_key);
	}
	pthread_cond_destroy(&source->changed);
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
	if (location->http != NULL)
		return age_s < 0 || age_s >= interval_s;
	return !location->has_state || stat(location->name, &state) < 0 ||
	       !same_file_state(&state, &location->state);
}

static int fetch_from_url(const struct crl_location *location, struct buffer *ret_content,
			  struct fault *fault)
{
	CLEANUP(clear_http_answer) struct http_answer answer = {0};

	if (exchange_http(location->http, location->path, NULL, (struct bytes){0}, CRL_PEM_MAX,
			  &answer, fault) < 0)
		return -1;
	if (answer.status != HTTP_OK)
		return check_http_answer(location->http, location->path, &answer, content_type,
					 fault);
	*ret_content = take_buffer(&answer.body);
	return 0;
}

/* Reads the file or asks the URL: the CRL in DER or PEM. */
static int fetch_crl(struct crl_location *location, int64_t now_s, struct buffer *ret_content,
		     struct fault *fault)
{
	location->fetched = true;
	location->fetched_at_s = now_s;
	if (location->http != NULL)
		return fetch_from_url(location, ret_content, fault);
	/* Before the file is read, so that a change in between is noticed on the next use. */
	location->has_state = stat(location->name, &location->state) == 0;
	return read_file(AT_FDCWD, location->name, CRL_PEM_MAX, ret_content, fault);
}

/*
 * The cached CRL of an issuer, or NULL. Name and key identifier can be copied, so the key that
 * verified the CRL must be the issuer's too.
 */
static struct accepted_crl *find_accepted(struct crl_source *source,
					  const struct certificate *issuer)
{
	for (size_t i = 0; i < source->accepted_count; i++)
		if (names_issuer(source->accepted[i].crl, issuer) &&
		    equal_bytes(bytes_of_buffer(&source->accepted[i].issuer_key),
				certificate_fields(issuer)->spki))
			return &source->accepted[i];
	return NULL;
}

static bool is_current(const struct accepted_crl *accepted, int64_t at_s)
{
	struct verdict verdict = {0};

	if (accepted == NULL)
		return false;
	check_crl_time(accepted->crl, at_s, &verdict);
	return !verdict.invalid;
}

/* Fetches new candidates, without the lock, which the caller holds before and after. */
static void fetch_candidates(struct crl_source *source, struct crl_location *location,
			     int64_t now_s)
{
	CLEANUP(clear_buffer) struct buffer content = {0};
	struct crl_bundle candidates = {0};
	struct fault problem = {0};

	pthread_mutex_unlock(&source->lock);
	if (fetch_crl(location, now_s, &content, &problem) == 0 &&
	    parse_crl_bundle(&content, &candidates, &problem) < 0)
		prefix_fault(&problem, "%s", location->name);
	pthread_mutex_lock(&source->lock);
	clear_crl_bundle(&location->candidates);
	location->candidates = candidates;
	location->problem = problem;
}

/* Whether a CRL that is cached is out of date, or from the future. */
static bool has_stale(const struct crl_source *source, int64_t now_s)
{
	bool stale = false;

	for (size_t i = 0; i < source->accepted_count; i++)
		stale |= !is_current(&source->accepted[i], now_s);
	return stale;
}

/* The fetcher's round. Intervals are measured by the clock that nobody sets. */
static void fetch_due_urls(void *context)
{
	struct crl_source *source = context;

	pthread_mutex_lock(&source->lock);
	for (size_t i = 0; i < source->location_count; i++) {
		struct crl_location *location = &source->locations[i];
		bool content =
			location->problem.class == FAULT_NONE && !has_stale(source, read_clock());
		int64_t uptime_s = read_stopwatch_us() / 1000000;

		if (location->http != NULL && is_fetch_due(location, content, uptime_s))
			fetch_candidates(source, location, uptime_s);
	}
	source->fetched_all = true;
	pthread_cond_broadcast(&source->changed);
	pthread_mutex_unlock(&source->lock);
}

int fetch_crls_in_background(struct crl_source *source, struct fault *fault)
{
	struct timespec end;
	int waited = 0;
	bool needed = false;

	for (size_t i = 0; i < source->location_count; i++) {
		struct crl_location *location = &source->locations[i];

		if (location->http == NULL)
			continue;
		needed = true;
		set_fault(&location->problem, FAULT_UNREACHABLE, "%s: no answer has come yet",
			  location->name);
	}
	if (!needed)
		return 0;
	if (start_periodic_thread(CRL_RETRY_S * 1000, fetch_due_urls, source, &source->fetcher,
				  fault) < 0)
		return -1;
	end = deadline_in(FIRST_WAIT_MS);
	pthread_mutex_lock(&source->lock);
	while (!source->fetched_all && waited == 0)
		waited = pthread_cond_timedwait(&source->changed, &source->lock, &end);
	pthread_mutex_unlock(&source->lock);
	return 0;
}

/* Fetches new candidates for a message, if it is time to and there is no fetcher for it. */
static void refresh_candidates(struct crl_source *source, struct crl_location *location,
			       bool has_current, int64_t at_s)
{
	if ((location->http == NULL || source->fetcher == NULL) &&
	    is_fetch_due(location, has_current, at_s))
		fetch_candidates(source, location, at_s);
}

static void refuse_older(struct crl_location *location, const struct crl *candidate,
			 const struct crl *accepted)
{
	char older[CRL_NUMBER_TEXT_SIZE];
	char newer[CRL_NUMBER_TEXT_SIZE];

	format_crl_number(candidate, older);
	format_crl_number(accepted, newer);
	set_fault(&location->problem, FAULT_UNVERIFIED,
		  "%s: RFC 5280 section 5.2.3: CRL number: %s is older than the CRL that was "
		  "there before, number %s",
		  location->name, older, newer);
}

/* Takes a verified CRL over, in place of the issuer's last one. */
static void accept_candidate(struct crl_source *source, struct accepted_crl *last,
			     const struct certificate *issuer, struct crl **candidate,
			     struct fault *problem)
{
	if (last == NULL) {
		CLEANUP(clear_buffer) struct buffer key = {0};

		if (source->accepted_count == ACCEPTED_MAX) {
			set_fault(problem, FAULT_FAILED,
				  "expected CRLs of at most %d issuers, found more", ACCEPTED_MAX);
			return;
		}
		append_bytes(&key, certificate_fields(issuer)->spki);
		if (check_buffer(&key, problem) < 0)
			return;
		last = &source->accepted[source->accepted_count++];
		last->issuer_key = take_buffer(&key);
	}
	free_crl(&last->crl);
	last->crl = TAKE(*candidate);
}

/* Verifies a candidate that names the issuer, and accepts or drops it. */
static void verify_candidate(struct crl_source *source, struct crl_location *location,
			     struct crl **candidate_pointer, const struct certificate *issuer)
{
	CLEANUP(free_crl) struct crl *candidate = TAKE(*candidate_pointer);
	struct accepted_crl *last;
	struct verdict verdict = {0};
	struct fault problem = {0};

	pthread_mutex_unlock(&source->lock);
	if (verify_crl_signature(candidate, issuer, &verdict, &problem) == 0 && verdict.invalid)
		set_fault(&problem, FAULT_UNVERIFIED, "%s: %s", location->name, verdict.reason);
	/* What nobody has signed is not worth the time to sort it. */
	if (problem.class == FAULT_NONE && index_crl(candidate, &problem) < 0)
		prefix_fault(&problem, "%s", location->name);
	pthread_mutex_lock(&source->lock);
	last = find_accepted(source, issuer);
	if (problem.class != FAULT_NONE)
		(void)pass_fault(&problem, &location->problem);
	else if (last != NULL && older_crl(candidate, last->crl))
		refuse_older(location, candidate, last->crl);
	else
		accept_candidate(source, last, issuer, &candidate, &location->problem);
}

/* Looks in every location for the issuer's CRL. */
static void refresh_accepted(struct crl_source *source, const struct certificate *issuer,
			     int64_t at_s)
{
	bool has_current = is_current(find_accepted(source, issuer), at_s);

	for (size_t i = 0; i < source->location_count; i++) {
		struct crl_location *location = &source->locations[i];
		struct crl_bundle *candidates = &location->candidates;

		refresh_candidates(source, location, has_current, at_s);
		for (size_t each = 0; each < candidates->count; each++)
			if (candidates->crls[each] != NULL &&
			    names_issuer(candidates->crls[each], issuer))
				verify_candidate(source, location, &candidates->crls[each], issuer);
	}
}

/* Whether some location has a CRL, though not the issuer's. */
static bool has_others(const struct crl_source *source)
{
	bool found = source->accepted_count > 0;

	for (size_t i = 0; i < source->location_count; i++)
		for (size_t each = 0; each < source->locations[i].candidates.count; each++)
			found |= source->locations[i].candidates.crls[each] != NULL;
	return found;
}

static void set_unknown(const struct crl_source *source, const struct verdict *verdict,
			struct crl_finding *finding)
{
	char reasons[REASONS_SIZE];
	size_t len = (size_t)snprintf(reasons, sizeof(reasons), "%s", verdict->reason);
	enum fault_class class = FAULT_UNREACHABLE;

	for (size_t i = 0; i < source->location_count && len < sizeof(reasons); i++) {
		const struct fault *problem = &source->locations[i].problem;

		if (problem->class != FAULT_NONE)
			len += (size_t)snprintf(reasons + len, sizeof(reasons) - len, "%s%s",
						len > 0 ? "; " : "", problem->text);
		if (problem->class == FAULT_FAILED)
			class = FAULT_FAILED;
	}
	finding->status = CRL_UNKNOWN;
	set_fault(&finding->problem, class,
		  "cannot tell whether the certificate is revoked: %s: fetch the current CRL of %s "
		  "(the CA serves all that are needed as /crl?chain), and try again",
		  reasons, certificate_issuer(finding->certificate));
}

/* Looks the certificate up in the cached CRL of its issuer, if there is one and it is current. */
static void look_up(struct crl_source *source, const struct certificate *issuer, int64_t at_s,
		    struct crl_finding *finding)
{
	const struct accepted_crl *accepted = find_accepted(source, issuer);
	struct crl_revocation revocation = {0};
	struct verdict verdict = {0};

	if (accepted != NULL) {
		format_crl_number(accepted->crl, finding->number);
		finding->this_update_s = crl_this_update(accepted->crl);
		finding->next_update_s = crl_next_update(accepted->crl);
		check_crl_time(accepted->crl, at_s, &verdict);
	} else if (has_others(source)) {
		reject_because(
			&verdict,
			"%s%s: expected the CRL of the certificate's issuer %s, found another's",
			source->locations[0].name,
			source->location_count > 1 ? " and the others" : "",
			certificate_subject(issuer));
	}
	if (accepted == NULL || verdict.invalid) {
		set_unknown(source, &verdict, finding);
		return;
	}
	finding->status = CRL_GOOD;
	if (!find_revoked(accepted->crl, certificate_serial(finding->certificate), &revocation))
		return;
	finding->status = CRL_REVOKED;
	finding->revoked_at_s = revocation.revoked_at_s;
	finding->reason = revocation.reason;
}

void consult_crl(struct crl_source *source, const struct certificate *issuer,
		 const struct certificate *certificate, int64_t at_s,
		 struct crl_finding *ret_finding)
{
	struct crl_finding finding = {.certificate = certificate};

	pthread_mutex_lock(&source->lock);
	/* What is held is good enough while another thread looks for something newer. */
	while (source->refreshing && !is_current(find_accepted(source, issuer), at_s))
		pthread_cond_wait(&source->changed, &source->lock);
	if (!source->refreshing) {
		source->refreshing = true;
		refresh_accepted(source, issuer, at_s);
		source->refreshing = false;
		pthread_cond_broadcast(&source->changed);
	}
	look_up(source, issuer, at_s, &finding);
	pthread_mutex_unlock(&source->lock);
	*ret_finding = finding;
}

const char *format_crl_status(enum crl_status status)
{
	static const char *const names[] = {
		[CRL_GOOD] = "good", [CRL_REVOKED] = "revoked", [CRL_UNKNOWN] = "unknown"};

	return names[status];
}
