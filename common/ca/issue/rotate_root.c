#include "common/ca/issue/rotate_root.h"

#include "common/base/staging.h"
#include "common/ca/issue/new_root.h"
#include "common/ca/issue/rotate_own_root.h"
#include "common/ca/revocation/ca_roots.h"
#include "common/ca/shared/issuer_copies.h"
#include "common/ca/store/client_roots.h"
#include "common/ca/store/clients.h"
#include "common/x509/chain.h"

#include <string.h>

#define ROOT_KEY_FILE "root.key"
#define OLD_ROOT_KEY_FILE "root.old.key"

/* --- the first act --- */

static int make_next_root(const struct root_rotation *rotation, const struct root_home *home,
			  struct fault *fault)
{
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};

	if (open_key_file(home->layout, NEXT_ROOT_KEY_FILE, &home->access, &key, fault) < 0 ||
	    create_next_root(rotation, home->layout, home->root, key, &der, fault) < 0)
		return -1;
	return write_certificate(home->layout, NEXT_ROOT_FILE, bytes_of_buffer(&der), fault);
}

/* The next root as an issuer. */
static int load_next_root(const struct root_home *home, struct issuer **ret_issuer,
			  struct fault *fault)
{
	const struct published_urls urls = {.crl = home->ca->root_crl_url};
	CLEANUP(clear_ca_roots) struct ca_roots roots = {0};
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(free_issuer) struct issuer *issuer = NULL;

	if (open_key_file(home->layout, NEXT_ROOT_KEY_FILE, &home->access, &key, fault) < 0 ||
	    read_ca_roots(home->layout, &roots, fault) < 0)
		return -1;
	if (roots.next == NULL)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "%s/cert/" NEXT_ROOT_FILE
				 ": expected the root of Private/" NEXT_ROOT_KEY_FILE
				 ", found none: put it back",
				 home->layout->path);
	if (new_issuer(&roots.next, &key, &issuer, fault) < 0)
		return prefix_fault(fault, "%s: cert/%s and Private/%s", home->layout->path,
				    NEXT_ROOT_FILE, NEXT_ROOT_KEY_FILE);
	if (set_published_urls(issuer, &urls, fault) < 0)
		return -1;
	*ret_issuer = TAKE(issuer);
	return 0;
}

/* The CRL of the next root, in both layouts. */
static int publish_crl_of(const struct root_home *home, struct issuer *next,
			  enum crl_publishing mode, int64_t now_s, struct fault *fault)
{
	CLEANUP(clear_ca_roots) struct ca_roots roots = {0};
	struct root_home of_next = *home; /* borrowed */
	struct crl_info ignored;

	if (read_ca_roots(home->layout, &roots, fault) < 0)
		return -1;
	of_next.root = roots.next;
	of_next.issuer = next;
	of_next.crl_name = NEXT_ROOT_CRL_FILE;
	return publish_root_crl(&of_next, NULL, mode, now_s, &ignored, fault);
}

int publish_next_root_crl(const struct root_home *home, enum crl_publishing mode, int64_t now_s,
			  struct fault *fault)
{
	CLEANUP(free_issuer) struct issuer *next = NULL;
	bool found;

	if (find_file(home->layout->private, NEXT_ROOT_KEY_FILE, &found, fault) < 0)
		return prefix_fault(fault, "%s/Private", home->layout->path);
	if (!found || !is_root_being_replaced(home->ca_layout))
		return 0;
	if (load_next_root(home, &next, fault) < 0)
		return -1;
	return publish_crl_of(home, next, mode, now_s, fault);
}

