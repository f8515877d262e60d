/*
 * The CA under the thread sanitizer: clients that ask for the same keys and for their own, in
 * batches and singly, ask for status, and whose shared keys come and go, while certificates are
 * revoked and others look at its health, its CRL and its metrics. Criterion aborts under that
 * sanitizer, so this is a program by itself. Exit status 0: every key was certified once, and every
 * CRL had what was revoked before.
 */
#include "common/base/clock.h"
#include "common/base/workers.h"
#include "common/ca/issue/certify_foreign.h"
#include "common/ca/issue/init_authority.h"
#include "common/ca/service/service.h"
#include "common/ca/shared/client_key_copies.h"
#include "common/ca/store/certificates.h"
#include "common/ca/store/revoke.h"
#include "common/crypto/key_file.h"
#include "common/wire/certificates.h"
#include "common/wire/envelope.h"
#include "common/wire/status.h"
#include "common/x509/csr.h"
#include "tests/race/mutex_clocklock.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 8, ROUNDS = 6, SHARED_KEYS = 4, DESCRIPTORS = 16, PAGE_MAX = 65536 };

/* %s: nothing, or where the record is. */
static const char manifest_text[] = "version: 1\n"
				    "ca: {layout: ca, endpoint: \"http://127.0.0.1:0\"%s}\n"
				    "clients:\n"
				    "  client1: {pool: {size: 100}}\n";

struct race {
	char path[64];
	const char *database; /* a URL; NULL: the record is a file */
	int64_t now_s;
	struct manifest *manifest;
	struct layout *layout;
	struct authority *authority;
	struct ca_service *service;
	struct shared_key key;
	struct buffer csrs[SHARED_KEYS]; /* of keys that everybody asks for */
};

static int make_csr(size_t index, struct buffer *ret_pem, struct fault *fault)
{
	CLEANUP(free_private_key) struct private_key *key = NULL;
	char subject[64];

	(void)snprintf(subject, sizeof(subject), "CN=client1-%zu", index + 1);
	if (generate_private_key(KEY_ECDSA_P256, &key, fault) < 0)
		return -1;
	return create_csr(key, subject, NULL, USE_SIGN, ret_pem, fault);
}

/* The shared keys, and one of this thread's own. */
static int make_request(const struct race *race, size_t index,
			struct certificates_request *ret_request, struct fault *fault)
{
	struct member_pem *members = calloc(SHARED_KEYS + 1, sizeof(*members));

	if (members == NULL)
		return set_memory_fault(fault);
	*ret_request = (struct certificates_request){.members = members, .count = SHARED_KEYS + 1};
	for (size_t i = 0; i <= SHARED_KEYS; i++)
		(void)snprintf(members[i].name, sizeof(members[i].name), "key%zu", i + 1);
	for (size_t i = 0; i < SHARED_KEYS; i++)
		append_bytes(&members[i].pem, bytes_of_buffer(&race->csrs[i]));
	if (make_request_claims("client1", CA_NAME, race->now_s, &ret_request->claims, fault) < 0)
		return -1;
	return make_csr(index, &members[SHARED_KEYS].pem, fault);
}

static int ask_for_certificates(const struct race *race, struct http_client *client, size_t index,
				struct certificates_answer *ret_answer, struct fault *fault)
{
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_secret) struct secret json = {0};
	CLEANUP(clear_secret) struct secret text = {0};
	uint8_t sha256[SHA256_LEN];

	if (make_request(race, index, &request, fault) < 0 ||
	    format_certificates_request(&request, &json, fault) < 0 ||
	    ask_encrypted(client, &certificates_kind, &race->key, bytes_of_secret(&json), &text,
			  sha256, fault) < 0 ||
	    parse_certificates_answer(bytes_of_secret(&text), ret_answer, fault) < 0)
		return -1;
	if (ret_answer->certificate_count != SHARED_KEYS + 1)
		return set_fault(fault, FAULT_FAILED, "expected %d certificates, found %zu: %s",
				 SHARED_KEYS + 1, ret_answer->certificate_count,
				 ret_answer->refusal.detail);
	return 0;
}

