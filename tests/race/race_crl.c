/*
 * A receiver's view of revocation under the thread sanitizer: threads look certificates up in CRLs,
 * of which one is in a file that is replaced meanwhile and one at a URL that is fetched in the
 * background, and ask a CA that cannot be reached. Exit status 0: no certificate that is revoked
 * was good.
 */
#include "common/base/clock.h"
#include "common/base/staging.h"
#include "common/base/workers.h"
#include "common/crypto/key_file.h"
#include "common/net/server.h"
#include "common/pool/revocation/crl_source.h"
#include "common/pool/revocation/status_cache.h"
#include "common/x509/issuer.h"
#include "common/x509/revocation/crl_builder.h"

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 8, TURNS = 4000, REPLACED_EVERY = 50, DESCRIPTORS = 8 };

struct race {
	char folder[64];
	int64_t now_s;
	struct layout *layout;
	struct issuer
		*issuers[2]; /* the first one's CRL is in the file, the second one's at the URL */
	struct crl_source *source;
	struct status_cache *status_cache;
	struct http_server *server;
	pthread_mutex_t lock; /* of the file, and for its CRL's number */
	uint64_t number;
};

static int make_issuer(const struct race *race, const char *name, struct issuer **ret_issuer,
		       struct fault *fault)
{
	const struct validity validity = {race->now_s - 600, race->now_s + 7200};
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(free_certificate) struct certificate *root = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};

	if (generate_private_key(KEY_ECDSA_P256, &key, fault) < 0 ||
	    create_root(key, name, &validity, &der, fault) < 0 ||
	    parse_certificate_der(bytes_of_buffer(&der), &root, fault) < 0)
		return -1;
	return new_issuer(&root, &key, ret_issuer, fault);
}

/* A CRL on which the issuer's own certificate is. */
static int make_crl(const struct race *race, const struct issuer *issuer, uint64_t number,
		    struct buffer *ret_der, struct fault *fault)
{
	const struct crl_options options = {.number = number,
					    .this_update_s = race->now_s,
					    .next_update_s = race->now_s + 3600,
					    .now_s = race->now_s};
	struct bytes serial = certificate_serial(issuer_certificate(issuer));
	struct crl_entry entry = {.revoked_at_s = race->now_s};
	CLEANUP(clear_crl_builder) struct crl_builder builder = {0};

	memcpy(entry.serial + SERIAL_MAX - serial.len, serial.data, serial.len);
	if (begin_crl(&builder, issuer, &options, fault) < 0 ||
	    add_crl_entry(&builder, &entry, fault) < 0)
		return -1;
	return finish_crl(&builder, ret_der, fault);
}

static int replace_file(struct race *race, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	int result;

	pthread_mutex_lock(&race->lock);
	result = make_crl(race, race->issuers[0], ++race->number, &der, fault);
	if (result == 0)
		result = write_file(race->layout->root, "ca.crl", STAGE_REPLACE, 0644,
				    bytes_of_buffer(&der), fault);
	pthread_mutex_unlock(&race->lock);
	return result;
}

static int answer_crl(const struct http_request *request, struct http_response *response,
		      void *context, struct fault *fault)
{
	const struct race *race = context;

	(void)request;
	response->content_type = "application/pkix-crl";
	return make_crl(race, race->issuers[1], 1, &response->body, fault);
}

static int start_sources(struct race *race, struct fault *fault)
{
	static const struct http_route routes[] = {
		{.method = "GET", .path = "/crl", .handler = answer_crl, .work = WORK_LONG}, {0}};
	const struct http_server_settings settings = {
		.listen = {1, {{"127.0.0.1", 0, false}}}, .routes = routes, .context = race};
	const struct endpoint nobody = {.host = "127.0.0.1", .port = 1};
	char file[sizeof(race->folder) + 8];
	char url[ENDPOINT_TEXT_SIZE + 4];
	const char *const locations[] = {file, url};
	char endpoint[ENDPOINT_TEXT_SIZE];
	bool made;

	(void)snprintf(file, sizeof(file), "%s/ca.crl", race->folder);
	if (replace_file(race, fault) < 0 || start_http_server(&settings, &race->server, fault) < 0)
		return -1;
	format_endpoint(&http_server_endpoints(race->server)->endpoints[0], endpoint);
	(void)snprintf(url, sizeof(url), "%s/crl", endpoint);
	if (new_crl_source(locations, COUNT_OF(locations), NULL, &race->source, fault) < 0 ||
	    fetch_crls_in_background(race->source, fault) < 0 ||
	    share_key(race->layout, CA_NAME, race->layout, "client1", &made, fault) < 0)
		return -1;
	return new_status_cache(race->layout, "client1", &nobody, &race->status_cache, fault);
}

static int prepare(struct race *race, struct fault *fault)
{
	race->now_s = read_clock();
	(void)snprintf(race->folder, sizeof(race->folder), "/tmp/certpool-race-XXXXXX");
	if (mkdtemp(race->folder) == NULL)
		return set_errno_fault(fault, "%s", race->folder);
	if (make_layout(race->folder, &race->layout, fault) < 0 ||
	    make_issuer(race, "CN=File", &race->issuers[0], fault) < 0 ||
	    make_issuer(race, "CN=URL", &race->issuers[1], fault) < 0)
		return -1;
	return start_sources(race, fault);
}

static int take_turn(size_t index, void *context, struct fault *fault)
{
	struct race *race = context;
	const struct certificate *certificate = issuer_certificate(race->issuers[index % 2]);
	struct crl_finding finding;
	struct verdict verdict = {0};

	if (index % REPLACED_EVERY == 0)
		return replace_file(race, fault);
	consult_crl(race->source, certificate, certificate, race->now_s, &finding);
	if (finding.status == CRL_GOOD || (index % 2 == 0 && finding.status != CRL_REVOKED))
		return set_fault(fault, FAULT_FAILED, "expected revoked, found %s: %s",
				 format_crl_status(finding.status), finding.problem.text);
	check_cached_status(race->status_cache, certificate, race->now_s, &verdict);
	return verdict.invalid ? 0 : set_fault(fault, FAULT_FAILED, "expected no answer of the CA");
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status;
	(void)type;
	(void)place;
	return remove(path);
}

static void clean_up(struct race *race)
{
	free_crl_source(&race->source);
	free_status_cache(&race->status_cache);
	stop_http_server(&race->server);
	for (size_t i = 0; i < COUNT_OF(race->issuers); i++)
		free_issuer(&race->issuers[i]);
	free_layout(&race->layout);
	pthread_mutex_destroy(&race->lock);
	(void)nftw(race->folder, remove_entry, DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	CLEANUP(clean_up) struct race race = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct fault fault = {0};

	if (prepare(&race, &fault) < 0 || run_tasks(TURNS, THREADS, take_turn, &race, &fault) < 0) {
		(void)fprintf(stderr, "race_crl: %s\n", fault.text);
		return EXIT_FAILURE;
	}
	(void)printf("race_crl: %d look-ups by %d threads, in CRLs that were replaced\n", TURNS,
		     THREADS);
	return EXIT_SUCCESS;
}
