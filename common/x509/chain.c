#include "common/x509/chain.h"

#include "common/base/clock.h"
#include "common/crypto/signed_message.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/profile.h"

/* The certificates from the member's up to the last one below the root. */
struct path {
	const struct certificate *steps[CHAIN_MAX + 1];
	size_t count;
};

/* Compares the names and, if both certificates have one, the key identifiers. */
static bool may_have_issued(const struct certificate *issuer, const struct certificate *subject)
{
	const struct certificate_fields *above = certificate_fields(issuer);
	const struct certificate_fields *below = certificate_fields(subject);
	struct bytes key_id = find_subject_key_id(above);
	struct bytes wanted = find_authority_key_id(below);

	return equal_bytes(above->subject, below->issuer) &&
	       (key_id.len == 0 || wanted.len == 0 || equal_bytes(key_id, wanted));
}

int verify_intermediate(const struct certificate *root, const struct certificate *certificate,
			struct verdict *verdict, struct fault *fault)
{
	if (check_profile(certificate, PROFILE_INTERMEDIATE, verdict, fault) < 0)
		return -1;
	if (!may_have_issued(root, certificate))
		reject_because(
			verdict,
			"RFC 5280 section 6.1: it is by %s, not by the key and name of the root %s",
			certificate_issuer(certificate), certificate_subject(root));
	if (verdict->invalid)
		return 0;
	return verify_signed_object(&certificate_fields(certificate)->signed_object,
				    certificate_public_key(root),
				    "RFC 5280 section 4.1.1.3: signatureValue", verdict, fault);
}

static bool on_path(const struct path *path, const struct certificate *certificate)
{
	for (size_t i = 0; i < path->count; i++)
		if (equal_bytes(certificate_der(path->steps[i]), certificate_der(certificate)))
			return true;
	return false;
}

static const struct certificate *find_next(const struct path *path,
					   const struct certificate *const *intermediates,
					   size_t intermediate_count)
{
	for (size_t i = 0; i < intermediate_count; i++)
		if (!on_path(path, intermediates[i]) &&
		    may_have_issued(intermediates[i], path->steps[path->count - 1]))
			return intermediates[i];
	return NULL;
}

const struct certificate *find_issuer(const struct certificate *root,
				      const struct certificate *const *intermediates,
				      size_t intermediate_count,
				      const struct certificate *certificate)
{
	const struct path path = {.steps = {certificate}, .count = 1};

	return may_have_issued(root, certificate)
		       ? root
		       : find_next(&path, intermediates, intermediate_count);
}

static void find_path(const struct certificate *root,
		      const struct certificate *const *intermediates, size_t intermediate_count,
		      struct path *path, struct verdict *verdict)
{
	const struct certificate *last = path->steps[0];

	/* At most CHAIN_MAX intermediates, none of them twice: steps has room. */
	while (!may_have_issued(root, last)) {
		const struct certificate *next = find_next(path, intermediates, intermediate_count);

		if (next == NULL) {
			reject_because(
				verdict,
				"RFC 5280 section 6.1: no path to the root %s: the issuer %s of %s "
				"is not known",
				certificate_subject(root), certificate_issuer(last),
				certificate_subject(last));
			return;
		}
		path->steps[path->count++] = next;
		last = next;
	}
}

static void check_time(const struct certificate *certificate, int64_t at_s, struct verdict *verdict)
{
	char at[TIME_TEXT_SIZE];
	char bound[TIME_TEXT_SIZE];

	format_time(at_s, at);
	if (at_s < certificate_not_before(certificate)) {
		format_time(certificate_not_before(certificate), bound);
		reject_because(verdict,
			       "RFC 5280 section 4.1.2.5: not yet valid at %s, only from %s", at,
			       bound);
	}
	if (at_s > certificate_not_after(certificate)) {
		format_time(certificate_not_after(certificate), bound);
		reject_because(verdict, "RFC 5280 section 4.1.2.5: expired at %s, valid until %s",
			       at, bound);
	}
}

