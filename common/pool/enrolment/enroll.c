#include "common/pool/enrolment/enroll.h"

#include "common/pool/enrolment/certification.h"
#include "common/pool/members/replace_member.h"

int find_missing(const struct layout *layout, const struct client_node *client,
		 struct member_set *ret_missing, size_t *ret_present, struct fault *fault)
{
	CLEANUP(clear_member_set) struct member_set missing = {0};
	size_t present = 0;

	if (init_member_set(client->pool.size, &missing, fault) < 0)
		return -1;
	for (size_t i = 1; i <= client->pool.size; i++) {
		char csr_name[FILE_NAME_SIZE];
		char certificate_name[FILE_NAME_SIZE];

		name_csr(i, csr_name);
		name_certificate(i, certificate_name);
		if (file_exists(layout->cert, certificate_name))
			present++;
		else if (file_exists(layout->csr_file, csr_name))
			add_to_member_set(&missing, i);
	}
	if (missing.count + present == 0)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "%s/CSR_file: no member of the pool has a request: run certpool "
				 "request %s",
				 layout->path, client->name);
	*ret_present = present;
	MOVE(ret_missing, missing);
	return 0;
}

int enroll_pool(const struct enrollment *enrollment, struct enrolled *ret_enrolled,
		struct fault *fault)
{
	CLEANUP(clear_member_set) struct member_set missing = {0};
	const struct certification certification = {
		.enrollment = enrollment, .files = &current_files, .members = &missing};
	struct certified certified = {0};
	size_t present = 0;

	if (complete_renewals(enrollment->layout, fault) < 0 ||
	    find_missing(enrollment->layout, enrollment->client, &missing, &present, fault) < 0 ||
	    certify_members(&certification, &certified, fault) < 0)
		return -1;
	*ret_enrolled = (struct enrolled){
		.present = present, .saved = certified.saved, .refused = certified.refused};
	return 0;
}
