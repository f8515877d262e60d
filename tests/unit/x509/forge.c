#include "tests/unit/x509/forge.h"

#include "common/base/file.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/pem.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

/* The buffers of one test process stay reachable here until it ends: no leak. */
static struct buffer *kept[8192];
static size_t kept_count;

static struct bytes keep(struct buffer *buffer)
{
	struct buffer *own = malloc(sizeof(*own));

	cr_assert(own != NULL && !buffer->failed && kept_count < COUNT_OF(kept));
	*own = take_buffer(buffer);
	kept[kept_count++] = own;
	return bytes_of_buffer(own);
}

struct bytes item(uint8_t tag, struct bytes content)
{
	struct buffer buffer = {0};

	append_der(&buffer, tag, content);
	return keep(&buffer);
}

struct bytes joined(const struct bytes *parts, size_t count)
{
	struct buffer buffer = {0};

	for (size_t i = 0; i < count; i++)
		append_bytes(&buffer, parts[i]);
	return keep(&buffer);
}

struct bytes patched(struct bytes octets, size_t position, uint8_t value)
{
	struct buffer buffer = {0};

	append_bytes(&buffer, octets);
	cr_assert(position < octets.len && buffer.data != NULL);
	buffer.data[position] = value;
	return keep(&buffer);
}

struct bytes name_with(uint8_t arc, uint8_t tag, struct bytes value)
{
	struct bytes oid = item(DER_OID, (struct bytes){(const uint8_t[]){0x55, 0x04, arc}, 3});

	return item(DER_SEQUENCE, item(DER_SET, item(DER_SEQUENCE, JOIN(oid, item(tag, value)))));
}

struct bytes common_name(const char *value)
{
	return name_with(3, DER_UTF8_STRING, bytes_of_string(value));
}

struct bytes extension(uint8_t arc, bool critical, struct bytes value)
{
	struct bytes oid = item(DER_OID, (struct bytes){(const uint8_t[]){0x55, 0x1d, arc}, 3});

	return item(DER_SEQUENCE, JOIN(oid, critical ? OCTETS("\x01\x01\xff") : OCTETS(""),
				       item(DER_OCTET_STRING, value)));
}

static struct bytes time_of(const char *text)
{
	return item(strlen(text) == 13 ? DER_UTC_TIME : DER_GENERALIZED_TIME,
		    bytes_of_string(text));
}

struct bytes validity_of(const char *not_before, const char *not_after)
{
	return item(DER_SEQUENCE, JOIN(time_of(not_before), time_of(not_after)));
}

const struct bytes ecdsa_sha256 = {
	(const uint8_t *)"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02", 12};

struct bytes extensions_of(struct bytes extensions)
{
	return item(DER_CONTEXT_CONSTRUCTED + 3, item(DER_SEQUENCE, extensions));
}

static const struct private_key *key_once(struct private_key **key)
{
	if (*key == NULL)
		OK(generate_private_key(KEY_ECDSA_P256, key, &fault));
	return *key;
}

const struct private_key *root_key(void)
{
	static struct private_key *key;

	return key_once(&key);
}

const struct private_key *member_key(void)
{
	static struct private_key *key;

	return key_once(&key);
}

const struct private_key *other_key(void)
{
	static struct private_key *key;

	return key_once(&key);
}

struct bytes spki_of(const struct private_key *key)
{
	CLEANUP(free_public_key) struct public_key *public = NULL;
	struct buffer copy = {0};

	OK(get_public_key(key, &public, &fault));
	append_bytes(&copy, public_key_spki(public));
	return keep(&copy);
}

struct bytes root_basic_constraints(void)
{
	return extension(19, true, OCTETS("\x30\x03\x01\x01\xff"));
}

struct bytes root_key_usage(void)
{
	return extension(15, true, OCTETS("\x03\x02\x01\x06"));
}

struct bytes member_key_usage(void)
{
	return extension(15, true, OCTETS("\x03\x02\x07\x80"));
}

struct bytes subject_key_id(const char *id)
{
	return extension(14, false, item(DER_OCTET_STRING, bytes_of_string(id)));
}

struct bytes authority_key_id(const char *id)
{
	return extension(35, false, item(DER_SEQUENCE, item(DER_CONTEXT, bytes_of_string(id))));
}

struct forged_certificate forged_root(void)
{
	return (struct forged_certificate){
		.version = OCTETS("\xa0\x03\x02\x01\x02"),
		.serial = OCTETS("\x11"),
		.algorithm = ecdsa_sha256,
		.issuer = common_name("Root"),
		.validity = validity_of("200101000000Z", "20600101000000Z"),
		.subject = common_name("Root"),
		.spki = spki_of(root_key()),
		.extensions = extensions_of(
			JOIN(root_basic_constraints(), root_key_usage(), subject_key_id("root"))),
		.outer_algorithm = ecdsa_sha256,
	};
}

