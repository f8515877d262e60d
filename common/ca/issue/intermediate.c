#include "common/ca/issue/intermediate.h"

#include "common/base/staging.h"
#include "common/ca/issue/publish_root_crl.h"
#include "common/ca/signer/signed_log.h"

static int make_apart_root(const struct layout *layout, const struct ca_node *ca,
			   const struct root_home *home, int64_t now_s, struct fault *fault)
{
	bool has_copy;
	bool has_key;

	if (find_root(layout, &has_copy, fault) < 0)
		return -1;
	if (has_copy)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "%s/cert/root.crt: expected the root of which %s/cert/root.crt is "
				 "a copy, found none: put it back",
				 home->layout->path, layout->path);
	if (find_file(home->layout->private, "root.key", &has_key, fault) < 0)
		return prefix_fault(fault, "%s/Private", home->layout->path);
	if (!has_key && make_key_file(home->layout, "root.key", ca->key, &home->access, fault) < 0)
		return -1;
	return make_root(home->layout, ca, &home->access, now_s, fault);
}

/* The manifest's, which a later issuer has with its number: no two issuers have one name. */
static int format_subject(const struct ca_node *ca, unsigned int number, struct buffer *ret_subject,
			  struct fault *fault)
{
	append_string(ret_subject, ca->intermediate_subject);
	if (number > FIRST_ISSUER)
		append_format(ret_subject, ",serialNumber=%u", number);
	return check_buffer(ret_subject, fault);
}

/* The root's layout has the line, as the root's key signed. */
int sign_intermediate(const struct root_home *home, unsigned int number,
		      const struct private_key *key, int64_t now_s, struct buffer *ret_der,
		      struct fault *fault)
{
	const struct ca_node *ca = home->ca;
	/* Backdated like its certificates. */
	const struct validity validity =
		limit_validity(issuer_certificate(home->issuer), now_s - ca->certificate_backdate_s,
			       now_s + ca->intermediate_validity_s);
	CLEANUP(clear_buffer) struct buffer subject = {0};
	CLEANUP(free_public_key) struct public_key *public_key = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};

	if (format_subject(ca, number, &subject, fault) < 0 ||
	    get_public_key(key, &public_key, fault) < 0)
		return -1;
	if (create_intermediate(home->issuer, public_key, (const char *)subject.data, &validity,
				&der, fault) < 0)
		return prefix_fault(fault, "the CA's certificate \"%s\"",
				    (const char *)subject.data);
	if (append_signed_authority(home->layout, bytes_of_buffer(&der), now_s, fault) < 0)
		return -1;
	*ret_der = take_buffer(&der);
	return 0;
}

int certify_intermediate(const struct root_home *home, unsigned int number,
			 const struct key_access *access, int64_t now_s, struct fault *fault)
{
	const struct layout *layout = home->ca_layout;
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(clear_buffer) struct buffer pem = {0};
	char name[FILE_NAME_SIZE];

	name_issuing_key(layout, home->ca, number, name);
	if (open_private_key(layout, name, access, &key, fault) < 0 ||
	    sign_intermediate(home, number, key, now_s, &der, fault) < 0 ||
	    format_certificate_pem(bytes_of_buffer(&der), &pem, fault) < 0)
		return -1;
	name_issuing_certificate(layout, home->ca, number, name);
	if (write_file(layout->cert, name, STAGE_NEW, 0644, bytes_of_buffer(&pem), fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	return 0;
}

/*
 * The root's CRL comes before the CA's certificate: once that exists, all that a CA needs from its
 * root does.
 */
static int make_missing(const struct layout *layout, const struct ca_node *ca,
			const struct key_access *access, int64_t now_s,
			struct intermediate_made *made, struct fault *fault)
{
	CLEANUP(clear_root_home) struct root_home home = {.lock = -1};
	struct crl_info crl;
	bool has_root;
	bool has_certificate;

	if (open_or_make_root_home(layout, ca, access, &home, &made->root_layout, fault) < 0 ||
	    find_root(home.layout, &has_root, fault) < 0)
		return -1;
	made->root = !has_root;
	if (made->root && make_apart_root(layout, ca, &home, now_s, fault) < 0)
		return -1;
	if (read_home_root(&home, fault) < 0 ||
	    publish_root_crl(&home, NULL, CRL_WHEN_DUE, now_s, &crl, fault) < 0 ||
	    find_issuing_certificate(layout, ca, &has_certificate, fault) < 0)
		return -1;
	made->certificate = !has_certificate;
	if (!made->certificate)
		return 0;
	if (load_root(&home, now_s, fault) < 0)
		return -1;
	return certify_intermediate(&home, FIRST_ISSUER, access, now_s, fault);
}

int make_intermediate(const struct layout *layout, const struct ca_node *ca,
		      const struct key_access *access, int64_t now_s,
		      struct intermediate_made *ret_made, struct fault *fault)
{
	struct intermediate_made made = {0};
	bool has_root;
	bool has_certificate;

	if (find_root(layout, &has_root, fault) < 0 ||
	    find_issuing_certificate(layout, ca, &has_certificate, fault) < 0)
		return -1;
	if (!(has_root && has_certificate) &&
	    make_missing(layout, ca, access, now_s, &made, fault) < 0)
		return -1;
	made.copy = !has_root && has_certificate;
	*ret_made = made;
	return 0;
}
