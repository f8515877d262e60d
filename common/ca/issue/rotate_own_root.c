#include "common/ca/issue/rotate_own_root.h"

#include "common/base/staging.h"
#include "common/ca/issue/new_root.h"
#include "common/ca/shared/issuer_copies.h"
#include "common/ca/store/certificates.h"
#include "common/x509/chain.h"

#include <string.h>

/* Of what a root signs: only its CRL, as OCSP answers for members alone. */
static int set_crl_url(struct issuer *issuer, const struct ca_node *ca, unsigned int number,
		       struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer url = {0};
	struct published_urls urls = {0};

	if (ca->crl_url != NULL) {
		format_numbered_url(ca->crl_url, number, &url);
		if (check_buffer(&url, fault) < 0)
			return -1;
		urls.crl = (const char *)url.data;
	}
	return set_published_urls(issuer, &urls, fault);
}

/* A root as an issuer, with the key of the issuer of that number. */
static int open_root(const struct root_rotation *rotation, struct certificate **root,
		     unsigned int number, struct issuer **ret_issuer, struct fault *fault)
{
	const struct layout *layout = rotation->layout;
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(free_issuer) struct issuer *issuer = NULL;
	char name[FILE_NAME_SIZE];

	name_issuing_key(layout, rotation->ca, number, name);
	if (open_private_key(layout, name, rotation->access, &key, fault) < 0)
		return -1;
	if (new_issuer(root, &key, &issuer, fault) < 0)
		return prefix_fault(fault, "%s: Private/%s", layout->path, name);
	if (set_crl_url(issuer, rotation->ca, number, fault) < 0)
		return -1;
	*ret_issuer = TAKE(issuer);
	return 0;
}

/* --- the first act --- */

/* Issuer 1 gets the names of one among several. */
static int name_first_issuer(const struct root_rotation *rotation, const struct certificate *root,
			     struct fault *fault)
{
	const struct layout *layout = rotation->layout;
	char certificate[FILE_NAME_SIZE];
	char key[FILE_NAME_SIZE];
	char last[FILE_NAME_SIZE];
	bool found;

