#include "common/pool/members/replace_member.h"

#include "common/crypto/key_file.h"
#include "common/pool/members/set_aside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Members that complete_renewals completes together. */
enum { LEFTOVERS_MAX = 1000 };

/* The file of the new key: its renewal name, or its current name if it was renamed already. */
static int name_new_key(const struct layout *layout, size_t member,
			char ret_name[static FILE_NAME_SIZE], struct fault *fault)
{
	bool found;

	renewal_files.key(member, ret_name);
	if (find_file(layout->private, ret_name, &found, fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	if (!found)
		current_files.key(member, ret_name);
	return 0;
}

/* Checks that the new certificate is for the new key, before the old key is lost. */
static int check_new_pair(const struct layout *layout, size_t member, struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(free_public_key) struct public_key *public_key = NULL;
	char certificate_name[FILE_NAME_SIZE];
	char key_name[FILE_NAME_SIZE];

	renewal_files.certificate(member, certificate_name);
	if (name_new_key(layout, member, key_name, fault) < 0 ||
	    read_certificate_file(layout, certificate_name, &certificate, fault) < 0 ||
	    read_private_key(layout, key_name, &key, fault) < 0 ||
	    get_public_key(key, &public_key, fault) < 0)
		return -1;
	if (!equal_bytes(public_key_spki(public_key),
			 public_key_spki(certificate_public_key(certificate))))
		return set_fault(fault, FAULT_REFUSED,
				 "%s/cert/%s: not for the key in Private/%s, so that member %zu "
				 "stays as it is: move the member's renewal_key%zu files away",
				 layout->path, certificate_name, key_name, member, member);
	return 0;
}

/* Renames a new file to the old one's name, unless that was done already. */
static int replace_file(int dirfd, file_namer *new_namer, file_namer *old_namer, size_t member,
			struct fault *fault)
{
	char new_name[FILE_NAME_SIZE];
	char old_name[FILE_NAME_SIZE];
	bool found;

	new_namer(member, new_name);
	old_namer(member, old_name);
	if (find_file(dirfd, new_name, &found, fault) < 0)
		return -1;
	return found ? rename_file(dirfd, new_name, old_name, fault) : 0;
}

static int replace_key_and_request(const struct layout *layout, size_t member, struct fault *fault)
{
	if (replace_file(layout->private, renewal_files.key, current_files.key, member, fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	if (replace_file(layout->csr_file, renewal_files.csr, current_files.csr, member, fault) < 0)
		return prefix_fault(fault, "%s/CSR_file", layout->path);
	return 0;
}

static int replace_certificate(const struct layout *layout, size_t member, struct fault *fault)
{
	if (replace_file(layout->cert, renewal_files.certificate, current_files.certificate, member,
			 fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	return 0;
}

int complete_members(const struct layout *layout, const size_t *members, size_t count,
		     struct fault *fault)
{
	for (size_t i = 0; i < count; i++)
		if (check_new_pair(layout, members[i], fault) < 0)
			return -1;
	for (size_t i = 0; i < count; i++)
		if (replace_key_and_request(layout, members[i], fault) < 0)
			return -1;
	/* After a power failure a certificate's rename must not be there without its key's. */
	if (sync_directory(layout->private, fault) < 0 ||
	    sync_directory(layout->csr_file, fault) < 0)
		return prefix_fault(fault, "%s", layout->path);
	for (size_t i = 0; i < count; i++)
		if (replace_certificate(layout, members[i], fault) < 0)
			return -1;
	if (sync_directory(layout->cert, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	return 0;
}

/* The member whose renewal certificate has this file name; 0 if it is another file. */
static size_t parse_renewal(const char *file)
{
	static const char prefix[] = "renewal_";
	char expected[FILE_NAME_SIZE];
	char member[FILE_NAME_SIZE] = "";
	size_t index;

	if (strncmp(file, prefix, strlen(prefix)) != 0)
		return 0;
	(void)snprintf(member, sizeof(member), "%.*s", (int)strcspn(file + strlen(prefix), "."),
		       file + strlen(prefix));
	index = parse_member(member);
	if (index == 0)
		return 0;
	renewal_files.certificate(index, expected);
	return strcmp(file, expected) == 0 ? index : 0;
}

static int find_leftovers(const struct layout *layout, size_t members[static LEFTOVERS_MAX],
			  size_t *ret_count, struct fault *fault)
{
	CLEANUP(close_listing) DIR *listing = NULL;
	const char *file = NULL;
	size_t count = 0;

	if (open_listing(layout->cert, &listing, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	do {
		size_t member;

		if (read_listing(listing, &file, fault) < 0)
			return prefix_fault(fault, "%s/cert", layout->path);
		member = file != NULL ? parse_renewal(file) : 0;
		if (member != 0)
			members[count++] = member;
	} while (file != NULL && count < LEFTOVERS_MAX);
	*ret_count = count;
	return 0;
}

/* Of these members, those whose new pair can be used; the new files of the others are set aside. */
static int keep_usable(const struct layout *layout, size_t members[static LEFTOVERS_MAX],
		       size_t count, size_t *ret_count, struct fault *fault)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		struct fault failure = {0};

		if (check_new_pair(layout, members[i], &failure) == 0)
			members[kept++] = members[i];
		else if (pass_failure(&failure, fault) < 0 ||
			 set_renewal_aside(layout, members[i], fault) < 0)
			return -1;
	}
	*ret_count = kept;
	return 0;
}

int complete_renewals(const struct layout *layout, struct fault *fault)
{
	size_t members[LEFTOVERS_MAX];
	size_t count = 0;
	size_t usable = 0;

	do {
		if (find_leftovers(layout, members, &count, fault) < 0)
			return -1;
		if (count == 0)
			return 0;
		/* The killed process may not have synced it. */
		if (sync_directory(layout->cert, fault) < 0)
			return prefix_fault(fault, "%s/cert", layout->path);
		if (keep_usable(layout, members, count, &usable, fault) < 0 ||
		    complete_members(layout, members, usable, fault) < 0)
			return -1;
	} while (count > 0);
	return 0;
}

int discard_renewal(const struct layout *layout, size_t member, struct fault *fault)
{
	char name[FILE_NAME_SIZE];

	renewal_files.csr(member, name);
	if (remove_file(layout->csr_file, name, fault) < 0)
		return prefix_fault(fault, "%s/CSR_file", layout->path);
	renewal_files.key(member, name);
	if (remove_file(layout->private, name, fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	return 0;
}
