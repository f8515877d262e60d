#include "common/layout/manifest.h"

#include "tests/support/expect.h"
#include "tests/support/scratch.h"
#include "tests/unit/layout/manifest_rows.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEP(text)                                                                                 \
	HEAD "clients: {a: {}, b: {endpoint: \"http://[::1]:8442\"}}\nbatch:\n  - " text "\n"

Test(manifest, refuses_what_is_no_manifest)
{
	static const struct refusal_row rows[] = {
		{"", "1:1", "expected a mapping, found nothing"},
		{"# nothing\n", "1:1", "expected a mapping, found nothing"},
		{"- a\n", "1:1", "expected a mapping, found a list"},
		{"hello\n", "1:1", "expected a mapping, found hello"},
		{"\ta: b\n", "1:1", "cannot start any token"},
		{"a: \"b\n", "2:1", "unexpected end of stream"},
		{"ca: {endpoint: \"http://h:1\"}\n", "1:1", "expected the key version, found none"},
		{"version: 1\n", "1:1", "expected the key ca, found none"},
		{"version: 2\n", "1:10", "version: expected 1, found 2"},
		{"version: 1\nca: {}\n", "2:5", "ca: expected the key endpoint, found none"},
		{"version: 1\nca: x\n", "2:5", "ca: expected a mapping, found x"},
		{HEAD "---\nversion: 1\n", "3:1", "expected one document, found another"},
	};

	expect_refusals(rows, COUNT_OF(rows));
}

Test(manifest, refuses_unknown_and_duplicate_keys)
{
	static const struct refusal_row rows[] = {
		{HEAD "client: {}\n", "3:1",
		 "expected one of the keys version, ca, clients, batch, found \"client\""},
		{HEAD "<<: {version: 1}\n", "3:1", "found \"<<\""},
		{CLIENT("{pool: {sise: 1}}"), "4:14",
		 "clients.a.pool.sise: expected one of the keys size, key, subject"},
		{CLIENT("{polcy: {}}"), "4:7", "found \"polcy\""},
		{CLIENT("{policy: {key: []}}"), "4:16", "found \"key\""},
		{HEAD "ca: {}\n", "3:1",
		 "ca: expected each key once, found it again (the first is in line 2)"},
		{HEAD "clients: {a: {}, b: {}, a: {}}\n", "3:25", "clients.a: expected each key"},
		{CLIENT("{pool: {size: 1, key: ed25519, size: 2}}"), "4:37", "size"},
		{CLIENT("{pool: {resue: random}}"), "4:14",
		 "clients.a.pool.resue: expected one of the keys"},
	};

	expect_refusals(rows, COUNT_OF(rows));
}

Test(manifest, refuses_wrong_types)
{
	static const struct refusal_row rows[] = {
		{HEAD "clients: []\n", "3:10", "clients: expected a mapping, found a list"},
		{HEAD "clients:\n", "3:9", "clients: expected a mapping, found nothing"},
		{CLIENT("5"), "4:6", "clients.a: expected a mapping, found 5"},
		{CLIENT("{pool: 5}"), "4:13", "expected a mapping, found 5"},
		{CLIENT("{pool: {size: \"20\"}}"), "4:20", "found the text \"20\""},
		{CLIENT("{pool: {size: [20]}}"), "4:20", "found a list"},
		{CLIENT("{pool: {size: }}"), "4:20", "found nothing"},
		{CLIENT("{layout: 12}"), "4:15", "expected text, found 12: put text in quotes"},
		{CLIENT("{layout: 1.5}"), "4:15", "expected text, found 1.5"},
		{CLIENT("{layout: true}"), "4:15", "expected text, found true"},
		{CLIENT("{layout: ~}"), "4:15", "expected text, found ~"},
		{CLIENT("{layout: \"\"}"), "4:15", "expected text, found an empty one"},
		{CLIENT("{layout: [x]}"), "4:15", "expected a single value, found a list"},
		{CLIENT("{endpoint: {}}"), "4:17", "expected a single value, found a mapping"},
		{CLIENT("{pool: {key: [ed25519]}}"), "4:19", "found a list"},
		{CLIENT("{policy: {keys: ed25519}}"), "4:22", "expected a list, found ed25519"},
		{CLIENT("{policy: {keys: []}}"), "4:22", "expected a key type"},
		{CLIENT("{pool: {alt_names: DNS:x}}"), "4:25", "expected a list, found DNS:x"},
		{CLIENT("{pool: {alt_names: [[]]}}"), "4:26", "expected a single value"},
		{HEAD "batch: {}\n", "3:8", "batch: expected a list, found a mapping"},
	};

	expect_refusals(rows, COUNT_OF(rows));
}

