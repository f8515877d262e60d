#include "common/ca/store/prune.h"

#include "common/base/clock.h"
#include "tools/operator.h"
#include "tools/options.h"
#include "tools/output.h"

struct prune_settings {
	int64_t older_than_s;
	bool dry_run;
	struct ca_key_settings key;
};

static const struct option prune_options[] = {
	{"older-than", 0, false, "TIME", take_duration,
	 offsetof(struct prune_settings, older_than_s), "how long ago they ended: 30d, 2w, 1y",
	 "90d"},
	{"dry-run", 'n', false, NULL, take_switch, offsetof(struct prune_settings, dry_run),
	 "say how many would go, and remove nothing", NULL},
	CA_KEY_OPTIONS(struct prune_settings, key),
	{0},
};

static int print_pruned(const struct command *command, const struct prune_summary *pruned,
			const struct prune_options *pruning, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};
	char ended[TIME_TEXT_SIZE];

	format_time(pruning->ended_before_s, ended);
	if (!command->json) {
		print_line("%zu certificates that ended before %s %s", pruned->certificates, ended,
			   pruning->dry_run ? "would be pruned" : "pruned");
		if (pruned->kept > 0)
			print_line("%zu more are revoked, and stay while a CRL may have them",
				   pruned->kept);
		return 0;
	}
	add_json_number(&line, "certificates", (long long)pruned->certificates);
	add_json_number(&line, "kept", (long long)pruned->kept);
	add_json_time(&line, "ended_before", pruning->ended_before_s);
	add_json_flag(&line, "dry_run", pruning->dry_run);
	return print_json(&line, fault);
}

/* What was pruned stays so, also when no CRL can be made now. */
static void publish(const struct command *command, struct ca_operator *ca,
		    const struct ca_key_settings *key)
{
	struct crl_info info;
	struct fault fault = {0};

	if (publish_ca_crl(ca, key, CRL_WHEN_DUE, &info, &fault) < 0)
		print_complaint(command,
				"the certificates are pruned, but the CRL could not be made: %s",
				fault.text);
}

static int run_prune(const struct command *command, const void *settings, struct fault *fault)
{
	const struct prune_settings *given = settings;
	CLEANUP(clear_operator) struct ca_operator ca = {0};
	struct bar bar;
	struct progress progress = start_bar(&bar, command, "certificates");
	struct prune_options pruning = {.dry_run = given->dry_run};
	struct prune_summary pruned = {0};

	if (open_operator(command, &ca, fault) < 0)
		return -1;
	pruning.now_s = ca.now_s;
	pruning.ended_before_s = ca.now_s - given->older_than_s;
	pruning.crl_validity_s = ca.manifest->ca.crl_validity_s;
	if (prune_certificates(ca.store, &pruning, progress.function, progress.context, &pruned,
			       fault) < 0)
		return pruned.certificates > 0
			       ? prefix_fault(fault, "after %zu certificates", pruned.certificates)
			       : -1;
	if (pruned.certificates > 0 && !given->dry_run)
		publish(command, &ca, &given->key);
	return print_pruned(command, &pruned, &pruning, fault);
}

const struct verb prune_verb = {
	.name = "prune",
	.operands = "",
	.summary = "let go of certificates that ended long ago",
	.details =
		"On the CA, also while it serves. Takes certificates out of the record that are\n"
		"expired for that long. What is revoked stays as long as a CRL may have it; the\n"
		"audit log stays; and no key is ever certified again. Of what was pruned the CA\n"
		"says that it is unknown.\n",
	.options = prune_options,
	.settings_size = sizeof(struct prune_settings),
	.run = run_prune,
};
