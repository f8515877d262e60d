#include "common/ca/issue/issuing_key.h"

#include "common/base/clock.h"
#include "common/base/staging.h"
#include "common/ca/revocation/ca_roots.h"
#include "common/ca/revocation/publish_crl.h"
#include "common/ca/signer/signed_log.h"
#include "common/x509/chain.h"

#include <string.h>

/* How long a process that serves may go on with the issuer before: it looks every second, and the
   signer refuses after ten minutes. */
enum { TAKEOVER_MAX_S = 900 };

static const char root_name[] = "root.crt";
static const char root_key_name[] = "root.key";
static const char intermediate_name[] = "ca.crt";
static const char intermediate_key_name[] = "ca.key";

void name_issuing_certificate(const struct ca_node *ca, unsigned int number,
			      char ret_name[static FILE_NAME_SIZE])
{
	name_issuer_file(ca->root_layout != NULL ? intermediate_name : root_name, number, ret_name);
}

void name_issuing_key(const struct ca_node *ca, unsigned int number,
		      char ret_name[static FILE_NAME_SIZE])
{
	name_issuer_file(ca->root_layout != NULL ? intermediate_key_name : root_key_name, number,
			 ret_name);
}

static int find_certificate_file(const struct layout *layout, const char *name, bool *ret_found,
				 struct fault *fault)
{
	if (find_file(layout->cert, name, ret_found, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	return 0;
}

int find_root(const struct layout *layout, bool *ret_found, struct fault *fault)
{
	return find_certificate_file(layout, root_name, ret_found, fault);
}

int find_issuing_certificate(const struct layout *layout, const struct ca_node *ca, bool *ret_found,
			     struct fault *fault)
{
	char name[FILE_NAME_SIZE];

	name_issuing_certificate(ca, FIRST_ISSUER, name);
	return find_certificate_file(layout, name, ret_found, fault);
}

int count_issuing_certificates(const struct layout *layout, const struct ca_node *ca,
			       unsigned int *ret_count, struct fault *fault)
{
	unsigned int count = 0;
	bool found = true;

	/* A root that issues by itself has no successor. */
	while (found && count < (ca->root_layout != NULL ? ISSUERS_MAX : 1)) {
		char name[FILE_NAME_SIZE];

		name_issuing_certificate(ca, count + 1, name);
		if (find_certificate_file(layout, name, &found, fault) < 0)
			return -1;
		count += found;
	}
	*ret_count = count;
	return 0;
}

static int find_key_file(const struct layout *layout, const char *name, bool *ret_found,
			 struct fault *fault)
{
	if (find_file(layout->private, name, ret_found, fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	return 0;
}

int find_issuing_key(const struct layout *layout, const struct ca_node *ca,
		     const struct key_access *access, bool *ret_found, struct fault *fault)
{
	char name[FILE_NAME_SIZE];

	name_issuing_key(ca, FIRST_ISSUER, name);
	if (access->url == NULL)
		return find_key_file(layout, name, ret_found, fault);
	*ret_found = true;
	return 0;
}

int check_ca_kind(const struct layout *layout, const struct ca_node *ca, struct fault *fault)
{
	bool issues_below;
	bool has_root_key;

	if (find_certificate_file(layout, intermediate_name, &issues_below, fault) < 0 ||
	    find_key_file(layout, root_key_name, &has_root_key, fault) < 0)
		return -1;
	if (ca->root_layout == NULL && issues_below)
		return set_fault(fault, FAULT_REFUSED,
				 "%s/cert/%s is there, so this CA's root lies apart: expected "
				 "ca.root_layout in the manifest, found none",
				 layout->path, intermediate_name);
	if (ca->root_layout != NULL && !issues_below && has_root_key)
		return set_fault(fault, FAULT_REFUSED,
				 "%s/Private/%s is there, so this CA issues under its root: "
				 "expected no ca.root_layout in the manifest, found %s; a CA whose "
				 "root lies apart is made in a layout of its own",
				 layout->path, root_key_name, ca->root_layout);
	return 0;
}

int make_issuing_key(const struct layout *layout, const struct ca_node *ca, unsigned int number,
		     const struct key_access *access, struct fault *fault)
{
	char name[FILE_NAME_SIZE];
	bool found;

	if (access->url != NULL)
		return 0;
	name_issuing_key(ca, number, name);
	if (find_key_file(layout, name, &found, fault) < 0)
		return -1;
	return found ? 0 : make_key_file(layout, name, ca->key, access, fault);
}

int make_root(const struct layout *layout, const struct ca_node *ca,
	      const struct key_access *access, int64_t now_s, struct fault *fault)
{
	/* Backdated like its certificates, which cannot begin before it. */
	const struct validity validity = {.not_before_s = now_s - ca->certificate_backdate_s,
					  .not_after_s = now_s + ca->validity_s};
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(clear_buffer) struct buffer pem = {0};

	if (open_private_key(layout, root_key_name, access, &key, fault) < 0)
		return -1;
	if (create_root(key, ca->subject, &validity, &der, fault) < 0)
		return prefix_fault(fault, "root \"%s\"", ca->subject);
	if (append_signed_authority(layout, bytes_of_buffer(&der), now_s, fault) < 0 ||
	    format_certificate_pem(bytes_of_buffer(&der), &pem, fault) < 0)
		return -1;
	if (write_file(layout->cert, root_name, STAGE_NEW, 0644, bytes_of_buffer(&pem), fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	return 0;
}

const char *advise_lost_certificate(const char *name)
{
	return strcmp(name, root_name) == 0
		       ? "put it back: every client has it as cert/root.crt, and every backup"
		       : "put it back: every client has it as cert/ca.crt, and every backup";
}

/* A CA that has made a CRL had all its certificates. */
static int refuse_missing(const struct layout *layout, const char *name, struct fault *fault)
{
	bool worked;

	if (find_certificate_file(layout, CRL_FILE, &worked, fault) < 0)
		return -1;
	return set_fault(fault, FAULT_NOT_FOUND, "%s/cert/%s: expected the CA's %s, found none: %s",
			 layout->path, name, strcmp(name, root_name) == 0 ? "root" : "certificate",
			 worked ? advise_lost_certificate(name) : "run certpool init");
}

static int read_ca_certificate(const struct layout *layout, const char *name,
			       struct certificate **ret_certificate, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};
	bool found;

	if (find_certificate_file(layout, name, &found, fault) < 0)
		return -1;
	if (!found)
		return refuse_missing(layout, name, fault);
	if (read_file(layout->cert, name, CERTIFICATE_PEM_MAX, &pem, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	if (parse_certificate_pem(bytes_of_buffer(&pem), ret_certificate, fault) < 0)
		return prefix_fault(fault, "%s/cert/%s", layout->path, name);
	return 0;
}

int read_ca_root(const struct layout *layout, struct certificate **ret_root, struct fault *fault)
{
	return read_ca_certificate(layout, root_name, ret_root, fault);
}

int read_issuing_certificate(const struct layout *layout, const struct ca_node *ca,
			     unsigned int number, struct certificate **ret_certificate,
			     struct fault *fault)
{
	char name[FILE_NAME_SIZE];

	name_issuing_certificate(ca, number, name);
	return read_ca_certificate(layout, name, ret_certificate, fault);
}

static int set_issuer_fault(const struct layout *layout, const struct ca_node *ca,
			    unsigned int number, const struct key_access *access,
			    const struct fault *problem, struct fault *fault)
{
	const char *root = ca->root_layout != NULL ? ", cert/root.crt" : "";
	char name[FILE_NAME_SIZE];
	char key_name[FILE_NAME_SIZE];

	name_issuing_certificate(ca, number, name);
	name_issuing_key(ca, number, key_name);
	if (access != NULL && access->url != NULL)
		return set_fault(fault, problem->class, "%s: cert/%s%s and the key %s: %s",
				 layout->path, name, root, access->url, problem->text);
	return set_fault(fault, problem->class,
			 "%s: cert/%s%s and Private/%s: %s: restore %s from a backup", layout->path,
			 name, root, key_name, problem->text,
			 ca->root_layout != NULL ? "them" : "both");
}

/* An older issuer whose key is gone, as is right once it has ended, is left without one. */
static int open_key(const struct layout *layout, const struct ca_node *ca, unsigned int number,
		    bool newest, const struct key_access *access, struct private_key **ret_key,
		    struct fault *fault)
{
	char name[FILE_NAME_SIZE];
	bool found = true;

	name_issuing_key(ca, number, name);
	if (!newest && access->url == NULL && find_key_file(layout, name, &found, fault) < 0)
		return -1;
	return found ? open_private_key(layout, name, access, ret_key, fault) : 0;
}

static int set_urls(struct issuer *issuer, const struct ca_node *ca, unsigned int number,
		    struct fault *fault)
{
	struct published_urls urls = {
		.crl = ca->crl_url, .ocsp = ca->ocsp_url, .issuer = ca->issuer_url};
	CLEANUP(clear_buffer) struct buffer crl = {0};
	CLEANUP(clear_buffer) struct buffer certificate = {0};

	if (number > FIRST_ISSUER) {
		append_format(&crl, "%s/%u", urls.crl != NULL ? urls.crl : "", number);
		append_format(&certificate, "%s/%u", urls.issuer != NULL ? urls.issuer : "",
			      number);
		if (check_buffer(&crl, fault) < 0 || check_buffer(&certificate, fault) < 0)
			return -1;
		urls.crl = urls.crl != NULL ? (const char *)crl.data : NULL;
		urls.issuer = urls.issuer != NULL ? (const char *)certificate.data : NULL;
	}
	return set_published_urls(issuer, &urls, fault);
}

/* The root above a certificate: the next one where a finish of its rotation was cut short. */
static int read_root_above(const struct layout *layout, const struct certificate *certificate,
			   struct certificate **ret_root, struct fault *fault)
{
	CLEANUP(clear_ca_roots) struct ca_roots roots = {0};
	CLEANUP(free_certificate) struct certificate *root = NULL;
	struct verdict verdict = {0};

	if (read_ca_root(layout, &root, fault) < 0)
		return -1;
	if (is_root_being_replaced(layout) &&
	    (read_ca_roots(layout, &roots, fault) < 0 ||
	     (roots.next != NULL &&
	      verify_intermediate(roots.next, certificate, &verdict, fault) < 0)))
		return -1;
	*ret_root = roots.next != NULL && !verdict.invalid ? TAKE(roots.next) : TAKE(root);
	return 0;
}

/* The next one after those in the set. */
static int load_issuer(const struct layout *layout, const struct ca_node *ca, bool newest,
		       const struct key_access *access, struct issuer_set *set, struct fault *fault)
{
	const unsigned int number = count_issuers(set) + 1;
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	CLEANUP(free_certificate) struct certificate *root = NULL;
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(free_issuer) struct issuer *issuer = NULL;
	struct fault problem = {0};

	if (read_issuing_certificate(layout, ca, number, &certificate, fault) < 0 ||
	    (ca->root_layout != NULL && read_root_above(layout, certificate, &root, fault) < 0) ||
	    (access != NULL && open_key(layout, ca, number, newest, access, &key, fault) < 0))
		return -1;
	if (new_intermediate_issuer(&certificate, &root, &key, &issuer, &problem) < 0)
		return set_issuer_fault(layout, ca, number, access, &problem, fault);
	if (set_urls(issuer, ca, number, fault) < 0)
		return -1;
	return add_issuer(set, &issuer, fault);
}

int load_issuers(const struct layout *layout, const struct ca_node *ca,
		 const struct key_access *access, struct issuer_set *set, struct fault *fault)
{
	unsigned int count;

	if ((access != NULL && check_ca_kind(layout, ca, fault) < 0) ||
	    count_issuing_certificates(layout, ca, &count, fault) < 0)
		return -1;
	/* Without a first one, its absence is the fault. */
	if (count == 0)
		count = FIRST_ISSUER;
	while (count_issuers(set) < count)
		if (load_issuer(layout, ca, count_issuers(set) + 1 == count, access, set, fault) <
		    0)
			return -1;
	return 0;
}

/* How many issuers the record has with their certificates. */
static int count_recorded(void *context, const struct issuer_record *record, struct fault *fault)
{
	unsigned int *count = context;

	(void)fault;
	*count += record->der.len > 0;
	return 0;
}

int sync_issuers(struct store *store, const struct layout *layout, const struct ca_node *ca,
		 const struct issuer_set *set, int64_t now_s, struct fault *fault)
{
	struct new_issuer issuer = {.last_end_s =
					    now_s + ca->certificate_validity_s + TAKEOVER_MAX_S,
				    .after_s = ca->crl_validity_s,
				    .now_s = now_s};
	unsigned int recorded = 0;
	char name[FILE_NAME_SIZE];
	bool ignored;

	if (list_issuers(store, count_recorded, &recorded, fault) < 0)
		return -1;
	if (recorded > count_issuers(set)) {
		name_issuing_certificate(ca, count_issuers(set) + 1, name);
		return set_fault(fault, FAULT_REFUSED,
				 "%s/cert/%s: expected the certificate of issuer %u, which the "
				 "record has, found none: restore it from a backup",
				 layout->path, name, count_issuers(set) + 1);
	}
	for (issuer.number = recorded + 1; issuer.number <= count_issuers(set); issuer.number++) {
		issuer.certificate = issuer_certificate(get_issuer(set, issuer.number));
		if (record_issuer(store, &issuer, &ignored, fault) < 0)
			return -1;
	}
	return 0;
}

static int check_validity(const struct certificate *certificate, const char *what, int64_t now_s,
			  struct fault *fault)
{
	int64_t begin_s = certificate_not_before(certificate);
	int64_t end_s = certificate_not_after(certificate);
	char now[TIME_TEXT_SIZE];
	char then[TIME_TEXT_SIZE];

	format_time(now_s, now);
	format_time(now_s < begin_s ? begin_s : end_s, then);
	if (now_s < begin_s)
		return set_fault(fault, FAULT_REFUSED,
				 "%s is not yet valid: it begins at %s, and it is %s "
				 "now: set this machine's clock right",
				 what, then, now);
	if (now_s > end_s)
		return set_fault(fault, FAULT_REFUSED,
				 "%s expired at %s, and it is %s now: make a new CA in "
				 "a layout of its own, and enroll the clients there",
				 what, then, now);
	return 0;
}

int check_issuer_validity(const struct issuer *issuer, int64_t now_s, struct fault *fault)
{
	const struct certificate *certificate = issuer_certificate(issuer);
	const struct certificate *root = issuer_root(issuer);

	if (check_validity(root, "cert/root.crt: the CA's root", now_s, fault) < 0)
		return -1;
	return certificate == root
		       ? 0
		       : check_validity(certificate, "cert/ca.crt: the CA's certificate", now_s,
					fault);
}
