#include "common/base/file.h"
#include "tests/fuzz/mutator.h"
#include "tests/fuzz/target.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Stands in for libFuzzer where it is not installed, and does the same every time: each file of a
 * corpus, whole; cut to every length up to TRUNCATIONS_MAX; with one bit flipped, at up to
 * FLIPS_MAX places spread over it; and with each of CHANGES changes to its structure, or two of
 * them. What libFuzzer found and named by its SHA-1 is run whole alone: there is much of it, and it
 * has been changed already. A child process runs one file's inputs, so that a crash is counted and
 * the other files still run.
 */
enum {
	INPUT_MAX = 1 << 20,
	TRUNCATIONS_MAX = 2048,
	FLIPS_MAX = 2048,
	CHANGES = 512,
	INPUT_SECONDS_MAX = 20,
	SHA1_TEXT_LEN = 40
};

/* Shared between the child, which writes it, and the parent, which survives it. */
struct progress {
	size_t passed;
	const char *mutation; /* what was done to the input that is running */
	size_t position;
};

/* The copy has exactly the input's size, so that the address sanitizer sees a read past it. */
static void run_input(struct bytes input, const char *mutation, size_t position,
		      struct progress *progress)
{
	uint8_t *copy = malloc(input.len > 0 ? input.len : 1);

	if (copy == NULL)
		abort();
	if (input.len > 0)
		memcpy(copy, input.data, input.len);
	progress->mutation = mutation;
	progress->position = position;
	alarm(INPUT_SECONDS_MAX);
	LLVMFuzzerTestOneInput(copy, input.len);
	alarm(0);
	free(copy);
	progress->passed++;
}

/* The seed is the number of the change, so that a finding can be made again. */
static void run_changes(struct bytes whole, struct progress *progress)
{
	for (size_t seed = 1; seed <= CHANGES; seed++) {
		struct lot lot = {.state = seed << 32 | seed};
		CLEANUP(clear_buffer) struct buffer once = {0};
		CLEANUP(clear_buffer) struct buffer twice = {0};

		mutate_input(&lot, whole, &once);
		run_input(bytes_of_buffer(&once), "changed in structure, seed", seed, progress);
		mutate_input(&lot, bytes_of_buffer(&once), &twice);
		run_input(bytes_of_buffer(&twice), "changed twice, seed", seed, progress);
	}
}

static void run_mutations(struct buffer *content, struct progress *progress)
{
	struct bytes whole = bytes_of_buffer(content);
	size_t bits = whole.len * 8;
	size_t step = bits / FLIPS_MAX + 1;

	for (size_t len = 0; len < whole.len && len <= TRUNCATIONS_MAX; len++)
		run_input((struct bytes){whole.data, len}, "cut to octets", len, progress);
	for (size_t bit = 0; bit < bits; bit += step) {
		content->data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
		run_input(whole, "with flipped bit", bit, progress);
		content->data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
	}
	run_changes(whole, progress);
}

/* Whether libFuzzer named the file. */
static bool is_found(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;

	return strlen(name) == SHA1_TEXT_LEN && strspn(name, "0123456789abcdef") == SHA1_TEXT_LEN;
}

/* Runs one file's inputs in a child. 0 when all passed. */
static int replay_file(const char *path, struct progress *progress)
{
	CLEANUP(clear_buffer) struct buffer content = {0};
	struct fault fault = {0};
	pid_t child;
	int status = 0;

	if (read_file(AT_FDCWD, path, INPUT_MAX, &content, &fault) < 0) {
		fprintf(stderr, "%s\n", fault.text);
		return -1;
	}
	child = fork();
	if (child < 0) {
		perror("fork");
		return -1;
	}
	if (child == 0) {
		run_input(bytes_of_buffer(&content), "whole", content.len, progress);
		if (!is_found(path))
			run_mutations(&content, progress);
		clear_buffer(&content);
		exit(0);
	}
	if (waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	fprintf(stderr, "%s, %s %zu: %s %d\n", path, progress->mutation, progress->position,
		WIFSIGNALED(status) ? "killed by signal" : "ended with status",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return -1;
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Returns how many files failed. */
static size_t replay_directory(const char *directory, struct progress *progress)
{
	struct dirent **entries = NULL;
	int count = scandir(directory, &entries, is_visible, alphasort);
	size_t failed = 0;

	if (count < 0) {
		perror(directory);
		return 1;
	}
	for (int i = 0; i < count; i++) {
		CLEANUP(clear_buffer) struct buffer path = {0};

		append_format(&path, "%s/%s", directory, entries[i]->d_name);
		if (path.failed || replay_file((const char *)path.data, progress) < 0)
			failed++;
		free(entries[i]);
	}
	free(entries);
	return failed;
}

int main(int argc, char **argv)
{
	struct progress *progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	size_t failed = 0;

	if (argc < 2 || progress == MAP_FAILED) {
		fprintf(stderr, "usage: %s CORPUS...\n", argv[0]);
		return 2;
	}
	for (int i = 1; i < argc; i++) {
		size_t before = progress->passed;

		failed += replay_directory(argv[i], progress);
		if (progress->passed == before) {
			fprintf(stderr, "%s: no input was run\n", argv[i]);
			failed++;
		}
	}
	printf("%s: %zu passed, %zu failed\n",
	       strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0], progress->passed,
	       failed);
	return failed > 0;
}
