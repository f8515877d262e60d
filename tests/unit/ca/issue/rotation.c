#include "tests/unit/ca/issue/rotation.h"

#include "common/x509/chain.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>

void make_rotation(struct rotation_fixture *fixture, bool root_apart)
{
	struct authority_made made = {0};

	*fixture = (struct rotation_fixture){0};
	make_ca_place(&fixture->ca);
	if (root_apart)
		lay_root_apart(&fixture->ca);
	OK(init_ca(&fixture->ca, NOW_S, &made, &fault));
	OK(open_ca(&fixture->ca, NOW_S, &fault));
	free_authority(&fixture->ca.authority);
	OK(open_store(fixture->ca.store_path, &fixture->store, &fault));
}

void remove_rotation(struct rotation_fixture *fixture)
{
	clear_rotated_root(&fixture->rotated);
	free_store(&fixture->store);
	remove_ca(&fixture->ca);
}

static struct root_rotation rotation_now(const struct rotation_fixture *fixture)
{
	return (struct root_rotation){.layout = fixture->ca.layout,
				      .ca = &fixture->ca.manifest->ca,
				      .access = &fixture->ca.access,
				      .store = fixture->store,
				      .now_s = NOW_S + DAY_S};
}

int begin_rotation(struct rotation_fixture *fixture, struct fault *fault)
{
	const struct root_rotation rotation = rotation_now(fixture);

	clear_rotated_root(&fixture->rotated);
	return begin_root_rotation(&rotation, &fixture->rotated, fault);
}

int finish_rotation(struct rotation_fixture *fixture, const char *without, struct fault *fault)
{
	const struct root_rotation rotation = rotation_now(fixture);

	clear_rotated_root(&fixture->rotated);
	return finish_root_rotation(&rotation, &without, without != NULL ? 1 : 0, &fixture->rotated,
				    fault);
}

struct certificate *read_ca_certificate(const struct rotation_fixture *fixture, const char *name)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};
	struct certificate *certificate = NULL;

	OK(read_file(fixture->ca.layout->cert, name, CERTIFICATE_PEM_MAX, &pem, &fault));
	OK(parse_certificate_pem(bytes_of_buffer(&pem), &certificate, &fault));
	return certificate;
}

void expect_below(const struct rotation_fixture *fixture, const char *root_name, const char *name,
		  bool expected)
{
	CLEANUP(free_certificate)
	struct certificate *root = read_ca_certificate(fixture, root_name);
	CLEANUP(free_certificate)
	struct certificate *certificate = read_ca_certificate(fixture, name);
	struct verdict verdict = {0};

	OK(verify_intermediate(root, certificate, &verdict, &fault));
	cr_expect_eq(!verdict.invalid, expected, "%s below %s: %s", name, root_name,
		     verdict.reason);
}
