#include "common/x509/chain.h"
#include "tests/support/expect.h"
#include "tests/unit/x509/forge.h"

#include <criterion/criterion.h>
#include <string.h>

static struct certificate *root;

static void set_up(void)
{
	const struct forged_certificate forged = forged_root();

	root = forge_parsed(&forged, root_key());
}

static void tear_down(void)
{
	free_certificate(&root);
}

TestSuite(path, .init = set_up, .fini = tear_down);

/* purposes is an extension, or empty. */
static struct certificate *make_member_of(const char *issuer, const struct private_key *signer,
					  struct bytes purposes)
{
	struct forged_certificate forged = forged_member();

	forged.issuer = common_name(issuer);
	forged.extensions =
		extensions_of(JOIN(member_key_usage(), authority_key_id(issuer), purposes));
	return forge_parsed(&forged, signer);
}

static struct bytes ca_extensions(const char *name, const char *issuer, struct bytes more)
{
	return extensions_of(JOIN(root_basic_constraints(), root_key_usage(), subject_key_id(name),
				  authority_key_id(issuer), more));
}

/* An intermediate "Issuing" by the root that ends in that year, as two digits. */
static struct certificate *make_renewal(const char *year, const struct private_key *key)
{
	struct forged_certificate forged = forged_intermediate("Issuing");
	CLEANUP(clear_buffer) struct buffer not_after = {0};

	append_format(&not_after, "%s0101000000Z", year);
	forged.serial = bytes_of_string(year);
	forged.validity = validity_of("200101000000Z", (const char *)not_after.data);
	forged.spki = spki_of(key);
	return forge_parsed(&forged, root_key());
}

static struct verdict judge(const struct certificate *const *intermediates, size_t count,
			    const struct certificate *member, struct path *ret_path)
{
	const struct trust trust = {
		.root = root, .intermediates = intermediates, .intermediate_count = count};
	struct verdict verdict = {0};

	OK(verify_chain(&trust, member, FORGED_NOW_S, ret_path, &verdict, &fault));
	return verdict;
}