int publish_old_root_crl(const struct root_home *home, enum crl_publishing mode, int64_t now_s,
			 struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *root = NULL;
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(free_issuer) struct issuer *issuer = NULL;
	struct root_home of_old = *home; /* borrowed */
	struct crl_info ignored;
	bool has_key;

	if (find_file(home->layout->private, OLD_ROOT_KEY_FILE, &has_key, fault) < 0)
		return prefix_fault(fault, "%s/Private", home->layout->path);
	if (read_other_root(home->layout, OLD_ROOT_FILE, &root, fault) < 0 ||
	    read_other_root(home->layout, OLD_ROOT_FILE, &certificate, fault) < 0)
		return -1;
	if (!has_key || root == NULL || certificate_not_after(root) < now_s)
		return 0;
	if (open_key_file(home->layout, OLD_ROOT_KEY_FILE, &home->access, &key, fault) < 0)
		return -1;
	if (new_issuer(&certificate, &key, &issuer, fault) < 0)
		return prefix_fault(fault,
				    "%s: cert/" OLD_ROOT_FILE " and Private/" OLD_ROOT_KEY_FILE,
				    home->layout->path);
	of_old.root = root;
	of_old.issuer = issuer;
	of_old.crl_name = OLD_ROOT_CRL_FILE;
	return publish_root_crl(&of_old, NULL, mode, now_s, &ignored, fault);
}

/* In the CA's layout the next root comes last, after the audit log's line, which is twice in it
   when this was killed between them: with its name the rotation is under way. */
static int make_cross_certificates(const struct root_rotation *rotation,
				   const struct root_home *home, const struct issuer *next,
				   struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer next_der = {0};
	CLEANUP(clear_buffer) struct buffer pems = {0};

	if (make_cross_pair(rotation, home->layout, home->issuer, next, &next_der, &pems, fault) <
	    0)
		return -1;
	if (write_file(home->layout->cert, CROSS_FILE, STAGE_REPLACE, 0644, bytes_of_buffer(&pems),
		       fault) < 0)
		return prefix_fault(fault, "%s/cert", home->layout->path);
	if (write_file(rotation->layout->cert, CROSS_FILE, STAGE_REPLACE, 0644,
		       bytes_of_buffer(&pems), fault) < 0)
		return prefix_fault(fault, "%s/cert", rotation->layout->path);
	return 0;
}

static int begin_apart_rotation(const struct root_rotation *rotation,
				struct rotated_root *ret_rotated, struct fault *fault)
{
	CLEANUP(clear_root_home) struct root_home home = {.lock = -1};
	CLEANUP(free_issuer) struct issuer *next = NULL;
	const struct certificate *root;
	bool has_key;
	bool has_root;

	if (open_root_home(rotation->layout, rotation->ca, rotation->access, &home, fault) < 0 ||
	    load_root(&home, rotation->now_s, fault) < 0 ||
	    find_file(home.layout->private, NEXT_ROOT_KEY_FILE, &has_key, fault) < 0)
		return -1;
	if (!has_key && make_key_file(home.layout, NEXT_ROOT_KEY_FILE, rotation->ca->key,
				      &home.access, fault) < 0)
		return -1;
	if (find_file(home.layout->cert, NEXT_ROOT_FILE, &has_root, fault) < 0 ||
	    (!has_root && make_next_root(rotation, &home, fault) < 0) ||
	    load_next_root(&home, &next, fault) < 0)
		return -1;
	root = issuer_certificate(next);
	if (make_cross_certificates(rotation, &home, next, fault) < 0 ||
	    publish_crl_of(&home, next, CRL_WHEN_DUE, rotation->now_s, fault) < 0 ||
	    record_rotation(rotation, "a new root, beside the present one", root, fault) < 0 ||
	    write_certificate(rotation->layout, NEXT_ROOT_FILE, certificate_der(root), fault) < 0)
		return -1;
	return describe_root(root, has_key, ret_rotated, fault);
}

int begin_root_rotation(const struct root_rotation *rotation, struct rotated_root *ret_rotated,
			struct fault *fault)
{
	CLEANUP(clear_ca_roots) struct ca_roots present = {0};

