#include "common/layout/manifest.h"

#include "common/base/file.h"
#include "common/layout/ca_profile.h"
#include "common/layout/field.h"
#include "common/layout/path.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Texts that must all be different, each with its node in the manifest. */
struct distinct_set {
	struct distinct_entry *entries;
	size_t count;
	size_t size;
};

struct distinct_entry {
	char *text;
	const struct yaml_node *value; /* borrowed */
};

static int add_to_distinct_set(struct distinct_set *distinct, const char *text,
			       const struct yaml_node *value, struct fault *fault)
{
	char *copy;

	if (distinct->count == distinct->size) {
		size_t size = distinct->size > 0 ? distinct->size * 2 : 16;
		struct distinct_entry *entries =
			reallocarray(distinct->entries, size, sizeof(*entries));

		if (entries == NULL)
			return set_memory_fault(fault);
		distinct->entries = entries;
		distinct->size = size;
	}
	copy = strdup(text);
	if (copy == NULL)
		return set_memory_fault(fault);
	distinct->entries[distinct->count++] = (struct distinct_entry){copy, value};
	return 0;
}

static int compare_entries(const void *a, const void *b)
{
	const struct distinct_entry *first = a;
	const struct distinct_entry *second = b;
	int order = strcmp(first->text, second->text);

	if (order != 0)
		return order;
	if (first->value->line != second->value->line)
		return first->value->line < second->value->line ? -1 : 1;
	return first->value->column < second->value->column ? -1 : 1;
}

/* Finds two equal texts, and gives their nodes in the order of the file. Sorts the texts. */
static bool find_same(struct distinct_set *distinct, const struct yaml_node **ret_first,
		      const struct yaml_node **ret_second)
{
	if (distinct->count == 0)
		return false;
	qsort(distinct->entries, distinct->count, sizeof(*distinct->entries), compare_entries);
	for (size_t i = 1; i < distinct->count; i++) {
		if (strcmp(distinct->entries[i - 1].text, distinct->entries[i].text) != 0)
			continue;
		*ret_first = distinct->entries[i - 1].value;
		*ret_second = distinct->entries[i].value;
		return true;
	}
	return false;
}

static void clear_distinct_set(struct distinct_set *distinct)
{
	for (size_t i = 0; i < distinct->count; i++)
		free(distinct->entries[i].text);
	free(distinct->entries);
	*distinct = (struct distinct_set){0};
}

static int check_names(const struct manifest *manifest, const struct yaml_node *clients,
		       struct fault *fault)
{
	CLEANUP(clear_distinct_set) struct distinct_set names = {0};
	const struct yaml_node *first;
	const struct yaml_node *second;

	for (size_t i = 0; i < clients->count; i++) {
		char name[NAME_SIZE] = {0};

		for (size_t j = 0; manifest->clients[i].name[j] != '\0'; j++)
			name[j] = (char)tolower((unsigned char)manifest->clients[i].name[j]);
		if (add_to_distinct_set(&names, name, clients->children[i], fault) < 0)
			return -1;
	}
	if (find_same(&names, &first, &second))
		return set_key_fault(second, fault,
				     "expected names that differ by more than case, found \"%s\" "
				     "and, in line %zu, \"%s\"",
				     second->key, first->key_line, first->key);
	return 0;
}

/* The value of the node's key, or the node itself when the key is missing. */
static const struct yaml_node *value_of(const struct yaml_node *node, const char *key)
{
	const struct yaml_node *value = find_entry(node, key);

	return value != NULL ? value : node;
}

static int add_layout(struct distinct_set *layouts, const char *path, const struct yaml_node *node,
		      const char *key, struct fault *fault)
{
	CLEANUP(free_string) char *normal = NULL;

	if (path == NULL)
		return 0;
	if (normalize_path(path, &normal, fault) < 0)
		return -1;
	return add_to_distinct_set(layouts, normal, value_of(node, key), fault);
}

static int check_layouts(const struct manifest *manifest, const struct yaml_node *ca,
			 const struct yaml_node *clients, struct fault *fault)
{
	CLEANUP(clear_distinct_set) struct distinct_set layouts = {0};
	const struct yaml_node *first;
	const struct yaml_node *second;

	if (add_layout(&layouts, manifest->ca.layout, ca, "layout", fault) < 0 ||
	    add_layout(&layouts, manifest->ca.root_layout, ca, "root_layout", fault) < 0)
		return -1;
	for (size_t i = 0; i < clients->count; i++)
		if (add_layout(&layouts, manifest->clients[i].layout, clients->children[i],
			       "layout", fault) < 0)
			return -1;
	if (find_same(&layouts, &first, &second))
		return set_value_fault(second, fault,
				       "expected a layout of its own, found that of line %zu",
				       first->line);
	return 0;
}

static int add_endpoint(struct distinct_set *endpoints, const struct endpoint *endpoint,
			const struct yaml_node *node, struct fault *fault)
{
	char text[ENDPOINT_TEXT_SIZE];

	if (endpoint->host[0] == '\0' || endpoint->port == 0)
		return 0;
	format_endpoint(endpoint, text);
	return add_to_distinct_set(endpoints, text, value_of(node, "endpoint"), fault);
}

static int check_endpoints(const struct manifest *manifest, const struct yaml_node *ca,
			   const struct yaml_node *clients, struct fault *fault)
{
	CLEANUP(clear_distinct_set) struct distinct_set endpoints = {0};
	const struct yaml_node *first;
	const struct yaml_node *second;

	if (add_endpoint(&endpoints, &manifest->ca.endpoint, ca, fault) < 0)
		return -1;
	for (size_t i = 0; i < clients->count; i++)
		if (add_endpoint(&endpoints, &manifest->clients[i].endpoint, clients->children[i],
				 fault) < 0)
			return -1;
	if (find_same(&endpoints, &first, &second))
		return set_value_fault(second, fault,
				       "expected an endpoint of its own, found that of line %zu",
				       first->line);
	return 0;
}

