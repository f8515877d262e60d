#include "tools/client/client_removal.h"

#include "common/ca/store/barred.h"
#include "common/ca/store/certificates.h"
#include "common/ca/store/clients.h"
#include "common/ca/store/revoke.h"
#include "common/crypto/key_file.h"
#include "common/x509/revocation/crl_reason.h"
#include "tools/output.h"

/* The client is barred first, so that it gets no other certificates meanwhile. */
static int revoke_all(const struct ca_key_settings *key, struct ca_operator *ca, const char *name,
		      struct revocation_summary *ret_summary, struct fault *fault)
{
	const struct certificate_query query = {.client = name};
	const struct revocation revocation = {.query = &query,
					      .by = CA_NAME,
					      .reason = REASON_CESSATION_OF_OPERATION,
					      .now_s = ca->now_s};
	struct ca_crls crls;
	struct fault failure = {0};
	bool disabled;

	if (set_client_disabled(ca->store, name, true, ca->now_s, &disabled, fault) < 0 ||
	    revoke_certificates(ca->store, &revocation, NULL, NULL, ret_summary, fault) < 0)
		return -1;
	if (publish_ca_crls(ca, key, CRL_WHEN_DUE, &crls, &failure) == 0)
		return 0;
	return set_fault(fault, FAULT_FAILED,
			 "the certificates of %s are revoked, but the CRL could not be made: %s: "
			 "remove the cause and run this again",
			 name, failure.text);
}

static int print_removal(const struct command *command, const char *name, size_t living,
			 const struct revocation_summary *summary, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};

	if (command->json) {
		add_json_text(&line, "client", name);
		add_json_text(&line, "act", "removed");
		add_json_number(&line, "revoked", (long long)summary->revoked);
		add_json_number(&line, "living_on", (long long)living);
		return print_json(&line, fault);
	}
	if (living > 0)
		print_line("%s: removed; its %zu valid certificates live on until they end: "
			   "certpool revoke --client %s --yes revokes them",
			   name, living, name);
	else
		print_line("%s: removed, %zu certificates revoked", name, summary->revoked);
	return 0;
}

/* The record before the key: from then on the CA refuses the client, whatever keys there are.
   Killed before, it is run again. */
int drop_whole_client(const struct command *command, struct ca_operator *ca, const char *name,
		      const struct ca_key_settings *key, struct fault *fault)
{
	const struct certificate_query live = {
		.client = name, .state = STATE_VALID, .now_s = ca->now_s};
	struct revocation_summary summary = {0};
	struct fault absent = {0};
	size_t living;

	if (find_client(ca->manifest, name, &absent) != NULL)
		return set_fault(fault, FAULT_REFUSED,
				 "%s has the client %s, which would be added again: take it out of "
				 "the manifest first; to bar it, use certpool client disable %s",
				 ca->manifest->path, name, name);
	if ((key != NULL && revoke_all(key, ca, name, &summary, fault) < 0) ||
	    remove_client(ca->store, name, ca->now_s, fault) < 0 ||
	    remove_shared_key(ca->layout, name, fault) < 0 ||
	    write_barred(ca->store, ca->layout, fault) < 0 ||
	    count_certificates(ca->store, &live, &living, fault) < 0)
		return -1;
	return print_removal(command, name, living, &summary, fault);
}
