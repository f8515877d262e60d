#include "common/ca/revocation/ca_roots.h"

#include "common/base/file.h"

void clear_ca_roots(struct ca_roots *roots)
{
	free_certificate(&roots->root);
	free_certificate(&roots->next);
	clear_intermediates(&roots->cross);
}

/* Without such a file the set is empty. */
static int read_set(const struct layout *layout, const char *name, struct intermediates *set,
		    struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	struct fault problem = {0};

	if (read_file(layout->cert, name, INTERMEDIATES_PEM_MAX, &text, &problem) < 0) {
		if (problem.class == FAULT_NOT_FOUND)
			return 0;
		(void)pass_fault(&problem, fault);
		return prefix_fault(fault, "%s/cert", layout->path);
	}
	if (parse_intermediates(bytes_of_buffer(&text), set, fault) < 0)
		return prefix_fault(fault, "%s/cert/%s", layout->path, name);
	return 0;
}

int read_ca_roots(const struct layout *layout, struct ca_roots *ret_roots, struct fault *fault)
{
	CLEANUP(clear_ca_roots) struct ca_roots roots = {0};
	CLEANUP(clear_intermediates) struct intermediates root = {0};
	CLEANUP(clear_intermediates) struct intermediates next = {0};

	if (read_set(layout, "root.crt", &root, fault) < 0 ||
	    read_set(layout, NEXT_ROOT_FILE, &next, fault) < 0 ||
	    read_set(layout, CROSS_FILE, &roots.cross, fault) < 0)
		return -1;
	if (root.count != 1)
		return set_fault(
			fault, FAULT_NOT_FOUND,
			"%s/cert/root.crt: expected the CA's root, found %zu certificates: "
			"restore it from a backup",
			layout->path, root.count);
	roots.root = TAKE(root.certificates[0]);
	/* The last step of a rotation removes the file: until then it may be the root already. */
	if (next.count == 1 &&
	    !equal_bytes(certificate_der(next.certificates[0]), certificate_der(roots.root)))
		roots.next = TAKE(next.certificates[0]);
	MOVE(ret_roots, roots);
	return 0;
}

int read_other_root(const struct layout *layout, const char *name, struct certificate **ret_root,
		    struct fault *fault)
{
	CLEANUP(clear_intermediates) struct intermediates set = {0};

	if (read_set(layout, name, &set, fault) < 0)
		return -1;
	if (set.count > 1)
		return set_fault(fault, FAULT_MALFORMED, "%s/cert/%s: expected one root, found %zu",
				 layout->path, name, set.count);
	*ret_root = set.count > 0 ? TAKE(set.certificates[0]) : NULL;
	return 0;
}

int format_ca_roots(const struct ca_roots *roots, struct buffer *ret_pem, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};
	CLEANUP(clear_buffer) struct buffer next = {0};

	if (format_certificate_pem(certificate_der(roots->root), &pem, fault) < 0 ||
	    (roots->next != NULL &&
	     format_certificate_pem(certificate_der(roots->next), &next, fault) < 0))
		return -1;
	append_bytes(&pem, bytes_of_buffer(&next));
	if (check_buffer(&pem, fault) < 0)
		return -1;
	*ret_pem = take_buffer(&pem);
	return 0;
}

bool is_root_being_replaced(const struct layout *layout)
{
	struct fault ignored = {0};
	bool found;

	return find_file(layout->cert, NEXT_ROOT_FILE, &found, &ignored) == 0 && found;
}