struct forged_certificate forged_intermediate(const char *name)
{
	struct forged_certificate forged = forged_root();

	forged.serial = OCTETS("\x22");
	forged.subject = common_name(name);
	forged.spki = spki_of(other_key());
	forged.extensions = extensions_of(JOIN(root_basic_constraints(), root_key_usage(),
					       subject_key_id(name), authority_key_id("root")));
	return forged;
}

struct forged_certificate forged_member(void)
{
	struct forged_certificate forged = forged_root();

	forged.serial = OCTETS("\x33");
	forged.subject = common_name("client1-1");
	forged.validity = validity_of("250101000000Z", "450101000000Z");
	forged.spki = spki_of(member_key());
	forged.extensions =
		extensions_of(JOIN(extension(19, true, OCTETS("\x30\x00")), member_key_usage(),
				   subject_key_id("member"), authority_key_id("root")));
	return forged;
}

/* SEQUENCE { body, algorithm, signature } */
static struct bytes sign_body(struct bytes body, struct bytes algorithm,
			      const struct private_key *signer)
{
	CLEANUP(clear_buffer) struct buffer signature = {0};
	struct bytes bits;

	OK(sign_object_data(signer, body, &signature, &fault));
	bits = item(DER_BIT_STRING, JOIN(OCTETS("\0"), bytes_of_buffer(&signature)));
	return item(DER_SEQUENCE, JOIN(body, algorithm, bits));
}

struct bytes forge_certificate(const struct forged_certificate *forged,
			       const struct private_key *signer)
{
	struct bytes body =
		item(DER_SEQUENCE,
		     JOIN(forged->version, item(DER_INTEGER, forged->serial), forged->algorithm,
			  forged->issuer, forged->validity, forged->subject, forged->spki,
			  forged->identifiers, forged->extensions));

	return sign_body(body, forged->outer_algorithm, signer);
}

struct certificate *forge_parsed(const struct forged_certificate *forged,
				 const struct private_key *signer)
{
	struct certificate *certificate = NULL;

	OK(parse_certificate_der(forge_certificate(forged, signer), &certificate, &fault));
	return certificate;
}

struct forged_csr forged_request(void)
{
	return (struct forged_csr){
		.version = OCTETS("\x02\x01\x00"),
		.subject = common_name("client1-1"),
		.spki = spki_of(member_key()),
		.algorithm = ecdsa_sha256,
	};
}

struct bytes forge_csr(const struct forged_csr *forged, const struct private_key *signer)
{
	struct bytes body =
		item(DER_SEQUENCE, JOIN(forged->version, forged->subject, forged->spki,
					item(DER_CONTEXT_CONSTRUCTED, forged->attributes)));

	return sign_body(body, forged->algorithm, signer);
}

struct bytes extension_request(struct bytes extensions)
{
	return item(DER_SEQUENCE, JOIN(OCTETS("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e"),
				       item(DER_SET, item(DER_SEQUENCE, extensions))));
}

bool has_extension(const struct certificate *certificate, struct bytes expected)
{
	struct bytes rest = certificate_fields(certificate)->extensions;
	struct der_item found;

	while (read_der(&rest, &found))
		if (equal_bytes(found.whole, expected))
			return true;
	return false;
}

size_t count_extensions(const struct certificate *certificate)
{
	struct bytes rest = certificate_fields(certificate)->extensions;
	struct extension found;
	size_t count = 0;

	while (read_extension(&rest, &found))
		count++;
	return count;
}

struct bytes expected_key_id(struct bytes spki)
{
	static uint8_t digest[20];
	struct der_item outer;
	struct der_item algorithm;
	struct der_item bits;

	cr_assert(read_der(&spki, &outer) && read_der(&outer.content, &algorithm) &&
		  read_der(&outer.content, &bits));
	cr_assert_eq(gnutls_fingerprint(
			     GNUTLS_DIG_SHA1,
			     &(gnutls_datum_t){(unsigned char *)(uintptr_t)bits.content.data + 1,
					       (unsigned int)bits.content.len - 1},
			     digest, &(size_t){sizeof(digest)}),
		     0);
	return (struct bytes){digest, sizeof(digest)};
}

struct bytes vector_text(const char *name)
{
	CLEANUP(clear_buffer) struct buffer path = {0};
	struct buffer content = {0};

	append_format(&path, "tests/vectors/x509/%s", name);
	OK(read_file(AT_FDCWD, (const char *)path.data, 65536, &content, &fault));
	return keep(&content);
}

struct bytes vector_der(const char *name)
{
	struct buffer der = {0};

	OK(unwrap_pem(vector_text(name), "CERTIFICATE", "CERTIFICATE REQUEST", 65536, &der,
		      &fault));
	return keep(&der);
}