	if (read_ca_roots(rotation->layout, &present, fault) < 0)
		return -1;
	if (present.next != NULL)
		return set_fault(fault, FAULT_REFUSED,
				 "a rotation of the root is under way already, to %s: when the "
				 "clients have it, certpool rotate root --finish ends it",
				 certificate_subject(present.next));
	return rotation->ca->root_layout != NULL
		       ? begin_apart_rotation(rotation, ret_rotated, fault)
		       : begin_own_rotation(rotation, ret_rotated, fault);
}

/* --- the second act --- */

struct lacking_clients {
	const char *const *without;
	size_t without_count;
	size_t count;
	struct buffer names;
};

static int note_lacking(void *context, const char *client, enum root_acknowledgement state,
			struct fault *fault)
{
	struct lacking_clients *lacking = context;

	(void)fault;
	if (state != ROOT_LACKING)
		return 0;
	for (size_t i = 0; i < lacking->without_count; i++)
		if (strcmp(lacking->without[i], client) == 0)
			return 0;
	append_format(&lacking->names, "%s%s", lacking->count > 0 ? ", " : "", client);
	lacking->count++;
	return 0;
}

static int check_clients(const struct root_rotation *rotation, const struct certificate *next,
			 const char *const *without, size_t without_count, struct fault *fault)
{
	struct lacking_clients lacking = {.without = without, .without_count = without_count};
	CLEANUP(clear_buffer) struct buffer names = {0};
	uint8_t sha256[SHA256_LEN];
	int listed;

	for (size_t i = 0; i < without_count; i++) {
		CLEANUP(clear_client) struct client client = {0};
		bool found;

		if (read_client(rotation->store, without[i], &client, &found, fault) < 0)
			return -1;
		if (!found)
			return set_fault(
				fault, FAULT_NOT_FOUND,
				"--without %s: expected a client of this CA, found none of "
				"that name: certpool client list has them",
				without[i]);
	}
	digest_sha256(certificate_der(next), sha256);
	listed = list_client_roots(rotation->store, sha256, note_lacking, &lacking, fault);
	names = take_buffer(&lacking.names);
	append_bytes(&names, (struct bytes){(const uint8_t *)"", 1});
	if (listed < 0 || check_buffer(&names, fault) < 0)
		return -1;
	if (lacking.count == 0)
		return 0;
	return set_fault(fault, FAULT_REFUSED,
			 "%s not pinned the new root %s: %.256s%s: %s next enroll, renew or keep; "
			 "--without CLIENT goes on without one that is lost",
			 counted(lacking.count, "client has", "clients have").text,
			 certificate_subject(next), (const char *)names.data,
			 names.len > 256 ? "…" : "",
			 by_count(lacking.count, "it does at its", "they do at their"));
}

/* Opens the root's layout, whose root is the present one, or the next one already. */
static int open_rotated_home(const struct root_rotation *rotation, const struct ca_roots *roots,
			     struct root_home *home, struct fault *fault)
{
	CLEANUP(clear_ca_roots) struct ca_roots there = {0};
	struct layout *opened = NULL;

	home->ca_layout = rotation->layout;
	home->ca = rotation->ca;
	home->access = *rotation->access;
	home->access.url = NULL;
	home->crl_name = ROOT_CRL_FILE;
	if (open_layout(rotation->ca->root_layout, &opened, fault) < 0)
		return -1;
	home->layout = opened;
	if (lock_layout(opened, LOCK_WAIT, &home->lock, fault) < 0 ||
	    read_ca_roots(opened, &there, fault) < 0)
		return -1;
	if (equal_bytes(certificate_der(there.root), certificate_der(roots->root)) ||
	    (roots->next != NULL &&
	     equal_bytes(certificate_der(there.root), certificate_der(roots->next))))
		return 0;
	return set_fault(
		fault, FAULT_REFUSED,
		"%s/cert/root.crt: expected the root of %s, found another one, %s: put the "
		"right layout there",
		opened->path, rotation->layout->path, certificate_subject(there.root));
}

