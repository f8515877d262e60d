/*
 * prune: removes certificates that ended long ago from the CA's record, in batches, while the CA
 * may serve. Their public keys stay spent, and the audit log gets their serials.
 */
#include "common/ca/store/prune.h"

#include "common/base/clock.h"
#include "common/ca/signer/signed_log.h"
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
	 offsetof(struct prune_settings, older_than_s),
	 "prune certificates that ended longer ago than this: 30d, 2w, 1y", "90d"},
	{"dry-run", 'n', false, NULL, take_switch, offsetof(struct prune_settings, dry_run),
	 "print how many would be removed, and remove nothing", NULL},
	CA_KEY_OPTIONS(struct prune_settings, key),
	{0},
};

static int print_pruned(const struct command *command, const struct prune_summary *pruned,
			const struct prune_options *options, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};
	char ended[TIME_TEXT_SIZE];

	format_time(options->ended_before_s, ended);
	if (!command->json) {
		print_line("%zu certificates that ended before %s %s", pruned->certificates, ended,
			   options->dry_run ? "would be pruned" : "pruned");
		if (pruned->kept > 0)
			print_line("%zu more are revoked, and stay as long as a CRL may list them",
				   pruned->kept);
		return 0;
	}
	add_json_number(&line, "certificates", (long long)pruned->certificates);
	add_json_number(&line, "kept", (long long)pruned->kept);
	add_json_time(&line, "ended_before", options->ended_before_s);
	add_json_flag(&line, "dry_run", options->dry_run);
	return print_json(&line, fault);
}

/* The certificates are gone already, so a failure to make the CRL is only printed. */
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

/* The log keeps the lines of the certificates that the record keeps, also as long as a CRL may list
   them. */
static int trim_log(const struct ca_operator *ca, const struct prune_options *options,
		    struct fault *fault)
{
	struct crl_state state;
	int64_t cut_s;
	size_t removed;

	if (options->dry_run)
		return 0;
	if (read_crl_state(ca->store, &state, fault) < 0)
		return -1;
	cut_s = choose_crl_cut(&state, options->crl_validity_s, options->now_s);
	if (cut_s > options->ended_before_s)
		cut_s = options->ended_before_s;
	return trim_signed_log(ca->layout, cut_s, &removed, fault);
}

static int run_prune(const struct command *command, const void *settings, struct fault *fault)
{
	const struct prune_settings *given = settings;
	CLEANUP(clear_operator) struct ca_operator ca = {0};
	struct bar bar;
	struct progress progress = start_bar(&bar, command, "certificates");
	struct prune_options options = {.dry_run = given->dry_run};
	struct prune_summary pruned = {0};

	if (open_operator(command, &ca, fault) < 0)
		return -1;
	options.now_s = ca.now_s;
	options.ended_before_s = ca.now_s - given->older_than_s;
	options.crl_validity_s = ca.manifest->ca.crl_validity_s;
	if (prune_certificates(ca.store, &options, progress.function, progress.context, &pruned,
			       fault) < 0)
		return pruned.certificates > 0
			       ? prefix_fault(fault, "after %zu certificates", pruned.certificates)
			       : -1;
	if (trim_log(&ca, &options, fault) < 0)
		return -1;
	if (pruned.certificates > 0 && !given->dry_run)
		publish(command, &ca, &given->key);
	return print_pruned(command, &pruned, &options, fault);
}

const struct verb prune_verb = {
	.name = "prune",
	.operands = "",
	.summary = "remove certificates that ended long ago from the record",
	.details = "On the CA, also while it serves. Removes certificates from the record that\n"
		   "expired that long ago. A revoked one stays as long as a CRL may list it; the\n"
		   "audit log stays; no key is ever certified again. Asked about a pruned\n"
		   "certificate, the CA answers that it is unknown.\n",
	.options = prune_options,
	.settings_size = sizeof(struct prune_settings),
	.run = run_prune,
};
