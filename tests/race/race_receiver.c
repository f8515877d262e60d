/*
 * The caches of a sender and a receiver under the thread sanitizer: threads choose members, let
 * them sign and verify their certificates, of more members than the chain cache holds, while
 * members are renewed and some certificates are forged; and remember certificates by their digests.
 * Exit status 0: every valid message was verified, and no other; with once_only no member was
 * chosen twice.
 */
#include "common/base/clock.h"
#include "common/base/staging.h"
#include "common/base/workers.h"
#include "common/pool/members/pool.h"
#include "common/pool/messages/certificate_memory.h"
#include "common/pool/messages/chain_cache.h"
#include "common/pool/messages/choose_signer.h"
#include "common/pool/messages/signer_cache.h"
#include "common/x509/csr.h"
#include "common/x509/issuer.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	THREADS = 8,
	TURNS = 1500,
	MEMBERS = 6,
	CACHED = 3,
	FORGED_EVERY = 7,
	RENEWED_EVERY = 31,
	FORGOTTEN_EVERY = 50,
	DESCRIPTORS = 8
};

static const enum reuse methods[] = {REUSE_RANDOM, REUSE_LIMITED_TIME, REUSE_ROTATING_BATCH,
				     REUSE_PER_RELYING_PARTY};

struct race {
	char folder[64];
	int64_t now_s;
	struct issuer *issuer;
	struct layout *layout;
	struct client_node client; /* with once_only */
	struct client_node others[COUNT_OF(methods)];
	struct signer_cache *signer_cache;
	struct chooser *once;
	atomic_uint chosen[MEMBERS]; /* by `once` */
	struct chooser *choosers[COUNT_OF(methods)];
	struct chain_cache *chain_cache;
	struct certificate_memory *memory;
};

static int make_root(struct race *race, struct fault *fault)
{
	const struct validity validity = {race->now_s - 600, race->now_s + 7200};
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(free_certificate) struct certificate *root = NULL;
	CLEANUP(clear_roots) struct roots trusted = {0};
	struct intermediates known = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};

	if (generate_private_key(KEY_ECDSA_P256, &key, fault) < 0 ||
	    create_root(key, "CN=Root", &validity, &der, fault) < 0 ||
	    parse_certificate_der(bytes_of_buffer(&der), &root, fault) < 0 ||
	    parse_certificate_der(bytes_of_buffer(&der), &trusted.root, fault) < 0 ||
	    new_chain_cache(&trusted, &known, CACHED, &race->chain_cache, fault) < 0 ||
	    new_certificate_memory(&race->memory, fault) < 0)
		return -1;
	return new_issuer(&root, &key, &race->issuer, fault);
}

/* Gives the member a certificate, or another for the same key. */
static int certify(const struct race *race, size_t member, enum staging_mode mode,
		   struct fault *fault)
{
	const struct validity validity = {race->now_s - 300, race->now_s + 3600};
	CLEANUP(free_csr) struct csr *csr = NULL;
	CLEANUP(clear_buffer) struct buffer pem = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(clear_buffer) struct buffer certificate = {0};
	uint8_t serial[SERIAL_MAX];
	char name[FILE_NAME_SIZE];

	name_csr(member, name);
	if (read_file(race->layout->csr_file, name, CERTIFICATE_PEM_MAX, &pem, fault) < 0 ||
	    parse_csr_pem(bytes_of_buffer(&pem), &csr, fault) < 0 ||
	    generate_serial(serial, fault) < 0 ||
	    certify_csr(race->issuer, csr, serial, &validity, &der, fault) < 0 ||
	    format_certificate_pem(bytes_of_buffer(&der), &certificate, fault) < 0)
		return -1;
	name_certificate(member, name);
	return write_file(race->layout->cert, name, mode, 0644, bytes_of_buffer(&certificate),
			  fault);
}

static int make_pool_of_race(struct race *race, struct fault *fault)
{
	static char subject[] = "CN={client}-{index}";
	struct make_summary made;

	race->client = (struct client_node){
		.name = "client1",
		.pool = {.size = MEMBERS,
			 .key = KEY_ECDSA_P256,
			 .subject = subject,
			 .reuse = {.method = REUSE_ONCE_ONLY, .hold_messages = 1}}};
	if (prepare_numbers(race->layout, &race->client, race->now_s, fault) < 0 ||
	    make_pool(race->layout, &race->client, NULL, &made, fault) < 0)
		return -1;
	for (size_t member = 1; member <= MEMBERS; member++)
		if (certify(race, member, STAGE_NEW, fault) < 0)
			return -1;
	return new_signer_cache(race->layout, "client1", MEMBERS, &race->signer_cache, fault);
}

/* The others know nothing of used members. */
static int make_choosers(struct race *race, struct fault *fault)
{
	if (new_chooser(race->layout, &race->client, race->signer_cache, &race->once, fault) < 0)
		return -1;
	expect_messages(race->once, MEMBERS);
	for (size_t i = 0; i < COUNT_OF(methods); i++) {
		race->others[i] = race->client;
		race->others[i].pool.marks = NULL;
		race->others[i].pool.last = 0;
		race->others[i].pool.reuse.method = methods[i];
		if (new_chooser(race->layout, &race->others[i], race->signer_cache,
				&race->choosers[i], fault) < 0)
			return -1;
		expect_messages(race->choosers[i], TURNS);
	}
	return 0;
}

static int prepare(struct race *race, struct fault *fault)
{
	race->now_s = read_clock();
	(void)snprintf(race->folder, sizeof(race->folder), "/tmp/certpool-race-XXXXXX");
	if (mkdtemp(race->folder) == NULL)
		return set_errno_fault(fault, "%s", race->folder);
	if (make_layout(race->folder, &race->layout, fault) < 0 || make_root(race, fault) < 0)
		return -1;
	if (make_pool_of_race(race, fault) < 0)
		return -1;
	return make_choosers(race, fault);
}