/* As EST has single requests certified: one key of this thread's own, and one that all ask for. */
static int ask_singly(const struct race *race, size_t index, struct fault *fault)
{
	struct buffer own = {0};
	const struct buffer *const pems[] = {&own, &race->csrs[index % SHARED_KEYS]};
	int result = make_csr(index, &own, fault);

	for (size_t i = 0; result == 0 && i < COUNT_OF(pems); i++) {
		CLEANUP(free_csr) struct csr *csr = NULL;
		CLEANUP(clear_foreign_answer) struct foreign_answer answer = {0};
		struct foreign_request request = {.client = "client1", .prefix = "est"};

		result = parse_csr_pem(bytes_of_buffer(pems[i]), &csr, fault);
		if (result < 0)
			break;
		request.csr = csr;
		result = certify_foreign(race->authority, &request, race->now_s, &answer, fault);
		if (result == 0 && answer.der.len == 0)
			result = set_fault(fault, FAULT_FAILED, "expected a certificate: %s",
					   answer.refusal.detail);
	}
	clear_buffer(&own);
	return result;
}

static int ask_for_status(const struct race *race, struct http_client *client,
			  const struct buffer *pem, struct fault *fault)
{
	CLEANUP(clear_status_request) struct status_request request = {0};
	CLEANUP(clear_secret) struct secret json = {0};
	CLEANUP(clear_secret) struct secret text = {0};
	struct status_answer answer = {0};
	uint8_t sha256[SHA256_LEN];

	append_bytes(&request.certificate, bytes_of_buffer(pem));
	if (make_request_claims("client1", CA_NAME, race->now_s, &request.claims, fault) < 0 ||
	    format_status_request(&request, &json, fault) < 0 ||
	    ask_encrypted(client, &status_kind, &race->key, bytes_of_secret(&json), &text, sha256,
			  fault) < 0 ||
	    parse_status_answer(bytes_of_secret(&text), &answer, fault) < 0)
		return -1;
	return answer.status == STATUS_GOOD
		       ? 0
		       : set_fault(fault, FAULT_FAILED, "expected good, found %s",
				   format_status(answer.status));
}

/* Has the service read its keys again, while others use them. */
static int change_keys(const struct race *race, size_t index, struct fault *fault)
{
	char name[FILE_NAME_SIZE];
	char peer[NAME_SIZE];
	struct shared_key key;

	(void)snprintf(peer, sizeof(peer), "passer-by%zu", index);
	name_shared_key(peer, name);
	/* It stays: a ring that is being read must not miss a file that was listed. */
	return generate_shared_key(&key, fault) < 0
		       ? -1
		       : write_shared_key(race->layout, peer, &key, fault);
}

static int get_page(struct http_client *client, const char *path, struct http_answer *ret_answer,
		    struct fault *fault)
{
	if (exchange_http(client, path, NULL, (struct bytes){0}, PAGE_MAX, ret_answer, fault) < 0)
		return -1;
	return ret_answer->status == 200
		       ? 0
		       : set_fault(fault, FAULT_FAILED, "%s: expected 200, found %u", path,
				   ret_answer->status);
}

/* catalogue 90, 92: the certificate of a key that is this thread's own, and a CRL as an operator's
   revocation makes one */
static int revoke_and_look(const struct race *race, struct http_client *client,
			   const struct buffer *pem, struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	CLEANUP(clear_http_answer) struct http_answer crl = {0};
	uint8_t serial[1][SERIAL_MAX];
	const struct revocation revocation = {.serials = (const uint8_t(*)[SERIAL_MAX])serial,
					      .serial_count = 1,
					      .by = CA_NAME,
					      .now_s = race->now_s};
	const struct ca_crl_options options = authority_crl_options(race->authority);
	struct revocation_summary summary;
	struct crl_info info;

	if (parse_certificate_pem(bytes_of_buffer(pem), &certificate, fault) < 0)
		return -1;
	memcpy(serial[0], certificate_serial(certificate).data, SERIAL_MAX);
	if (revoke_certificates(authority_store(race->authority), &revocation, NULL, NULL, &summary,
				fault) < 0 ||
	    publish_crl(&options, CRL_WHEN_DUE, race->now_s, &info, fault) < 0 ||
	    get_page(client, "/crl", &crl, fault) < 0)
		return -1;
	return memmem(crl.body.data, crl.body.len, serial[0], SERIAL_MAX) != NULL
		       ? 0
		       : set_fault(fault, FAULT_FAILED, "the CRL is older than a revocation");
}

static int look_around(struct http_client *client, struct fault *fault)
{
	static const char *const paths[] = {"/health", "/metrics"};

	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		CLEANUP(clear_http_answer) struct http_answer answer = {0};

		if (get_page(client, paths[i], &answer, fault) < 0)
			return -1;
	}
	return 0;
}

