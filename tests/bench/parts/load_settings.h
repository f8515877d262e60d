#ifndef CERTPOOL_TESTS_BENCH_PARTS_LOAD_SETTINGS_H
#define CERTPOOL_TESTS_BENCH_PARTS_LOAD_SETTINGS_H

#include "common/base/fault.h"
#include "common/base/url.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { CONNECTIONS_MAX = 1024, BODIES_MAX = 1024 };

enum handshakes { HANDSHAKES_FEW, HANDSHAKES_FULL, HANDSHAKES_RESUMED };

/* What load.c is told. */
struct load_settings {
	const char *method;
	const char *content_type;
	const char *header; /* one more field; NULL: none */
	const char *bodies[BODIES_MAX];
	size_t body_count;
	const char *lines; /* a file with a body in each line; NULL: none */
	unsigned int connections;
	double seconds; /* 0: the number of requests decides */
	uint64_t requests;
	pid_t process; /* the requests end with this process; 0: none */
	bool may_be_empty;
	const char *roots;          /* for a URL of https */
	enum handshakes handshakes; /* not FEW: one for each request */
	const char *hello;          /* write it there, and ask nothing; NULL: ask */
	struct endpoint endpoint;
	char path[URL_PATH_SIZE];
};

/* Errors: FAULT_USAGE. */
int parse_load_settings(int count, char **arguments, struct load_settings *ret_settings,
			struct fault *fault) MUST_CHECK;

extern const char load_usage[];

#endif
