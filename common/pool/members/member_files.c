#include "common/pool/members/member_files.h"

const struct member_files current_files = {
	.key = name_private_key,
	.csr = name_csr,
	.certificate = name_certificate,
};

const struct member_files renewal_files = {
	.key = name_renewal_key,
	.csr = name_renewal_csr,
	.certificate = name_renewal_certificate,
};

int read_certificate_file(const struct layout *layout, const char *name,
			  struct certificate **ret_certificate, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};

	if (read_file(layout->cert, name, CERTIFICATE_PEM_MAX, &pem, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	if (parse_certificate_pem(bytes_of_buffer(&pem), ret_certificate, fault) < 0)
		return prefix_fault(fault, "%s/cert/%s", layout->path, name);
	return 0;
}