/* catalogue 124: expired, of another key, and the right one, all of one name and key identifier */
Test(path, finds_the_path_in_whatever_order_the_intermediates_are)
{
	static const size_t orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
					   {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	struct certificate *member = make_member_of("Issuing", other_key(), OCTETS(""));
	struct certificate *made[] = {make_renewal("26", other_key()),
				      make_renewal("45", member_key()),
				      make_renewal("45", other_key())};

	for (size_t i = 0; i < COUNT_OF(orders); i++) {
		const struct certificate *between[3];
		struct path path = {0};

		for (size_t k = 0; k < 3; k++)
			between[k] = made[orders[i][k]];
		cr_expect_str_eq(judge(between, 3, member, &path).reason, "");
		cr_assert_eq(path.count, (size_t)3);
		cr_expect_eq(path.steps[0], member);
		cr_expect_eq(path.steps[1], made[2]);
		cr_expect_eq(path.steps[2], root);
	}
	for (size_t i = 0; i < COUNT_OF(made); i++)
		free_certificate(&made[i]);
	free_certificate(&member);
}

/* catalogue 124: the first way up ends a step later, below an intermediate of an unknown issuer */
Test(path, goes_back_from_a_dead_end)
{
	struct certificate *member = make_member_of("Lower", member_key(), OCTETS(""));
	struct forged_certificate lower = forged_intermediate("Lower");
	struct certificate *made[3];
	const struct certificate *between[3];
	struct path path = {0};

	lower.spki = spki_of(member_key());
	lower.issuer = common_name("Nobody");
	lower.extensions = ca_extensions("Lower", "Nobody", OCTETS(""));
	made[0] = forge_parsed(&lower, other_key());
	lower.issuer = common_name("Issuing");
	lower.extensions = ca_extensions("Lower", "Issuing", OCTETS(""));
	made[1] = forge_parsed(&lower, other_key());
	made[2] = make_renewal("45", other_key());
	memcpy(between, made, sizeof(between));
	cr_expect_str_eq(judge(between, 3, member, &path).reason, "");
	cr_assert_eq(path.count, (size_t)4);
	cr_expect_eq(path.steps[1], made[1]);
	cr_expect_eq(path.steps[2], made[2]);
	cr_expect_not_null(strstr(judge(between, 1, member, NULL).reason,
				  "the issuer CN=Nobody of CN=Lower is not known"));
	for (size_t i = 0; i < COUNT_OF(made); i++)
		free_certificate(&made[i]);
	free_certificate(&member);
}

/* A certificate of that name, by a key that no CA has, which names that issuer. */
static struct certificate *make_false(const char *name, const char *issuer, char serial)
{
	struct forged_certificate forged = forged_intermediate(name);

	forged.serial = item(DER_INTEGER, (struct bytes){(const uint8_t *)&serial, 1});
	forged.serial = (struct bytes){forged.serial.data + 2, 1};
	forged.issuer = common_name(issuer);
	forged.extensions = ca_extensions(name, issuer, OCTETS(""));
	return forge_parsed(&forged, member_key());
}

static const char gave_up[] = "not every path was tried: expected fewer intermediates of one name";

/*
 * catalogue 124: five that may each have issued each other one and claim to be by the root make
 * 5 + 20 + 60 + 120 paths, each with a signature that is not the root's. The right intermediate
 * comes after them.
 */
Test(path, gives_up_after_some_signatures)
{
	struct forged_certificate parts = forged_root();
	struct certificate *made[6];
	const struct certificate *between[6];
	struct certificate *member = make_member_of("Root", other_key(), OCTETS(""));
	struct path path = {0};

	parts.extensions = extensions_of(
		JOIN(root_basic_constraints(), root_key_usage(), subject_key_id("Root")));
	free_certificate(&root);
	root = forge_parsed(&parts, root_key());
	for (size_t i = 0; i < 5; i++)
		made[i] = make_false("Root", "Root", (char)('A' + i));
	parts = forged_intermediate("Root");
	parts.extensions = ca_extensions("Root", "Root", OCTETS(""));
	made[5] = forge_parsed(&parts, root_key());
	memcpy(between, made, sizeof(between));
	cr_expect_not_null(strstr(judge(between, 6, member, &path).reason, gave_up));
	cr_expect_eq(path.count, (size_t)0, "untouched");
	cr_expect_str_eq(judge(between + 3, 3, member, &path).reason, "");
	for (size_t i = 0; i < COUNT_OF(made); i++)
		free_certificate(&made[i]);
	free_certificate(&member);
}

/* catalogue 124: sixteen that issued each other and never lead to the root: 46,000 dead ends */
Test(path, gives_up_after_some_dead_ends)
{
	struct certificate *member = make_member_of("A", other_key(), OCTETS(""));
	struct certificate *made[INTERMEDIATES_MAX];
	const struct certificate *between[INTERMEDIATES_MAX];

	for (size_t i = 0; i < COUNT_OF(made); i++)
		between[i] = made[i] = make_false("A", "A", (char)('A' + i));
	cr_expect_not_null(strstr(judge(between, COUNT_OF(between), member, NULL).reason, gave_up));
	for (size_t i = 0; i < COUNT_OF(made); i++)
		free_certificate(&made[i]);
	free_certificate(&member);
}

/* A path of CHAIN_MAX intermediates is the longest one. */
Test(path, has_at_most_four_intermediates)
{
	static const char *const names[] = {"A", "B", "C", "D", "E"};
	struct certificate *made[COUNT_OF(names)];
	const struct certificate *between[COUNT_OF(names)];

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct forged_certificate forged = forged_intermediate(names[i]);

		if (i > 0) {
			forged.issuer = common_name(names[i - 1]);
			forged.extensions = ca_extensions(names[i], names[i - 1], OCTETS(""));
		}
		made[i] = forge_parsed(&forged, i > 0 ? other_key() : root_key());
		between[i] = made[i];
	}
	for (size_t i = 3; i < COUNT_OF(names); i++) {
		struct certificate *member = make_member_of(names[i], other_key(), OCTETS(""));
		struct verdict verdict = judge(between, COUNT_OF(between), member, NULL);

		cr_expect_str_eq(verdict.reason,
				 i == 3 ? ""
					: "no path to the root CN=Root: expected at most 4 "
					  "intermediates on it");
		free_certificate(&member);
	}
	for (size_t i = 0; i < COUNT_OF(names); i++)
		free_certificate(&made[i]);
}

