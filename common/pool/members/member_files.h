#ifndef CERTPOOL_POOL_MEMBERS_MEMBER_FILES_H
#define CERTPOOL_POOL_MEMBERS_MEMBER_FILES_H

#include "common/layout/layout.h"
#include "common/x509/certificate.h"

/* The names that one member's three files have. */
typedef void file_namer(size_t index, char ret_name[static FILE_NAME_SIZE]);

struct member_files {
	file_namer *key;         /* in Private/ */
	file_namer *csr;         /* in CSR_file/ */
	file_namer *certificate; /* in cert/ */
};

/* Those that it works with, and those that are to take their place (renew.h). */
extern const struct member_files current_files;
extern const struct member_files renewal_files;

/* Reads cert/{name}. */
int read_certificate_file(const struct layout *layout, const char *name,
			  struct certificate **ret_certificate, struct fault *fault) MUST_CHECK;

#endif