/* catalogue 27, 30: numbers in one spelling, in their range */
Test(manifest, refuses_numbers_out_of_range_or_in_another_spelling)
{
	static const struct refusal_row rows[] = {
		{CLIENT("{pool: {size: 0}}"), "4:20",
		 "expected a whole number from 1 to 1000000, found 0"},
		{CLIENT("{pool: {size: 1000001}}"), "4:20", "found 1000001"},
		{CLIENT("{pool: {size: 18446744073709551617}}"), "4:20", "18446744073709551617"},
		{CLIENT("{pool: {size: 9223372036854775808}}"), "4:20", "9223372036854775808"},
		{CLIENT("{pool: {size: -1}}"), "4:20", "found -1"},
		{CLIENT("{pool: {size: +1}}"), "4:20", "found +1"},
		{CLIENT("{pool: {size: 020}}"), "4:20", "found 020"},
		{CLIENT("{pool: {size: 0x14}}"), "4:20", "found 0x14"},
		{CLIENT("{pool: {size: 2e1}}"), "4:20", "found 2e1"},
		{CLIENT("{pool: {size: 20.0}}"), "4:20", "found 20.0"},
		{CLIENT("{pool: {size: 1_000}}"), "4:20", "found 1_000"},
		{CLIENT("{pool: {batch_size: 1001}}"), "4:26", "from 1 to 1000, found 1001"},
		{CLIENT("{policy: {certificates: 0}}"), "4:30", "from 1 to 10000000, found 0"},
		{CLIENT("{policy: {requests_per_minute: 0}}"), "4:37",
		 "from 1 to 1000000, found 0"},
		{CLIENT("{policy: {validity: 101y}}"), "4:26", "at most 100y"},
		{CLIENT("{message_limit: 1MiB}"), "4:22", "from 1 to 16777216, found 1MiB"},
		{CLIENT("{message_limit: 16777217}"), "4:22", "found 16777217"},
		{"version: 1\nca: {endpoint: \"http://h:1\", validity: 101y}\n", "2:40",
		 "at most 100y"},
		{"version: 1\nca: {endpoint: \"http://h:1\", validity: 0d}\n", "2:40", "0d"},
		{"version: 1\nca: {endpoint: \"http://h:1\", validity: 90}\n", "2:40", "\"90\""},
		/* catalogue 96 */
		{"version: 1\nca: {endpoint: \"http://h:1\", certificates: {backdate: 6m}}\n",
		 "2:55", "ca.certificates.backdate: expected 1 to 300 seconds, found 6m"},
		{"version: 1\nca: {endpoint: \"http://h:1\", revocation: {round: 0s}}\n", "2:50",
		 "ca.revocation.round: "},
		{"version: 1\nca: {endpoint: \"http://h:1\", revocation: {round: 8d}}\n", "2:50",
		 "ca.revocation.round: expected 1 to 604800"},
		{"version: 1\nca: {endpoint: \"http://h:1\", revocation: {every: 1h}}\n", "2:43",
		 "expected one of the keys round, round_key_compromise, found \"every\""},
		{"version: 1\nca: {endpoint: \"http://h:1\", revocation: {round_key_compromise: "
		 "1}}\n",
		 "2:65", "ca.revocation.round_key_compromise: "},
		{"version: 1\nca: {endpoint: \"http://h:1\", certificates: {jitter: 51%}}\n",
		 "2:53", "ca.certificates.jitter: expected 0% to 50%, found 51%"},
		{"version: 1\nca: {endpoint: \"http://h:1\", certificates: {jitter: 10}}\n", "2:53",
		 "expected 0% to 50%, found 10"},
		{"version: 1\nca: {endpoint: \"http://h:1\", certificates: {jitter: 010%}}\n",
		 "2:53", "expected 0% to 50%, found 010%"},
	};

	expect_refusals(rows, COUNT_OF(rows));
}

