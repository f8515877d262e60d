#include "common/pool/members/member.h"

#include "common/base/clock.h"
#include "common/crypto/key_file.h"
#include "common/x509/purpose.h"

#include <string.h>

/* How often a member may be renewed while it is being opened, before its key and certificate are
   taken for a mismatch. */
enum { RENEWALS_MAX = 4 };

/* A certificate is renewed in the last third of its life. */
enum { LIFETIME_DIVISOR = 3 };

const struct member_files current_files = {
	.key = name_private_key,
	.csr = name_csr,
	.certificate = name_certificate,
};

const struct member_files renewal_files = {
	.key = name_renewal_key,
	.csr = name_renewal_csr,
	.certificate = name_renewal_certificate,
};

int read_certificate_file(const struct layout *layout, const char *name,
			  struct certificate **ret_certificate, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};

	if (read_file(layout->cert, name, CERTIFICATE_PEM_MAX, &pem, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	if (parse_certificate_pem(bytes_of_buffer(&pem), ret_certificate, fault) < 0)
		return prefix_fault(fault, "%s/cert/%s", layout->path, name);
	return 0;
}

void clear_member(struct member *member)
{
	free_certificate(&member->certificate);
	free_private_key(&member->key);
	*member = (struct member){0};
}

/* Whose member it is: for the advice in a text. */
struct owner {
	const struct layout *layout;
	const char *client;
};

/* Passes a failure on, with the verb that makes a damaged file new. */
static int advise_repair(const struct owner *owner, size_t index, const struct fault *failure,
			 struct fault *fault)
{
	if (failure->class != FAULT_MALFORMED && failure->class != FAULT_TOO_LARGE)
		return pass_fault(failure, fault);
	return set_fault(fault, failure->class, "%s: run certpool repair %s/%zu", failure->text,
			 owner->client, index);
}

static int read_member_certificate(const struct owner *owner, size_t index,
				   struct certificate **ret_certificate, struct fault *fault)
{
	struct fault failure = {0};
	char name[FILE_NAME_SIZE];
	bool found;

	name_certificate(index, name);
	if (find_file(owner->layout->cert, name, &found, fault) < 0)
		return prefix_fault(fault, "%s/cert", owner->layout->path);
	if (!found)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "%s/cert/%s: member %zu has no certificate: run certpool keep %s",
				 owner->layout->path, name, index, owner->client);
	if (read_certificate_file(owner->layout, name, ret_certificate, &failure) < 0)
		return advise_repair(owner, index, &failure, fault);
	return 0;
}

int64_t ending_from(const struct certificate *certificate, size_t left_percent)
{
	int64_t end_s = certificate_not_after(certificate);
	int64_t lifetime_s = end_s - certificate_not_before(certificate);

	if (left_percent == 0)
		return end_s - lifetime_s / LIFETIME_DIVISOR;
	return end_s - lifetime_s / 100 * (int64_t)left_percent;
}

bool is_valid_at(const struct certificate *certificate, int64_t now_s)
{
	return certificate_not_before(certificate) <= now_s &&
	       now_s <= certificate_not_after(certificate);
}

static int check_current(const struct owner *owner, size_t index,
			 const struct certificate *certificate, int64_t now_s, struct fault *fault)
{
	char name[FILE_NAME_SIZE];
	char begin[TIME_TEXT_SIZE];
	char end[TIME_TEXT_SIZE];
	char now[TIME_TEXT_SIZE];

	if (is_valid_at(certificate, now_s))
		return 0;
	name_certificate(index, name);
	format_time(certificate_not_before(certificate), begin);
	format_time(certificate_not_after(certificate), end);
	format_time(now_s, now);
	return set_fault(fault, FAULT_REFUSED,
			 "%s/cert/%s: %s: valid from %s to %s, and it is %s: use another member, "
			 "or run certpool renew %s/%zu",
			 owner->layout->path, name,
			 certificate_not_after(certificate) < now_s ? "expired" : "not yet valid",
			 begin, end, now, owner->client, index);
}

/* Receivers take a message from no other certificate. */
static int check_signs(const struct owner *owner, size_t index,
		       const struct certificate *certificate, struct fault *fault)
{
	struct verdict verdict = {0};
	char name[FILE_NAME_SIZE];

	check_usage(certificate, USE_SIGN, &verdict);
	if (!verdict.invalid)
		return 0;
	name_certificate(index, name);
	return set_fault(fault, FAULT_REFUSED,
			 "%s/cert/%s: not for messages: %s: list sign among the usages of the pool "
			 "of %s and of its policy at the CA, and run certpool renew %s/%zu",
			 owner->layout->path, name, verdict.reason, owner->client, owner->client,
			 index);
}

