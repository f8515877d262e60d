#include "common/ca/root.h"

#include "common/base/clock.h"
#include "common/base/staging.h"

static const char root_name[] = "root.crt";
static const char key_name[] = "root.key";

bool root_exists(const struct layout *layout)
{
	return file_exists(layout->cert, root_name);
}

bool root_key_exists(const struct layout *layout, const struct key_access *access)
{
	return access->url != NULL || file_exists(layout->private, key_name);
}

int make_root_key(const struct layout *layout, enum key_type type, const struct key_access *access,
		  struct fault *fault)
{
	if (root_key_exists(layout, access))
		return 0;
	return make_key_file(layout, key_name, type, access, fault);
}

int make_root(const struct layout *layout, const struct ca_node *ca,
	      const struct key_access *access, int64_t now_s, struct fault *fault)
{
	/* Backdated like its certificates, which could not begin before it. */
	const struct validity validity = {.not_before_s = now_s - ca->certificate_backdate_s,
					  .not_after_s = now_s + ca->validity_s};
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(clear_buffer) struct buffer pem = {0};

	if (open_private_key(layout, key_name, access, &key, fault) < 0)
		return -1;
	if (create_root(key, ca->subject, &validity, &der, fault) < 0)
		return prefix_fault(fault, "root \"%s\"", ca->subject);
	if (format_certificate_pem(bytes_of_buffer(&der), &pem, fault) < 0)
		return -1;
	if (write_file(layout->cert, root_name, STAGE_NEW, 0644, bytes_of_buffer(&pem), fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	return 0;
}

static int read_root(const struct layout *layout, struct certificate **ret_root,
		     struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};

	if (!root_exists(layout))
		return set_fault(
			fault, FAULT_NOT_FOUND,
			"%s/cert/%s: expected the CA's root, found none: run certpool init",
			layout->path, root_name);
	if (read_file(layout->cert, root_name, CERTIFICATE_PEM_MAX, &pem, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	if (parse_certificate_pem(bytes_of_buffer(&pem), ret_root, fault) < 0)
		return prefix_fault(fault, "%s/cert/%s", layout->path, root_name);
	return 0;
}

int load_issuer(const struct layout *layout, const struct key_access *access,
		struct issuer **ret_issuer, struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *root = NULL;
	CLEANUP(free_private_key) struct private_key *key = NULL;
	struct fault found = {0};

	if (read_root(layout, &root, fault) < 0 ||
	    open_private_key(layout, key_name, access, &key, fault) < 0)
		return -1;
	if (new_issuer(&root, &key, ret_issuer, &found) == 0)
		return 0;
	if (access->url != NULL)
		return set_fault(fault, found.class, "%s: cert/%s and the key %s: %s", layout->path,
				 root_name, access->url, found.text);
	return set_fault(fault, found.class,
			 "%s: cert/%s and Private/%s: %s: restore both from a backup", layout->path,
			 root_name, key_name, found.text);
}

int check_root_time(const struct certificate *root, int64_t now_s, struct fault *fault)
{
	int64_t begin_s = certificate_not_before(root);
	int64_t end_s = certificate_not_after(root);
	char now[TIME_TEXT_SIZE];
	char then[TIME_TEXT_SIZE];

	format_time(now_s, now);
	format_time(now_s < begin_s ? begin_s : end_s, then);
	if (now_s < begin_s)
		return set_fault(fault, FAULT_REFUSED,
				 "the CA's root is not yet valid: it begins at %s, and it is %s "
				 "now: set this machine's clock right",
				 then, now);
	if (now_s > end_s)
		return set_fault(fault, FAULT_REFUSED,
				 "the CA's root expired at %s, and it is %s now: make a new CA in "
				 "a layout of its own, and enroll the clients there",
				 then, now);
	return 0;
}
