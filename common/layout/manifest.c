#include "common/layout/manifest.h"

#include "common/base/file.h"
#include "common/layout/batch.h"
#include "common/layout/clients.h"
#include "common/layout/distinct.h"
#include "common/layout/field.h"
#include "common/layout/path.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { BACKDATE_MAX_S = 300 };

static const int64_t century_s = INT64_C(100) * 365 * 86400;

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
	 .high = century_s},
	{.name = "backdate",
	 .set = set_duration,
	 .offset = offsetof(struct ca_node, certificate_backdate_s),
	 .fallback = "5m",
	 .low = 1,
	 .high = BACKDATE_MAX_S},
	{0},
};

static const struct field ca_fields[] = {
	{.name = "layout",
	 .set = set_text,
	 .offset = offsetof(struct ca_node, layout),
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
	 .set = set_key_type,
	 .offset = offsetof(struct ca_node, key),
	 .fallback = "ecdsa-p256"},
	{.name = "validity",
	 .set = set_duration,
	 .offset = offsetof(struct ca_node, validity_s),
	 .fallback = "10y",
	 .low = 1,
	 .high = century_s},
	{.name = "certificates", .set = set_fields, .fields = certificates_fields},
	{0},
};

void free_manifest(struct manifest **manifest_pointer)
{
	struct manifest *manifest = TAKE(*manifest_pointer);

	if (manifest == NULL)
		return;
	free_clients(manifest->clients, manifest->client_count);
	free_steps(manifest->steps, manifest->step_count);
	free(manifest->ca.layout);
	free(manifest->ca.subject);
	free(manifest->path);
	free(manifest->directory);
	free(manifest);
}

static int read_ca(const struct yaml_node *value, struct manifest *manifest, struct fault *fault)
{
	CLEANUP(free_string) char *layout = NULL;

	if (read_fields(value, ca_fields, &manifest->ca, fault) < 0)
		return -1;
	layout = TAKE(manifest->ca.layout);
	if (layout == NULL)
		return 0;
	return join_path(manifest->directory, layout, &manifest->ca.layout, fault);
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
	return sections.batch == NULL ? 0 : read_batch(sections.batch, manifest, fault);
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
