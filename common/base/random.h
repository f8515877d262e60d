#ifndef CERTPOOL_BASE_RANDOM_H
#define CERTPOOL_BASE_RANDOM_H

#include "common/base/fault.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Random octets from the kernel (getrandom(2)). There is no generator in the process, so nothing
 * is duplicated by fork. When the kernel gives none, the operation fails; there is no fallback.
 */
int fill_random(void *ret_data, size_t len, struct fault *fault) MUST_CHECK;

/* A uniform draw from 0 … bound-1, without modulo bias. bound must not be 0. */
int draw_below(uint64_t bound, uint64_t *ret_draw, struct fault *fault) MUST_CHECK;

#endif
