#ifndef CERTPOOL_TESTS_UNIT_BASE_FAILING_H
#define CERTPOOL_TESTS_UNIT_BASE_FAILING_H

#include <stddef.h>

/*
 * System calls that fail when a test wants them to. The functions of failing.c stand in for libc's
 * in this test program; they pass every call on unless told otherwise. Each test is a process of
 * its own, so that nothing has to be set back.
 */
struct failing_call {
	int error;          /* errno of the calls that fail */
	unsigned int skip;  /* how many calls pass before */
	unsigned int left;  /* how many fail then */
	unsigned int count; /* calls made, of either kind */
	size_t most;        /* octets that one call transfers at most; 0: as many as asked for */
};

extern struct failing_call failing_fsync;
extern struct failing_call failing_syncfs;
extern struct failing_call
	failing_rename; /* renameat2; error 0 ends the process, as SIGKILL would */
extern struct failing_call failing_getrandom;

#endif