Test(manifest, refuses_bad_endpoints_key_types_and_templates)
{
	static const struct refusal_row rows[] = {
		{CLIENT("{endpoint: \"ftp://h:1\"}"), "4:17", "clients.a.endpoint: \"ftp://h:1\""},
		{CLIENT("{endpoint: \"http://h\"}"), "4:17", "expected http://HOST:PORT"},
		{CLIENT("{endpoint: \"http://h:65536\"}"), "4:17", "65536"},
		{CLIENT("{endpoint: \"http://u@h:1\"}"), "4:17", "u@h"},
		{CLIENT("{pool: {key: rsa-1024}}"), "4:19", "\"rsa-1024\" is no key type"},
		{CLIENT("{pool: {key: ECDSA-P256}}"), "4:19", "\"ECDSA-P256\" is no key type"},
		{CLIENT("{policy: {keys: [ed25519, p256]}}"), "4:32", "policy.keys[2]: \"p256\""},
		{CLIENT("{policy: {keys: [ed25519, ed25519]}}"), "4:32", "found ed25519 again"},
		{CLIENT("{pool: {subject: \"CN={name}\"}}"), "4:23", "found \"{name}\""},
		{CLIENT("{policy: {subject: \"CN={index\"}}"), "4:25", "found \"{index\""},
		{CLIENT("{pool: {alt_names: [\"DNS:{i}\"]}}"), "4:26", "found \"{i}\""},
		{CLIENT("{pool: {alt_names: [\"host\"]}}"), "4:26", "expected DNS:, URI:, email:"},
		{CLIENT("{pool: {alt_names: [\"dns:h\"]}}"), "4:26", "found \"dns:h\""},
		{CLIENT("{pool: {alt_names: [\"DNS:\"]}}"), "4:26", "found \"DNS:\""},
		{CLIENT("{pool: {alt_names: [\"DNS:a\",\"DNS:b\",\"DNS:c\",\"DNS:d\",\"DNS:e\","
			"\"DNS:f\",\"DNS:g\",\"DNS:h\",\"DNS:i\",\"DNS:j\",\"DNS:k\",\"DNS:l\","
			"\"DNS:m\",\"DNS:n\",\"DNS:o\",\"DNS:p\",\"DNS:q\"]}}"),
		 "4:25", "expected at most 16 names, found 17"},
		{"version: 1\nca: {endpoint: \"http://h:1\", subject: \"CN={random}\"}\n", "2:39",
		 "ca.subject: expected text without braces"},
	};

	expect_refusals(rows, COUNT_OF(rows));
}

/* catalogue 32, 41 */
Test(manifest, refuses_bad_names)
{
	static const struct refusal_row rows[] = {
		{HEAD "clients: {\"../../x\": {}}\n", "3:11", "expected a name of 1 to 64"},
		{HEAD "clients: {\"/etc/x\": {}}\n", "3:11", "/etc/x"},
		{HEAD "clients: {\"a/b\": {}}\n", "3:11", "a/b"},
		{HEAD "clients: {\".\": {}}\n", "3:11", "\".\""},
		{HEAD "clients: {\"..\": {}}\n", "3:11", "\"..\""},
		{HEAD "clients: {\"\": {}}\n", "3:11", "found \"\""},
		{HEAD "clients: {\"-a\": {}}\n", "3:11", "not beginning with -"},
		{HEAD "clients: {\"a\\0b\": {}}\n", "3:11", "control characters"},
		{HEAD "clients: {\"\xd1\x81lient\": {}}\n", "3:11", "expected a name"},
		{HEAD "clients: {a23456789012345678901234567890123456789012345678901234567890"
		      "12345: {}}\n",
		 "3:11", "expected a name of 1 to 64"},
		{HEAD "clients: {ca: {}}\n", "3:11", "which is the CA's"},
		{HEAD "clients: {CA: {}}\n", "3:11", "which is the CA's"},
		{HEAD "clients:\n  alpha: {}\n  b: {}\n  Alpha: {layout: x}\n", "6:3",
		 "expected names that differ by more than case, found \"Alpha\" and, in line 4, "
		 "\"alpha\""},
	};

	expect_refusals(rows, COUNT_OF(rows));
}

