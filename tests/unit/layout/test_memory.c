#include "common/layout/client_policy.h"
#include "common/layout/layout.h"
#include "common/layout/manifest.h"
#include "common/layout/template.h"

#include "tests/support/failing_memory.h"
#include "tests/support/scratch.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* catalogue 75: every n-th allocation fails, for each n */

static struct scratch scratch;

static void set_up(void)
{
	if (!memory_can_fail())
		cr_skip_test("the sanitizer has an allocator of its own");
	make_scratch(&scratch);
}

static void tear_down(void)
{
	remove_scratch(&scratch);
}

/* A manifest that uses every setter. */
static const char manifest_text[] =
	"version: 1\n"
	"ca: {layout: ca, endpoint: \"http://127.0.0.1:8440\", key: \"pkcs11:object=a\",\n"
	"     validity: 1y, root_layout: root, pin_file: pin, passphrase_file: p,\n"
	"     intermediate: {validity: 1d}, crl: {url: \"http://h\"}, ocsp: {url: \"http://h\"}}\n"
	"clients:\n"
	"  a:\n"
	"    layout: x\n"
	"    pool: {size: 3, alt_names: [\"DNS:a{index}\", \"URI:urn:{random}\"]}\n"
	"    policy: {subject: \"CN={client}\", keys: [ed25519, rsa-3072], certificates: 9,\n"
	"             alt_names: [\"DNS:a\"], requests_per_minute: 9, validity: 1d}\n"
	"  b: {endpoint: \"http://[::1]:1\", pool: {alt_names: [\"IP:127.0.0.1\"]}}\n"
	"batch:\n"
	"  - enroll: [a, b]\n"
	"  - send: {from: a, to: b, text: hello, count: 2}\n"
	"  - verify: {by: b, online: true}\n";

static int load(struct fault *fault)
{
	CLEANUP(free_manifest) struct manifest *manifest = NULL;

	if (parse_manifest(bytes_of_string(manifest_text), "m.yaml", &manifest, fault) < 0)
		return -1;
	return manifest->client_count == 2 && manifest->step_count == 3 ? 0 : 1;
}

static int make(struct fault *fault)
{
	CLEANUP(free_layout) struct layout *layout = NULL;

	return make_layout(scratch.path, &layout, fault);
}

static int list(struct fault *fault)
{
	CLEANUP(free_layout) struct layout *layout = NULL;
	CLEANUP(clear_peers) struct peers peers = {0};

	if (open_layout(scratch.path, &layout, fault) < 0)
		return -1;
	if (list_peers(layout, &peers, fault) < 0)
		return -1;
	return peers.count == 2 && strcmp(peers.names[0], "a") == 0 ? 0 : 1;
}

static int expand(struct fault *fault)
{
	CLEANUP(free_string) char *text = NULL;
	static const uint8_t random_octets[16] = {0};

	return expand_template("CN={client}-{index}-{random}", "a", 1, random_octets, &text, fault);
}

static int copy_policy(struct fault *fault)
{
	CLEANUP(clear_client_policy) struct client_policy policy = {0};
	CLEANUP(clear_client_policy) struct client_policy copy = {0};

	if (default_client_policy(&policy, fault) < 0 ||
	    parse_alt_name_list("DNS:a,DNS:b", &policy, fault) < 0)
		return -1;
	return copy_client_policy(&policy, &copy, fault);
}

TestSuite(memory, .init = set_up, .fini = tear_down);

Test(memory, runs_out_while_a_manifest_is_read)
{
	cr_expect_gt(expect_memory_faults(load), 100);
}

Test(memory, runs_out_while_a_layout_is_made)
{
	cr_expect_gt(expect_memory_faults(make), 5);
}

Test(memory, runs_out_while_peers_are_listed)
{
	cr_assert_eq(make(NULL), 0);
	put_file(scratch.dirfd, "Private/shared_a.jwk", "", 0600);
	put_file(scratch.dirfd, "Private/shared_b.jwk", "", 0600);
	cr_expect_gt(expect_memory_faults(list), 3);
}

Test(memory, runs_out_while_a_policy_is_copied)
{
	cr_expect_geq(expect_memory_faults(copy_policy), 8);
}

Test(memory, runs_out_while_a_template_is_expanded)
{
	cr_expect_geq(expect_memory_faults(expand), 1);
}
