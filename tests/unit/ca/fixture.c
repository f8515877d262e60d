#include "tests/unit/ca/fixture.h"

#include "common/ca/store/certificates.h"
#include "common/x509/csr.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char manifest_text[] =
	"version: 1\n"
	"ca:\n"
	"  layout: ca\n"
	"  endpoint: http://127.0.0.1:0\n"
	"  subject: CN=Test Root\n"
	"clients:\n"
	"  client1: {pool: {size: 20}, policy: {certificates: 10000}}\n"
	"  client2: {pool: {size: 20}}\n"
	"  client3: {pool: {size: 20}}\n"
	"  spaced: {pool: {size: 20, subject: \"cn = {client}-{index}, O=Acme\\\\, Inc, c=FR\"}}\n"
	"  few: {pool: {size: 1}, policy: {certificates: 3}}\n"
	"  web: {policy: {usages: [client, server, key-encipherment]}}\n"
	"  strict:\n"
	"    pool: {size: 20}\n"
	"    policy:\n"
	"      subject: \"CN={client}-{index}\"\n"
	"      alt_names: [\"DNS:{client}-{index}.example\"]\n"
	"      keys: [ecdsa-p256]\n";

void make_ca_place(struct ca_fixture *fixture)
{
	char path[300];

	*fixture = (struct ca_fixture){0};
	make_scratch(&fixture->scratch);
	(void)snprintf(path, sizeof(path), "%s/manifest.yaml", fixture->scratch.path);
	(void)snprintf(fixture->ca_path, sizeof(fixture->ca_path), "%s/ca", fixture->scratch.path);
	(void)snprintf(fixture->store_path, sizeof(fixture->store_path), "%s/state/ca.db",
		       fixture->ca_path);
	OK(parse_manifest(bytes_of_string(manifest_text), path, &fixture->manifest, &fault));
	OK(make_layout(fixture->ca_path, &fixture->layout, &fault));
}

void lay_root_apart(struct ca_fixture *fixture)
{
	struct ca_node *ca = &fixture->manifest->ca;
	char path[300];

	(void)snprintf(path, sizeof(path), "%s/stick", fixture->scratch.path);
	ca->root_layout = strdup(path);
	ca->intermediate_subject = strdup("CN=Test Issuing CA");
	ca->intermediate_validity_s = 5 * 365 * DAY_S;
	cr_assert(ca->root_layout != NULL && ca->intermediate_subject != NULL);
}

int init_ca(struct ca_fixture *fixture, int64_t now_s, struct authority_made *ret_made,
	    struct fault *fault)
{
	return init_authority(fixture->layout, fixture->manifest, &fixture->access, now_s, ret_made,
			      fault);
}

int open_ca(struct ca_fixture *fixture, int64_t now_s, struct fault *fault)
{
	return open_authority(fixture->layout, fixture->manifest, &fixture->access,
			      AUTHORITY_SERVING, now_s, &fixture->authority, fault);
}

void make_ca(struct ca_fixture *fixture, int64_t now_s)
{
	struct authority_made made = {0};

	make_ca_place(fixture);
	OK(init_ca(fixture, now_s, &made, &fault));
	OK(open_ca(fixture, now_s, &fault));
}

void remove_ca(struct ca_fixture *fixture)
{
	free_authority(&fixture->authority);
	clear_key_access(&fixture->access);
	free_layout(&fixture->layout);
	free_manifest(&fixture->manifest);
	remove_scratch(&fixture->scratch);
}

struct private_key *make_key(enum key_type type)
{
	struct private_key *key = NULL;

	OK(generate_private_key(type, &key, &fault));
	return key;
}

struct buffer make_csr(const struct private_key *key, const char *subject, const char *alt_name)
{
	CLEANUP(clear_alt_names) struct alt_names names = {0};
	struct buffer pem = {0};

	if (alt_name != NULL)
		OK(add_alt_name(&names, alt_name, &fault));
	OK(create_csr(key, subject, &names, USE_SIGN, &pem, &fault));
	return pem;
}