/*
 * The end of an issuer's certificate by the next root. One that issues no more ends when it would
 * have; one that has ended, whose CRL may still be asked for, ends now. So does one that the
 * present root has revoked: the next root's CRL does not list it.
 */
static int choose_end(const struct root_rotation *rotation, const struct root_home *home,
		      const struct certificate *certificate, bool newest, int64_t *ret_end_s,
		      struct fault *fault)
{
	const int64_t end_s = certificate_not_after(certificate);
	bool revoked;

	if (find_root_revocation(home, certificate, &revoked, fault) < 0)
		return -1;
	if (newest && revoked)
		return set_fault(fault, FAULT_REFUSED,
				 "%s was revoked by its root, and the new root would certify its "
				 "key again: run certpool rotate ca first",
				 certificate_subject(certificate));
	if (newest)
		*ret_end_s = rotation->now_s + rotation->ca->intermediate_validity_s;
	else
		*ret_end_s = revoked || end_s < rotation->now_s ? rotation->now_s : end_s;
	return 0;
}

/*
 * The next root certifies the key of an issuer's certificate, unless it has. The file stays that
 * certificate's: same name, same key.
 */
static int certify_issuer_again(const struct root_rotation *rotation, const struct root_home *home,
				const struct issuer *next, unsigned int number, bool newest,
				struct fault *fault)
{
	const struct ca_node *ca = rotation->ca;
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	CLEANUP(free_certificate) struct certificate *again = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct verdict verdict = {0};
	char name[FILE_NAME_SIZE];
	int64_t end_s = 0;

	if (read_issuing_certificate(rotation->layout, ca, number, &certificate, fault) < 0 ||
	    verify_intermediate(issuer_certificate(next), certificate, &verdict, fault) < 0)
		return -1;
	if (!verdict.invalid)
		return replace_issuer_certificate(rotation->store, number, certificate, fault);
	if (choose_end(rotation, home, certificate, newest, &end_s, fault) < 0)
		return -1;
	if (certify_below(rotation, home->layout, next, certificate, end_s, &der, fault) < 0)
		return -1;
	name_issuing_certificate(rotation->layout, ca, number, name);
	if (write_certificate(rotation->layout, name, bytes_of_buffer(&der), fault) < 0 ||
	    parse_certificate_der(bytes_of_buffer(&der), &again, fault) < 0)
		return -1;
	return replace_issuer_certificate(rotation->store, number, again, fault);
}

/* Every issuer, as each is read below the root that is there. The newest may be refused. */
static int certify_again(const struct root_rotation *rotation, struct root_home *home,
			 const struct issuer *next, struct fault *fault)
{
	unsigned int count;

	if (count_issuing_certificates(rotation->layout, rotation->ca, &count, fault) < 0 ||
	    read_home_root(home, fault) < 0)
		return -1;
	for (unsigned int number = count; number >= FIRST_ISSUER; number--)
		if (certify_issuer_again(rotation, home, next, number, number == count, fault) < 0)
			return -1;
	return 0;
}

/* Renames a file of a directory, if it is there. */
static int set_aside(int directory, const char *name, const char *old_name, struct fault *fault)
{
	bool found;

	if (find_file(directory, name, &found, fault) < 0)
		return -1;
	return found ? rename_file(directory, name, old_name, fault) : 0;
}

/* While the next root's key has its own name, the next run begins again here. */
static int swap_keys(const struct root_home *home, struct fault *fault)
{
	int private = home->layout->private;

	if (set_aside(private, ROOT_KEY_FILE, OLD_ROOT_KEY_FILE, fault) < 0 ||
	    rename_file(private, NEXT_ROOT_KEY_FILE, ROOT_KEY_FILE, fault) < 0 ||
	    sync_directory(private, fault) < 0)
		return prefix_fault(fault, "%s/Private", home->layout->path);
	return 0;
}

/* In one layout: the present root and its CRL are set aside, and those of the next one take their
   place. */
