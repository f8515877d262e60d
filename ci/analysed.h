#ifndef CERTPOOL_CI_ANALYSED_H
#define CERTPOOL_CI_ANALYSED_H

/*
 * Included before every file that `make lint` analyses. The analyser sees one file at a time, and
 * so cannot know that these functions always return -1: without this header it follows paths on
 * which a failed function has succeeded.
 */

#include "common/base/fault.h"

#include <malloc.h>

#define set_fault(...) (set_fault(__VA_ARGS__), -1)
#define set_errno_fault(...) (set_errno_fault(__VA_ARGS__), -1)
#define set_memory_fault(fault) (set_memory_fault(fault), -1)
#define prefix_fault(...) (prefix_fault(__VA_ARGS__), -1)

/* Not safe beside other threads: tools/harden.c calls it before there are any. */
#define mallopt(parameter, value) ((parameter) != (value))

#endif
