#include "common/ca/issue/intermediate.h"

#include "common/base/staging.h"
#include "common/ca/signer/signed_log.h"

/* The root's layout, opened and locked. */
struct root_home {
	struct layout *layout;
	int lock;
	struct key_access access; /* borrowed: the root's key is always a file */
	struct certificate *root;
	struct issuer *issuer; /* the root, for one signature */
};

static void clear_root_home(struct root_home *home)
{
	free_issuer(&home->issuer);
	free_certificate(&home->root);
	free_layout(&home->layout);
	close_descriptor(&home->lock);
}

/* When the CA has a copy of its root, the root exists elsewhere: a missing layout is not made. */
static int open_root_layout(const struct layout *layout, const struct ca_node *ca,
			    struct root_home *home, bool *ret_made, struct fault *fault)
{
	struct fault problem = {0};
	bool has_copy;

	if (open_layout(ca->root_layout, &home->layout, &problem) == 0)
		return 0;
	if (problem.class != FAULT_NOT_FOUND)
		return pass_fault(&problem, fault);
	if (find_root(layout, &has_copy, fault) < 0)
		return -1;
	if (has_copy)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "%s: expected the layout of the root of %s/cert/root.crt, found "
				 "none: put it back",
				 ca->root_layout, layout->path);
	if (make_layout(ca->root_layout, &home->layout, fault) < 0)
		return -1;
	*ret_made = true;
	return 0;
}

static int lock_root_layout(struct root_home *home, struct fault *fault)
{
	const struct layout *layout = home->layout;

	if (lock_layout(layout, LOCK_WAIT, &home->lock, fault) < 0)
		return -1;
	if (sweep_staging(layout->private, fault) < 0 || sweep_staging(layout->cert, fault) < 0)
		return prefix_fault(fault, "%s", layout->path);
	return 0;
}

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

/* Writes the CA's copy, or compares it with the root. */
static int copy_root(const struct layout *layout, const struct root_home *home, struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *copy = NULL;
	CLEANUP(clear_buffer) struct buffer pem = {0};
	bool found;

	if (find_root(layout, &found, fault) < 0)
		return -1;
	if (found) {
		if (read_ca_root(layout, &copy, fault) < 0)
			return -1;
		if (equal_bytes(certificate_der(copy), certificate_der(home->root)))
			return 0;
		return set_fault(fault, FAULT_REFUSED,
				 "%s/cert/root.crt and %s/cert/root.crt are two roots: expected "
				 "the same one; put the right one back",
				 layout->path, home->layout->path);
	}
	if (format_certificate_pem(certificate_der(home->root), &pem, fault) < 0)
		return -1;
	if (write_file(layout->cert, "root.crt", STAGE_NEW, 0644, bytes_of_buffer(&pem), fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	return 0;
}

static int load_root(struct root_home *home, int64_t now_s, struct fault *fault)
{
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(free_certificate) struct certificate *root = NULL;

	if (open_key_file(home->layout, "root.key", &home->access, &key, fault) < 0 ||
	    read_ca_root(home->layout, &root, fault) < 0)
		return -1;
	if (new_issuer(&root, &key, &home->issuer, fault) < 0 ||
	    check_issuer_validity(home->issuer, now_s, fault) < 0)
		return prefix_fault(fault, "%s: cert/root.crt and Private/root.key",
				    home->layout->path);
	return 0;
}

/* Backdated like its certificates; stays within the root's. */
static struct validity choose_validity(const struct ca_node *ca, const struct certificate *root,
				       int64_t now_s)
{
	struct validity validity = {.not_before_s = now_s - ca->certificate_backdate_s,
				    .not_after_s = now_s + ca->intermediate_validity_s};

	if (validity.not_before_s < certificate_not_before(root))
		validity.not_before_s = certificate_not_before(root);
	if (validity.not_after_s > certificate_not_after(root))
		validity.not_after_s = certificate_not_after(root);
	return validity;
}

/* The root's layout has the line, as the root's key signed. */
static int certify_ca(const struct layout *layout, const struct ca_node *ca,
		      const struct key_access *access, const struct root_home *home, int64_t now_s,
		      struct fault *fault)
{
	const struct validity validity =
		choose_validity(ca, issuer_certificate(home->issuer), now_s);
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(free_public_key) struct public_key *public_key = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(clear_buffer) struct buffer pem = {0};

	if (open_private_key(layout, issuing_key_name(ca), access, &key, fault) < 0 ||
	    get_public_key(key, &public_key, fault) < 0)
		return -1;
	if (create_intermediate(home->issuer, public_key, ca->intermediate_subject, &validity, &der,
				fault) < 0)
		return prefix_fault(fault, "the CA's certificate \"%s\"", ca->intermediate_subject);
	if (append_signed_authority(home->layout, bytes_of_buffer(&der), now_s, fault) < 0 ||
	    format_certificate_pem(bytes_of_buffer(&der), &pem, fault) < 0)
		return -1;
	if (write_file(layout->cert, issuing_certificate_name(ca), STAGE_NEW, 0644,
		       bytes_of_buffer(&pem), fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	return 0;
}

static int make_missing(const struct layout *layout, const struct ca_node *ca,
			const struct key_access *access, int64_t now_s,
			struct intermediate_made *made, struct fault *fault)
{
	CLEANUP(clear_root_home) struct root_home home = {.lock = -1, .access = *access};
	bool has_root;
	bool has_certificate;

	home.access.url = NULL;
	if (open_root_layout(layout, ca, &home, &made->root_layout, fault) < 0 ||
	    lock_root_layout(&home, fault) < 0 || find_root(home.layout, &has_root, fault) < 0)
		return -1;
	made->root = !has_root;
	if (made->root && make_apart_root(layout, ca, &home, now_s, fault) < 0)
		return -1;
	if (read_ca_root(home.layout, &home.root, fault) < 0 ||
	    copy_root(layout, &home, fault) < 0 ||
	    find_issuing_certificate(layout, ca, &has_certificate, fault) < 0)
		return -1;
	made->certificate = !has_certificate;
	if (!made->certificate)
		return 0;
	if (load_root(&home, now_s, fault) < 0)
		return -1;
	return certify_ca(layout, ca, access, &home, now_s, fault);
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
	*ret_made = made;
	return 0;
}
