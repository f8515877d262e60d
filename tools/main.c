/*
 * The program: hardens the process, runs the verb that the command line names, prints why it failed
 * and ends with the exit status for that.
 */
#include "tools/command.h"
#include "tools/harden.h"
#include "tools/output.h"

#include <stdio.h>

/*
 * Exit statuses: 0 done, 1 failed, 2 usage, 3 verification failed or revoked, 4 not found, 5 part
 * of a batch failed, 6 refused by policy or authentication, 7 the other side cannot be reached (try
 * again).
 */
static const int exit_statuses[] = {
	[FAULT_NONE] = 0,        [FAULT_FAILED] = 1,    [FAULT_USAGE] = 2,
	[FAULT_MALFORMED] = 1,   [FAULT_TOO_LARGE] = 1, [FAULT_UNDECRYPTABLE] = 6,
	[FAULT_UNVERIFIED] = 3,  [FAULT_NOT_FOUND] = 4, [FAULT_PARTIAL] = 5,
	[FAULT_REFUSED] = 6,     [FAULT_BUSY] = 7,      [FAULT_UNREACHABLE] = 7,
	[FAULT_INTERRUPTED] = 7,
};

static int run_arguments(int argc, const char **argv, struct fault *fault)
{
	const struct verb *verb;

	if (harden_process(fault) < 0)
		return -1;
	if (argc < 2)
		return set_fault(fault, FAULT_USAGE, "expected a verb: run certpool help");
	verb = find_verb(argv[1], fault);
	if (verb == NULL)
		return -1;
	if (run_command(verb, argv + 2, fault) == 0)
		return 0;
	/* A verb whose exit status is its answer leaves the text empty: nothing more is printed. */
	return fault->text[0] != '\0' ? prefix_fault(fault, "%s", verb->name) : -1;
}

int main(int argc, const char **argv)
{
	struct fault fault = {0};
	struct fault unwritten = {0};

	if (run_arguments(argc, argv, &fault) < 0 && fault.text[0] != '\0')
		(void)fprintf(stderr, "certpool %s\n", fault.text);
	if (flush_output(&unwritten) < 0 && fault.class == FAULT_NONE) {
		fault = unwritten;
		if (fault.text[0] != '\0')
			(void)fprintf(stderr, "certpool: %s\n", fault.text);
	}
	return exit_statuses[fault.class];
}
