#include "common/ca/issue/issuing_key.h"

#include "common/base/clock.h"
#include "common/base/staging.h"
#include "common/ca/revocation/ca_roots.h"
#include "common/ca/revocation/publish_crl.h"
#include "common/ca/signer/signed_log.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/chain.h"

#include <string.h>

static const char root_name[] = "root.crt";
static const char root_key_name[] = "root.key";
static const char intermediate_name[] = "ca.crt";
static const char intermediate_key_name[] = "ca.key";

/* Where that cannot be found out, whoever opens the file says why. */
static bool is_there(int directory, const char *name)
{
	struct fault ignored = {0};
	bool found;

	return find_file(directory, name, &found, &ignored) == 0 && found;
}

/* Issuer 1 of a root that issues by itself has the names of one below a root once there is another
   issuer. */
void name_issuing_certificate(const struct layout *layout, const struct ca_node *ca,
			      unsigned int number, char ret_name[static FILE_NAME_SIZE])
{
	const bool alone = ca->root_layout == NULL && number == FIRST_ISSUER &&
			   !is_there(layout->cert, intermediate_name);

	name_issuer_file(alone ? root_name : intermediate_name, number, ret_name);
}

void name_issuing_key(const struct layout *layout, const struct ca_node *ca, unsigned int number,
		      char ret_name[static FILE_NAME_SIZE])
{
	const bool alone = ca->root_layout == NULL && number == FIRST_ISSUER &&
			   (is_there(layout->private, root_key_name) ||
			    !is_there(layout->private, intermediate_key_name) ||
			    !is_there(layout->cert, root_name));

	name_issuer_file(alone ? root_key_name : intermediate_key_name, number, ret_name);
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

	name_issuing_certificate(layout, ca, FIRST_ISSUER, name);
	return find_certificate_file(layout, name, ret_found, fault);
}