Test(manifest, refuses_two_nodes_with_one_layout_or_endpoint)
{
	static const struct refusal_row rows[] = {
		{HEAD "clients: {a: {layout: x}, b: {layout: x}}\n", "3:39",
		 "clients.b.layout: expected a layout of its own, found that of line 3"},
		{HEAD "clients: {a: {layout: x}, b: {layout: ./y/../x/}}\n", "3:39", "layout"},
		{HEAD "clients: {a: {layout: b}, b: {}}\n", "3:30", "clients.b: expected a layout"},
		{"version: 1\nca: {layout: a, endpoint: \"http://h:1\"}\nclients: {a: {}}\n",
		 "3:14", "expected a layout of its own, found that of line 2"},
		{HEAD "clients: {a: {endpoint: \"http://127.0.0.1:8440\"}}\n", "3:25",
		 "clients.a.endpoint: expected an endpoint of its own, found that of line 2"},
		{HEAD "clients: {a: {endpoint: \"http://[::1]:1\"}, b: {endpoint: "
		      "\"http://[0:0:0:0:0:0:0:1]:1\"}}\n",
		 "3:58", "endpoint"},
		{HEAD "clients: {a: {endpoint: \"http://LocalHost:1\"}, b: {endpoint: "
		      "\"http://localhost:1\"}}\n",
		 "3:62", "endpoint"},
	};

	expect_refusals(rows, COUNT_OF(rows));
}

Test(manifest, refuses_an_absolute_layout_that_is_the_same_as_a_relative_one)
{
	char text[1024];
	char expected[] = "expected a layout of its own";
	char current[512];
	struct manifest *manifest = NULL;

	cr_assert_not_null(getcwd(current, sizeof(current)));
	(void)snprintf(text, sizeof(text), HEAD "clients: {a: {}, b: {layout: \"%s/dir/a\"}}\n",
		       current);
	REFUSED(parse(text, &manifest, &fault), FAULT_USAGE, expected);
}

Test(manifest, refuses_bad_steps)
{
	static const struct refusal_row rows[] = {
		{STEP("x"), "5:5", "batch[1]: expected a mapping, found x"},
		{STEP("{}"), "5:5",
		 "expected one of enroll, renew, send and verify in a step, found 0"},
		{STEP("{enroll: [a], verify: {by: a}}"), "5:5", "found 2 keys"},
		{STEP("{receive: a}"), "5:6",
		 "expected one of the keys enroll, renew, send, verify"},
		{STEP("{enroll: a}"), "5:14", "expected a list, found a"},
		{STEP("{enroll: []}"), "5:14", "expected clients, found an empty list"},
		{STEP("{enroll: [a, c]}"), "5:18",
		 "batch[1].enroll[2]: expected a client of dir/m.yaml, found \"c\": there are a, "
		 "b"},
		{STEP("{enroll: [a, b, a]}"), "5:21", "expected each client once, found a again"},
		{STEP("{renew: [b, a, b]}"), "5:20", "expected each client once, found b again"},
		{STEP("{renew: a}"), "5:13", "expected a list, found a"},
		{STEP("{enroll: [A]}"), "5:15", "found \"A\""},
		{STEP("{enroll: [ca]}"), "5:15", "found \"ca\""},
		{STEP("{send: {from: a, to: b}}"), "5:12", "expected the key text, found none"},
		{STEP("{send: {to: b, text: x}}"), "5:12", "expected the key from, found none"},
		{STEP("{send: {from: a, to: a, text: x}}"), "5:26", "another client"},
		{STEP("{send: {from: b, to: a, text: x}}"), "5:26",
		 "expected a client that receives, found a, which has no endpoint"},
		{STEP("{send: {from: a, to: b, text: x, count: 0}}"), "5:45", "from 1 to 1000000"},
		{STEP("{send: {from: a, to: b, text: \"x\\ny\"}}"), "5:35", "control"},
		{STEP("{verify: {by: c}}"), "5:19", "found \"c\""},
		{STEP("{verify: {online: true}}"), "5:14", "expected the key by, found none"},
		{STEP("{verify: {by: a, online: yes}}"), "5:30",
		 "expected true or false, found yes"},
		{STEP("{verify: {by: a, online: \"true\"}}"), "5:30", "found the text \"true\""},
		{HEAD "clients: {a: {}, b: {endpoint: \"http://h:1\", message_limit: 3}}\n"
		      "batch: [{send: {from: a, to: b, text: abcd}}]\n",
		 "4:39", "expected at most 3 octets, the message_limit of b, found 4"},
	};

	expect_refusals(rows, COUNT_OF(rows));
}