/*
 * Refuses two clients whose names differ only in case, two nodes with one layout, the root's layout
 * included (compared as absolute paths, without following links), and two with one endpoint (unless
 * its port is 0). `ca` and `clients` are the mappings from which the manifest was read.
 */
static int check_distinct_nodes(const struct manifest *manifest, const struct yaml_node *ca,
				const struct yaml_node *clients, struct fault *fault)
{
	if (check_names(manifest, clients, fault) < 0 ||
	    check_layouts(manifest, ca, clients, fault) < 0)
		return -1;
	return check_endpoints(manifest, ca, clients, fault);
}

/* A CA has the same windows for all pools: without windows of its own, those of the pools. */
static int take_windows(const struct client_node *client, const struct yaml_node *value,
			struct ca_node *ca, bool own, struct fault *fault)
{
	const struct pool_windows *windows = &client->pool.windows;
	const struct yaml_node *mapping = find_entry(find_entry(value, "pool"), "windows");

	if (ca->windows.every_s == 0)
		ca->windows = (struct pool_windows){windows->every_s, windows->overlap_s, 0, 0};
	if (windows->every_s != ca->windows.every_s || windows->overlap_s != ca->windows.overlap_s)
		return set_value_fault(mapping, fault,
				       "expected every and overlap of %" PRId64 " and %" PRId64
				       " seconds, as %s: a CA has the same windows for all pools; "
				       "found %" PRId64 " and %" PRId64,
				       ca->windows.every_s, ca->windows.overlap_s,
				       own ? "ca.windows has them"
					   : "the pools before it have them",
				       windows->every_s, windows->overlap_s);
	if (own && windows->ahead > ca->windows.ahead)
		return set_value_fault(mapping, fault,
				       "ahead: expected at most %zu, that of ca.windows, found %zu",
				       ca->windows.ahead, windows->ahead);
	if (windows->ahead > ca->windows.ahead)
		ca->windows.ahead = windows->ahead;
	return 0;
}

static int complete_windows(struct manifest *manifest, const struct yaml_node *clients,
			    struct fault *fault)
{
	const bool own = manifest->ca.windows.every_s != 0;

	for (size_t i = 0; i < manifest->client_count; i++)
		if (has_windows(&manifest->clients[i].pool) &&
		    take_windows(&manifest->clients[i], clients->children[i], &manifest->ca, own,
				 fault) < 0)
			return -1;
	return 0;
}

static int complete_profile(struct manifest *manifest, const struct yaml_node *ca,
			    const struct yaml_node *clients, struct fault *fault)
{
	if (complete_ca_profile(ca, &manifest->ca, fault) < 0)
		return -1;
	for (size_t i = 0; i < manifest->client_count; i++)
		if (complete_client_profile(clients->children[i], &manifest->ca,
					    &manifest->clients[i], fault) < 0)
			return -1;
	return 0;
}

/* The top level. The clients are read before the batch, in whatever order the file has them. */
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

static int read_sections(const struct yaml_node *root, struct manifest *manifest,
			 struct fault *fault)
{
	static const struct yaml_node no_clients = {.kind = YAML_MAPPING};
	static const struct yaml_node no_steps = {.kind = YAML_LIST};
	struct sections sections = {.clients = &no_clients, .batch = &no_steps};

	if (read_fields(root, top_fields, &sections, fault) < 0 ||
	    read_ca_node(sections.ca, manifest->directory, &manifest->ca, fault) < 0 ||
	    read_client_nodes(sections.clients, manifest->directory, &manifest->clients,
			      &manifest->client_count, fault) < 0 ||
	    complete_windows(manifest, sections.clients, fault) < 0 ||
	    complete_profile(manifest, sections.ca, sections.clients, fault) < 0 ||
	    check_distinct_nodes(manifest, sections.ca, sections.clients, fault) < 0)
		return -1;
	return read_run_steps(sections.batch, manifest->clients, manifest->client_count,
			      &manifest->steps, &manifest->step_count, fault);
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
	struct fault unread = {0};

	if (read_file(AT_FDCWD, path, MANIFEST_SIZE_MAX, &text, &unread) < 0) {
		(void)set_fault(fault, unread.class, "the manifest cannot be read: %s%s",
				unread.text,
				unread.class == FAULT_NOT_FOUND
					? ": certpool new writes one, -m FILE names another"
					: "");
		return -1;
	}
	return parse_manifest(bytes_of_buffer(&text), path, ret_manifest, fault);
}

void free_manifest(struct manifest **manifest_pointer)
{
	struct manifest *manifest = TAKE(*manifest_pointer);

	if (manifest == NULL)
		return;
	free_client_nodes(manifest->clients, manifest->client_count);
	free_run_steps(manifest->steps, manifest->step_count);
	clear_ca_node(&manifest->ca);
	free(manifest->path);
	free(manifest->directory);
	free(manifest);
}

const struct client_node *find_client(const struct manifest *manifest, const char *name,
				      struct fault *fault)
{
	return find_client_node(manifest->clients, manifest->client_count, manifest->path, name,
				fault);
}

struct client_node *find_own_client(struct manifest *manifest, const char *name,
				    struct fault *fault)
{
	const struct client_node *found = find_client(manifest, name, fault);

	return found != NULL ? &manifest->clients[found - manifest->clients] : NULL;
}