#define CLIENT_AUTH "\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x02"
#define SERVER_AUTH "\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01"
#define CODE_SIGNING "\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x03"
#define ANY_PURPOSE "\x06\x04\x55\x1d\x25\x00"

static struct bytes purposes(struct bytes oids)
{
	return oids.len == 0 ? OCTETS("") : extension(37, false, item(DER_SEQUENCE, oids));
}

/* catalogue 125 */
Test(path, refuses_an_intermediate_that_is_not_for_what_is_below_it)
{
	const struct {
		struct bytes above;
		struct bytes below;
		bool valid;
	} rows[] = {
		{OCTETS(""), OCTETS(CLIENT_AUTH), true},
		{OCTETS(CLIENT_AUTH), OCTETS(CLIENT_AUTH), true},
		{OCTETS(CODE_SIGNING CLIENT_AUTH), OCTETS(SERVER_AUTH CLIENT_AUTH), true},
		{OCTETS(ANY_PURPOSE), OCTETS(CLIENT_AUTH), true},
		{OCTETS(SERVER_AUTH), OCTETS(ANY_PURPOSE), true},
		{OCTETS(SERVER_AUTH), OCTETS(""), true},
		{OCTETS(SERVER_AUTH), OCTETS(CLIENT_AUTH), false},
		{OCTETS(CODE_SIGNING), OCTETS(""), false},
		{OCTETS(CODE_SIGNING), OCTETS(CLIENT_AUTH), false},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct certificate *member =
			make_member_of("Issuing", other_key(), purposes(rows[i].below));
		struct forged_certificate forged = forged_intermediate("Issuing");
		const struct certificate *between[1];
		struct certificate *issuing;
		struct verdict verdict;

		forged.extensions = ca_extensions("Issuing", "root", purposes(rows[i].above));
		issuing = forge_parsed(&forged, root_key());
		between[0] = issuing;
		verdict = judge(between, 1, member, NULL);
		cr_expect_str_eq(verdict.reason,
				 rows[i].valid
					 ? ""
					 : "certpool expects an issuer to be for a purpose of the "
					   "certificate below it: extKeyUsage of CN=Issuing has "
					   "none (docs/profile.md)",
				 "row %zu", i);
		free_certificate(&issuing);
		free_certificate(&member);
	}
}

/* An authorityKeyIdentifier of "root" with an issuer's name and a serial. */
static struct bytes full_authority(const char *issuer, struct bytes serial)
{
	struct bytes names = item(DER_CONTEXT_CONSTRUCTED + 1,
				  item(DER_CONTEXT_CONSTRUCTED + 4, common_name(issuer)));

	return extension(35, false,
			 item(DER_SEQUENCE,
			      JOIN(OCTETS("\x80\x04root"), names, item(DER_CONTEXT + 2, serial))));
}

/* The authorityKeyIdentifier names the root by its issuer and serial as well. */
Test(path, compares_the_issuer_and_serial_of_the_issuer)
{
	const struct {
		struct bytes authority;
		bool valid;
	} rows[] = {
		{full_authority("Root", OCTETS("\x11")), true},
		{full_authority("Root", OCTETS("\x12")), false},
		{full_authority("Other", OCTETS("\x11")), false},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct forged_certificate forged = forged_member();
		struct certificate *member;

		forged.extensions = extensions_of(JOIN(member_key_usage(), rows[i].authority));
		member = forge_parsed(&forged, root_key());
		cr_expect_eq(judge(NULL, 0, member, NULL).invalid, !rows[i].valid, "row %zu", i);
		free_certificate(&member);
	}
}

Test(path, prefers_an_issuer_that_is_valid_now)
{
	struct certificate *member = make_member_of("Issuing", other_key(), OCTETS(""));
	struct certificate *made[] = {make_renewal("26", other_key()),
				      make_renewal("45", other_key())};
	const struct certificate *const between[] = {made[0], made[1]};
	struct trust trust = {.root = root, .intermediates = between, .intermediate_count = 2};

	cr_expect_eq(find_issuer(&trust, member, FORGED_NOW_S), made[1]);
	trust.intermediate_count = 1;
	cr_expect_eq(find_issuer(&trust, member, FORGED_NOW_S), made[0]);
	free_certificate(&made[0]);
	free_certificate(&made[1]);
	free_certificate(&member);
}
