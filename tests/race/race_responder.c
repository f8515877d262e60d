/*
 * The OCSP responder under the thread sanitizer: threads that ask about a certificate while it is
 * revoked, and while time passes, so that the responder's own certificate is renewed meanwhile.
 * Exit status 0: whoever asked after the revocation was told of it. catalogue 59, 90
 */
#include "common/base/clock.h"
#include "common/base/workers.h"
#include "common/ca/revocation/ocsp_responder.h"
#include "common/ca/store/revoke.h"
#include "common/x509/revocation/ocsp_request.h"
#include "tests/race/mutex_clocklock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 8, QUESTIONS = 2000, A_DAY = 380, DAY_S = 86400, REVOKED_AT = QUESTIONS / 2 };

struct race {
	char folder[64];
	char path[400];
	int64_t begin_s;
	struct issuer_set issuers;
	struct store *store;
	struct responder *responder;
	struct issuer_hashes hashes;
	uint8_t serial[SERIAL_MAX];
	atomic_bool revoked;
};

static int make_issuer(struct race *race, struct fault *fault)
{
	const struct validity validity = {race->begin_s - 60, race->begin_s + 40000000};
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	CLEANUP(free_issuer) struct issuer *issuer = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};

	if (generate_private_key(KEY_ECDSA_P256, &key, fault) < 0 ||
	    create_root(key, "CN=Root", &validity, &der, fault) < 0 ||
	    parse_certificate_der(bytes_of_buffer(&der), &certificate, fault) < 0 ||
	    new_issuer(&certificate, &key, &issuer, fault) < 0)
		return -1;
	return add_issuer(&race->issuers, &issuer, fault);
}

/* Something in the record, which nobody looks into. */
static int insert_certificate(struct race *race, struct fault *fault)
{
	CLEANUP(clear_issued_certificate)
	struct issued_certificate record = {.issuer = 1,
					    .client = "client1",
					    .member = "key1",
					    .not_after_s = race->begin_s + 40000000};
	const struct insertion insertion = {
		.records = &record, .count = 1, .quota = 1, .now_s = race->begin_s};
	enum insert_result result;

	append_string(&record.der, "certificate");
	record.subject = strdup("CN=client1-1");
	if (record.subject == NULL || generate_serial(race->serial, fault) < 0)
		return set_memory_fault(fault);
	memcpy(record.serial, race->serial, SERIAL_MAX);
	return insert_certificates(race->store, &insertion, &result, fault);
}

/* database NULL: the record is a file. */
static int prepare(struct race *race, const char *database, struct fault *fault)
{
	race->begin_s = read_clock();
	(void)snprintf(race->folder, sizeof(race->folder), "/tmp/certpool-race-XXXXXX");
	if (mkdtemp(race->folder) == NULL)
		return set_errno_fault(fault, "%s", race->folder);
	if (database != NULL)
		(void)snprintf(race->path, sizeof(race->path), "%s", database);
	else
		(void)snprintf(race->path, sizeof(race->path), "%s/ca.db", race->folder);
	if (make_issuer(race, fault) < 0 || create_store(race->path, fault) < 0 ||
	    open_store(race->path, &race->store, fault) < 0 ||
	    insert_certificate(race, fault) < 0 ||
	    digest_issuer(issuer_certificate(newest_issuer(&race->issuers)), &race->hashes, fault) <
		    0)
		return -1;
	return new_responder(race->store, &race->issuers, &race->responder, fault);
}

static int ignore_revoked(void *context, const struct revoked_certificate *revoked,
			  struct fault *fault)
{
	(void)context;
	(void)revoked;
	(void)fault;
	return 0;
}

static int revoke_it(struct race *race, struct fault *fault)
{
	const struct revocation revocation = {.serials = (const uint8_t(*)[SERIAL_MAX])race->serial,
					      .serial_count = 1,
					      .by = CA_NAME,
					      .reason = 1,
					      .now_s = race->begin_s};
	struct revocation_summary summary;

	if (revoke_certificates(race->store, &revocation, ignore_revoked, NULL, &summary, fault) <
	    0)
		return -1;
	atomic_store(&race->revoked, true);
	return 0;
}

static int read_status(const struct ocsp_reply *reply, enum ocsp_status *ret_status,
		       struct fault *fault)
{
	struct ocsp_response response = {0};
	struct ocsp_single single = {0};

	if (reply->outcome != OCSP_SUCCESSFUL)
		return set_fault(fault, FAULT_FAILED, "%s", reply->problem.text);
	if (parse_ocsp_response(bytes_of_buffer(&reply->der), &response, fault) < 0)
		return -1;
	if (read_ocsp_single(&response.singles, &single) != NULL)
		return set_fault(fault, FAULT_FAILED, "the answer is no answer");
	*ret_status = single.status;
	return 0;
}

static int ask(struct race *race, size_t index, enum ocsp_status *ret_status, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer request = {0};
	CLEANUP(clear_ocsp_reply) struct ocsp_reply reply = {0};
	struct bytes nonce = index % 2 == 0 ? bytes_of_string("nonce") : (struct bytes){0};

	if (format_ocsp_request(&race->hashes, OCSP_SHA1, (struct bytes){race->serial, SERIAL_MAX},
				nonce, &request, fault) < 0 ||
	    answer_ocsp(race->responder, bytes_of_buffer(&request),
			race->begin_s + (int64_t)(index / A_DAY) * DAY_S, &reply, fault) < 0)
		return -1;
	return read_status(&reply, ret_status, fault);
}

static int take_turn(size_t index, void *context, struct fault *fault)
{
	struct race *race = context;
	bool was_revoked = atomic_load(&race->revoked);
	enum ocsp_status status = OCSP_UNKNOWN;

	if (index == REVOKED_AT)
		return revoke_it(race, fault);
	if (ask(race, index, &status, fault) < 0)
		return -1;
	if (status == OCSP_UNKNOWN || (was_revoked && status != OCSP_REVOKED))
		return set_fault(fault, FAULT_FAILED, "question %zu: found %s", index,
				 format_ocsp_status(status));
	return 0;
}

static void clean_up(struct race *race)
{
	free_responder(&race->responder);
	free_store(&race->store);
	clear_issuer_set(&race->issuers);
	(void)unlink(race->path);
	(void)rmdir(race->folder);
}

int main(int argc, char **argv)
{
	CLEANUP(clean_up) struct race race = {0};
	struct fault fault = {0};

	if (prepare(&race, argc > 1 ? argv[1] : NULL, &fault) < 0 ||
	    run_tasks(QUESTIONS, THREADS, take_turn, &race, &fault) < 0) {
		(void)fprintf(stderr, "race_responder: %s\n", fault.text);
		return EXIT_FAILURE;
	}
	(void)printf("race_responder: %d questions by %d threads, revoked in between\n", QUESTIONS,
		     THREADS);
	return EXIT_SUCCESS;
}