/* The rows continue `ca:` after its endpoint. */
#define CA(text) "version: 1\nca: {endpoint: \"http://h:1\", " text "}\n"

Test(manifest, refuses_keys_of_the_ca_that_do_not_fit_together)
{
	static const struct refusal_row rows[] = {
		{CA("key: p256"), "2:35", "ca.key: \"p256\" is no key type"},
		{CA("key: \"pkcs11:token=t\""), "2:35",
		 "ca.key: expected a pkcs11: URL that names"},
		{CA("key: [x]"), "2:35", "ca.key: expected a single value, found a list"},
		{CA("pin_file: x"), "2:30", "ca.pin_file: expected a key in a token"},
		{CA("pin_file: 4711"), "2:40", "expected text, found 4711"},
		{CA("key: \"pkcs11:object=a\", passphrase_file: x"), "2:54",
		 "ca.passphrase_file: expected a key in a file, found one in a token"},
		{CA("root_layout: x"), "2:30", "expected the CA's layout beside it"},
		{CA("intermediate: {}"), "2:30", "expected a root_layout beside it"},
		{CA("layout: a, root_layout: b, intermediate: {validity: 11y}"), "2:82",
		 "ca.intermediate.validity: expected at most the root's validity"},
		{CA("layout: a, root_layout: b, intermediate: {subject: \"CN={index}\"}"), "2:81",
		 "expected text without braces"},
		{CA("layout: a, root_layout: ./a/"), "2:54",
		 "ca.root_layout: expected a layout of its own, found that of line 2"},
		{CA("layout: a, root_layout: b") "clients: {c: {layout: b}}\n", "3:23",
		 "clients.c.layout: expected a layout of its own"},
		{CA("crl: {url: \"ftp://h\"}"), "2:41", "ca.crl.url: expected http://HOST"},
		{CA("crl: {url: \"http://h/ \"}"), "2:41", "ca.crl.url: expected the characters"},
		{CA("crl: {validity: 59s}"), "2:46", "ca.crl.validity: expected 60 to 31536000"},
		{CA("crl: {validity: 366d}"), "2:46", "ca.crl.validity: expected 60 to"},
		{CA("crl: http"), "2:35", "ca.crl: expected a mapping"},
		{CA("root_crl: {validity: 1y}"), "2:30",
		 "ca.root_crl: expected a root_layout beside it, found none: without one the "
		 "root's CRL is the CA's"},
		{CA("layout: a, root_layout: b, root_crl: {url: \"ftp://h\"}"), "2:73",
		 "ca.root_crl.url: expected http://HOST"},
		{CA("layout: a, root_layout: b, root_crl: {validity: 59s}"), "2:78",
		 "ca.root_crl.validity: expected 60 to 3153600000"},
		{CA("ocsp: {uri: x}"), "2:37", "expected one of the keys url"},
		{CA("free_space: 64MiB"), "2:42", "expected a whole number from 0 to"},
		{CA("ocsp: {url: [x]}"), "2:42", "expected a single value"},
		{CA("ocsp: {requests_per_minute: 0}"), "2:58", "from 1 to 60000000"},
	};

	expect_refusals(rows, COUNT_OF(rows));
}

/* catalogue 101 */
Test(manifest, quotes_no_pin_that_stands_in_it)
{
	struct manifest *manifest = NULL;

	REFUSED(parse(CA("key: \"pkcs11:object=a?pin-value=4711\""), &manifest, &fault),
		FAULT_USAGE, "ca.key: expected a pkcs11: URL without pin-value");
	NOT_SAID("4711");
}

