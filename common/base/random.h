#ifndef CERTPOOL_BASE_RANDOM_H
#define CERTPOOL_BASE_RANDOM_H

#include "common/base/fault.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Random octets from the kernel (getrandom(2)). There is no generator in the process, so a fork
 * duplicates no state. When the kernel gives none, the function fails; there is no fallback.
 */
int fill_random(void *ret_data, size_t len, struct fault *fault) MUST_CHECK;

/* Draws uniformly from 0 … bound-1, without modulo bias. bound must not be 0. */
int draw_below(uint64_t bound, uint64_t *ret_draw, struct fault *fault) MUST_CHECK;

#endif
