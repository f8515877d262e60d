#include "common/layout/manifest.h"

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/layout/clients.h"
#include "common/layout/distinct.h"
#include "common/layout/field.h"
#include "common/layout/path.h"
#include "common/layout/run_steps.h"
#include "common/layout/url.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { BACKDATE_MAX_S = 300, CRL_VALIDITY_MIN_S = 60 };

static const int64_t year_s = INT64_C(365) * 86400;
/* What stands at the top; the clients are read before the batch, wherever they stand. */
struct sections {
	size_t version;
	const struct yaml_node *ca;
	const struct yaml_node *clients;
	const struct yaml_node *batch;
};

static int set_section(const struct yaml_node *value, const struct field *field, void *object,
		       struct fault *fault)
{
	(void)fault;
	*(const struct yaml_node **)(void *)((char *)object + field->offset) = value;
	return 0;
}

static const struct field top_fields[] = {
	{.name = "version",
	 .set = set_number,
	 .offset = offsetof(struct sections, version),
	 .required = true,
	 .low = 1,
	 .high = 1},
	{.name = "ca",
	 .set = set_section,
	 .offset = offsetof(struct sections, ca),
	 .required = true},
	{.name = "clients", .set = set_section, .offset = offsetof(struct sections, clients)},
	{.name = "batch", .set = set_section, .offset = offsetof(struct sections, batch)},
	{0},
};

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

static const struct field ocsp_fields[] = {
	{.name = "url",
	 .set = set_url,
	 .offset = offsetof(struct ca_node, ocsp_url),
	 .high = URL_MAX},
	{0},
};

/* A key type, or the URL of a key in a token. */
static int set_ca_key(const struct yaml_node *value, const struct field *field, void *object,
		      struct fault *fault)
{
	struct ca_node *ca = object;
	struct fault found = {0};

	if (value->kind != YAML_SCALAR || !is_key_url(value->text))
		return set_key_type(value, field, object, fault);
	if (check_key_url(value->text, &found) < 0)
		return set_value_fault(value, fault, "%s", found.text);
	ca->key_url = strdup(value->text);
	return ca->key_url != NULL ? 0 : set_memory_fault(fault);
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
	{.name = "crl", .set = set_fields, .fields = crl_fields},
	{.name = "ocsp", .set = set_fields, .fields = ocsp_fields},
	{0},
};

static void clear_ca(struct ca_node *ca)
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
}

void free_manifest(struct manifest **manifest_pointer)
{
	struct manifest *manifest = TAKE(*manifest_pointer);

	if (manifest == NULL)
		return;
	free_clients(manifest->clients, manifest->client_count);
	free_run_steps(manifest->steps, manifest->step_count);
	clear_ca(&manifest->ca);
	free(manifest->path);
	free(manifest->directory);
	free(manifest);
}

/* Makes a path that may be missing one as seen from the manifest's directory. */
static int join_in_place(const char *directory, char **path, struct fault *fault)
{
	CLEANUP(free_string) char *given = TAKE(*path);

	return given != NULL ? join_path(directory, given, path, fault) : 0;
}

/* Keys that have no meaning without another, or beside it. */
static int check_ca_keys(const struct yaml_node *value, const struct ca_node *ca,
			 struct fault *fault)
{
	const struct yaml_node *intermediate = find_entry(value, "intermediate");

	if (ca->root_layout != NULL && ca->layout == NULL)
		return set_key_fault(find_entry(value, "root_layout"), fault,
				     "expected the CA's layout beside it, found none");
	if (intermediate != NULL && ca->root_layout == NULL)
		return set_key_fault(intermediate, fault,
				     "expected a root_layout beside it, found none: without one "
				     "the CA issues under its root");
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

/* What the intermediate does not say. It cannot outlive its root. */
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

static int read_ca(const struct yaml_node *value, struct manifest *manifest, struct fault *fault)
{
	struct ca_node *ca = &manifest->ca;
	char **const paths[] = {&ca->layout, &ca->root_layout, &ca->pin_file, &ca->passphrase_file};

	if (read_fields(value, ca_fields, ca, fault) < 0 || check_ca_keys(value, ca, fault) < 0 ||
	    complete_intermediate(value, ca, fault) < 0)
		return -1;
	for (size_t i = 0; i < COUNT_OF(paths); i++)
		if (join_in_place(manifest->directory, paths[i], fault) < 0)
			return -1;
	return 0;
}

static int read_sections(const struct yaml_node *root, struct manifest *manifest,
			 struct fault *fault)
{
	struct sections sections = {0};

	if (read_fields(root, top_fields, &sections, fault) < 0 ||
	    read_ca(sections.ca, manifest, fault) < 0)
		return -1;
	if (sections.clients != NULL && read_clients(sections.clients, manifest, fault) < 0)
		return -1;
	if (check_distinct_nodes(manifest, sections.ca, sections.clients, fault) < 0)
		return -1;
	return sections.batch == NULL ? 0 : read_run_steps(sections.batch, manifest, fault);
}

int parse_manifest(struct bytes text, const char *path, struct manifest **ret_manifest,
		   struct fault *fault)
{
	CLEANUP(free_manifest) struct manifest *manifest = calloc(1, sizeof(*manifest));
	CLEANUP(free_yaml) struct yaml_node *root = NULL;

	if (text.len > MANIFEST_SIZE_MAX)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "%s: expected at most %d octets, found %zu", path,
				 MANIFEST_SIZE_MAX, text.len);
	if (manifest == NULL)
		return set_memory_fault(fault);
	manifest->path = strdup(path);
	if (manifest->path == NULL)
		return set_memory_fault(fault);
	if (split_directory(path, &manifest->directory, fault) < 0 ||
	    parse_yaml(text, manifest->path, &root, fault) < 0 ||
	    read_sections(root, manifest, fault) < 0)
		return -1;
	*ret_manifest = TAKE(manifest);
	return 0;
}

int load_manifest(const char *path, struct manifest **ret_manifest, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};

	if (read_file(AT_FDCWD, path, MANIFEST_SIZE_MAX, &text, fault) < 0)
		return prefix_fault(fault, "the manifest cannot be read");
	return parse_manifest(bytes_of_buffer(&text), path, ret_manifest, fault);
}

const struct client_node *find_client(const struct manifest *manifest, const char *name,
				      struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer names = {0};

	for (size_t i = 0; i < manifest->client_count; i++)
		if (strcmp(manifest->clients[i].name, name) == 0)
			return &manifest->clients[i];
	append_string(&names, manifest->client_count == 0 ? "none" : "");
	for (size_t i = 0; i < manifest->client_count; i++)
		append_format(&names, "%s%s", i == 0 ? "" : ", ", manifest->clients[i].name);
	if (check_buffer(&names, fault) == 0)
		(void)set_fault(fault, FAULT_NOT_FOUND,
				"expected a client of %s, found \"%.64s\": there %s %s",
				manifest->path, name, manifest->client_count == 1 ? "is" : "are",
				(const char *)names.data);
	return NULL;
}
