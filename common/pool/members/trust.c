#include "common/pool/members/trust.h"

#include "common/base/staging.h"
#include "common/crypto/digest.h"
#include "common/net/client/client.h"
#include "common/net/http.h"
#include "common/x509/pem.h"
#include "common/x509/profile.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ROOT_PATH "/root.crt"
#define ISSUER_PATH "/ca.crt"

static int check_root(const struct certificate *root, struct fault *fault)
{
	struct verdict verdict = {0};

	if (check_profile(root, PROFILE_ROOT, &verdict, fault) < 0)
		return -1;
	if (verdict.invalid)
		return set_fault(fault, FAULT_UNVERIFIED, "not a root certificate: %s",
				 verdict.reason);
	return 0;
}

void clear_roots(struct roots *roots)
{
	free_certificate(&roots->root);
	free_certificate(&roots->next);
}

struct trust trust_in_roots(const struct roots *roots, const struct intermediates *intermediates)
{
	return (struct trust){.root = roots->root,
			      .next_root = roots->next,
			      .intermediates = intermediate_certificates(intermediates),
			      .intermediate_count = intermediates->count};
}

int parse_root_pem(struct bytes pem, struct certificate **ret_root, struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *root = NULL;

	if (parse_certificate_pem(pem, &root, fault) < 0 || check_root(root, fault) < 0)
		return -1;
	*ret_root = TAKE(root);
	return 0;
}

int parse_roots_pem(struct bytes pem, struct roots *ret_roots, struct fault *fault)
{
	CLEANUP(clear_intermediates) struct intermediates all = {0};

	if (parse_intermediates(pem, &all, fault) < 0)
		return -1;
	if (all.count < 1 || all.count > 2)
		return set_fault(fault, FAULT_MALFORMED, "expected one root or two, found %zu",
				 all.count);
	for (size_t i = 0; i < all.count; i++)
		if (check_root(all.certificates[i], fault) < 0)
			return -1;
	ret_roots->root = TAKE(all.certificates[0]);
	ret_roots->next = all.count > 1 ? TAKE(all.certificates[1]) : NULL;
	return 0;
}

int read_root(const struct layout *layout, struct certificate **ret_root, struct fault *fault)
{
	CLEANUP(clear_roots) struct roots roots = {0};

	if (read_roots(layout, &roots, fault) < 0)
		return -1;
	*ret_root = TAKE(roots.root);
	return 0;
}

