#include "common/pool/enrolment/learn_roots.h"

#include "common/crypto/key_file.h"
#include "common/wire/envelope.h"

#include <stdio.h>

enum { CONNECT_TIMEOUT_MS = 5000, TIMEOUT_MS = 30000 };

void clear_offered_roots(struct offered_roots *offered)
{
	clear_roots(&offered->roots);
	clear_intermediates(&offered->cross);
}

static bool same_certificate(const struct certificate *a, const struct certificate *b)
{
	return a != NULL && b != NULL && equal_bytes(certificate_der(a), certificate_der(b));
}

static bool has_root(const struct roots *roots, const struct certificate *root)
{
	return same_certificate(roots->root, root) || same_certificate(roots->next, root);
}

void name_pinned_roots(const struct roots *roots, struct roots_request *request)
{
	digest_sha256(certificate_der(roots->root), request->sha256[request->count++]);
	if (roots->next != NULL)
		digest_sha256(certificate_der(roots->next), request->sha256[request->count++]);
}

static int parse_offer(const struct roots_answer *answer, struct offered_roots *ret_offered,
		       struct fault *fault)
{
	CLEANUP(clear_offered_roots) struct offered_roots offered = {0};

	if (parse_root_pem(bytes_of_buffer(&answer->roots[0]), &offered.roots.root, fault) < 0 ||
	    (answer->root_count > 1 &&
	     parse_root_pem(bytes_of_buffer(&answer->roots[1]), &offered.roots.next, fault) < 0))
		return prefix_fault(fault, "the CA's roots");
	for (size_t i = 0; i < answer->cross_count; i++) {
		struct certificate *certificate = NULL;

		if (parse_certificate_pem(bytes_of_buffer(&answer->cross[i]), &certificate, fault) <
			    0 ||
		    add_intermediate(&offered.cross, &certificate, fault) < 0)
			return prefix_fault(fault, "the CA's cross certificates");
	}
	MOVE(ret_offered, offered);
	return 0;
}

static int ask(const struct layout *layout, const char *client, const struct endpoint *ca,
	       int64_t now_s, const struct roots *pinned, struct roots_answer *ret_answer,
	       struct fault *fault)
{
	const struct http_client_settings settings = {.endpoint = *ca,
						      .roots = layout->root_path,
						      .connect_timeout_ms = CONNECT_TIMEOUT_MS,
						      .timeout_ms = TIMEOUT_MS};
	struct roots_request request = {0};
	CLEANUP(free_http_client) struct http_client *http = NULL;
	CLEANUP(clear_shared_key) struct shared_key key = {0};
	CLEANUP(clear_secret) struct secret plaintext = {0};
	CLEANUP(clear_secret) struct secret json = {0};
	CLEANUP(clear_roots_answer) struct roots_answer answer = {0};
	uint8_t sha256[SHA256_LEN];

	name_pinned_roots(pinned, &request);
	if (read_shared_key(layout, CA_NAME, &key, fault) < 0 ||
	    make_request_claims(client, CA_NAME, now_s, &request.claims, fault) < 0 ||
	    format_roots_request(&request, &plaintext, fault) < 0 ||
	    new_http_client(&settings, &http, fault) < 0 ||
	    ask_encrypted(http, &roots_kind, &key, bytes_of_secret(&plaintext), &json, sha256,
			  fault) < 0 ||
	    parse_roots_answer(bytes_of_secret(&json), &answer, fault) < 0 ||
	    check_ca_answer(&answer.claims, &answer.refusal, &request.claims, sha256, fault) < 0)
		return -1;
	MOVE(ret_answer, answer);
	return 0;
}

/* Whether a pinned root has certified the key and name of the root. */
static int check_certified(const struct roots *pinned, const struct intermediates *cross,
			   const struct certificate *root, struct fault *fault)
{
	const struct certificate *const above[] = {pinned->root, pinned->next};

	for (size_t i = 0; i < cross->count; i++) {
		if (!is_cross_certificate(cross->certificates[i], root))
			continue;
		for (size_t k = 0; k < COUNT_OF(above) && above[k] != NULL; k++) {
			struct verdict verdict = {0};

			if (verify_intermediate(above[k], cross->certificates[i], &verdict, fault) <
			    0)
				return -1;
			if (!verdict.invalid)
				return 0;
		}
	}
	return set_fault(
		fault, FAULT_UNVERIFIED,
		"the CA names another root, %s: expected that one of the pinned roots has "
		"certified it, found none: ask the CA's operator, and join again with a new "
		"invitation",
		certificate_subject(root));
}

