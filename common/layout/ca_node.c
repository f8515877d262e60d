#include "common/layout/ca_node.h"

#include "common/base/clock.h"
#include "common/base/name.h"
#include "common/layout/ca_profile.h"
#include "common/layout/field.h"
#include "common/layout/path.h"
#include "common/layout/store_url.h"
#include "common/layout/template.h"
#include "common/layout/url.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BACKDATE_MAX_S = 300, JITTER_MAX_PERCENT = 50, CRL_VALIDITY_MIN_S = 60 };

static const int64_t year_s = INT64_C(365) * 86400;

static const struct field certificates_fields[] = {
	{.name = "validity",
	 .set = set_duration,
	 .offset = offsetof(struct ca_node, certificate_validity_s),
	 .fallback = "90d",
	 .low = 1,
	 .high = CENTURY_S},
	{.name = "backdate",
	 .set = set_duration,
	 .offset = offsetof(struct ca_node, certificate_backdate_s),
	 .fallback = "5m",
	 .low = 1,
	 .high = BACKDATE_MAX_S},
	{.name = "jitter",
	 .set = set_percentage,
	 .offset = offsetof(struct ca_node, certificate_jitter_percent),
	 .fallback = "0%",
	 .high = JITTER_MAX_PERCENT},
	{.name = "key",
	 .set = set_key_type,
	 .offset = offsetof(struct ca_node, certificate_key),
	 .fallback = "ecdsa-p256"},
	{0},
};

static const struct field windows_fields[] = {
	{.name = "every",
	 .set = set_duration,
	 .offset = offsetof(struct ca_node, windows.every_s),
	 .low = 60,
	 .high = CENTURY_S / 2},
	{.name = "overlap",
	 .set = set_duration,
	 .offset = offsetof(struct ca_node, windows.overlap_s),
	 .low = 1,
	 .high = CENTURY_S / 2},
	{.name = "ahead",
	 .set = set_number,
	 .offset = offsetof(struct ca_node, windows.ahead),
	 .fallback = "3",
	 .high = 1000},
	{0},
};

static const struct field intermediate_fields[] = {
	{.name = "subject",
	 .set = set_fixed,
	 .offset = offsetof(struct ca_node, intermediate_subject),
	 .high = SUBJECT_MAX},
	{.name = "validity",
	 .set = set_duration,
	 .offset = offsetof(struct ca_node, intermediate_validity_s),
	 .low = 1,
	 .high = CENTURY_S},
	{0},
};

static const struct field crl_fields[] = {
	{.name = "url",
	 .set = set_url,
	 .offset = offsetof(struct ca_node, crl_url),
	 .high = URL_MAX},
	{.name = "validity",
	 .set = set_duration,
	 .offset = offsetof(struct ca_node, crl_validity_s),
	 .fallback = "24h",
	 .low = CRL_VALIDITY_MIN_S,
	 .high = year_s},
	{0},
};

static const struct field root_crl_fields[] = {
	{.name = "url",
	 .set = set_url,
	 .offset = offsetof(struct ca_node, root_crl_url),
	 .high = URL_MAX},
	{.name = "validity",
	 .set = set_duration,
	 .offset = offsetof(struct ca_node, root_crl_validity_s),
	 .fallback = "1y",
	 .low = CRL_VALIDITY_MIN_S,
	 .high = CENTURY_S},
	{0},
};

static const struct field ocsp_fields[] = {
	{.name = "url",
	 .set = set_url,
	 .offset = offsetof(struct ca_node, ocsp_url),
	 .high = URL_MAX},
	{.name = "requests_per_minute",
	 .set = set_number,
	 .offset = offsetof(struct ca_node, ocsp_requests_per_minute),
	 .fallback = "60000",
	 .low = 1,
	 .high = 60000000},
	{0},
};

static const struct field issuer_fields[] = {
	{.name = "url",
	 .set = set_url,
	 .offset = offsetof(struct ca_node, issuer_url),
	 .high = URL_MAX},
	{0},
};

static const struct field tls_fields[] = {
	{.name = "minimum",
	 .set = set_tls_minimum,
	 .offset = offsetof(struct ca_node, allow_tls_1_2),
	 .fallback = "1.3"},
	{0},
};

/* A list of clients' names. */
static int set_challenged(const struct yaml_node *value, const struct field *field, void *object,
			  struct fault *fault)
{
	struct ca_node *ca = object;
	CLEANUP(clear_buffer) struct buffer names = {0};