/* The time and the profile of one certificate; the reason names the certificate. */
static int check_path_certificate(const struct certificate *certificate, enum profile profile,
				  int64_t at_s, struct verdict *verdict, struct fault *fault)
{
	static const char *const roles[] = {[PROFILE_ROOT] = "root",
					    [PROFILE_INTERMEDIATE] = "intermediate",
					    [PROFILE_MEMBER] = "certificate"};
	struct verdict single = {0};

	check_time(certificate, at_s, &single);
	if (check_profile(certificate, profile, &single, fault) < 0)
		return -1;
	if (single.invalid)
		reject_because(verdict, "%s %s: %s", roles[profile],
			       certificate_subject(certificate), single.reason);
	return 0;
}

static int check_path_certificates(const struct path *path, const struct certificate *root,
				   int64_t at_s, struct verdict *verdict, struct fault *fault)
{
	if (check_path_certificate(root, PROFILE_ROOT, at_s, verdict, fault) < 0)
		return -1;
	for (size_t i = 0; i < path->count; i++)
		if (check_path_certificate(path->steps[i],
					   i == 0 ? PROFILE_MEMBER : PROFILE_INTERMEDIATE, at_s,
					   verdict, fault) < 0)
			return -1;
	return 0;
}

/* The issuer of the certificate at that step. */
static const struct certificate *issuer_of(const struct path *path, size_t step,
					   const struct certificate *root)
{
	return step + 1 < path->count ? path->steps[step + 1] : root;
}

/* Checks that no more intermediates are below the issuer than it allows. Self-issued certificates
   do not count (RFC 5280 section 6.1.4 (l)). */
static void check_path_length(const struct path *path, size_t step,
			      const struct certificate *issuer, struct verdict *verdict)
{
	unsigned int most;
	unsigned int below = 0;

	for (size_t i = 1; i <= step; i++) {
		const struct certificate_fields *fields = certificate_fields(path->steps[i]);

		if (!equal_bytes(fields->subject, fields->issuer))
			below++;
	}
	if (find_path_length(certificate_fields(issuer), &most) && below > most)
		reject_because(
			verdict,
			"RFC 5280 section 4.2.1.9: pathLenConstraint: %s allows %u intermediates "
			"below it, found %u",
			certificate_subject(issuer), most, below);
}

/*
 * The checks of RFC 5280 section 6.1 that remain after the search and the profiles: path lengths
 * and signatures, from the root down. The search has compared the names, and no profile allows
 * other constraints.
 */
static int verify_path(const struct path *path, const struct certificate *root,
		       struct verdict *verdict, struct fault *fault)
{
	for (size_t step = path->count; step > 0 && !verdict->invalid; step--) {
		const struct certificate *certificate = path->steps[step - 1];
		const struct certificate *issuer = issuer_of(path, step - 1, root);
		struct verdict single = {0};

		check_path_length(path, step - 1, issuer, verdict);
		if (verify_signed_object(&certificate_fields(certificate)->signed_object,
					 certificate_public_key(issuer),
					 "RFC 5280 section 4.1.1.3: signatureValue", &single,
					 fault) < 0)
			return -1;
		if (single.invalid)
			reject_because(verdict, "certificate %s: %s",
				       certificate_subject(certificate), single.reason);
	}
	return 0;
}

int verify_chain(const struct certificate *root, const struct certificate *const *intermediates,
		 size_t intermediate_count, const struct certificate *certificate, int64_t at_s,
		 struct verdict *verdict, struct fault *fault)
{
	struct path path = {.steps = {certificate}, .count = 1};

	if (intermediate_count > CHAIN_MAX)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "expected at most %d intermediate certificates, found %zu",
				 CHAIN_MAX, intermediate_count);
	if (equal_bytes(certificate_der(root), certificate_der(certificate)))
		reject_because(verdict, "certificate %s: it is the root, not a member's",
			       certificate_subject(root));
	find_path(root, intermediates, intermediate_count, &path, verdict);
	if (verdict->invalid)
		return 0;
	if (check_path_certificates(&path, root, at_s, verdict, fault) < 0)
		return -1;
	return verdict->invalid ? 0 : verify_path(&path, root, verdict, fault);
}
