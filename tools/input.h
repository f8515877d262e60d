#ifndef CERTPOOL_TOOLS_INPUT_H
#define CERTPOOL_TOOLS_INPUT_H

#include "common/base/bytes.h"
#include "common/x509/intermediates.h"

/*
 * Files that the command line names; "-" is standard input or standard output.
 */

/* Whether an output goes to a file: NULL and "-" are standard output. */
bool names_file(const char *path);

/* Reads a whole file of at most max octets. Owns: clear_buffer. */
int read_input(const char *path, size_t max, struct buffer *ret_content,
	       struct fault *fault) MUST_CHECK;

/* Writes a new file of this mode, durably. Errors: FAULT_REFUSED when the file exists. */
int write_output(const char *path, unsigned int mode, struct bytes content,
		 struct fault *fault) MUST_CHECK;

/*
 * FAULT_REFUSED when the file exists, so that write_output would refuse it. A verb calls this
 * before it begins something long.
 */
int check_output(const char *path, struct fault *fault) MUST_CHECK;

/* Writes or replaces a file durably. Errors: FAULT_REFUSED if it is not a regular file. */
int replace_output(const char *path, unsigned int mode, struct bytes content,
		   struct fault *fault) MUST_CHECK;

/* One certificate, PEM or DER. Owns: free_certificate. */
int parse_any_certificate(struct bytes content, struct certificate **ret_certificate,
			  struct fault *fault) MUST_CHECK;
int read_certificate(const char *path, struct certificate **ret_certificate,
		     struct fault *fault) MUST_CHECK;

/* A file of certificates, PEM, one after the other; those that are not usable are left out
   (parse_usable_intermediates). Owns: clear_intermediates. */
int read_chain(const char *path, struct intermediates *ret_chain, struct fault *left_out,
	       struct fault *fault) MUST_CHECK;

#endif
