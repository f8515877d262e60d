#ifndef CERTPOOL_TOOLS_INPUT_H
#define CERTPOOL_TOOLS_INPUT_H

#include "common/base/bytes.h"
#include "common/x509/intermediates.h"

/* What a user names on the command line: a path, or "-" for standard input. */

int read_input(const char *path, size_t max, struct buffer *ret_content,
	       struct fault *fault) MUST_CHECK;

/* A new file of this mode, durable; nothing is overwritten. "-" is standard output. */
int write_output(const char *path, unsigned int mode, struct bytes content,
		 struct fault *fault) MUST_CHECK;

/* FAULT_REFUSED when write_output would not write there: to be asked before what takes long. */
int check_output(const char *path, struct fault *fault) MUST_CHECK;

/* The same, in place of a file of that name. What is there and is no regular file is refused. */
int replace_output(const char *path, unsigned int mode, struct bytes content,
		   struct fault *fault) MUST_CHECK;

/* One certificate, PEM or DER. */
int parse_any_certificate(struct bytes content, struct certificate **ret_certificate,
			  struct fault *fault) MUST_CHECK;
int read_certificate(const char *path, struct certificate **ret_certificate,
		     struct fault *fault) MUST_CHECK;

/* A file of certificates, PEM one after the other. */
int read_chain(const char *path, struct intermediates *ret_chain, struct fault *fault) MUST_CHECK;

#endif
