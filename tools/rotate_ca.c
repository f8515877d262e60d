/* rotate ca: gives the CA its next certificate and key, by its root. */
#include "tools/rotate_ca.h"

#include "common/base/clock.h"
#include "common/ca/issue/rotate_issuer.h"
#include "tools/operator.h"
#include "tools/output.h"

static int print_rotated(const struct command *command, const struct rotated_issuer *rotated,
			 struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};
	char end[TIME_TEXT_SIZE];
	char before_end[TIME_TEXT_SIZE];

	format_time(rotated->not_after_s, end);
	format_time(rotated->before_serves_until_s, before_end);
	if (rotated->completed)
		print_note(command, "a rotation that was begun before is complete now");
	if (!command->json) {
		print_line("issuer %u, %s, issues from now on and ends at %s", rotated->number,
			   rotated->subject, end);
		print_line("issuer %u goes on with its CRL and its OCSP answers until %s",
			   rotated->number - 1, before_end);
		return flush_output(fault);
	}
	add_json_number(&line, "issuer", rotated->number);
	add_json_text(&line, "subject", rotated->subject);
	add_json_time(&line, "not_after", rotated->not_after_s);
	add_json_time(&line, "previous_serves_until", rotated->before_serves_until_s);
	add_json_flag(&line, "completed", rotated->completed);
	return print_json(&line, fault);
}

int rotate_ca(const struct command *command, const struct ca_key_settings *key, bool again,
	      struct fault *fault)
{
	CLEANUP(clear_operator) struct ca_operator ca = {0};
	CLEANUP(clear_key_access) struct key_access access = {0};
	CLEANUP(clear_rotated_issuer) struct rotated_issuer rotated = {0};
	CLEANUP(close_descriptor) int lock = -1;
	struct rotation rotation = {.access = &access, .again = again};

	if (open_operator(command, &ca, fault) < 0 ||
	    open_key_access(ca.manifest, key, &access, fault) < 0 ||
	    lock_layout(ca.layout, LOCK_WAIT, &lock, fault) < 0)
		return -1;
	rotation.layout = ca.layout;
	rotation.ca = &ca.manifest->ca;
	rotation.store = ca.store;
	/* Another rotation may have ended while this one waited. */
	rotation.now_s = ca.now_s = read_clock();
	if (rotate_issuer(&rotation, &rotated, fault) < 0)
		return -1;
	/* The rotation stands; a server makes the CRL as well, so that its lack is no failure. */
	publish_after(command, &ca, key, "the new issuer issues, but its CRL",
		      ": remove the cause and run certpool crl");
	if (is_shared_store(ca.store) && access.url != NULL)
		print_note(command,
			   "the new key is in a token, and not in the record: each front end needs "
			   "it in its own; one that lacks it issues nothing after ten minutes");
	return print_rotated(command, &rotated, fault);
}