static int swap_root(const struct layout *layout, const struct ca_roots *roots, struct fault *fault)
{
	CLEANUP(free_crl) struct crl *crl = NULL;
	struct fault not_by_next = {0};

	if (roots->next == NULL)
		return 0;
	if (write_certificate(layout, OLD_ROOT_FILE, certificate_der(roots->root), fault) < 0)
		return -1;
	/* Not by the next root: the present one's. */
	if ((read_root_crl(layout, roots->next, &crl, &not_by_next) < 0 &&
	     set_aside(layout->cert, ROOT_CRL_FILE, OLD_ROOT_CRL_FILE, fault) < 0) ||
	    set_aside(layout->cert, NEXT_ROOT_CRL_FILE, ROOT_CRL_FILE, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	return write_certificate(layout, ROOT_CERTIFICATE_FILE, certificate_der(roots->next),
				 fault);
}

static int remove_next(const struct layout *layout, struct fault *fault)
{
	if (remove_file(layout->cert, NEXT_ROOT_FILE, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	return 0;
}

/* In the root's layout, which is let go then: the key first, since it is what signs. */
static int swap_at_home(const struct root_rotation *rotation, const struct ca_roots *roots,
			struct fault *fault)
{
	CLEANUP(clear_root_home) struct root_home home = {.lock = -1};
	CLEANUP(clear_ca_roots) struct ca_roots there = {0};
	CLEANUP(free_issuer) struct issuer *next = NULL;
	bool has_next_key;

	if (open_rotated_home(rotation, roots, &home, fault) < 0 ||
	    find_file(home.layout->private, NEXT_ROOT_KEY_FILE, &has_next_key, fault) < 0)
		return -1;
	if (has_next_key &&
	    (load_next_root(&home, &next, fault) < 0 ||
	     certify_again(rotation, &home, next, fault) < 0 || swap_keys(&home, fault) < 0))
		return -1;
	if (read_ca_roots(home.layout, &there, fault) < 0 ||
	    swap_root(home.layout, &there, fault) < 0)
		return -1;
	return remove_next(home.layout, fault);
}

/* The CA's file of the next root goes last: without it nothing is under way. */
static int swap_at_ca(const struct root_rotation *rotation, const struct ca_roots *roots,
		      struct fault *fault)
{
	CLEANUP(clear_root_home) struct root_home home = {.lock = -1};
	struct crl_info crl;

	if (swap_root(rotation->layout, roots, fault) < 0 ||
	    open_root_home(rotation->layout, rotation->ca, rotation->access, &home, fault) < 0 ||
	    publish_root_crl(&home, NULL, CRL_WHEN_DUE, rotation->now_s, &crl, fault) < 0 ||
	    record_rotation(rotation, "the new root is the only one", home.root, fault) < 0)
		return -1;
	return remove_next(rotation->layout, fault);
}

int finish_root_rotation(const struct root_rotation *rotation, const char *const *without,
			 size_t without_count, struct rotated_root *ret_rotated,
			 struct fault *fault)
{
	CLEANUP(clear_ca_roots) struct ca_roots roots = {0};
	const struct certificate *next;
	bool under_way;

	if (read_ca_roots(rotation->layout, &roots, fault) < 0 ||
	    find_file(rotation->layout->cert, NEXT_ROOT_FILE, &under_way, fault) < 0)
		return -1;
	if (!under_way)
		return set_fault(
			fault, FAULT_REFUSED,
			"no rotation of the root is under way: certpool rotate root begins "
			"one");
	next = roots.next != NULL ? roots.next : roots.root;
	if (check_clients(rotation, next, without, without_count, fault) < 0)
		return -1;
	if (rotation->ca->root_layout == NULL) {
		if (finish_own_rotation(rotation, &roots, fault) < 0)
			return -1;
	} else if (swap_at_home(rotation, &roots, fault) < 0 ||
		   swap_at_ca(rotation, &roots, fault) < 0) {
		return -1;
	}
	return describe_root(next, roots.next == NULL, ret_rotated, fault);
}
