#include "common/ca/issue/rotate_issuer.h"

#include "common/base/clock.h"
#include "common/base/staging.h"
#include "common/ca/issue/intermediate.h"
#include "common/ca/issue/publish_root_crl.h"
#include "common/ca/shared/issuer_copies.h"

#include <stdlib.h>
#include <string.h>

void clear_rotated_issuer(struct rotated_issuer *rotated)
{
	free(rotated->subject);
	*rotated = (struct rotated_issuer){0};
}

static int check_kind(const struct rotation *rotation, struct fault *fault)
{
	const char *path = rotation->layout->path;

	if (rotation->ca->root_layout == NULL)
		return set_fault(
			fault, FAULT_REFUSED,
			"%s: expected a root that lies apart (ca.root_layout), found one "
			"that issues by itself: certpool rotate root gives it a successor, "
			"which issues from then on",
			path);
	return 0;
}

/* Both are after its beginning, which is backdated. */
static int check_pause(const struct rotation *rotation, const struct issuer *newest,
		       struct fault *fault)
{
	const struct certificate *certificate = issuer_certificate(newest);
	int64_t begin_s =
		certificate_not_before(certificate) + rotation->ca->certificate_backdate_s;
	char then[TIME_TEXT_SIZE];

	if (rotation->again || issuer_number(newest) == FIRST_ISSUER ||
	    rotation->now_s >= begin_s + ROTATION_PAUSE_S)
		return 0;
	format_time(begin_s, then);
	return set_fault(
		fault, FAULT_REFUSED,
		"issuer %u, %s, began at %s, less than an hour ago, and issues: nothing has "
		"changed; --again makes another all the same",
		issuer_number(newest), certificate_subject(certificate), then);
}

/* The key, and the content of its file; empty: it is in a token. */
static int make_shared_key(const struct rotation *rotation, unsigned int number,
			   struct private_key **ret_key, struct secret *ret_pem,
			   struct fault *fault)
{
	const struct key_access *access = rotation->access;
	char name[FILE_NAME_SIZE];

	if (access->url == NULL)
		return make_key_pem(rotation->ca->key, access, ret_key, ret_pem, fault);
	name_issuing_key(rotation->layout, rotation->ca, number, name);
	return open_private_key(rotation->layout, name, access, ret_key, fault);
}

/* Where front ends share a record, that is the first to have key and certificate, both at once: of
   two rotations one is refused, and has left nothing. */
static int make_shared_issuer(const struct rotation *rotation, const struct root_home *home,
			      unsigned int number, struct fault *fault)
{
	const struct ca_node *ca = rotation->ca;
	const int64_t now_s = rotation->now_s;
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(clear_secret) struct secret pem = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	struct new_issuer issuer = {.number = number,
				    .last_end_s =
					    now_s + ca->certificate_validity_s + TAKEOVER_MAX_S,
				    .after_s = ca->crl_validity_s,
				    .now_s = now_s};

	if (make_shared_key(rotation, number, &key, &pem, fault) < 0 ||
	    sign_intermediate(home, number, key, now_s, &der, fault) < 0 ||
	    parse_certificate_der(bytes_of_buffer(&der), &certificate, fault) < 0)
		return -1;
	issuer.certificate = certificate;
	if (record_shared_issuer(rotation->store, rotation->layout, &issuer, bytes_of_secret(&pem),
				 fault) < 0)
		return -1;
	return take_issuers(rotation->store, rotation->layout, fault);
}

static int make_issuer(const struct rotation *rotation, unsigned int number, struct fault *fault)
{
	const struct layout *layout = rotation->layout;
	const struct key_access *access = rotation->access;
	CLEANUP(clear_root_home) struct root_home home = {.lock = -1};
	struct crl_info crl;

	if (number > ISSUERS_MAX)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "%s: expected at most %d issuers, found them: make a new CA in a "
				 "layout of its own",
				 layout->path, ISSUERS_MAX);
	if (open_root_home(layout, rotation->ca, access, &home, fault) < 0 ||
	    load_root(&home, rotation->now_s, fault) < 0 ||
	    publish_root_crl(&home, NULL, CRL_WHEN_DUE, rotation->now_s, &crl, fault) < 0)
		return -1;
	if (sweep_staging(layout->private, fault) < 0 || sweep_staging(layout->cert, fault) < 0)
		return prefix_fault(fault, "%s", layout->path);
	if (is_shared_store(rotation->store))
		return make_shared_issuer(rotation, &home, number, fault);
	if (make_issuing_key(layout, rotation->ca, number, access, fault) < 0)
		return -1;
	return certify_intermediate(&home, number, access, rotation->now_s, fault);
}

static int describe_issuer(const struct issuer *issuer, struct store *store, bool completed,
			   struct rotated_issuer *ret_rotated, struct fault *fault)
{
	const struct certificate *certificate = issuer_certificate(issuer);
	struct crl_state before;

	if (read_crl_state(store, issuer_number(issuer) - 1, &before, fault) < 0)
		return -1;
	*ret_rotated = (struct rotated_issuer){.number = issuer_number(issuer),
					       .subject = strdup(certificate_subject(certificate)),
					       .not_after_s = certificate_not_after(certificate),
					       .before_serves_until_s = before.serves_until_s,
					       .completed = completed};
	return ret_rotated->subject != NULL ? 0 : set_memory_fault(fault);
}

int rotate_issuer(const struct rotation *rotation, struct rotated_issuer *ret_rotated,
		  struct fault *fault)
{
	const struct layout *layout = rotation->layout;
	const struct ca_node *ca = rotation->ca;
	CLEANUP(clear_issuer_set) struct issuer_set issuers = {0};
	unsigned int recorded;
	bool killed;

	if (check_kind(rotation, fault) < 0 || take_issuers(rotation->store, layout, fault) < 0 ||
	    load_issuers(layout, ca, rotation->access, &issuers, fault) < 0 ||
	    read_newest_issuer(rotation->store, &recorded, fault) < 0)
		return -1;
	/* One that was killed between the certificate's name and its row is as good as complete. */
	killed = recorded < count_issuers(&issuers);
	if (!killed && (check_pause(rotation, newest_issuer(&issuers), fault) < 0 ||
			make_issuer(rotation, count_issuers(&issuers) + 1, fault) < 0 ||
			load_issuers(layout, ca, rotation->access, &issuers, fault) < 0))
		return -1;
	if (sync_issuers(rotation->store, layout, ca, &issuers, rotation->now_s, fault) < 0)
		return -1;
	return describe_issuer(newest_issuer(&issuers), rotation->store, killed, ret_rotated,
			       fault);
}
