#include "common/layout/yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

void free_yaml(struct yaml_node **root)
{
	struct yaml_node *node = TAKE(*root);

	if (node == NULL)
		return;
	for (size_t i = 0; i < node->count; i++)
		free_yaml(&node->children[i]);
	free(node->children);
	free(node->text);
	free(node->key);
	free(node);
}

const struct yaml_node *find_entry(const struct yaml_node *mapping, const char *key)
{
	for (size_t i = 0; i < mapping->count; i++)
		if (strcmp(mapping->children[i]->key, key) == 0)
			return mapping->children[i];
	return NULL;
}

static void append_path(struct buffer *text, const struct yaml_node *node)
{
	if (node->parent == NULL)
		return;
	append_path(text, node->parent);
	if (node->key == NULL)
		append_format(text, "[%zu]", node->position);
	else
		append_format(text, "%s%.64s", node->parent->parent == NULL ? "" : ".", node->key);
}

__attribute__((format(printf, 5, 0))) static int set_fault_at(const struct yaml_node *node,
							      size_t line, size_t column,
							      struct fault *fault,
							      const char *format, va_list arguments)
{
	CLEANUP(clear_buffer) struct buffer path = {0};
	char text[FAULT_TEXT_SIZE];

	(void)vsnprintf(text, sizeof(text), format, arguments);
	append_string(&path, "");
	append_path(&path, node);
	if (check_buffer(&path, fault) < 0)
		return -1;
	return set_fault(fault, FAULT_USAGE, "%s:%zu:%zu: %s%s%s", node->file, line, column,
			 (const char *)path.data, path.len > 0 ? ": " : "", text);
}

int set_value_fault(const struct yaml_node *node, struct fault *fault, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)set_fault_at(node, node->line, node->column, fault, format, arguments);
	va_end(arguments);
	return -1;
}

int set_key_fault(const struct yaml_node *node, struct fault *fault, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)set_fault_at(node, node->key_line, node->key_column, fault, format, arguments);
	va_end(arguments);
	return -1;
}

void describe_value(const struct yaml_node *node, char ret_text[static FOUND_SIZE])
{
	if (node->kind == YAML_MAPPING)
		(void)snprintf(ret_text, FOUND_SIZE, "a mapping");
	else if (node->kind == YAML_LIST)
		(void)snprintf(ret_text, FOUND_SIZE, "a list");
	else if (node->quoted)
		(void)snprintf(ret_text, FOUND_SIZE, "the text \"%.60s\"", node->text);
	else if (node->text[0] == '\0')
		(void)snprintf(ret_text, FOUND_SIZE, "nothing");
	else
		(void)snprintf(ret_text, FOUND_SIZE, "%.70s", node->text);
}

/* A tree that grows with libyaml's events. */
struct builder {
	yaml_parser_t *parser;
	struct bytes text;
	const char *file;
	struct yaml_node *root;
	struct yaml_node *container; /* the innermost open list or mapping; NULL outside */
	size_t depth;
	char *key; /* of a mapping's entry, before its value */
	yaml_mark_t key_mark;
	bool ended;
	struct fault *fault;
};

/* Sets a fault at a mark, where there is no node yet. */
static int refuse(const struct builder *builder, const yaml_mark_t *mark, const char *what)
{
	return set_fault(builder->fault, FAULT_USAGE, "%s:%zu:%zu: %s", builder->file,
			 mark->line + 1, mark->column + 1, what);
}

/* libyaml's reader reports an offset instead of a mark. */
static yaml_mark_t mark_of_offset(struct bytes text, size_t offset)
{
	yaml_mark_t mark = {0};

	for (size_t i = 0; i < offset && i < text.len; i++) {
		mark.column++;
		if (text.data[i] == '\n') {
			mark.line++;
			mark.column = 0;
		}
	}
	return mark;
}