static int check_offer(const struct roots *pinned, const struct offered_roots *offered,
		       struct fault *fault)
{
	const struct certificate *const roots[] = {offered->roots.root, offered->roots.next};

	for (size_t i = 0; i < COUNT_OF(roots); i++)
		if (roots[i] != NULL && !has_root(pinned, roots[i]) &&
		    check_certified(pinned, &offered->cross, roots[i], fault) < 0)
			return -1;
	return 0;
}

static void describe_change(const struct roots *before, const struct roots *after,
			    struct root_change *change)
{
	const struct certificate *const pinned[] = {after->root, after->next};
	const struct certificate *const dropped[] = {before->root, before->next};

	for (size_t i = 0; i < COUNT_OF(pinned); i++) {
		if (pinned[i] != NULL && !has_root(before, pinned[i]))
			(void)snprintf(change->pinned, ROOT_NAME_SIZE, "%s",
				       certificate_subject(pinned[i]));
		if (dropped[i] != NULL && !has_root(after, dropped[i]))
			(void)snprintf(change->dropped, ROOT_NAME_SIZE, "%s",
				       certificate_subject(dropped[i]));
	}
}

bool changes_roots(const struct root_change *change)
{
	return change->pinned[0] != '\0' || change->dropped[0] != '\0';
}

bool goes_back(const struct roots *pinned, const struct roots *offered)
{
	if (same_certificate(pinned->root, offered->root))
		return pinned->next != NULL && offered->next == NULL;
	return same_certificate(pinned->root, offered->next);
}

int read_offer(const struct roots *pinned, const struct roots_answer *answer,
	       struct offered_roots *ret_offered, struct root_change *ret_change,
	       struct fault *fault)
{
	CLEANUP(clear_offered_roots) struct offered_roots offered = {0};
	struct root_change change = {0};

	if (parse_offer(answer, &offered, fault) < 0)
		return -1;
	describe_change(pinned, &offered.roots, &change);
	if (changes_roots(&change) && check_offer(pinned, &offered, fault) < 0)
		return -1;
	MOVE(ret_offered, offered);
	*ret_change = change;
	return 0;
}

/* The intermediates first: members' certificates below a root that is dropped need them. */
static int take_over(const struct layout *layout, const struct offered_roots *offered,
		     struct fault *fault)
{
	bool written;

	if (keep_intermediates(layout, &offered->cross, &written, fault) < 0)
		return -1;
	return replace_roots(layout, &offered->roots, fault);
}

/*
 * The certificate that the new root has issued to the CA, for members whose certificates are not
 * renewed yet: by the old root's alone, verifiers would look for a CRL that no root makes any more.
 * Without it the old root stays pinned until the next request.
 */
static bool take_new_issuer(const struct layout *layout, const struct endpoint *ca,
			    const struct certificate *root)
{
	CLEANUP(clear_intermediates) struct intermediates issuer = {0};
	struct fault ignored = {0};
	bool written;

	return fetch_intermediates(ca, certificate_der(root), &issuer, &ignored) == 0 &&
	       keep_intermediates(layout, &issuer, &written, &ignored) == 0;
}

int learn_roots(const struct layout *layout, const char *client, const struct endpoint *ca,
		int64_t now_s, struct root_change *ret_change, struct fault *fault)
{
	CLEANUP(clear_roots) struct roots pinned = {0};
	CLEANUP(clear_offered_roots) struct offered_roots offered = {0};
	CLEANUP(clear_roots_answer) struct roots_answer answer = {0};
	CLEANUP(clear_roots_answer) struct roots_answer again = {0};
	struct root_change change = {0};
	struct fault ignored = {0};

	if (read_roots(layout, &pinned, fault) < 0)
		return -1;
	/* The request for certificates says why the CA cannot be asked. */
	if (ask(layout, client, ca, now_s, &pinned, &answer, &ignored) < 0)
		return 0;
	if (read_offer(&pinned, &answer, &offered, &change, fault) < 0)
		return -1;
	if (!changes_roots(&change))
		return 0;
	if (change.dropped[0] != '\0' && !take_new_issuer(layout, ca, offered.roots.root))
		return 0;
	if (take_over(layout, &offered, fault) < 0)
		return -1;
	/* Tells the CA; the next request does it otherwise. */
	(void)!ask(layout, client, ca, now_s, &offered.roots, &again, &ignored);
	*ret_change = change;
	return 0;
}