Test(manifest, reads_where_the_keys_lie_and_what_certificates_say)
{
	struct manifest *manifest = NULL;
	const struct ca_node *ca;

	OK(parse(CA("layout: ca, root_layout: root, key: \"pkcs11:object=a\", pin_file: "
		    "pin, passphrase_file: /p, validity: 3y, crl: {url: "
		    "\"http://h/crl\", validity: 1m}, ocsp: {url: \"https://h/o\", "
		    "requests_per_minute: 7}, "
		    "root_crl: "
		    "{url: \"http://h/root.crl\", validity: 2y}"),
		 &manifest, &fault));
	ca = &manifest->ca;
	cr_expect_str_eq(ca->root_layout, "dir/root");
	cr_expect_str_eq(ca->key_url, "pkcs11:object=a");
	cr_expect_str_eq(ca->pin_file, "dir/pin");
	cr_expect_str_eq(ca->passphrase_file, "/p");
	cr_expect_str_eq(ca->intermediate_subject, "CN=certpool Issuing CA");
	cr_expect_eq(ca->intermediate_validity_s, INT64_C(3) * 365 * 86400);
	cr_expect_str_eq(ca->crl_url, "http://h/crl");
	cr_expect_eq(ca->crl_validity_s, 60);
	cr_expect_str_eq(ca->ocsp_url, "https://h/o");
	cr_expect_eq(ca->ocsp_requests_per_minute, 7);
	cr_expect_str_eq(ca->root_crl_url, "http://h/root.crl");
	cr_expect_eq(ca->root_crl_validity_s, INT64_C(2) * 365 * 86400);
	free_manifest(&manifest);
}

Test(manifest, gives_an_intermediate_what_is_said_of_it)
{
	struct manifest *manifest = NULL;

	OK(parse(CA("layout: ca, root_layout: root, intermediate: {subject: CN=x, "
		    "validity: 2y}"),
		 &manifest, &fault));
	cr_expect_str_eq(manifest->ca.intermediate_subject, "CN=x");
	cr_expect_eq(manifest->ca.intermediate_validity_s, INT64_C(2) * 365 * 86400);
	free_manifest(&manifest);
	OK(parse(CA("layout: ca, root_layout: root"), &manifest, &fault));
	cr_expect_eq(manifest->ca.intermediate_validity_s, INT64_C(5) * 365 * 86400);
	free_manifest(&manifest);
}

Test(manifest, refuses_a_missing_file_a_directory_and_one_too_large)
{
	CLEANUP(clear_buffer) struct buffer large = {0};
	struct manifest *manifest = NULL;
	struct fault faults[3] = {{0}};
	struct scratch scratch;

	make_scratch(&scratch);
	cr_assert_eq(chdir(scratch.path), 0);
	memset(extend_buffer(&large, MANIFEST_SIZE_MAX + 1), '#', MANIFEST_SIZE_MAX + 1);
	put_bytes(scratch.dirfd, "large.yaml", bytes_of_buffer(&large), 0644);
	cr_expect_eq(load_manifest("none.yaml", &manifest, &faults[0]), -1);
	cr_expect_eq(load_manifest(".", &manifest, &faults[1]), -1);
	cr_expect_eq(load_manifest("large.yaml", &manifest, &faults[2]), -1);
	cr_expect_eq(faults[0].class, FAULT_NOT_FOUND);
	cr_expect_not_null(strstr(faults[0].text, "none.yaml: No such file"), "%s", faults[0].text);
	cr_expect_eq(faults[1].class, FAULT_REFUSED);
	cr_expect_not_null(strstr(faults[1].text, "regular file"), "%s", faults[1].text);
	cr_expect_eq(faults[2].class, FAULT_TOO_LARGE);
	cr_expect_not_null(strstr(faults[2].text, "at most 1048576"), "%s", faults[2].text);
	cr_expect_eq(parse_manifest(bytes_of_buffer(&large), "m", &manifest, NULL), -1);
	remove_scratch(&scratch);
}