static int refuse_syntax(const struct builder *builder)
{
	const yaml_parser_t *parser = builder->parser;
	yaml_mark_t mark = parser->error == YAML_READER_ERROR
				   ? mark_of_offset(builder->text, parser->problem_offset)
				   : parser->problem_mark;

	if (parser->error == YAML_MEMORY_ERROR)
		return set_memory_fault(builder->fault);
	return set_fault(builder->fault, FAULT_USAGE,
			 "%s:%zu:%zu: expected YAML, found a fault in it: %s%s%s", builder->file,
			 mark.line + 1, mark.column + 1,
			 parser->context != NULL ? parser->context : "",
			 parser->context != NULL ? ", " : "",
			 parser->problem != NULL ? parser->problem : "not readable");
}

/* True if there is a control character: C0, DEL, or C1 (U+0080 to U+009F, C2 80 to C2 9F). */
static bool has_control_character(const yaml_char_t *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] < 0x20 || text[i] == 0x7f)
			return true;
		if (text[i] == 0xc2 && i + 1 < len && text[i + 1] < 0xa0)
			return true;
	}
	return false;
}

static int copy_scalar(const struct builder *builder, const yaml_event_t *event, char **ret_text)
{
	const yaml_char_t *value = event->data.scalar.value;
	size_t len = event->data.scalar.length;
	char *text;

	if (has_control_character(value, len))
		return refuse(builder, &event->start_mark,
			      "expected text without control characters, found one");
	text = strndup((const char *)value, len);
	if (text == NULL)
		return set_memory_fault(builder->fault);
	*ret_text = text;
	return 0;
}

static bool is_plain(const yaml_event_t *event)
{
	return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* Refuses anchors, aliases and tags: a manifest spells every value out. */
static int check_properties(const struct builder *builder, const yaml_event_t *event)
{
	const yaml_char_t *anchor = NULL;
	bool tagged = false;

	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		/* libyaml drops the tag "!"; it only makes a plain scalar not implicit. */
		tagged = event->data.scalar.tag != NULL ||
			 (is_plain(event) && !event->data.scalar.plain_implicit);
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		tagged = event->data.sequence_start.tag != NULL;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor;
		tagged = event->data.mapping_start.tag != NULL;
	}
	if (anchor != NULL || event->type == YAML_ALIAS_EVENT)
		return refuse(
			builder, &event->start_mark,
			"expected a value, found a YAML anchor or alias: write the value out");
	if (tagged)
		return refuse(builder, &event->start_mark,
			      "expected a value, found a YAML tag: leave it out");
	return 0;
}

static int append_child(struct yaml_node *parent, struct yaml_node **child, struct fault *fault)
{
	if (parent->count == parent->size) {
		size_t size = parent->size > 0 ? parent->size * 2 : 8;
		struct yaml_node **children =
			reallocarray(parent->children, size, sizeof(struct yaml_node *));

		if (children == NULL)
			return set_memory_fault(fault);
		parent->children = children;
		parent->size = size;
	}
	parent->children[parent->count++] = TAKE(*child);
	return 0;
}

/* Adds the node that begins with the event to the open container. */
static int add_node(struct builder *builder, const yaml_event_t *event, enum yaml_kind kind)
{
	CLEANUP(free_yaml) struct yaml_node *node = calloc(1, sizeof(*node));
	struct yaml_node *container = builder->container;
	struct yaml_node *added = node;

	if (node == NULL)
		return set_memory_fault(builder->fault);
	node->kind = kind;
	node->file = builder->file;
	node->line = event->start_mark.line + 1;
	node->column = event->start_mark.column + 1;
	node->parent = container;
	node->key = TAKE(builder->key);
	node->key_line = builder->key_mark.line + 1;
	node->key_column = builder->key_mark.column + 1;
	if (kind == YAML_SCALAR) {
		node->quoted = !is_plain(event);
		if (copy_scalar(builder, event, &node->text) < 0)
			return -1;
	}
	if (container == NULL) {
		builder->root = TAKE(node);
	} else {
		node->position = container->count + 1;
		if (append_child(container, &node, builder->fault) < 0)
			return -1;
	}
	if (kind == YAML_SCALAR)
		return 0;
	builder->container = added;
	if (++builder->depth > YAML_DEPTH_MAX)
		return set_value_fault(added, builder->fault,
				       "expected at most %d levels, found more", YAML_DEPTH_MAX);
	return 0;
}

