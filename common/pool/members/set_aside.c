#include "common/pool/members/set_aside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char prefix[] = "replaced_";

bool is_set_aside(const char *name)
{
	return strncmp(name, prefix, sizeof(prefix) - 1) == 0;
}

static int find_free_name(int dirfd, const char *name, char ret_name[static FILE_NAME_SIZE],
			  struct fault *fault)
{
	bool found = true;

	for (size_t i = 1; found; i++) {
		int len = snprintf(ret_name, FILE_NAME_SIZE, "%s%zu_%s", prefix, i, name);

		if (len >= FILE_NAME_SIZE)
			return set_fault(fault, FAULT_FAILED, "%s: the name is too long", name);
		if (find_file(dirfd, ret_name, &found, fault) < 0)
			return -1;
	}
	return 0;
}

int set_aside(int dirfd, const char *name, struct fault *fault)
{
	char new_name[FILE_NAME_SIZE];
	bool found;

	if (find_file(dirfd, name, &found, fault) < 0)
		return -1;
	if (!found)
		return 0;
	if (find_free_name(dirfd, name, new_name, fault) < 0)
		return -1;
	return rename_file(dirfd, name, new_name, fault);
}

static int set_part_aside(int dirfd, file_namer *namer, size_t index, struct fault *fault)
{
	char name[FILE_NAME_SIZE];

	namer(index, name);
	return set_aside(dirfd, name, fault);
}

int set_members_aside(const struct layout *layout, const struct aside_member *members, size_t count,
		      struct fault *fault)
{
	for (size_t i = 0; i < count; i++)
		if (members[i].certificate &&
		    set_part_aside(layout->cert, current_files.certificate, members[i].index,
				   fault) < 0)
			return prefix_fault(fault, "%s/cert", layout->path);
	if (sync_directory(layout->cert, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	for (size_t i = 0; i < count; i++)
		if (members[i].csr && set_part_aside(layout->csr_file, current_files.csr,
						     members[i].index, fault) < 0)
			return prefix_fault(fault, "%s/CSR_file", layout->path);
	if (sync_directory(layout->csr_file, fault) < 0)
		return prefix_fault(fault, "%s/CSR_file", layout->path);
	for (size_t i = 0; i < count; i++)
		if (members[i].key &&
		    set_part_aside(layout->private, current_files.key, members[i].index, fault) < 0)
			return prefix_fault(fault, "%s/Private", layout->path);
	if (sync_directory(layout->private, fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	return 0;
}

/* The certificate last, by which complete_renewals finds the member after a kill in between. */
int set_renewal_aside(const struct layout *layout, size_t index, struct fault *fault)
{
	if (set_part_aside(layout->private, renewal_files.key, index, fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	if (set_part_aside(layout->csr_file, renewal_files.csr, index, fault) < 0)
		return prefix_fault(fault, "%s/CSR_file", layout->path);
	if (set_part_aside(layout->cert, renewal_files.certificate, index, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	return 0;
}

int keep_certificate_aside(const struct layout *layout, size_t index, struct fault *fault)
{
	char name[FILE_NAME_SIZE];
	char new_name[FILE_NAME_SIZE];
	bool found;

	current_files.certificate(index, name);
	if (find_file(layout->cert, name, &found, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	if (!found)
		return 0;
	if (find_free_name(layout->cert, name, new_name, fault) < 0 ||
	    link_file(layout->cert, name, new_name, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	return 0;
}

/* The member whose file has this name by one of the namers; 0 if it is another file. */
static size_t parse_member_file(const char *file, file_namer *current, file_namer *renewal)
{
	size_t digits = strcspn(file, "0123456789");
	size_t index = strtoul(file + digits, NULL, 10);
	char name[FILE_NAME_SIZE];

	if (strspn(file + digits, "0123456789") > 9)
		return 0;
	current(index, name);
	if (strcmp(file, name) == 0)
		return index;
	renewal(index, name);
	return strcmp(file, name) == 0 ? index : 0;
}

static int list_folder(int dirfd, file_namer *current, file_namer *renewal, size_t size,
		       struct buffer *members, struct fault *fault)
{
	CLEANUP(close_listing) DIR *listing = NULL;
	const char *file = NULL;

	if (open_listing(dirfd, &listing, fault) < 0)
		return -1;
	do {
		size_t index;

		if (read_listing(listing, &file, fault) < 0)
			return -1;
		index = file != NULL ? parse_member_file(file, current, renewal) : 0;
		if (index > size)
			append_bytes(members,
				     (struct bytes){(const uint8_t *)&index, sizeof(index)});
	} while (file != NULL);
	return check_buffer(members, fault);
}

static int compare_sizes(const void *a, const void *b)
{
	size_t left = *(const size_t *)a;
	size_t right = *(const size_t *)b;

	return (left > right) - (left < right);
}

int list_surplus_members(const struct layout *layout, size_t size, struct buffer *ret_members,
			 struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer members = {0};
	size_t *indices;
	size_t count;
	size_t kept = 0;

	append_string(&members, "");
	if (list_folder(layout->cert, current_files.certificate, renewal_files.certificate, size,
			&members, fault) < 0 ||
	    list_folder(layout->csr_file, current_files.csr, renewal_files.csr, size, &members,
			fault) < 0 ||
	    list_folder(layout->private, current_files.key, renewal_files.key, size, &members,
			fault) < 0)
		return prefix_fault(fault, "%s", layout->path);
	indices = (void *)members.data;
	count = members.len / sizeof(*indices);
	qsort(indices, count, sizeof(*indices), compare_sizes);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || indices[kept - 1] != indices[i])
			indices[kept++] = indices[i];
	members.len = kept * sizeof(*indices);
	*ret_members = take_buffer(&members);
	return 0;
}