void add_member(struct certificates_request *request, const char *name, struct buffer pem)
{
	struct member_pem *members =
		reallocarray(request->members, request->count + 1, sizeof(*members));

	cr_assert_not_null(members);
	request->members = members;
	members[request->count] = (struct member_pem){.pem = pem};
	(void)snprintf(members[request->count].name, NAME_SIZE, "%s", name);
	request->count++;
}

void add_members(struct certificates_request *request, const char *client, size_t first,
		 size_t count)
{
	for (size_t i = first; i < first + count; i++) {
		CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
		char subject[NAME_SIZE + 32];
		char name[NAME_SIZE];

		(void)snprintf(subject, sizeof(subject), "CN=%s-%zu", client, i);
		(void)snprintf(name, sizeof(name), "key%zu", i);
		add_member(request, name, make_csr(key, subject, NULL));
	}
}

void certify(struct ca_fixture *fixture, const char *client,
	     const struct certificates_request *request, int64_t now_s,
	     struct certificates_answer *answer)
{
	OK(certify_batch(fixture->authority, client, request, now_s, answer, &fault));
}

const struct buffer *find_pem(const struct certificates_answer *answer, const char *name)
{
	for (size_t i = 0; i < answer->certificate_count; i++)
		if (strcmp(answer->certificates[i].name, name) == 0)
			return &answer->certificates[i].pem;
	return NULL;
}

const struct refusal *find_refusal(const struct certificates_answer *answer, const char *name)
{
	for (size_t i = 0; i < answer->refusal_count; i++)
		if (strcmp(answer->refusals[i].name, name) == 0)
			return &answer->refusals[i].refusal;
	return NULL;
}

void expect_member_refused(const struct certificates_answer *answer, const char *name,
			   const char *type, const char *part)
{
	const struct refusal *refusal = find_refusal(answer, name);

	cr_assert_not_null(refusal, "%s was expected to be refused: %s", name, type);
	cr_expect_null(find_pem(answer, name));
	cr_expect_str_eq(refusal->type, type, "%s: %s: %s", name, refusal->type, refusal->detail);
	cr_expect_not_null(strstr(refusal->detail, part), "%s: expected \"%s\" in \"%s\"", name,
			   part, refusal->detail);
}

struct certificate *parse_member_certificate(const struct certificates_answer *answer,
					     const char *name)
{
	const struct buffer *pem = find_pem(answer, name);
	struct certificate *certificate = NULL;

	cr_assert_not_null(pem, "%s has no certificate", name);
	OK(parse_certificate_pem(bytes_of_buffer(pem), &certificate, &fault));
	return certificate;
}

struct certificate *certify_one(struct ca_fixture *fixture, int64_t now_s)
{
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};

	add_members(&request, "client1", 1, 1);
	certify(fixture, "client1", &request, now_s, &answer);
	return parse_member_certificate(&answer, "key1");
}

size_t count_rows(const struct ca_fixture *fixture)
{
	CLEANUP(free_store) struct store *store = NULL;
	struct store_summary summary;

	OK(open_store(fixture->store_path, &store, &fault));
	OK(summarize_store(store, NOW_S, &summary, &fault));
	return summary.certificates;
}

void expect_fault(const struct fault *fault, enum fault_class class, const char *part)
{
	cr_expect_eq(fault->class, class, "class %u: %s", (unsigned int)fault->class, fault->text);
	cr_expect_not_null(strstr(fault->text, part), "expected \"%s\" in \"%s\"", part,
			   fault->text);
}

static int count_line(void *context, const struct signed_line *line, struct fault *fault)
{
	size_t *counts = context;

	(void)fault;
	counts[line->kind]++;
	return 0;
}

size_t count_signed(const struct ca_fixture *fixture, enum signed_kind kind)
{
	size_t counts[SIGNED_KIND_COUNT] = {0};

	OK(read_signed_log(fixture->layout, count_line, counts, NULL, &fault));
	return counts[kind];
}
