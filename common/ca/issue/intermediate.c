#include "common/ca/issue/intermediate.h"

#include "common/base/staging.h"

/* The root's layout, while it is worked on. */
struct root_place {
	struct layout *layout;
	int lock;
	struct key_access access; /* borrowed: the root's key is always a file */
	struct certificate *root;
};

static void clear_root_place(struct root_place *place)
{
	free_certificate(&place->root);
	free_layout(&place->layout);
	close_descriptor(&place->lock);
}

/* Where the CA has a copy of its root, that root exists: its layout is not there, and must not be
   made up. */
static int open_root_layout(const struct layout *layout, const struct ca_node *ca,
			    struct root_place *place, bool *ret_made, struct fault *fault)
{
	struct fault absent = {0};

	if (open_layout(ca->root_layout, &place->layout, &absent) == 0)
		return 0;
	if (absent.class != FAULT_NOT_FOUND)
		return pass_fault(&absent, fault);
	if (root_exists(layout))
		return set_fault(fault, FAULT_NOT_FOUND,
				 "%s: expected the layout of the root of %s/cert/root.crt, found "
				 "none: put it back",
				 ca->root_layout, layout->path);
	if (make_layout(ca->root_layout, &place->layout, fault) < 0)
		return -1;
	*ret_made = true;
	return 0;
}

static int lock_root_layout(struct root_place *place, struct fault *fault)
{
	const struct layout *layout = place->layout;

	if (lock_layout(layout, LOCK_WAIT, &place->lock, fault) < 0)
		return -1;
	if (sweep_staging(layout->private, fault) < 0 || sweep_staging(layout->cert, fault) < 0)
		return prefix_fault(fault, "%s", layout->path);
	return 0;
}

static int make_root_there(const struct layout *layout, const struct ca_node *ca,
			   const struct root_place *place, int64_t now_s, struct fault *fault)
{
	if (root_exists(layout))
		return set_fault(fault, FAULT_NOT_FOUND,
				 "%s/cert/root.crt: expected the root of which %s/cert/root.crt is "
				 "a copy, found none: put it back",
				 place->layout->path, layout->path);
	if (!file_exists(place->layout->private, "root.key") &&
	    make_key_file(place->layout, "root.key", ca->key, &place->access, fault) < 0)
		return -1;
	return make_root(place->layout, ca, &place->access, now_s, fault);
}

/* The CA's copy, which comes after the root itself. */
static int copy_root(const struct layout *layout, const struct root_place *place,
		     struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *copy = NULL;
	CLEANUP(clear_buffer) struct buffer pem = {0};

	if (root_exists(layout)) {
		if (read_ca_root(layout, &copy, fault) < 0)
			return -1;
		if (equal_bytes(certificate_der(copy), certificate_der(place->root)))
			return 0;
		return set_fault(fault, FAULT_REFUSED,
				 "%s/cert/root.crt and %s/cert/root.crt are two roots: expected "
				 "the same one; put the right one back",
				 layout->path, place->layout->path);
	}
	if (format_certificate_pem(certificate_der(place->root), &pem, fault) < 0)
		return -1;
	if (write_file(layout->cert, "root.crt", STAGE_NEW, 0644, bytes_of_buffer(&pem), fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	return 0;
}

/* Who signs for once. */
static int load_root(const struct root_place *place, int64_t now_s, struct issuer **ret_issuer,
		     struct fault *fault)
{
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(free_certificate) struct certificate *root = NULL;
	CLEANUP(free_issuer) struct issuer *issuer = NULL;

	if (open_key_file(place->layout, "root.key", &place->access, &key, fault) < 0 ||
	    read_ca_root(place->layout, &root, fault) < 0)
		return -1;
	if (new_issuer(&root, &key, &issuer, fault) < 0 ||
	    check_issuer_validity(issuer, now_s, fault) < 0)
		return prefix_fault(fault, "%s: cert/root.crt and Private/root.key",
				    place->layout->path);
	*ret_issuer = TAKE(issuer);
	return 0;
}

/* Backdated like its certificates, and within the root's. */
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

static int certify_ca(const struct layout *layout, const struct ca_node *ca,
		      const struct key_access *access, const struct issuer *root, int64_t now_s,
		      struct fault *fault)
{
	const struct validity validity = choose_validity(ca, issuer_certificate(root), now_s);
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(free_public_key) struct public_key *public_key = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(clear_buffer) struct buffer pem = {0};

	if (open_private_key(layout, issuing_key_name(ca), access, &key, fault) < 0 ||
	    get_public_key(key, &public_key, fault) < 0)
		return -1;
	if (create_intermediate(root, public_key, ca->intermediate_subject, &validity, &der,
				fault) < 0)
		return prefix_fault(fault, "the CA's certificate \"%s\"", ca->intermediate_subject);
	if (format_certificate_pem(bytes_of_buffer(&der), &pem, fault) < 0)
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
	CLEANUP(clear_root_place) struct root_place place = {.lock = -1, .access = *access};
	CLEANUP(free_issuer) struct issuer *root = NULL;

	place.access.url = NULL;
	if (open_root_layout(layout, ca, &place, &made->root_layout, fault) < 0 ||
	    lock_root_layout(&place, fault) < 0)
		return -1;
	made->root = !root_exists(place.layout);
	if (made->root && make_root_there(layout, ca, &place, now_s, fault) < 0)
		return -1;
	if (read_ca_root(place.layout, &place.root, fault) < 0 ||
	    copy_root(layout, &place, fault) < 0)
		return -1;
	made->certificate = !issuing_certificate_exists(layout, ca);
	if (!made->certificate)
		return 0;
	if (load_root(&place, now_s, &root, fault) < 0)
		return -1;
	return certify_ca(layout, ca, access, root, now_s, fault);
}

int make_intermediate(const struct layout *layout, const struct ca_node *ca,
		      const struct key_access *access, int64_t now_s,
		      struct intermediate_made *ret_made, struct fault *fault)
{
	struct intermediate_made made = {0};

	if (!(root_exists(layout) && issuing_certificate_exists(layout, ca)) &&
	    make_missing(layout, ca, access, now_s, &made, fault) < 0)
		return -1;
	*ret_made = made;
	return 0;
}