Test(manifest, follows_a_link_that_the_user_named)
{
	struct manifest *manifest = NULL;
	struct scratch scratch;

	make_scratch(&scratch);
	cr_assert_eq(chdir(scratch.path), 0);
	put_file(scratch.dirfd, "real.yaml", HEAD, 0644);
	cr_assert_eq(symlinkat("real.yaml", scratch.dirfd, "manifest.yaml"), 0);
	OK(load_manifest("manifest.yaml", &manifest, &fault));
	free_manifest(&manifest);
	remove_scratch(&scratch);
}

Test(manifest, reads_how_the_ca_speaks_tls)
{
	struct manifest *manifest = NULL;

	OK(parse(CA("layout: ca"), &manifest, &fault));
	cr_expect_not(manifest->ca.allow_tls_1_2);
	cr_expect_eq(manifest->ca.names.count, 0);
	free_manifest(&manifest);
	OK(parse(CA("layout: ca, names: [CA.example, \"2001:DB8::1\"], tls: {minimum: \"1.2\"}"),
		 &manifest, &fault));
	cr_expect(manifest->ca.allow_tls_1_2);
	cr_expect_eq(manifest->ca.names.count, 2);
	cr_expect_str_eq(manifest->ca.names.hosts[0], "ca.example");
	cr_expect_str_eq(manifest->ca.names.hosts[1], "2001:db8::1");
	free_manifest(&manifest);
	REFUSED(parse(CA("tls: {minimum: \"1.1\"}"), &manifest, &fault), FAULT_USAGE,
		"ca.tls.minimum: expected \"1.3\" or \"1.2\", found \"1.1\"");
	REFUSED(parse(CA("names: [\"h:1\"]"), &manifest, &fault), FAULT_USAGE,
		"ca.names[1]: \"h:1\" is no host");
	REFUSED(parse(CA("names: []"), &manifest, &fault), FAULT_USAGE, "1 to 16 hosts, found 0");
}

#define WITH_ACME(more) "version: 1\nca: {endpoint: \"https://ca:1\", acme: {" more "}}\n"

Test(manifest, names_the_clients_that_have_to_show_their_names_by_http_01)
{
	struct manifest *none = NULL;
	struct manifest *some = NULL;
	CLEANUP(clear_buffer) struct buffer names = {0};
	struct manifest *wrong = NULL;

	OK(parse(WITH_ACME(""), &none, &fault));
	OK(parse(WITH_ACME("http_01: [web, a-b]"), &some, &fault));
	cr_expect_eq(none->ca.acme_http_port, 80);
	cr_expect(!is_challenged(none->ca.acme_challenged, "web"));
	cr_expect(is_challenged(some->ca.acme_challenged, "web"));
	cr_expect(is_challenged(some->ca.acme_challenged, "a-b"));
	cr_expect(!is_challenged(some->ca.acme_challenged, "a"));
	cr_expect(!is_challenged(some->ca.acme_challenged, "b"));
	cr_expect(!is_challenged(some->ca.acme_challenged, ""));
	OK(list_ca_differences(&none->ca, &some->ca, &names, &fault));
	cr_expect_str_eq((const char *)names.data, "");
	REFUSED(parse(WITH_ACME("http_01: web"), &wrong, &fault), FAULT_USAGE,
		"ca.acme.http_01: expected a list");
	REFUSED(parse(WITH_ACME("http_01: [\"a b\"]"), &wrong, &fault), FAULT_USAGE,
		"ca.acme.http_01[1]: expected a client's name");
	REFUSED(parse(WITH_ACME("http_port: 65536"), &wrong, &fault), FAULT_USAGE,
		"ca.acme.http_port: expected a whole number from 1 to 65535");
	free_manifest(&none);
	free_manifest(&some);
}

Test(manifest, says_which_names_and_versions_of_tls_have_changed)
{
	struct manifest *before = NULL;
	struct manifest *after = NULL;
	CLEANUP(clear_buffer) struct buffer names = {0};

	OK(parse(CA("names: [a, b]"), &before, &fault));
	OK(parse(CA("names: [a], tls: {minimum: \"1.2\"}"), &after, &fault));
	OK(list_ca_differences(&before->ca, &after->ca, &names, &fault));
	cr_expect_str_eq((const char *)names.data, "ca.names, ca.tls.minimum");
	free_manifest(&before);
	free_manifest(&after);
}