static int run_client(size_t index, void *context, struct fault *fault)
{
	const struct race *race = context;
	const struct http_client_settings settings = {
		.endpoint = ca_service_endpoints(race->service)->endpoints[0]};
	CLEANUP(free_http_client) struct http_client *client = NULL;

	if (new_http_client(&settings, &client, fault) < 0)
		return -1;
	for (size_t i = 0; i < ROUNDS; i++) {
		CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};

		if (change_keys(race, index * ROUNDS + i, fault) < 0 ||
		    ask_singly(race, index * ROUNDS + i, fault) < 0 ||
		    ask_for_certificates(race, client, index * ROUNDS + i, &answer, fault) < 0 ||
		    ask_for_status(race, client, &answer.certificates[i % SHARED_KEYS].pem, fault) <
			    0 ||
		    revoke_and_look(race, client, &answer.certificates[SHARED_KEYS].pem, fault) <
			    0 ||
		    look_around(client, fault) < 0)
			return -1;
	}
	return 0;
}

static int prepare(struct race *race, struct fault *fault)
{
	struct ca_service_settings settings = {.listen = {1, {{"127.0.0.1", 0, false}}}};
	const struct key_access plain = {0};
	CLEANUP(clear_buffer) struct buffer text = {0};
	struct authority_made made;
	char manifest[80];
	char path[80];
	char store[400] = "";

	if (race->database != NULL)
		(void)snprintf(store, sizeof(store), ", store: \"%s\"", race->database);
	append_format(&text, manifest_text, store);
	(void)snprintf(race->path, sizeof(race->path), "/tmp/certpool-race-XXXXXX");
	if (mkdtemp(race->path) == NULL)
		return set_errno_fault(fault, "%s", race->path);
	(void)snprintf(manifest, sizeof(manifest), "%s/manifest.yaml", race->path);
	(void)snprintf(path, sizeof(path), "%s/ca", race->path);
	race->now_s = read_clock();
	if (check_buffer(&text, fault) < 0 ||
	    parse_manifest(bytes_of_buffer(&text), manifest, &race->manifest, fault) < 0 ||
	    make_layout(path, &race->layout, fault) < 0 ||
	    init_authority(race->layout, race->manifest, &plain, race->now_s, &made, fault) < 0 ||
	    open_authority(race->layout, race->manifest, &plain, AUTHORITY_SERVING, race->now_s,
			   &race->authority, fault) < 0 ||
	    generate_shared_key(&race->key, fault) < 0 ||
	    take_client_keys(authority_store(race->authority), race->layout, fault) < 0 ||
	    write_client_key(authority_store(race->authority), race->layout, "client1", &race->key,
			     fault) < 0)
		return -1;
	for (size_t i = 0; i < SHARED_KEYS; i++)
		if (make_csr(i, &race->csrs[i], fault) < 0)
			return -1;
	settings.authority = race->authority;
	settings.layout = race->layout;
	return start_ca_service(&settings, &race->service, fault);
}

static int check_record(const struct race *race, struct fault *fault)
{
	enum { EXPECTED = SHARED_KEYS + 2 * THREADS * ROUNDS };
	const struct certificate_query query = {.client = "client1"};
	CLEANUP(free_store) struct store *store = NULL;
	char path[96];
	size_t count;

	(void)snprintf(path, sizeof(path), "%s/ca/state/ca.db", race->path);
	if (open_store(race->database != NULL ? race->database : path, &store, fault) < 0 ||
	    count_certificates(store, &query, &count, fault) < 0)
		return -1;
	return count == EXPECTED ? 0
				 : set_fault(fault, FAULT_FAILED,
					     "expected %d certificates in the record, found %zu",
					     EXPECTED, count);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status;
	(void)type;
	(void)place;
	return remove(path);
}

static void clear_race(struct race *race)
{
	stop_ca_service(&race->service);
	free_authority(&race->authority);
	free_layout(&race->layout);
	free_manifest(&race->manifest);
	for (size_t i = 0; i < SHARED_KEYS; i++)
		clear_buffer(&race->csrs[i]);
	(void)nftw(race->path, remove_entry, DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
}

int main(int argc, char **argv)
{
	CLEANUP(clear_race) struct race race = {.database = argc > 1 ? argv[1] : NULL};
	struct fault fault = {0};

	if (prepare(&race, &fault) == 0 &&
	    run_tasks(THREADS, THREADS, run_client, &race, &fault) == 0 &&
	    check_record(&race, &fault) == 0)
		return 0;
	(void)fprintf(stderr, "race_ca: %s\n", fault.text);
	return 1;
}