int count_issuing_certificates(const struct layout *layout, const struct ca_node *ca,
			       unsigned int *ret_count, struct fault *fault)
{
	unsigned int count = 0;
	bool found = true;

	while (found && count < ISSUERS_MAX) {
		char name[FILE_NAME_SIZE];

		name_issuing_certificate(layout, ca, count + 1, name);
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

	name_issuing_key(layout, ca, FIRST_ISSUER, name);
	if (access->url == NULL)
		return find_key_file(layout, name, ret_found, fault);
	*ret_found = true;
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

/* *ret_found: one of the issuers has the name and key of the root: the CA has replaced a root that
   issues by itself. */
static int find_root_among_issuers(const struct layout *layout, bool *ret_found,
				   struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *root = NULL;
	const struct certificate_fields *root_fields;
	char second[FILE_NAME_SIZE];
	bool found;

	*ret_found = false;
	name_issuer_file(intermediate_name, FIRST_ISSUER + 1, second);
	if (find_certificate_file(layout, second, &found, fault) < 0)
		return -1;
	if (!found || read_ca_root(layout, &root, fault) < 0)
		return found ? -1 : 0;
	root_fields = certificate_fields(root);
	for (unsigned int number = FIRST_ISSUER; found && number <= ISSUERS_MAX; number++) {
		CLEANUP(free_certificate) struct certificate *certificate = NULL;
		char name[FILE_NAME_SIZE];

		name_issuer_file(intermediate_name, number, name);
		if (find_certificate_file(layout, name, &found, fault) < 0 ||
		    (found && read_ca_certificate(layout, name, &certificate, fault) < 0))
			return -1;
		if (found && equal_bytes(certificate_fields(certificate)->spki, root_fields->spki))
			*ret_found = true;
	}
	return 0;
}

int check_ca_kind(const struct layout *layout, const struct ca_node *ca, struct fault *fault)
{
	bool issues_below;
	bool has_root_key;
	bool rotated;

	if (find_certificate_file(layout, intermediate_name, &issues_below, fault) < 0 ||
	    find_key_file(layout, root_key_name, &has_root_key, fault) < 0)
		return -1;
	if (issues_below) {
		if (find_root_among_issuers(layout, &rotated, fault) < 0)
			return -1;
		issues_below = !rotated;
		has_root_key |= rotated;
	}
	if (ca->root_layout == NULL && issues_below)
		return set_fault(fault, FAULT_REFUSED,
				 "%s/cert/%s is there, so this CA's root lies apart: expected "
				 "ca.root_layout in the manifest, found none",
				 layout->path, intermediate_name);
	if (ca->root_layout != NULL && !issues_below && has_root_key)
		return set_fault(fault, FAULT_REFUSED,
				 "%s/Private has the root's key, so this CA issues under its root: "
				 "expected no ca.root_layout in the manifest, found %s; a CA whose "
				 "root lies apart is made in a layout of its own",
				 layout->path, ca->root_layout);
	return 0;
}

int make_issuing_key(const struct layout *layout, const struct ca_node *ca, unsigned int number,
		     const struct key_access *access, struct fault *fault)
{
	char name[FILE_NAME_SIZE];
	bool found;

	if (access->url != NULL)
		return 0;
	name_issuing_key(layout, ca, number, name);
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

int read_issuing_certificate(const struct layout *layout, const struct ca_node *ca,
			     unsigned int number, struct certificate **ret_certificate,
			     struct fault *fault)
{
	char name[FILE_NAME_SIZE];

	name_issuing_certificate(layout, ca, number, name);
	return read_ca_certificate(layout, name, ret_certificate, fault);
}

static int set_issuer_fault(const struct layout *layout, const struct ca_node *ca,
			    unsigned int number, const struct key_access *access,
			    const struct fault *problem, struct fault *fault)
{
	const bool is_root = ca->root_layout == NULL && number == FIRST_ISSUER;
	const char *root = is_root ? "" : ", cert/root.crt";
	char name[FILE_NAME_SIZE];
	char key_name[FILE_NAME_SIZE];

	name_issuing_certificate(layout, ca, number, name);
	name_issuing_key(layout, ca, number, key_name);
	if (access != NULL && access->url != NULL)
		return set_fault(fault, problem->class, "%s: cert/%s%s and the key %s: %s",
				 layout->path, name, root, access->url, problem->text);
	return set_fault(fault, problem->class,
			 "%s: cert/%s%s and Private/%s: %s: restore %s from a backup", layout->path,
			 name, root, key_name, problem->text, is_root ? "both" : "them");
}

/* An older issuer whose key is gone, as is right once it has ended, is left without one. */
static int open_key(const struct layout *layout, const struct ca_node *ca, unsigned int number,
		    bool newest, const struct key_access *access, struct private_key **ret_key,
		    struct fault *fault)
{
	struct fault gone = {0};
	char name[FILE_NAME_SIZE];

	name_issuing_key(layout, ca, number, name);
	if (open_private_key(layout, name, access, ret_key, &gone) == 0 ||
	    (!newest && gone.class == FAULT_NOT_FOUND))
		return 0;
	return pass_fault(&gone, fault);
}

void format_numbered_url(const char *url, unsigned int number, struct buffer *ret_url)
{
	append_string(ret_url, url != NULL ? url : "");
	if (number > FIRST_ISSUER)
		append_format(ret_url, "/%u", number);
}

static int set_urls(struct issuer *issuer, const struct ca_node *ca, unsigned int number,
		    struct fault *fault)
{
	struct published_urls urls = {
		.crl = ca->crl_url, .ocsp = ca->ocsp_url, .issuer = ca->issuer_url};
	CLEANUP(clear_buffer) struct buffer crl = {0};
	CLEANUP(clear_buffer) struct buffer certificate = {0};

	if (number > FIRST_ISSUER) {
		format_numbered_url(ca->crl_url, number, &crl);
		format_numbered_url(ca->issuer_url, number, &certificate);
		if (check_buffer(&crl, fault) < 0 || check_buffer(&certificate, fault) < 0)
			return -1;
		urls.crl = urls.crl != NULL ? (const char *)crl.data : NULL;
		urls.issuer = urls.issuer != NULL ? (const char *)certificate.data : NULL;
	}
	return set_published_urls(issuer, &urls, fault);
}

static bool is_same_certificate(const struct certificate *a, const struct certificate *b)
{
	return b != NULL && equal_bytes(certificate_der(a), certificate_der(b));
}

/* The root above a certificate, NULL for a root itself. It is the next one where a finish of its
   rotation was cut short. */
static int read_root_above(const struct layout *layout, const struct certificate *certificate,
			   struct certificate **ret_root, struct fault *fault)
{
	CLEANUP(clear_ca_roots) struct ca_roots roots = {0};
	CLEANUP(free_certificate) struct certificate *root = NULL;
	struct verdict verdict = {0};

	if (read_ca_root(layout, &root, fault) < 0 ||
	    (is_root_being_replaced(layout) && read_ca_roots(layout, &roots, fault) < 0))
		return -1;
	if (is_same_certificate(certificate, root) || is_same_certificate(certificate, roots.next))
		return 0;
	if (roots.next != NULL && verify_intermediate(roots.next, certificate, &verdict, fault) < 0)
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
	    read_root_above(layout, certificate, &root, fault) < 0 ||
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
	const struct certificate *root = issuer_root(newest_issuer(set));
	unsigned int recorded = 0;
	char name[FILE_NAME_SIZE];
	bool ignored;

	if (list_issuers(store, count_recorded, &recorded, fault) < 0)
		return -1;
	if (recorded > count_issuers(set)) {
		name_issuing_certificate(layout, ca, count_issuers(set) + 1, name);
		return set_fault(fault, FAULT_REFUSED,
				 "%s/cert/%s: expected the certificate of issuer %u, which the "
				 "record has, found none: restore it from a backup",
				 layout->path, name, count_issuers(set) + 1);
	}
	for (issuer.number = recorded + 1; issuer.number <= count_issuers(set); issuer.number++) {
		issuer.certificate = issuer_certificate(get_issuer(set, issuer.number));
		/* A root that issues by itself has its CRL as long as anybody trusts it: until its
		   rotation is finished. */
		if (ca->root_layout == NULL)
			issuer.last_end_s = certificate_not_after(root);
		if (record_issuer(store, &issuer, &ignored, fault) < 0)
			return -1;
	}
	return 0;
}

/* For list_issuers. */
struct comparison {
	const struct issuer_set *set;
	bool differs;
};

static int compare_recorded(void *context, const struct issuer_record *record, struct fault *fault)
{
	struct comparison *comparison = context;
	const struct issuer *issuer = get_issuer(comparison->set, record->number);

	(void)fault;
	comparison->differs |=
		issuer != NULL && !equal_bytes(bytes_of_buffer(&record->der),
					       certificate_der(issuer_certificate(issuer)));
	return 0;
}

int refresh_certificates(struct store *store, const struct layout *layout, const struct ca_node *ca,
			 struct issuer_set *set, struct fault *fault)
{
	CLEANUP(clear_issuer_set) struct issuer_set present = {0};
	struct comparison comparison = {.set = set};

	if (list_issuers(store, compare_recorded, &comparison, fault) < 0)
		return -1;
	if (!comparison.differs)
		return 0;
	if (load_issuers(layout, ca, NULL, &present, fault) < 0)
		return -1;
	for (unsigned int number = FIRST_ISSUER;
	     number <= count_issuers(set) && number <= count_issuers(&present); number++)
		if (adopt_certificates(get_issuer(set, number), get_issuer(&present, number),
				       fault) < 0)
			return prefix_fault(fault, "%s", layout->path);
	return 0;
}

/* advice: after the end. */
static int check_validity(const struct certificate *certificate, const char *what,
			  const char *advice, int64_t now_s, struct fault *fault)
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
		return set_fault(fault, FAULT_REFUSED, "%s expired at %s, and it is %s now: %s",
				 what, then, now, advice);
	return 0;
}

int check_issuer_validity(const struct issuer *issuer, int64_t now_s, struct fault *fault)
{
	if (check_validity(
		    issuer_root(issuer), "cert/root.crt: the CA's root",
		    "certpool rotate root --finish, if a rotation of the root is under way; "
		    "else make a new CA in a layout of its own, and enroll the clients there",
		    now_s, fault) < 0)
		return -1;
	return check_validity(issuer_certificate(issuer), "cert/ca.crt: the CA's certificate",
			      "certpool rotate ca makes another one", now_s, fault);
}