	(void)field;
	if (expect_kind(value, YAML_LIST, fault) < 0)
		return -1;
	append_string(&names, "\n");
	for (size_t i = 0; i < value->count; i++) {
		const struct yaml_node *name = value->children[i];

		if (expect_kind(name, YAML_SCALAR, fault) < 0)
			return -1;
		if (!valid_name(name->text))
			return set_value_fault(name, fault,
					       "expected a client's name: 1 to 64 of A-Z a-z 0-9 "
					       "_ -");
		append_format(&names, "%s\n", name->text);
	}
	if (check_buffer(&names, fault) < 0)
		return -1;
	ca->acme_challenged = (char *)take_buffer(&names).data;
	return 0;
}

static const struct field acme_fields[] = {
	{.name = "url",
	 .set = set_url,
	 .offset = offsetof(struct ca_node, acme_url),
	 .high = URL_MAX},
	{.name = "http_01", .set = set_challenged},
	{.name = "http_port",
	 .set = set_number,
	 .offset = offsetof(struct ca_node, acme_http_port),
	 .fallback = "80",
	 .low = 1,
	 .high = UINT16_MAX},
	{0},
};

/* Sets ca->key to a key type, or ca->key_url to the URL of a key in a token. */
static int set_ca_key(const struct yaml_node *value, const struct field *field, void *object,
		      struct fault *fault)
{
	struct ca_node *ca = object;
	struct fault problem = {0};

	if (value->kind != YAML_SCALAR || !is_key_url(value->text))
		return set_key_type(value, field, object, fault);
	if (check_key_url(value->text, &problem) < 0)
		return set_value_fault(value, fault, "%s", problem.text);
	ca->key_url = strdup(value->text);
	return ca->key_url != NULL ? 0 : set_memory_fault(fault);
}

static int set_verify(const struct yaml_node *value, const struct field *field, void *object,
		      struct fault *fault)
{
	struct ca_node *ca = object;

	(void)field;
	if (value->kind != YAML_SCALAR || strcmp(value->text, "none") != 0)
		return set_value_fault(value, fault,
				       "expected none, or no such key: the database's certificate "
				       "is verified otherwise");
	ca->store_unverified = true;
	return 0;
}

/* The page is not encrypted, and its token would go over the network. */
static int set_admin(const struct yaml_node *value, const struct field *field, void *object,
		     struct fault *fault)
{
	struct ca_node *ca = object;

	if (set_endpoint(value, field, object, fault) < 0)
		return -1;
	if (!ca->admin.secure && ca->admin.port != 0 && is_loopback(&ca->admin))
		return 0;
	return set_value_fault(value, fault,
			       "expected http:// with a loopback address and a port, such as "
			       "http://127.0.0.1:8441; from another host reach it by ssh -L "
			       "8441:127.0.0.1:8441");
}

static const struct field store_fields[] = {
	{.name = "url",
	 .set = set_text,
	 .offset = offsetof(struct ca_node, store),
	 .required = true,
	 .high = STORE_URL_MAX},
	{.name = "verify", .set = set_verify},
	{0},
};

/* A URL, or a mapping with one. */
static int set_store(const struct yaml_node *value, const struct field *field, void *object,
		     struct fault *fault)
{
	(void)field;
	return value->kind == YAML_MAPPING ? read_fields(value, store_fields, object, fault)
					   : set_text(value, &store_fields[0], object, fault);
}

