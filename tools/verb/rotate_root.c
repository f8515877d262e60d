/* The part of rotate that concerns the CA's root. */
#include "tools/verb/rotate_root.h"

#include "common/base/clock.h"
#include "common/ca/issue/rotate_root.h"
#include "common/ca/shared/front_ends.h"
#include "tools/operator.h"
#include "tools/output.h"

static int print_rotated(const struct command *command, const struct rotated_root *rotated,
			 bool finished, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};
	char end[TIME_TEXT_SIZE];

	format_time(rotated->not_after_s, end);
	if (rotated->completed)
		print_note(command, "what was begun before is complete now");
	if (!finished)
		print_note(command,
			   "clients pin it with their next enroll, renew or keep; when all have "
			   "it: certpool rotate root --finish");
	if (!command->json) {
		print_line(finished ? "%s, which ends at %s, is the CA's root now"
				    : "%s, which ends at %s, is beside the present root now",
			   rotated->subject, end);
		return flush_output(fault);
	}
	add_json_text(&line, "root", rotated->subject);
	add_json_time(&line, "not_after", rotated->not_after_s);
	add_json_flag(&line, "finished", finished);
	add_json_flag(&line, "completed", rotated->completed);
	return print_json(&line, fault);
}

int rotate_root(const struct command *command, const struct root_rotation_options *options,
		struct fault *fault)
{
	CLEANUP(clear_operator) struct ca_operator ca = {0};
	CLEANUP(clear_key_access) struct key_access access = {0};
	CLEANUP(clear_rotated_root) struct rotated_root rotated = {0};
	CLEANUP(close_descriptor) int lock = -1;
	struct root_rotation rotation = {.access = &access};

	if (!options->finish && options->without.count > 0)
		return set_fault(fault, FAULT_USAGE, "--without: expected with --finish");
	if (open_operator(command, &ca, fault) < 0 ||
	    check_only_front_end(ca.store, "rotate root", fault) < 0 ||
	    open_key_access(ca.manifest, &options->key, &access, fault) < 0 ||
	    lock_layout(ca.layout, LOCK_WAIT, &lock, fault) < 0)
		return -1;
	rotation.layout = ca.layout;
	rotation.ca = &ca.manifest->ca;
	rotation.store = ca.store;
	/* Another one may have ended while this one waited. */
	rotation.now_s = ca.now_s = read_clock();
	if (options->finish ? finish_root_rotation(&rotation, options->without.items,
						   options->without.count, &rotated, fault) < 0
			    : begin_root_rotation(&rotation, &rotated, fault) < 0)
		return -1;
	if (ca.manifest->ca.root_layout == NULL)
		/* The rotation stands; a server makes the CRL as well, so that its lack is no
		 * failure. */
		publish_after(command, &ca, &options->key, "the new root issues, but its CRL",
			      ": remove the cause and run certpool crl");
	return print_rotated(command, &rotated, options->finish, fault);
}