static bool matches(const struct public_key *key, const struct certificate *certificate)
{
	return equal_bytes(public_key_spki(key),
			   public_key_spki(certificate_public_key(certificate)));
}

static int read_member_key(const struct owner *owner, size_t index, struct private_key **ret_key,
			   struct public_key **ret_public_key, struct fault *fault)
{
	CLEANUP(free_private_key) struct private_key *key = NULL;
	struct fault failure = {0};
	char name[FILE_NAME_SIZE];

	name_private_key(index, name);
	if (read_private_key(owner->layout, name, &key, &failure) < 0) {
		if (failure.class != FAULT_NOT_FOUND)
			return advise_repair(owner, index, &failure, fault);
		return set_fault(fault, failure.class,
				 "%s: if it is lost, run certpool repair %s/%zu", failure.text,
				 owner->client, index);
	}
	if (get_public_key(key, ret_public_key, fault) < 0)
		return -1;
	*ret_key = TAKE(key);
	return 0;
}

/* The certificate that a renewal has not renamed yet; NULL if there is none (any more). */
static int read_renewal_certificate(const struct layout *layout, size_t index,
				    struct certificate **ret_certificate, struct fault *fault)
{
	struct fault failure = {0};
	char name[FILE_NAME_SIZE];

	name_renewal_certificate(index, name);
	if (read_certificate_file(layout, name, ret_certificate, &failure) == 0 ||
	    failure.class == FAULT_NOT_FOUND)
		return 0;
	return pass_fault(&failure, fault);
}

/*
 * Finds the certificate of the key, after the certificate that was read did not match. A renewal
 * renames the key first and the certificate last (replace_member.h): so the new certificate still
 * has its renewal name, or was renamed since the first read.
 */
static int find_matching_certificate(const struct owner *owner, const struct public_key *key,
				     struct member *member, struct fault *fault)
{
	free_certificate(&member->certificate);
	if (read_renewal_certificate(owner->layout, member->index, &member->certificate, fault) < 0)
		return -1;
	if (member->certificate != NULL && matches(key, member->certificate))
		return 0;
	free_certificate(&member->certificate);
	return read_member_certificate(owner, member->index, &member->certificate, fault);
}

/* *ret_match false: key and certificate do not match, or a whole renewal came between the reads. */
static int read_matching_key(const struct owner *owner, struct member *member, bool *ret_match,
			     struct fault *fault)
{
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(free_public_key) struct public_key *public_key = NULL;

	if (read_member_key(owner, member->index, &key, &public_key, fault) < 0)
		return -1;
	if (!matches(public_key, member->certificate) &&
	    find_matching_certificate(owner, public_key, member, fault) < 0)
		return -1;
	*ret_match = matches(public_key, member->certificate);
	if (*ret_match)
		member->key = TAKE(key);
	return 0;
}

/* Adds the key to a member that has its certificate. Another process may be renewing the member. */
static int add_key(const struct owner *owner, struct member *member, struct fault *fault)
{
	char name[FILE_NAME_SIZE];

	for (int i = 0; i < RENEWALS_MAX; i++) {
		bool match = false;

		if (read_matching_key(owner, member, &match, fault) < 0)
			return -1;
		if (match)
			return 0;
	}
	name_private_key(member->index, name);
	return set_fault(fault, FAULT_REFUSED,
			 "%s/Private/%s: not the key of member %zu's certificate: put the right "
			 "one back, or run certpool repair %s/%zu",
			 owner->layout->path, name, member->index, owner->client, member->index);
}

int open_any_member(const struct layout *layout, const char *client, size_t index, int64_t now_s,
		    struct member *ret_member, struct fault *fault)
{
	const struct owner owner = {layout, client};
	CLEANUP(clear_member) struct member member = {.index = index};

	if (read_member_certificate(&owner, index, &member.certificate, fault) < 0 ||
	    check_current(&owner, index, member.certificate, now_s, fault) < 0 ||
	    add_key(&owner, &member, fault) < 0)
		return -1;
	MOVE(ret_member, member);
	return 0;
}

int open_member(const struct layout *layout, const char *client, size_t index, int64_t now_s,
		struct member *ret_member, struct fault *fault)
{
	const struct owner owner = {layout, client};
	CLEANUP(clear_member) struct member member = {0};

	if (open_any_member(layout, client, index, now_s, &member, fault) < 0 ||
	    check_signs(&owner, index, member.certificate, fault) < 0)
		return -1;
	MOVE(ret_member, member);
	return 0;
}

int open_member_if_valid(const struct layout *layout, const char *client, size_t index,
			 int64_t now_s, struct member *ret_member, struct fault *fault)
{
	struct fault failure = {0};

	if (open_member(layout, client, index, now_s, ret_member, &failure) < 0 &&
	    pass_failure(&failure, fault) < 0)
		return -1;
	return 0;
}
