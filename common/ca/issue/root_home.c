#include "common/ca/issue/root_home.h"

#include "common/base/staging.h"
#include "common/ca/revocation/root_crl.h"

void clear_root_home(struct root_home *home)
{
	free_issuer(&home->issuer);
	free_certificate(&home->root);
	free_layout(&home->layout);
	close_descriptor(&home->lock);
}

static int lock_home(struct root_home *home, struct fault *fault)
{
	const struct layout *layout = home->layout;

	if (lock_layout(layout, LOCK_WAIT, &home->lock, fault) < 0)
		return -1;
	if (sweep_staging(layout->private, fault) < 0 || sweep_staging(layout->cert, fault) < 0)
		return prefix_fault(fault, "%s", layout->path);
	return 0;
}

/* Puts an opened layout into *home, which is locked then. Takes it over, also on failure. */
static int move_in(struct layout **layout, const struct key_access *access, struct root_home *home,
		   struct fault *fault)
{
	home->layout = TAKE(*layout);
	home->crl_name = ROOT_CRL_FILE;
	home->access = *access;
	home->access.url = NULL;
	return lock_home(home, fault);
}

int open_or_make_root_home(const struct layout *layout, const struct ca_node *ca,
			   const struct key_access *access, struct root_home *home, bool *ret_made,
			   struct fault *fault)
{
	struct layout *opened = NULL;
	struct fault problem = {0};
	bool has_copy;

	home->ca_layout = layout;
	home->ca = ca;
	if (open_layout(ca->root_layout, &opened, &problem) == 0)
		return move_in(&opened, access, home, fault);
	if (problem.class != FAULT_NOT_FOUND)
		return pass_fault(&problem, fault);
	if (find_root(layout, &has_copy, fault) < 0)
		return -1;
	if (has_copy)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "%s: expected the layout of the root of %s/cert/root.crt, found "
				 "none: put it back",
				 ca->root_layout, layout->path);
	if (make_layout(ca->root_layout, &opened, fault) < 0)
		return -1;
	*ret_made = true;
	return move_in(&opened, access, home, fault);
}

int read_home_root(struct root_home *home, struct fault *fault)
{
	const struct layout *layout = home->ca_layout;
	bool found;
	CLEANUP(free_certificate) struct certificate *copy = NULL;
	CLEANUP(clear_buffer) struct buffer pem = {0};

	if (read_ca_root(home->layout, &home->root, fault) < 0 ||
	    find_root(layout, &found, fault) < 0)
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

int open_root_home(const struct layout *layout, const struct ca_node *ca,
		   const struct key_access *access, struct root_home *ret_home, struct fault *fault)
{
	CLEANUP(clear_root_home)
	struct root_home home = {.lock = -1, .ca_layout = layout, .ca = ca};
	struct layout *opened = NULL;
	struct fault problem = {0};

	if (open_layout(ca->root_layout, &opened, &problem) < 0) {
		if (problem.class != FAULT_NOT_FOUND)
			return pass_fault(&problem, fault);
		return set_fault(fault, FAULT_NOT_FOUND,
				 "%s: expected the layout of the root, whose key has to sign, "
				 "found none: put it there, as ca.root_layout says",
				 ca->root_layout);
	}
	if (move_in(&opened, access, &home, fault) < 0 || read_home_root(&home, fault) < 0)
		return -1;
	*ret_home = home;
	home = (struct root_home){.lock = -1};
	return 0;
}

int load_root(struct root_home *home, int64_t now_s, struct fault *fault)
{
	const struct published_urls urls = {.crl = home->ca->root_crl_url};
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(free_certificate) struct certificate *root = NULL;
	CLEANUP(free_issuer) struct issuer *issuer = NULL;

	if (home->issuer != NULL)
		return 0;
	if (open_key_file(home->layout, "root.key", &home->access, &key, fault) < 0 ||
	    read_ca_root(home->layout, &root, fault) < 0)
		return -1;
	if (new_issuer(&root, &key, &issuer, fault) < 0 ||
	    check_issuer_validity(issuer, now_s, fault) < 0)
		return prefix_fault(fault, "%s: cert/root.crt and Private/root.key",
				    home->layout->path);
	if (set_published_urls(issuer, &urls, fault) < 0)
		return -1;
	home->issuer = TAKE(issuer);
	return 0;
}
