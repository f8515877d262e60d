#ifndef CERTPOOL_TESTS_FUZZ_TARGET_H
#define CERTPOOL_TESTS_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

/*
 * A fuzz target is one file, fuzz_NAME.c, with this function; its corpus is corpus/NAME/. It feeds
 * the input to one parser, which may refuse it, and stops the process (abort) where an accepted
 * input breaks a promise. Called by libFuzzer (`make fuzz`), or by replay.c (`make fuzz-replay`).
 * Returns 0.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