int read_roots(const struct layout *layout, struct roots *ret_roots, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};
	struct fault problem = {0};
	bool found;

	if (find_file(layout->cert, ROOT_FILE, &found, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	if (!found)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "%s/cert/" ROOT_FILE ": no root is pinned: run certpool init, or "
				 "certpool join with the CA's invitation",
				 layout->path);
	if (read_file(layout->cert, ROOT_FILE, 2 * CERTIFICATE_PEM_MAX, &pem, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	if (parse_roots_pem(bytes_of_buffer(&pem), ret_roots, &problem) == 0)
		return 0;
	return set_fault(fault, problem.class,
			 "%s/cert/" ROOT_FILE ": %s: move it away, and run certpool "
			 "join with the CA's invitation, or certpool init where the CA is",
			 layout->path, problem.text);
}

int replace_roots(const struct layout *layout, const struct roots *roots, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	CLEANUP(clear_buffer) struct buffer next = {0};

	if (format_certificate_pem(certificate_der(roots->root), &text, fault) < 0 ||
	    (roots->next != NULL &&
	     format_certificate_pem(certificate_der(roots->next), &next, fault) < 0))
		return -1;
	append_bytes(&text, bytes_of_buffer(&next));
	if (check_buffer(&text, fault) < 0)
		return -1;
	if (write_file(layout->cert, ROOT_FILE, STAGE_REPLACE, 0644, bytes_of_buffer(&text),
		       fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	return 0;
}

int pin_root(const struct layout *layout, struct bytes root_der, bool *ret_written,
	     struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *root = NULL;
	CLEANUP(clear_roots) struct roots pinned = {0};
	CLEANUP(clear_buffer) struct buffer pem = {0};
	bool found;

	if (parse_certificate_der(root_der, &root, fault) < 0 || check_root(root, fault) < 0)
		return prefix_fault(fault, "the root to pin");
	if (find_file(layout->cert, ROOT_FILE, &found, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	if (found) {
		if (read_roots(layout, &pinned, fault) < 0)
			return -1;
		if (!equal_bytes(certificate_der(pinned.root), root_der) &&
		    (pinned.next == NULL || !equal_bytes(certificate_der(pinned.next), root_der)))
			return set_fault(fault, FAULT_REFUSED,
					 "%s/cert/" ROOT_FILE ": another root is pinned already "
					 "(%s); it stays. To change it, move it and the pool's "
					 "certificates away first",
					 layout->path, certificate_subject(pinned.root));
		*ret_written = false;
		return 0;
	}
	if (sweep_staging(layout->cert, fault) < 0 ||
	    format_certificate_pem(root_der, &pem, fault) < 0 ||
	    write_file(layout->cert, ROOT_FILE, STAGE_NEW, 0644, bytes_of_buffer(&pem), fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	*ret_written = true;
	return 0;
}

int read_intermediates(const struct layout *layout, struct intermediates *ret_intermediates,
		       struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	bool found;

	if (find_file(layout->cert, INTERMEDIATES_FILE, &found, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	if (!found) {
		*ret_intermediates = (struct intermediates){0};
		return 0;
	}
	if (read_file(layout->cert, INTERMEDIATES_FILE, INTERMEDIATES_PEM_MAX, &text, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	if (parse_intermediates(bytes_of_buffer(&text), ret_intermediates, fault) < 0)
		return prefix_fault(fault, "%s/cert/" INTERMEDIATES_FILE, layout->path);
	return 0;
}

static bool has_all(const struct intermediates *present, const struct intermediates *wanted)
{
	for (size_t i = 0; i < wanted->count; i++)
		if (!has_intermediate(present, wanted->certificates[i]))
			return false;
	return true;
}

int keep_intermediates(const struct layout *layout, const struct intermediates *intermediates,
		       bool *ret_written, struct fault *fault)
{
	CLEANUP(clear_intermediates) struct intermediates present = {0};
	CLEANUP(clear_intermediates) struct intermediates all = {0};
	CLEANUP(clear_buffer) struct buffer text = {0};

	*ret_written = false;
	if (read_intermediates(layout, &present, fault) < 0)
		return -1;
	if (has_all(&present, intermediates))
		return 0;
	if (merge_intermediates(&all, intermediates, INTERMEDIATES_MAX, fault) < 0 ||
	    merge_intermediates(&all, &present, INTERMEDIATES_MAX, fault) < 0 ||
	    format_intermediates(&all, &text, fault) < 0)
		return -1;
	if (write_file(layout->cert, INTERMEDIATES_FILE, STAGE_REPLACE, 0644,
		       bytes_of_buffer(&text), fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	*ret_written = true;
	return 0;
}

int open_root_file(struct bytes root_der, int *ret_descriptor, char ret_path[static ROOT_PATH_SIZE],
		   struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};
	CLEANUP(close_descriptor) int descriptor = -1;

	if (format_certificate_pem(root_der, &pem, fault) < 0 ||
	    make_memory_file("root.crt", bytes_of_buffer(&pem), &descriptor, fault) < 0)
		return -1;
	(void)snprintf(ret_path, ROOT_PATH_SIZE, "/proc/self/fd/%d", descriptor);
	*ret_descriptor = descriptor;
	descriptor = -1;
	return 0;
}

static int check_digest(struct bytes der, const uint8_t expected_sha256[static SHA256_LEN],
			struct fault *fault)
{
	uint8_t found_sha256[SHA256_LEN];
	char expected[SHA256_TEXT_SIZE];
	char found[SHA256_TEXT_SIZE];

	digest_sha256(der, found_sha256);
	if (memcmp(found_sha256, expected_sha256, SHA256_LEN) == 0)
		return 0;
	format_sha256(expected_sha256, expected);
	format_sha256(found_sha256, found);
	return set_fault(fault, FAULT_UNVERIFIED,
			 "this is not the root of the invitation: expected SHA-256 %s, found %s: "
			 "do not use it, and ask the CA for an invitation again",
			 expected, found);
}

static int get_pem(const struct endpoint *endpoint, const char *path, size_t max_len,
		   struct buffer *ret_pem, struct fault *fault)
{
	/* What is fetched proves itself, by the invitation's digest or the root's signature. */
	struct http_client_settings settings = {.endpoint = *endpoint, .unverified = true};
	CLEANUP(free_http_client) struct http_client *client = NULL;
	CLEANUP(clear_http_answer) struct http_answer answer = {0};

	if (new_http_client(&settings, &client, fault) < 0 ||
	    exchange_http(client, path, NULL, (struct bytes){0}, max_len, &answer, fault) < 0 ||
	    check_http_answer(client, path, &answer, CONTENT_PEM, fault) < 0)
		return -1;
	*ret_pem = take_buffer(&answer.body);
	return 0;
}

/* The certificate of that digest among the PEM blocks. The reason of the first is reported. */
static int choose_root(struct bytes text, const uint8_t expected_sha256[static SHA256_LEN],
		       struct buffer *ret_der, struct fault *fault)
{
	struct fault first = {0};

	do {
		CLEANUP(clear_buffer) struct buffer der = {0};
		struct fault problem = {0};

		if (unwrap_certificate_pem(cut_pem(&text, "CERTIFICATE"), &der, &problem) == 0 &&
		    check_digest(bytes_of_buffer(&der), expected_sha256, &problem) == 0) {
			*ret_der = take_buffer(&der);
			return 0;
		}
		if (first.class == FAULT_NONE)
			first = problem;
	} while (text.len > 0);
	return pass_fault(&first, fault);
}

int fetch_root(const struct endpoint *endpoint, const uint8_t expected_sha256[static SHA256_LEN],
	       struct buffer *ret_der, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(free_certificate) struct certificate *root = NULL;
	char url[ENDPOINT_TEXT_SIZE];

	format_endpoint(endpoint, url);
	if (get_pem(endpoint, ROOT_PATH, 2 * CERTIFICATE_PEM_MAX, &pem, fault) < 0 ||
	    choose_root(bytes_of_buffer(&pem), expected_sha256, &der, fault) < 0 ||
	    parse_certificate_der(bytes_of_buffer(&der), &root, fault) < 0 ||
	    check_root(root, fault) < 0)
		return prefix_fault(fault, "%s" ROOT_PATH, url);
	*ret_der = take_buffer(&der);
	return 0;
}

static int parse_intermediate(struct bytes der, const struct certificate *root,
			      struct certificate **ret_certificate, struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	struct verdict verdict = {0};

	if (parse_certificate_der(der, &certificate, fault) < 0 ||
	    verify_intermediate(root, certificate, &verdict, fault) < 0)
		return -1;
	if (verdict.invalid)
		return set_fault(fault, FAULT_UNVERIFIED,
				 "not a certificate of the CA by its root %s: %s",
				 certificate_subject(root), verdict.reason);
	*ret_certificate = TAKE(certificate);
	return 0;
}

int fetch_intermediates(const struct endpoint *endpoint, struct bytes root_der,
			struct intermediates *ret_intermediates, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(free_certificate) struct certificate *root = NULL;
	struct certificate *certificate = NULL;
	char url[ENDPOINT_TEXT_SIZE];

	format_endpoint(endpoint, url);
	if (parse_certificate_der(root_der, &root, fault) < 0)
		return prefix_fault(fault, "the root");
	if (get_pem(endpoint, ISSUER_PATH, CERTIFICATE_PEM_MAX, &pem, fault) < 0 ||
	    unwrap_certificate_pem(bytes_of_buffer(&pem), &der, fault) < 0)
		return prefix_fault(fault, "%s" ISSUER_PATH, url);
	*ret_intermediates = (struct intermediates){0};
	if (equal_bytes(bytes_of_buffer(&der), root_der))
		return 0;
	if (parse_intermediate(bytes_of_buffer(&der), root, &certificate, fault) < 0)
		return prefix_fault(fault, "%s" ISSUER_PATH, url);
	return add_intermediate(ret_intermediates, &certificate, fault);
}