	name_issuing_key(layout, rotation->ca, FIRST_ISSUER, key);
	name_issuer_file("ca.key", FIRST_ISSUER, last);
	if (find_file(layout->private, key, &found, fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	/* It is in a token otherwise, or has its name. */
	if (found && strcmp(key, last) != 0 &&
	    (rename_file(layout->private, key, last, fault) < 0 ||
	     sync_directory(layout->private, fault) < 0))
		return prefix_fault(fault, "%s/Private", layout->path);
	name_issuing_certificate(layout, rotation->ca, FIRST_ISSUER, certificate);
	name_issuer_file("ca.crt", FIRST_ISSUER, last);
	return strcmp(certificate, last) == 0
		       ? 0
		       : write_certificate(layout, last, certificate_der(root), fault);
}

/* Makes the next root, and the cross certificates; *ret_root is the root, *ret_der the certificate
   of its key by the present one. */
static int make_root_and_cross(const struct root_rotation *rotation, const struct issuer *present,
			       unsigned int number, struct certificate **ret_root,
			       struct buffer *ret_der, struct fault *fault)
{
	const struct layout *layout = rotation->layout;
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(free_certificate) struct certificate *root = NULL;
	CLEANUP(free_certificate) struct certificate *copy = NULL;
	CLEANUP(free_issuer) struct issuer *next = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(clear_buffer) struct buffer by_present = {0};
	CLEANUP(clear_buffer) struct buffer pems = {0};
	char name[FILE_NAME_SIZE];

	name_issuing_key(layout, rotation->ca, number, name);
	if (open_private_key(layout, name, rotation->access, &key, fault) < 0 ||
	    create_next_root(rotation, layout, issuer_certificate(present), key, &der, fault) < 0 ||
	    parse_certificate_der(bytes_of_buffer(&der), &root, fault) < 0 ||
	    parse_certificate_der(bytes_of_buffer(&der), &copy, fault) < 0 ||
	    open_root(rotation, &copy, number, &next, fault) < 0 ||
	    make_cross_pair(rotation, layout, present, next, &by_present, &pems, fault) < 0)
		return -1;
	if (write_file(layout->cert, CROSS_FILE, STAGE_REPLACE, 0644, bytes_of_buffer(&pems),
		       fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	*ret_root = TAKE(root);
	*ret_der = take_buffer(&by_present);
	return 0;
}

/* The present root, which has to be able to sign. */
static int open_present_root(const struct root_rotation *rotation, unsigned int number,
			     struct issuer **ret_issuer, struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *root = NULL;
	CLEANUP(free_issuer) struct issuer *issuer = NULL;

	if (read_ca_root(rotation->layout, &root, fault) < 0 ||
	    open_root(rotation, &root, number, &issuer, fault) < 0 ||
	    check_issuer_validity(issuer, rotation->now_s, fault) < 0)
		return -1;
	*ret_issuer = TAKE(issuer);
	return 0;
}

/*
 * The new root issues as soon as its certificate has its name; the file of the next root comes
 * last, after the audit log's line: with it the rotation is under way. One that was killed between
 * has an issuer that is no root.
 */
int begin_own_rotation(const struct root_rotation *rotation, struct rotated_root *ret_rotated,
		       struct fault *fault)
{
	const struct layout *layout = rotation->layout;
	const struct ca_node *ca = rotation->ca;
	CLEANUP(clear_issuer_set) struct issuer_set issuers = {0};
	CLEANUP(free_issuer) struct issuer *present = NULL;
	CLEANUP(free_certificate) struct certificate *root = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};
	char name[FILE_NAME_SIZE];
	unsigned int number;
	bool begun;
	bool has_key;

	if (load_issuers(layout, ca, rotation->access, &issuers, fault) < 0)
		return -1;
	begun = !is_root_issuer(newest_issuer(&issuers));
	number = count_issuers(&issuers) + (begun ? 0 : 1);
	if (number > ISSUERS_MAX)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "%s: expected at most %d issuers, found them: make a new CA in a "
				 "layout of its own",
				 layout->path, ISSUERS_MAX);
	if (open_present_root(rotation, number - 1, &present, fault) < 0 ||
	    sweep_staging(layout->private, fault) < 0 || sweep_staging(layout->cert, fault) < 0)
		return -1;
	name_issuing_key(layout, ca, number, name);
	if (find_file(layout->private, name, &has_key, fault) < 0 ||
	    make_issuing_key(layout, ca, number, rotation->access, fault) < 0 ||
	    make_root_and_cross(rotation, present, number, &root, &der, fault) < 0 ||
	    name_first_issuer(rotation, issuer_certificate(present), fault) < 0)
		return -1;
	name_issuing_certificate(layout, ca, number, name);
	if (write_certificate(layout, name, bytes_of_buffer(&der), fault) < 0)
		return -1;
	clear_issuer_set(&issuers);
	if (load_issuers(layout, ca, rotation->access, &issuers, fault) < 0 ||
	    sync_issuers(rotation->store, layout, ca, &issuers, rotation->now_s, fault) < 0 ||
	    replace_issuer_certificate(rotation->store, number,
				       issuer_certificate(newest_issuer(&issuers)), fault) < 0 ||
	    record_rotation(rotation, "a new root, beside the present one", root, fault) < 0 ||
	    write_certificate(layout, NEXT_ROOT_FILE, certificate_der(root), fault) < 0)
		return -1;
	return describe_root(root, has_key, ret_rotated, fault);
}

/* --- the second act --- */

/* One that has ended, whose CRL may still be asked for, ends now; so does one whose certificate by
   the present root was revoked. */
static int choose_end(const struct root_rotation *rotation, const struct certificate *certificate,
		      unsigned int root_number, int64_t *ret_end_s, struct fault *fault)
{
	const int64_t end_s = certificate_not_after(certificate);
	struct certificate_status status;

	if (read_certificate_status(rotation->store, root_number, certificate_serial(certificate),
				    &status, fault) < 0)
		return -1;
	*ret_end_s = (status.found && status.revoked) || end_s < rotation->now_s ? rotation->now_s
										 : end_s;
	return 0;
}

/* The file stays that issuer's: same name, same key. `next` is the issuer of the number `newest`.
 */
static int certify_issuer_again(const struct root_rotation *rotation, const struct issuer *next,
				unsigned int newest, unsigned int number, struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	CLEANUP(free_certificate) struct certificate *again = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct verdict verdict = {0};
	char name[FILE_NAME_SIZE];
	int64_t end_s;

	if (read_issuing_certificate(rotation->layout, rotation->ca, number, &certificate, fault) <
		    0 ||
	    verify_intermediate(issuer_certificate(next), certificate, &verdict, fault) < 0)
		return -1;
	if (!verdict.invalid)
		return replace_issuer_certificate(rotation->store, number, certificate, fault);
	if (number == newest)
		append_bytes(&der, certificate_der(issuer_certificate(next)));
	else if (choose_end(rotation, certificate, newest - 1, &end_s, fault) < 0 ||
		 certify_below(rotation, rotation->layout, next, certificate, end_s, &der, fault) <
			 0)
		return -1;
	name_issuing_certificate(rotation->layout, rotation->ca, number, name);
	if (check_buffer(&der, fault) < 0 ||
	    write_certificate(rotation->layout, name, bytes_of_buffer(&der), fault) < 0 ||
	    parse_certificate_der(bytes_of_buffer(&der), &again, fault) < 0)
		return -1;
	return replace_issuer_certificate(rotation->store, number, again, fault);
}

/* The root that issued before the next one has its CRL as long as anything below it is valid. */
static int swap_roots(const struct root_rotation *rotation, const struct ca_roots *roots,
		      struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *root = NULL;
	CLEANUP(free_issuer) struct issuer *next = NULL;
	unsigned int newest;

	if (count_issuing_certificates(rotation->layout, rotation->ca, &newest, fault) < 0 ||
	    parse_certificate_der(certificate_der(roots->next), &root, fault) < 0 ||
	    open_root(rotation, &root, newest, &next, fault) < 0)
		return -1;
	for (unsigned int number = FIRST_ISSUER; number <= newest; number++)
		if (certify_issuer_again(rotation, next, newest, number, fault) < 0)
			return -1;
	if (end_issuer(rotation->store, newest - 1, rotation->ca->crl_validity_s, fault) < 0 ||
	    write_certificate(rotation->layout, OLD_ROOT_FILE, certificate_der(roots->root),
			      fault) < 0)
		return -1;
	return write_certificate(rotation->layout, ROOT_CERTIFICATE_FILE,
				 certificate_der(roots->next), fault);
}

int finish_own_rotation(const struct root_rotation *rotation, const struct ca_roots *roots,
			struct fault *fault)
{
	const struct certificate *root = roots->next != NULL ? roots->next : roots->root;

	if ((roots->next != NULL && swap_roots(rotation, roots, fault) < 0) ||
	    record_rotation(rotation, "the new root is the only one", root, fault) < 0)
		return -1;
	if (remove_file(rotation->layout->cert, NEXT_ROOT_FILE, fault) < 0)
		return prefix_fault(fault, "%s/cert", rotation->layout->path);
	return 0;
}