static const struct field ca_fields[] = {
	{.name = "layout",
	 .set = set_text,
	 .offset = offsetof(struct ca_node, layout),
	 .high = PATH_MAX},
	{.name = "root_layout",
	 .set = set_text,
	 .offset = offsetof(struct ca_node, root_layout),
	 .high = PATH_MAX},
	{.name = "endpoint",
	 .set = set_endpoint,
	 .offset = offsetof(struct ca_node, endpoint),
	 .required = true},
	{.name = "listen", .set = set_endpoints, .offset = offsetof(struct ca_node, listen)},
	{.name = "admin", .set = set_admin, .offset = offsetof(struct ca_node, admin)},
	{.name = "names", .set = set_hosts, .offset = offsetof(struct ca_node, names)},
	{.name = "tls", .set = set_fields, .fields = tls_fields},
	{.name = "subject",
	 .set = set_fixed,
	 .offset = offsetof(struct ca_node, subject),
	 .fallback = "CN=certpool Root CA",
	 .high = SUBJECT_MAX},
	{.name = "key",
	 .set = set_ca_key,
	 .offset = offsetof(struct ca_node, key),
	 .fallback = "ecdsa-p256"},
	{.name = "pin_file",
	 .set = set_text,
	 .offset = offsetof(struct ca_node, pin_file),
	 .high = PATH_MAX},
	{.name = "passphrase_file",
	 .set = set_text,
	 .offset = offsetof(struct ca_node, passphrase_file),
	 .high = PATH_MAX},
	{.name = "validity",
	 .set = set_duration,
	 .offset = offsetof(struct ca_node, validity_s),
	 .fallback = "10y",
	 .low = 1,
	 .high = CENTURY_S},
	{.name = "intermediate", .set = set_fields, .fields = intermediate_fields},
	{.name = "certificates", .set = set_fields, .fields = certificates_fields},
	{.name = "profile",
	 .set = set_profile,
	 .offset = offsetof(struct ca_node, pseudonymous),
	 .fallback = "default"},
	{.name = "shuffle", .set = set_fields, .fields = shuffle_fields},
	{.name = "revocation", .set = set_fields, .fields = revocation_fields},
	{.name = "windows", .set = set_fields, .fields = windows_fields},
	{.name = "crl", .set = set_fields, .fields = crl_fields},
	{.name = "root_crl", .set = set_fields, .fields = root_crl_fields},
	{.name = "ocsp", .set = set_fields, .fields = ocsp_fields},
	{.name = "issuer", .set = set_fields, .fields = issuer_fields},
	{.name = "store", .set = set_store},
	{.name = "acme", .set = set_fields, .fields = acme_fields},
	{.name = "free_space",
	 .set = set_number,
	 .offset = offsetof(struct ca_node, free_space),
	 .fallback = "67108864",
	 .low = 0,
	 .high = INT64_C(1) << 50},
	{0},
};

static int check_ca_windows(const struct yaml_node *value, const struct ca_node *ca,
			    struct fault *fault)
{
	const struct yaml_node *windows = find_entry(value, "windows");

	if (windows == NULL)
		return 0;
	if (ca->windows.every_s == 0)
		return set_value_fault(windows, fault, "expected the key every, found none");
	return check_windows(windows, &ca->windows, fault);
}

/* Joins the path, unless it is NULL, to the manifest's directory. */
static int join_in_place(const char *directory, char **path, struct fault *fault)
{
	CLEANUP(free_string) char *given = TAKE(*path);

	return given != NULL ? join_path(directory, given, path, fault) : 0;
}

/* Refuses keys that have no meaning without, or beside, another key. */
static int check_ca_keys(const struct yaml_node *value, const struct ca_node *ca,
			 struct fault *fault)
{
	const struct yaml_node *intermediate = find_entry(value, "intermediate");
	const struct yaml_node *root_crl = find_entry(value, "root_crl");

	if (ca->root_layout != NULL && ca->layout == NULL)
		return set_key_fault(find_entry(value, "root_layout"), fault,
				     "expected the CA's layout beside it, found none");
	if (intermediate != NULL && ca->root_layout == NULL)
		return set_key_fault(intermediate, fault,
				     "expected a root_layout beside it, found none: without one "
				     "the CA issues under its root");
	if (root_crl != NULL && ca->root_layout == NULL)
		return set_key_fault(root_crl, fault,
				     "expected a root_layout beside it, found none: without one "
				     "the root's CRL is the CA's, see crl");
	if (ca->pin_file != NULL && ca->key_url == NULL)
		return set_key_fault(find_entry(value, "pin_file"), fault,
				     "expected a key in a token (key: \"pkcs11:...\") beside it, "
				     "found none");
	if (ca->passphrase_file != NULL && ca->key_url != NULL && ca->root_layout == NULL)
		return set_key_fault(find_entry(value, "passphrase_file"), fault,
				     "expected a key in a file, found one in a token: that one is "
				     "protected by the token's PIN, see pin_file");
	return 0;
}

/* RFC 8555 section 6.1: ACME is over HTTPS, of the CA's own or of a proxy in front of it. */
static int check_acme(const struct yaml_node *value, struct ca_node *ca, struct fault *fault)
{
	static const char https[] = "https://";
	const struct yaml_node *acme = find_entry(value, "acme");

	ca->acme = acme != NULL;
	if (!ca->acme || (ca->acme_url != NULL ? strncmp(ca->acme_url, https, strlen(https)) == 0
					       : ca->endpoint.secure))
		return 0;
	return set_key_fault(acme, fault,
			     "expected an endpoint with https:// beside it, or the https:// URL of "
			     "a proxy in front of the CA as its url (RFC 8555 section 6.1)");
}

