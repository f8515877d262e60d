#include "common/pool/members/take_key.h"

#include "common/crypto/key_file.h"
#include "common/wire/envelope.h"
#include "common/wire/key_exchange.h"

int read_sending_key(const struct layout *layout, const char *peer, int64_t now_s,
		     struct shared_key *ret_key, struct fault *fault)
{
	CLEANUP(clear_shared_key) struct shared_key key = {0};
	CLEANUP(clear_shared_key) struct shared_key old = {0};
	bool found;

	if (read_shared_key(layout, peer, &key, fault) < 0 ||
	    read_old_key(layout, peer, now_s, &old, &found, fault) < 0)
		return -1;
	*ret_key = found && old.offer ? old : key;
	return 0;
}

static int ask(const struct key_question *question, const struct shared_key *key,
	       const struct successor *offer, int64_t now_s, struct key_answer *ret_answer,
	       struct fault *fault)
{
	CLEANUP(clear_key_request) struct key_request request = {.offer = *offer};
	CLEANUP(free_http_client) struct http_client *http = NULL;
	CLEANUP(clear_secret) struct secret plaintext = {0};
	CLEANUP(clear_secret) struct secret json = {0};
	CLEANUP(clear_key_answer) struct key_answer answer = {0};
	uint8_t sha256[SHA256_LEN];
	int result;

	if (make_request_claims(question->self, question->peer, now_s, &request.claims, fault) <
		    0 ||
	    format_key_request(&request, &plaintext, fault) < 0 ||
	    take_http_client(question->clients, &http, fault) < 0)
		return -1;
	result = ask_encrypted(http, &key_kind, key, bytes_of_secret(&plaintext), &json, sha256,
			       fault);
	return_http_client(question->clients, &http);
	if (result < 0 || parse_key_answer(bytes_of_secret(&json), &answer, fault) < 0 ||
	    check_ca_answer(&answer.claims, &answer.refusal, &request.claims, sha256, fault) < 0)
		return -1;
	*ret_answer = answer;
	return 0;
}

int claim_key(const struct key_question *question, const struct shared_key *invited, int64_t now_s,
	      struct shared_key *ret_key, struct fault *fault)
{
	CLEANUP(clear_key_answer) struct key_answer answer = {0};
	const struct successor none = {0};

	if (ask(question, invited, &none, now_s, &answer, fault) < 0)
		return -1;
	if (!answer.successor.present)
		return set_fault(fault, FAULT_REFUSED,
				 "%s has no other key for who joins by this invitation: ask for "
				 "another one (certpool invite %s --once)",
				 question->peer, question->self);
	*ret_key = answer.successor.key;
	return 0;
}

/* What the peer cannot or does not answer is no fault of this node's. */
int take_new_key(const struct key_question *question, int64_t now_s, struct fault *fault)
{
	const struct layout *layout = question->layout;
	const char *peer = question->peer;
	CLEANUP(clear_shared_key) struct shared_key key = {0};
	CLEANUP(clear_shared_key) struct shared_key old = {0};
	CLEANUP(clear_key_answer) struct key_answer answer = {0};
	struct successor none = {0};
	struct successor offer = {0};
	struct fault ignored = {0};
	bool found;
	int asked;

	if (sweep_ended_keys(layout, now_s, fault) < 0 ||
	    read_shared_key(layout, peer, &key, fault) < 0 ||
	    read_old_key(layout, peer, now_s, &old, &found, fault) < 0)
		return -1;
	if (found && old.offer)
		offer = (struct successor){true, key, old.ends_s};
	asked = ask(question, offer.present ? &old : &key, &offer, now_s, &answer, &ignored);
	clear_shared_key(&offer.key);
	if (asked < 0)
		return 0;
	if (!answer.successor.present)
		return found && old.offer ? note_taken_key(layout, peer, fault) : 0;
	if (replace_shared_key(layout, peer, &answer.successor.key, answer.successor.old_ends_s,
			       false, now_s, fault) < 0)
		return -1;
	(void)!ask(question, &answer.successor.key, &none, now_s, &answer, &ignored);
	return 0;
}
