#include "tools/reload.h"

#include "common/base/clock.h"
#include "common/ca/store/clients.h"
#include "tools/output.h"

#include <string.h>

static int take_over(const struct command *command, const struct manifest *served,
		     struct authority *authority, struct clients_synced *ret_synced,
		     struct fault *fault)
{
	CLEANUP(free_manifest) struct manifest *manifest = NULL;

	if (load_manifest(command->manifest, &manifest, fault) < 0)
		return -1;
	if (manifest->ca.layout == NULL || strcmp(manifest->ca.layout, served->ca.layout) != 0)
		return set_fault(fault, FAULT_USAGE,
				 "%s: expected the CA that is served, with the layout %s, found "
				 "%s: stop certpool serve and start it again",
				 manifest->path, served->ca.layout,
				 manifest->ca.layout != NULL ? manifest->ca.layout : "none");
	return sync_clients(authority_store(authority), manifest, read_clock(), ret_synced, fault);
}

void reload_manifest(const struct command *command, const struct manifest *served,
		     struct authority *authority)
{
	struct clients_synced synced = {0};
	struct fault fault = {0};

	if (take_over(command, served, authority, &synced, &fault) < 0)
		print_complaint(command, "SIGHUP: %s: nothing has changed", fault.text);
	else
		print_note(command,
			   "SIGHUP: %s: clients: %zu added, %zu changed, %zu kept as they were "
			   "changed by hand; all else holds from the next start",
			   command->manifest, synced.added, synced.changed, synced.kept);
}
