/*
 * prune: removes certificates that ended long ago from the CA's record, in batches, while the CA
 * may serve. Their public keys stay spent, and the audit log gets their serials.
 */
#include "common/ca/store/prune.h"

#include "common/base/clock.h"
#include "common/ca/signer/signed_log.h"
#include "tools/bar.h"
#include "tools/node.h"
#include "tools/operator.h"
#include "tools/options.h"
#include "tools/output.h"

/* A clock is believed that long after a client's request attested it. */
enum { ATTESTED_WITHIN_S = 30 * 86400 };

struct prune_settings {
	int64_t older_than_s;
	bool dry_run;
	bool clock_is_right;
	struct ca_key_settings key;
};

static const struct option prune_options[] = {
	{"older-than", 0, false, "TIME", take_duration,
	 offsetof(struct prune_settings, older_than_s),
	 "prune certificates that ended longer ago than this: 30d, 2w, 1y", "90d"},
	{"dry-run", 'n', false, NULL, take_switch, offsetof(struct prune_settings, dry_run),
	 "print how many would be removed, and remove nothing", NULL},
	{"clock-is-right", 0, true, NULL, take_switch,
	 offsetof(struct prune_settings, clock_is_right),
	 "prune by this machine's clock, though no client's request attests it", NULL},
	CA_KEY_OPTIONS(struct prune_settings, key),
	{0},
};

/*
 * The time by which certificates have ended: that of the last request that attests the clock, since
 * the clock may have gone wrong after it. *ret_attested false: there is none of the last days.
 */
static int choose_time(const struct ca_operator *ca, const struct prune_settings *given,
		       int64_t *ret_time_s, bool *ret_attested, struct fault *fault)
{
	int64_t attested_s;

	*ret_time_s = ca->now_s;
	*ret_attested = true;
	if (given->clock_is_right)
		return 0;
	if (read_attested_time(ca->store, &attested_s, fault) < 0)
		return -1;
	*ret_attested = attested_s >= ca->now_s - ATTESTED_WITHIN_S;
	if (attested_s < ca->now_s)
		*ret_time_s = attested_s;
	return 0;
}

static int print_pruned(const struct command *command, const struct prune_summary *pruned,
			const struct prune_options *options, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};
	char ended[TIME_TEXT_SIZE];

	format_time(options->ended_before_s, ended);
	if (!command->json) {
		print_line("%s that ended before %s %s",
			   counted(pruned->certificates, "certificate", "certificates").text, ended,
			   options->dry_run ? "would be pruned" : "pruned");
		if (pruned->kept > 0)
			print_line("%s as long as a CRL may list them",
				   counted(pruned->kept, "more is revoked, and stays",
					   "more are revoked, and stay")
					   .text);
		return 0;
	}
	add_json_number(&line, "certificates", (long long)pruned->certificates);
	add_json_number(&line, "kept", (long long)pruned->kept);
	add_json_time(&line, "ended_before", options->ended_before_s);
	add_json_flag(&line, "dry_run", options->dry_run);
	return print_json(&line, fault);
}

/* The log keeps the lines of the certificates that the record keeps, also as long as a CRL may list
   them. */
static int trim_log(const struct ca_operator *ca, const struct prune_options *options,
		    struct fault *fault)
{
	int64_t cut_s = options->ended_before_s;
	unsigned int newest;
	size_t removed;

	if (options->dry_run)
		return 0;
	if (read_newest_issuer(ca->store, &newest, fault) < 0)
		return -1;
	for (unsigned int number = FIRST_ISSUER; number <= newest; number++) {
		struct crl_state state;

		if (read_crl_state(ca->store, number, &state, fault) < 0)
			return -1;
		if (state.cut_s < cut_s && state.serves_until_s >= options->ended_before_s)
			cut_s = state.cut_s;
	}
	return trim_signed_log(ca->layout, cut_s, &removed, fault);
}

static void complain_of_clock(const struct command *command, int64_t now_s)
{
	char now[TIME_TEXT_SIZE];

	format_time(now_s, now);
	print_complaint(command,
			"nothing is pruned: no client's request of the last %d days attests this "
			"machine's clock, by which it is %s now: if that is right, say "
			"--clock-is-right",
			ATTESTED_WITHIN_S / 86400, now);
}

/* The CRL goes first: a revoked certificate is pruned only when the current CRL lacks it. */
static int prune(const struct command *command, const struct prune_settings *given,
		 struct ca_operator *ca, const struct prune_options *options,
		 struct prune_summary *ret_pruned, struct fault *fault)
{
	CLEANUP(end_bar) struct bar bar = {0};
	struct progress progress =
		start_bar(&bar, command, "certificates", "pruned: run it again to go on");
	struct ca_crls crls;
	struct fault ignored = {0};

	if (!given->dry_run)
		(void)!publish_ca_crls(ca, &given->key, CRL_WHEN_DUE, &crls, &ignored);
	if (prune_certificates(ca->store, options, progress.function, progress.context, ret_pruned,
			       fault) < 0)
		return ret_pruned->certificates > 0
			       ? prefix_fault(fault, "after %s",
					      counted(ret_pruned->certificates, "certificate",
						      "certificates")
						      .text)
			       : -1;
	if (trim_log(ca, options, fault) < 0)
		return -1;
	if (ret_pruned->certificates > 0 && !given->dry_run)
		/* The certificates are gone already. */
		publish_after(command, ca, &given->key, "the certificates are pruned, but the CRL",
			      "");
	return 0;
}

static int run_prune(const struct command *command, const void *settings, struct fault *fault)
{
	const struct prune_settings *given = settings;
	CLEANUP(clear_operator) struct ca_operator ca = {0};
	struct prune_options options = {.dry_run = given->dry_run};
	struct prune_summary pruned = {0};
	int64_t time_s;
	bool attested;

	if (open_operator(command, &ca, fault) < 0 ||
	    choose_time(&ca, given, &time_s, &attested, fault) < 0 ||
	    (!given->dry_run && remove_ended_keys(ca.layout, fault) < 0))
		return -1;
	options.now_s = ca.now_s;
	options.ended_before_s = time_s - given->older_than_s;
	if (!attested)
		complain_of_clock(command, ca.now_s);
	else if (prune(command, given, &ca, &options, &pruned, fault) < 0)
		return -1;
	return print_pruned(command, &pruned, &options, fault);
}

const struct verb prune_verb = {
	.name = "prune",
	.group = VERB_KEEPING,
	.operands = "",
	.summary = "remove certificates that ended long ago from the record",
	.details =
		"On the CA, also while it serves. Removes certificates from the record that\n"
		"expired that long before the last request of a client whose clock agreed with\n"
		"this one; without such a request of the last 30 days it prunes nothing. A\n"
		"revoked one stays as long as a CRL may list it; the audit log stays; no key is\n"
		"ever certified again. Asked about a pruned certificate, the CA answers that it\n"
		"is unknown.\n",
	.example = "certpool prune --older-than 1y --dry-run\n",
	.options = prune_options,
	.settings_size = sizeof(struct prune_settings),
	.irrevocable = true,
	.run = run_prune,
};
