#include "common/x509/chain.h"

#include "common/base/clock.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/profile.h"
#include "common/x509/purpose.h"

/*
 * A search for a path. The first reason that is met is the one that is reported: it is that of the
 * path that the certificates are most likely meant for.
 */
struct search {
	const struct trust *trust;
	const struct certificate *root; /* of the trust, the one that this search is for */
	int64_t at_s;
	struct path path;              /* the root is not in it before the path is whole */
	struct verdict reason;         /* why the first path is invalid */
	bool unfit[INTERMEDIATES_MAX]; /* intermediates that cannot be on a path */
	size_t signature_count;        /* verified so far */
	size_t step_count;             /* taken so far */
	bool exhausted;                /* a bound was met: the rest is not tried */
	bool found;
};

/* Bounds the time of a search through many intermediates of one name, which costs no signature as
   long as none of them is the root's. */
enum { STEPS_MAX = 512 };

static bool is_valid_at(const struct certificate *certificate, int64_t at_s)
{
	return at_s >= certificate_not_before(certificate) &&
	       at_s <= certificate_not_after(certificate);
}

/* Compares the names and, as far as both certificates have them, the identifiers of the key. */
static bool may_have_issued(const struct certificate *issuer, const struct certificate *subject)
{
	const struct certificate_fields *above = certificate_fields(issuer);
	const struct certificate_fields *below = certificate_fields(subject);

	return equal_bytes(above->subject, below->issuer) && names_key_of(below, above);
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

bool is_cross_certificate(const struct certificate *certificate, const struct certificate *root)
{
	const struct certificate_fields *fields = certificate_fields(certificate);
	const struct certificate_fields *root_fields = certificate_fields(root);
	unsigned int path_length;

	/* Who has the key of a CA that issues below a root can make a root of its name and key. */
	if (find_path_length(fields, &path_length) && path_length == 0)
		return false;
	return equal_bytes(fields->subject, root_fields->subject) &&
	       equal_bytes(fields->spki, root_fields->spki) &&
	       !equal_bytes(fields->issuer, root_fields->issuer);
}

const struct certificate *find_issuer(const struct trust *trust,
				      const struct certificate *certificate, int64_t at_s)
{
	const struct certificate *issuer = NULL;

	if (may_have_issued(trust->root, certificate))
		return trust->root;
	if (trust->next_root != NULL && may_have_issued(trust->next_root, certificate))
		return trust->next_root;
	for (size_t i = 0; i < trust->intermediate_count; i++) {
		const struct certificate *candidate = trust->intermediates[i];

		if (!may_have_issued(candidate, certificate) ||
		    equal_bytes(certificate_der(candidate), certificate_der(certificate)))
			continue;
		if (is_valid_at(candidate, at_s))
			return candidate;
		if (issuer == NULL)
			issuer = candidate;
	}
	return issuer;
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

static bool on_path(const struct path *path, const struct certificate *certificate)
{
	for (size_t i = 0; i < path->count; i++)
		if (equal_bytes(certificate_der(path->steps[i]), certificate_der(certificate)))
			return true;
	return false;
}

/* Checks that no more intermediates are below the issuer at that step than it allows. Self-issued
   certificates do not count (RFC 5280 section 6.1.4 (l)). */
static void check_path_length(const struct path *path, size_t step, struct verdict *verdict)
{
	const struct certificate *issuer = path->steps[step];
	unsigned int most;
	unsigned int below = 0;

	for (size_t i = 1; i < step; i++) {
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

/* Checks that some purpose that the member's certificate is wanted for, or has, is one of every
   certificate above it. */
static void check_purposes(const struct path *path, unsigned int usage, struct verdict *verdict)
{
	unsigned int purposes =
		usage != 0 ? purposes_of_usages(usage) : (unsigned int)PURPOSES_OF_MEMBERS;

	for (size_t i = 0; i < path->count; i++) {
		purposes &= find_purposes(certificate_fields(path->steps[i]));
		if (purposes == 0) {
			reject_because(verdict,
				       "certpool expects an issuer to be for a purpose of the "
				       "certificate below it: extKeyUsage of %s has none "
				       "(docs/profile.md)",
				       certificate_subject(path->steps[i]));
			return;
		}
	}
}

/*
 * The checks of RFC 5280 section 6.1 that remain for a whole path of certificates that are in their
 * profiles and time: path lengths, purposes and, from the root down, signatures: so that no key is
 * used before it is known to be a CA's below the root. The search has compared the names, and no
 * profile allows other constraints.
 */
static int verify_path(struct search *search, struct verdict *verdict, struct fault *fault)
{
	const struct path *path = &search->path;

	for (size_t step = path->count; step > 1; step--)
		check_path_length(path, step - 1, verdict);
	check_purposes(path, search->trust->usage, verdict);
	for (size_t step = path->count - 1; step > 0 && !verdict->invalid; step--) {
		const struct certificate *certificate = path->steps[step - 1];
		struct verdict single = {0};

		if (search->signature_count == SIGNATURES_MAX) {
			reject_because(verdict, "expected at most %d signatures to verify",
				       SIGNATURES_MAX);
			search->exhausted = true;
			return 0;
		}
		search->signature_count++;
		if (verify_signed_object(&certificate_fields(certificate)->signed_object,
					 certificate_public_key(path->steps[step]),
					 "RFC 5280 section 4.1.1.3: signatureValue", &single,
					 fault) < 0)
			return -1;
		if (single.invalid)
			reject_because(verdict, "certificate %s: %s",
				       certificate_subject(certificate), single.reason);
	}
	return 0;
}

/* Completes the path with the root, and verifies it. It stays whole if it is valid. */
static int try_path(struct search *search, struct fault *fault)
{
	struct verdict verdict = {0};

	search->path.steps[search->path.count++] = search->root;
	if (verify_path(search, &verdict, fault) < 0)
		return -1;
	search->found = !verdict.invalid;
	if (search->found)
		return 0;
	search->path.count--;
	reject_because(&search->reason, "%s", verdict.reason);
	return 0;
}

/* Whether the intermediate may be the next step: it is not on the path yet, has issued the last
   step by its name and key, and is in its profile and time. */
static int is_next_step(struct search *search, size_t i, bool *ret_next, struct fault *fault)
{
	const struct certificate *candidate = search->trust->intermediates[i];
	struct verdict verdict = {0};

	*ret_next = false;
	if (search->unfit[i] || on_path(&search->path, candidate) ||
	    !may_have_issued(candidate, search->path.steps[search->path.count - 1]))
		return 0;
	if (check_path_certificate(candidate, PROFILE_INTERMEDIATE, search->at_s, &verdict, fault) <
	    0)
		return -1;
	search->unfit[i] = verdict.invalid;
	if (verdict.invalid)
		reject_because(&search->reason, "%s", verdict.reason);
	*ret_next = !verdict.invalid;
	return 0;
}

static void reject_dead_end(struct search *search)
{
	const struct certificate *root = search->root;
	const struct certificate *last = search->path.steps[search->path.count - 1];

	if (search->path.count > CHAIN_MAX)
		reject_because(&search->reason,
			       "no path to the root %s: expected at most %d intermediates on it",
			       certificate_subject(root), CHAIN_MAX);
	reject_because(&search->reason,
		       "RFC 5280 section 6.1: no path to the root %s: the issuer %s of %s is not "
		       "known",
		       certificate_subject(root), certificate_issuer(last),
		       certificate_subject(last));
}

/* Looks for a path from the last step on, depth first. It is at most CHAIN_MAX deep. */
static int extend_path(struct search *search, struct fault *fault)
{
	const struct trust *trust = search->trust;
	const size_t candidate_count =
		search->path.count > CHAIN_MAX ? 0 : trust->intermediate_count;
	bool dead_end = !may_have_issued(search->root, search->path.steps[search->path.count - 1]);

	search->exhausted |= ++search->step_count > STEPS_MAX;
	if (!dead_end && try_path(search, fault) < 0)
		return -1;
	for (size_t i = 0; i < candidate_count && !search->found && !search->exhausted; i++) {
		bool next;

		if (is_next_step(search, i, &next, fault) < 0)
			return -1;
		if (!next)
			continue;
		dead_end = false;
		search->path.steps[search->path.count++] = trust->intermediates[i];
		if (extend_path(search, fault) < 0)
			return -1;
		if (!search->found)
			search->path.count--;
	}
	if (dead_end)
		reject_dead_end(search);
	return 0;
}

/* verify_chain for one of the roots. */
static int find_path(const struct trust *trust, const struct certificate *root,
		     const struct certificate *certificate, int64_t at_s, struct path *ret_path,
		     struct verdict *verdict, struct fault *fault)
{
	struct search search = {.trust = trust,
				.root = root,
				.at_s = at_s,
				.path = {.steps = {certificate}, .count = 1}};

	if (equal_bytes(certificate_der(root), certificate_der(certificate)))
		reject_because(verdict, "certificate %s: it is the root, not a member's",
			       certificate_subject(root));
	if (check_path_certificate(root, PROFILE_ROOT, at_s, verdict, fault) < 0 ||
	    check_path_certificate(certificate, PROFILE_MEMBER, at_s, verdict, fault) < 0)
		return -1;
	if (trust->usage != 0)
		check_usage(certificate, (enum usage)trust->usage, verdict);
	if (verdict->invalid)
		return 0;
	if (extend_path(&search, fault) < 0)
		return -1;
	if (!search.found)
		reject_because(verdict, "%s%s", search.reason.reason,
			       search.exhausted ? "; not every path was tried: expected fewer "
						  "intermediates of one name"
						: "");
	else if (ret_path != NULL)
		*ret_path = search.path;
	return 0;
}

int verify_chain(const struct trust *trust, const struct certificate *certificate, int64_t at_s,
		 struct path *ret_path, struct verdict *verdict, struct fault *fault)
{
	struct verdict first = {0};
	struct verdict second = {0};

	if (trust->intermediate_count > INTERMEDIATES_MAX)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "expected at most %d intermediate certificates, found %zu",
				 INTERMEDIATES_MAX, trust->intermediate_count);
	if (verdict->invalid)
		return 0;
	if (find_path(trust, trust->root, certificate, at_s, ret_path, &first, fault) < 0)
		return -1;
	if (!first.invalid)
		return 0;
	if (trust->next_root != NULL &&
	    find_path(trust, trust->next_root, certificate, at_s, ret_path, &second, fault) < 0)
		return -1;
	if (trust->next_root == NULL || second.invalid)
		reject_because(verdict, "%s", first.reason);
	return 0;
}