static int compare_keys(const void *a, const void *b)
{
	const struct yaml_node *first = *(struct yaml_node *const *)a;
	const struct yaml_node *second = *(struct yaml_node *const *)b;
	int order = strcmp(first->key, second->key);

	if (order != 0)
		return order;
	return first->position < second->position ? -1 : 1;
}

/* Refuses duplicate keys. Sorts a copy, since comparing all pairs would be quadratic. */
static int check_keys(const struct yaml_node *mapping, struct fault *fault)
{
	size_t size = mapping->count * sizeof(struct yaml_node *);
	struct yaml_node **sorted = mapping->count < 2 ? NULL : malloc(size);
	int result = 0;

	if (mapping->count < 2)
		return 0;
	if (sorted == NULL)
		return set_memory_fault(fault);
	memcpy(sorted, mapping->children, size);
	qsort(sorted, mapping->count, sizeof(struct yaml_node *), compare_keys);
	for (size_t i = 1; i < mapping->count && result == 0; i++)
		if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0)
			result = set_key_fault(
				sorted[i], fault,
				"expected each key once, found it again (the first is in line %zu)",
				sorted[i - 1]->key_line);
	free(sorted);
	return result;
}

static int close_container(struct builder *builder)
{
	const struct yaml_node *container = builder->container;
	struct yaml_node *parent = NULL;

	if (container == NULL) /* does not happen: libyaml balances its events */
		return 0;
	if (container->kind == YAML_MAPPING && check_keys(container, builder->fault) < 0)
		return -1;
	/* The open containers are the last children, from the root on. */
	for (struct yaml_node *node = builder->root; node != container;
	     node = node->children[node->count - 1])
		parent = node;
	builder->container = parent;
	builder->depth--;
	return 0;
}

static int begin_document(const struct builder *builder, const yaml_event_t *event)
{
	if (builder->root != NULL)
		return refuse(builder, &event->start_mark, "expected one document, found another");
	return 0;
}

static int take_event(struct builder *builder, const yaml_event_t *event)
{
	bool wants_key = builder->container != NULL && builder->container->kind == YAML_MAPPING &&
			 builder->key == NULL;

	if (check_properties(builder, event) < 0)
		return -1;
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		return begin_document(builder, event);
	case YAML_SCALAR_EVENT:
		if (!wants_key)
			return add_node(builder, event, YAML_SCALAR);
		builder->key_mark = event->start_mark;
		return copy_scalar(builder, event, &builder->key);
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		if (wants_key)
			return refuse(builder, &event->start_mark,
				      "expected a key, found a list or a mapping");
		return add_node(builder, event,
				event->type == YAML_MAPPING_START_EVENT ? YAML_MAPPING : YAML_LIST);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return close_container(builder);
	case YAML_STREAM_END_EVENT:
		builder->ended = true;
		return 0;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_DOCUMENT_END_EVENT:
	case YAML_ALIAS_EVENT:
		return 0;
	}
	return 0;
}

static int build(struct builder *builder)
{
	while (!builder->ended) {
		CLEANUP(yaml_event_delete) yaml_event_t event = {0};

		if (!yaml_parser_parse(builder->parser, &event))
			return refuse_syntax(builder);
		if (take_event(builder, &event) < 0)
			return -1;
	}
	if (builder->root == NULL)
		return refuse(builder, &(yaml_mark_t){0}, "expected a mapping, found nothing");
	return 0;
}

int parse_yaml(struct bytes text, const char *file, struct yaml_node **ret_root,
	       struct fault *fault)
{
	CLEANUP(yaml_parser_delete) yaml_parser_t parser = {0};
	struct builder builder = {.parser = &parser, .text = text, .file = file, .fault = fault};
	const uint8_t nothing = 0;
	int result;

	if (text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
		return refuse(&builder, &(yaml_mark_t){0},
			      "expected UTF-8 without a byte order mark, found one");
	if (!yaml_parser_initialize(&parser))
		return set_memory_fault(fault);
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, text.len > 0 ? text.data : &nothing, text.len);
	result = build(&builder);
	free(builder.key);
	if (result < 0)
		free_yaml(&builder.root);
	else
		*ret_root = builder.root;
	return result;
}