/* More threads than members choose one with once_only. */
static int choose_once_each(size_t index, void *context, struct fault *fault)
{
	struct race *race = context;
	CLEANUP(release_signer) struct signer *signer = NULL;
	struct fault empty = {0};

	(void)index;
	if (choose_signer(race->once, "client2", race->now_s, &signer, &empty) < 0)
		return empty.class == FAULT_NOT_FOUND ? 0 : pass_fault(&empty, fault);
	if (atomic_fetch_add(&race->chosen[signer->member.index - 1], 1) == 0)
		return 0;
	return set_fault(fault, FAULT_FAILED, "member %zu was chosen twice with once_only",
			 signer->member.index);
}

static int check_chosen(const struct race *race, struct fault *fault)
{
	for (size_t i = 0; i < MEMBERS; i++)
		if (atomic_load(&race->chosen[i]) != 1)
			return set_fault(fault, FAULT_FAILED,
					 "member %zu was not chosen with once_only", i + 1);
	return 0;
}

/* Signs a message, and parses it as the receiver does. */
static int sign(const struct race *race, const struct signer *signer,
		struct signed_message *ret_message, struct fault *fault)
{
	const struct bytes chain = certificate_der(signer->member.certificate);
	struct message_claims claims = {.iss = "client1", .aud = "client2", .iat_s = race->now_s};
	CLEANUP(clear_buffer) struct buffer jws = {0};

	if (generate_jti(claims.jti, fault) < 0 ||
	    sign_message(signer->member.key, &claims, &chain, 1, bytes_of_string("bonjour"), &jws,
			 fault) < 0)
		return -1;
	return parse_signed_message(bytes_of_buffer(&jws), ret_message, fault);
}

static int verify(const struct race *race, const struct signed_message *message, bool forged,
		  struct fault *fault)
{
	CLEANUP(release_presented_chain) struct presented_chain *chain = NULL;
	struct verdict verdict = {0};

	if (verify_presented_chain(race->chain_cache, message, race->now_s, &chain, &verdict,
				   fault) < 0)
		return -1;
	if (!verdict.invalid &&
	    verify_message(message, certificate_public_key(chain->certificates[0]), &verdict,
			   fault) < 0)
		return -1;
	if (verdict.invalid == forged)
		return 0;
	return set_fault(fault, FAULT_FAILED, "expected a %s message, found: %s",
			 forged ? "forged" : "good", verdict.reason);
}

/* Remembers the message's certificate, and has its digest recall it, while the clock moves on by
   more than an hour now and then. */
static int remember(const struct race *race, const struct signed_message *message, size_t index,
		    struct fault *fault)
{
	CLEANUP(clear_signed_message) struct signed_message by_digest = {.by_digest = true};
	int64_t now_s = race->now_s + (int64_t)(index / FORGOTTEN_EVERY) * 2 * REMEMBERED_S;

	digest_sha256(bytes_of_buffer(&message->chain[0]), by_digest.sha256);
	(void)remember_certificate(race->memory, "client1", message, now_s);
	if (recall_certificate(race->memory, "client1", now_s, &by_digest, fault) < 0)
		return -1;
	if (by_digest.chain_count == 0 ||
	    equal_bytes(bytes_of_buffer(&by_digest.chain[0]), bytes_of_buffer(&message->chain[0])))
		return 0;
	return set_fault(fault, FAULT_FAILED,
			 "expected the digest's certificate, found another one");
}

static int take_turn(size_t index, void *context, struct fault *fault)
{
	const struct race *race = context;
	bool forged = index % FORGED_EVERY == 0;
	CLEANUP(release_signer) struct signer *signer = NULL;
	CLEANUP(clear_signed_message) struct signed_message message = {0};

	if (index % RENEWED_EVERY == 0)
		return certify(race, index % MEMBERS + 1, STAGE_REPLACE, fault);
	if (choose_signer(race->choosers[index % COUNT_OF(methods)],
			  index % 3 == 0 ? "client2" : "client3", race->now_s, &signer,
			  fault) < 0 ||
	    sign(race, signer, &message, fault) < 0)
		return -1;
	if (forged)
		message.chain[0].data[message.chain[0].len - 1] ^= 1;
	if (remember(race, &message, index, fault) < 0)
		return -1;
	return verify(race, &message, forged, fault);
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
	free_chooser(&race->once);
	for (size_t i = 0; i < COUNT_OF(methods); i++)
		free_chooser(&race->choosers[i]);
	free_signer_cache(&race->signer_cache);
	free(race->client.pool.marks);
	free_chain_cache(&race->chain_cache);
	free_certificate_memory(&race->memory);
	free_issuer(&race->issuer);
	free_layout(&race->layout);
	(void)nftw(race->folder, remove_entry, DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	CLEANUP(clean_up) struct race race = {0};
	struct fault fault = {0};

	if (prepare(&race, &fault) < 0 ||
	    run_tasks(2 * MEMBERS, THREADS, choose_once_each, &race, &fault) < 0 ||
	    check_chosen(&race, &fault) < 0 ||
	    run_tasks(TURNS, THREADS, take_turn, &race, &fault) < 0) {
		(void)fprintf(stderr, "race_receiver: %s\n", fault.text);
		return EXIT_FAILURE;
	}
	(void)printf("race_receiver: %d messages by %d threads, of members that were renewed\n",
		     TURNS, THREADS);
	return EXIT_SUCCESS;
}
