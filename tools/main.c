#include "tools/exit_status.h"
#include "tools/harden.h"
#include "tools/output.h"
#include "tools/verbs.h"

#include <stdio.h>

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
	/* A verb that answers by its exit status has said already what there is to say. */
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
		(void)fprintf(stderr, "certpool: %s\n", fault.text);
	}
	return exit_status(fault.class);
}