/* Fills in the intermediate's defaults. The intermediate cannot outlive its root. */
static int complete_intermediate(const struct yaml_node *value, struct ca_node *ca,
				 struct fault *fault)
{
	if (ca->root_layout == NULL)
		return 0;
	if (ca->intermediate_validity_s > ca->validity_s)
		return set_value_fault(find_entry(find_entry(value, "intermediate"), "validity"),
				       fault, "expected at most the root's validity");
	if (ca->intermediate_validity_s == 0)
		ca->intermediate_validity_s =
			ca->validity_s < 5 * year_s ? ca->validity_s : 5 * year_s;
	if (ca->intermediate_subject == NULL)
		ca->intermediate_subject = strdup("CN=certpool Issuing CA");
	return ca->intermediate_subject != NULL ? 0 : set_memory_fault(fault);
}

/* The text is not quoted: it may have a password in it. */
static int complete_store(const struct yaml_node *value, const char *directory, struct ca_node *ca,
			  struct fault *fault)
{
	CLEANUP(free_string) char *given = TAKE(ca->store);
	struct fault problem = {0};

	if (given == NULL ||
	    complete_store_url(given, directory, ca->store_unverified, &ca->store, &problem) == 0)
		return 0;
	return set_value_fault(find_entry(value, "store"), fault, "%s", problem.text);
}

int read_ca_node(const struct yaml_node *value, const char *directory, struct ca_node *ca,
		 struct fault *fault)
{
	char **const paths[] = {&ca->layout, &ca->root_layout, &ca->pin_file, &ca->passphrase_file};

	if (read_fields(value, ca_fields, ca, fault) < 0 || check_ca_keys(value, ca, fault) < 0 ||
	    check_ca_windows(value, ca, fault) < 0 || check_acme(value, ca, fault) < 0 ||
	    complete_intermediate(value, ca, fault) < 0 ||
	    complete_store(value, directory, ca, fault) < 0)
		return -1;
	if (ca->listen.count == 0)
		ca->listen = (struct endpoint_list){1, {ca->endpoint}};
	for (size_t i = 0; i < COUNT_OF(paths); i++)
		if (join_in_place(directory, paths[i], fault) < 0)
			return -1;
	return 0;
}

int list_ca_differences(const struct ca_node *before, const struct ca_node *after,
			struct buffer *ret_names, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer names = {0};
	const struct field key[] = {
		{.name = "key", .set = set_key_type, .offset = offsetof(struct ca_node, key)}, {0}};
	const struct field url[] = {
		{.name = "key", .set = set_text, .offset = offsetof(struct ca_node, key_url)}, {0}};
	const struct field store[] = {
		{.name = "store", .set = set_text, .offset = offsetof(struct ca_node, store)}, {0}};
	const struct field profile[] = {{.name = "profile",
					 .set = set_flag,
					 .offset = offsetof(struct ca_node, pseudonymous)},
					{0}};
	bool in_file = before->key_url == NULL && after->key_url == NULL;

	append_string(&names, "");
	append_differences(ca_fields, before, after, "ca", &names);
	append_differences(in_file ? key : url, before, after, "ca", &names);
	append_differences(store, before, after, "ca", &names);
	append_differences(profile, before, after, "ca", &names);
	if (check_buffer(&names, fault) < 0)
		return -1;
	*ret_names = take_buffer(&names);
	return 0;
}

void clear_ca_node(struct ca_node *ca)
{
	free(ca->layout);
	free(ca->root_layout);
	free(ca->subject);
	free(ca->key_url);
	free(ca->pin_file);
	free(ca->passphrase_file);
	free(ca->intermediate_subject);
	free(ca->crl_url);
	free(ca->ocsp_url);
	free(ca->issuer_url);
	free(ca->root_crl_url);
	free(ca->store);
	free(ca->acme_url);
	free(ca->acme_challenged);
	*ca = (struct ca_node){0};
}

bool is_challenged(const char *challenged, const char *client)
{
	char line[NAME_SIZE + 2];

	if (challenged == NULL)
		return false;
	(void)snprintf(line, sizeof(line), "\n%s\n", client);
	return strstr(challenged, line) != NULL;
}
