#ifndef CERTPOOL_TESTS_UNIT_BASE_FAILING_H
#define CERTPOOL_TESTS_UNIT_BASE_FAILING_H

#include <stdbool.h>
#include <stddef.h>

/*
 * System calls that fail when a test wants it. The functions of failing.c replace libc's in this
 * test program; they make the real call unless a test says otherwise. Each test is a process of its
 * own, so that no setting has to be reset.
 */
struct failing_call {
	int error;          /* errno of the calls that fail */
	unsigned int skip;  /* how many calls succeed before */
	unsigned int left;  /* how many fail then */
	unsigned int count; /* all calls made */
	size_t most;        /* octets that one call transfers at most; 0: as many as asked for */
};

extern struct failing_call failing_fsync;
extern struct failing_call failing_syncfs;
extern struct failing_call
	failing_rename; /* renameat2; error 0 ends the process, as SIGKILL would */
extern struct failing_call failing_getrandom;
extern struct failing_call failing_stat;    /* fstatat */
extern struct failing_call failing_readdir; /* which returns NULL, as at the end */

/* Called before each renameat2, unless it is NULL. */
extern void (*before_rename)(void);

/* openat knows no O_TMPFILE, as on some file systems. */
extern bool no_unnamed_files;

#endif
