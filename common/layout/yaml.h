#ifndef CERTPOOL_LAYOUT_YAML_H
#define CERTPOOL_LAYOUT_YAML_H

#include "common/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * A YAML document as a read-only tree whose nodes have their line and column, for messages. Only
 * the subset of YAML that a configuration needs: one document in UTF-8 of mappings with text as
 * keys, lists and scalars. Refused: anchors, aliases, tags, a second document, a duplicate key in a
 * mapping, control characters in scalars, more than YAML_DEPTH_MAX levels.
 */

enum { YAML_DEPTH_MAX = 16 };

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAPPING };

struct yaml_node {
	enum yaml_kind kind;
	bool quoted; /* the scalar is text even if it looks like a number */
	char *text;  /* of a scalar */
	char *key;   /* of an entry of a mapping */
	const char *file;
	size_t line; /* of the value's beginning, from 1; likewise the columns */
	size_t column;
	size_t key_line;
	size_t key_column;
	const struct yaml_node *parent; /* NULL at the root */
	size_t position;                /* among its parent's children, from 1 */
	struct yaml_node **children;
	size_t count;
	size_t size;
};

/*
 * `file` is the document's name in messages; it must outlive the tree.
 * Owns: free_yaml. Errors: FAULT_USAGE, whose text begins with "FILE:LINE:COLUMN: ".
 */
int parse_yaml(struct bytes text, const char *file, struct yaml_node **ret_root,
	       struct fault *fault) MUST_CHECK;
void free_yaml(struct yaml_node **root);

/* The entry of a mapping, or NULL. */
const struct yaml_node *find_entry(const struct yaml_node *mapping, const char *key);

/* Sets a FAULT_USAGE that begins with "FILE:LINE:COLUMN: PATH: ", PATH like clients.a.pool.size. */
int set_value_fault(const struct yaml_node *node, struct fault *fault, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same, with the line and column of the node's key. */
int set_key_fault(const struct yaml_node *node, struct fault *fault, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

enum { FOUND_SIZE = 80 };

/* The value for "found …" in a message: "a list", "nothing", the scalar itself (cut if long). */
void describe_value(const struct yaml_node *node, char ret_text[static FOUND_SIZE]);

#endif
