#include "tests/fuzz/mutator.h"

#include <string.h>

/* libFuzzer's hooks (its documentation, "Structure-aware fuzzing"). */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *data, size_t size, const uint8_t *other,
				 size_t other_size, uint8_t *out, size_t max_size,
				 unsigned int seed);

/* Leaves a quarter of the changes, and those that do not fit, to libFuzzer's own mutator. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	struct lot lot = {.state = UINT64_C(0x9e3779b97f4a7c15) ^ seed};
	CLEANUP(clear_buffer) struct buffer mutant = {0};

	if (draw(&lot, 4) == 0)
		return LLVMFuzzerMutate(data, size, max_size);
	mutate_input(&lot, (struct bytes){data, size}, &mutant);
	if (mutant.failed || mutant.len == 0 || mutant.len > max_size)
		return LLVMFuzzerMutate(data, size, max_size);
	memcpy(data, mutant.data, mutant.len);
	return mutant.len;
}

/* Puts parts of one object in DER into another. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *data, size_t size, const uint8_t *other,
				 size_t other_size, uint8_t *out, size_t max_size,
				 unsigned int seed)
{
	struct lot lot = {.state = UINT64_C(0x9e3779b97f4a7c15) ^ seed};
	const struct bytes donor = {other, other_size};
	CLEANUP(clear_buffer) struct buffer mutant = {0};

	mutate_der(&lot, (struct bytes){data, size}, &donor, 1, &mutant);
	if (mutant.failed || mutant.len == 0 || mutant.len > max_size)
		return 0;
	memcpy(out, mutant.data, mutant.len);
	return mutant.len;
}
