#ifndef CERTPOOL_BASE_LIBRARY_LIBRARY_H
#define CERTPOOL_BASE_LIBRARY_LIBRARY_H

#include "common/base/fault.h"

#include <stddef.h>

/* A function of a library, and where the pointer to it goes in the caller's struct. */
struct library_function {
	const char *name;
	size_t offset;
};

/* A library that is loaded when it is needed, and not linked. */
struct library {
	const char *needed_by; /* the beginning of a sentence, like "a record in PostgreSQL" */
	const char *file;
	const char *package; /* Debian's */
	const char *since;   /* the first version with all the functions */
	const struct library_function *functions;
	size_t count;
};

/*
 * Loads the library, and fills a struct of pointers to functions. The library stays loaded: what it
 * has begun, such as OpenSSL's handlers of the end of the process, expects that. A process that
 * gives up files (sandbox.h) calls this before.
 * Errors: FAULT_FAILED, which names the package and what the loader says.
 */
int load_library(const struct library *library, void *ret_functions,
		 struct fault *fault) MUST_CHECK;

#endif
