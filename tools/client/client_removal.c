#include "tools/client/client_removal.h"

#include "common/base/staging.h"
#include "common/ca/shared/client_key_copies.h"
#include "common/ca/store/barred.h"
#include "common/ca/store/certificates.h"
#include "common/ca/store/clients.h"
#include "common/ca/store/revoke.h"
#include "common/x509/revocation/crl_reason.h"
#include "tools/node.h"
#include "tools/output.h"

/* The client is barred first, so that it gets no other certificates meanwhile. */
static int revoke_all(const struct ca_key_settings *key, struct ca_operator *ca, const char *name,
		      struct revocation_summary *ret_summary, struct fault *fault)
{
	const struct certificate_query query = {.client = name};
	const struct revocation revocation = {.query = &query,
					      .by = CA_NAME,
					      .reason = REASON_CESSATION_OF_OPERATION,
					      .now_s = ca->now_s,
					      .rounding = ca->manifest->ca.rounding};
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
		print_line(
			"%s: removed; its %s on until %s: certpool revoke --client %s --yes "
			"revokes %s",
			name,
			counted(living, "valid certificate lives", "valid certificates live").text,
			by_count(living, "it ends", "they end"), name,
			by_count(living, "it", "them"));
	else
		print_line("%s: removed, %s revoked", name,
			   counted(summary->revoked, "certificate", "certificates").text);
	return 0;
}

/* The keys that are shared with it, and its name's line in state/barred. The current key goes last:
   as long as it is there, not everything was done. */
static int drop_keys(const struct ca_operator *ca, const char *name, bool *ret_dropped,
		     struct fault *fault)
{
	char file[FILE_NAME_SIZE];

	name_shared_key(name, file);
	if (write_barred(ca->store, ca->layout, fault) < 0 ||
	    find_file(ca->layout->private, file, ret_dropped, fault) < 0)
		return -1;
	return remove_client_key(ca->store, ca->layout, name, fault);
}

/* Its certificates, if there is a key for that, and its row. */
static int drop_record(struct ca_operator *ca, const char *name, const struct ca_key_settings *key,
		       struct revocation_summary *summary, bool *ret_dropped, struct fault *fault)
{
	CLEANUP(clear_client) struct client client = {0};
	bool found;

	if (read_client(ca->store, name, &client, &found, fault) < 0 ||
	    (found && key != NULL && revoke_all(key, ca, name, summary, fault) < 0))
		return -1;
	return remove_client(ca->store, name, ca->now_s, ret_dropped, fault);
}

/* The record before the key: from then on the CA refuses the client, whatever keys there are.
   Killed at any moment, it is run again. */
int drop_whole_client(const struct command *command, struct ca_operator *ca, const char *name,
		      const struct ca_key_settings *key, struct fault *fault)
{
	const struct certificate_query live = {
		.client = name, .state = STATE_LIVE, .now_s = ca->now_s};
	struct revocation_summary summary = {0};
	CLEANUP(close_descriptor) int lock = -1;
	struct fault absent = {0};
	bool had_row;
	bool had_key;
	size_t living;

	if (find_client(ca->manifest, name, &absent) != NULL)
		return set_fault(fault, FAULT_REFUSED,
				 "%s has the client %s, which would be added again: take it out of "
				 "the manifest first; to bar it, use certpool client disable %s",
				 ca->manifest->path, name, name);
	if (lock_or_wait(command, ca->layout, &lock, fault) < 0 ||
	    sweep_staging(ca->layout->private, fault) < 0 ||
	    drop_record(ca, name, key, &summary, &had_row, fault) < 0 ||
	    drop_keys(ca, name, &had_key, fault) < 0 ||
	    count_certificates(ca->store, &live, &living, fault) < 0)
		return -1;
	if (!had_row && !had_key && living > 0)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "the client \"%s\" was removed before; %s on until %s: certpool "
				 "revoke --client %s --yes revokes %s",
				 name,
				 counted(living, "certificate of it is valid, and lives",
					 "certificates of it are valid, and live")
					 .text,
				 by_count(living, "it ends", "they end"), name,
				 by_count(living, "it", "them"));
	if (!had_row && !had_key)
		return set_fault(
			fault, FAULT_NOT_FOUND,
			"the client \"%s\" was removed before: there is nothing left to do", name);
	return print_removal(command, name, living, &summary, fault);
}
