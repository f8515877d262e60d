#include "tests/interop/differential_scene.h"

#include "common/x509/distinguished_name.h"
#include "common/x509/issuer.h"
#include "common/x509/revocation/crl_builder.h"
#include "common/x509/revocation/ocsp_response.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY(base64) "-----BEGIN PRIVATE KEY-----\n" base64 "\n-----END PRIVATE KEY-----\n"

static const char *const key_texts[] = {
	KEY("MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQggH+Ouw/0TVBzjU+I\n"
	    "u6w2X6WjFRdK5/8jl5CX+iaF85mhRANCAATZfsxu41I4bktEx7WutQjMcG6X8/SC\n"
	    "2tE3kFprwLLbhS0BYgWXkJ73xum+eIldnbT7kd5IBW0m2XxkjuL5lgI2"),
	KEY("MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg8XqVNC/WIZqUfmci\n"
	    "hSB1iMBQ2BIv596KPn6z+VHfzuahRANCAATnDESSQf3hdhT/ZmzInRMi+L3Wb9s6\n"
	    "hqQNZKIU/7SIOpgWUHw6VbPDsDBAC2zhHlVxD29HRE4DNzUi//ls9f0S"),
	KEY("MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgdk8b9kTMPq9gnCiu\n"
	    "lySLm3RoXrFelWVhmvx6c5umDTuhRANCAATX2k6qYf80qG19GivrZUNI3NTjW9VV\n"
	    "hZ/BHN9ugowYyKrQWQ7Ee8mPWxjAm4dnTYvTNXeuBZIVRkbJiDc7LY34"),
};

/* A whole Extension or GeneralName, to be put in the place of another. */
#define DONOR(text) DER_LITERAL(text)

static const struct bytes donors[] = {
	/* basicConstraints: CA:FALSE, CA:TRUE, with a path length */
	DONOR("\x30\x0c\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x02\x30\x00"),
	DONOR("\x30\x0f\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x05\x30\x03\x01\x01\xff"),
	DONOR("\x30\x12\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x08\x30\x06\x01\x01\xff\x02\x01\x00"),
	/* keyUsage: more bits, keyCertSign, not critical */
	DONOR("\x30\x0e\x06\x03\x55\x1d\x0f\x01\x01\xff\x04\x04\x03\x02\x05\xa0"),
	DONOR("\x30\x0f\x06\x03\x55\x1d\x0f\x01\x01\xff\x04\x05\x03\x03\x07\x88\x80"),
	DONOR("\x30\x0e\x06\x03\x55\x1d\x0f\x01\x01\xff\x04\x04\x03\x02\x01\x06"),
	DONOR("\x30\x0b\x06\x03\x55\x1d\x0f\x04\x04\x03\x02\x07\x80"),
	/* extKeyUsage: clientAuth, critical documentSigning and another, codeSigning, none */
	DONOR("\x30\x13\x06\x03\x55\x1d\x25\x04\x0c\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03"
	      "\x02"),
	DONOR("\x30\x1c\x06\x03\x55\x1d\x25\x01\x01\xff\x04\x12\x30\x10\x06\x08\x2b\x06\x01\x05"
	      "\x05\x07\x03\x24\x06\x04\x2a\x03\x04\x05"),
	DONOR("\x30\x13\x06\x03\x55\x1d\x25\x04\x0c\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03"
	      "\x03"),
	DONOR("\x30\x09\x06\x03\x55\x1d\x25\x04\x02\x30\x00"),
	/* nameConstraints, certificatePolicies, policyMappings, freshestCRL, an unknown one */
	DONOR("\x30\x16\x06\x03\x55\x1d\x1e\x01\x01\xff\x04\x0c\x30\x0a\xa0\x08\x30\x06\x82\x04"
	      "a.de"),
	DONOR("\x30\x0e\x06\x03\x55\x1d\x20\x04\x07\x30\x05\x30\x03\x06\x01\x2a"),
	DONOR("\x30\x11\x06\x03\x55\x1d\x20\x01\x01\xff\x04\x07\x30\x05\x30\x03\x06\x01\x2a"),
	DONOR("\x30\x11\x06\x03\x55\x1d\x21\x04\x0a\x30\x08\x30\x06\x06\x01\x2a\x06\x01\x2b"),
	DONOR("\x30\x14\x06\x03\x55\x1d\x2e\x04\x0d\x30\x0b\x30\x09\xa0\x07\xa0\x05\x86\x03"
	      "u:x"),
	DONOR("\x30\x09\x06\x03\x2a\x03\x04\x04\x02\x05\x00"),
	DONOR("\x30\x0c\x06\x03\x2a\x03\x04\x01\x01\xff\x04\x02\x05\x00"),
	/* id-pkix-ocsp-nocheck, and subjectInfoAccess */
	DONOR("\x30\x0f\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x05\x04\x02\x05\x00"),
	DONOR("\x30\x17\x06\x08\x2b\x06\x01\x05\x05\x07\x01\x0b\x04\x0b\x30\x09\x30\x07\x06\x01"
	      "\x2a\x86\x02u:"),
#define CERTIFICATE_EXTENSIONS 20
	/* of CRLs: an issuingDistributionPoint, a delta's base; of entries: reason, invalidity */
	DONOR("\x30\x0f\x06\x03\x55\x1d\x1c\x01\x01\xff\x04\x05\x30\x03\x81\x01\xff"),
	DONOR("\x30\x0d\x06\x03\x55\x1d\x1b\x01\x01\xff\x04\x03\x02\x01\x01"),
	DONOR("\x30\x0a\x06\x03\x55\x1d\x15\x04\x03\x0a\x01\x04"),
	DONOR("\x30\x18\x06\x03\x55\x1d\x18\x04\x11\x18\x0f"
	      "20260101000000Z"),
	/* GeneralNames of other kinds */
	DONOR("\xa4\x0f\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02ok"),
	DONOR("\x88\x01\x2a"),
	DONOR("\x87\x04\x0a\x00\x00\x01"),
	DONOR("\x82\x07"
	      "b.local"),
};

void must(int result, const struct fault *fault)
{
	if (result >= 0)
		return;
	fprintf(stderr, "%s\n", fault != NULL ? fault->text : gnutls_strerror(result));
	exit(2);
}

static time_t fixed_clock(time_t *ret_now)
{
	if (ret_now != NULL)
		*ret_now = NOW_S;
	return NOW_S;
}

gnutls_datum_t datum_of(struct bytes bytes)
{
	return (gnutls_datum_t){(unsigned char *)(uintptr_t)bytes.data, (unsigned int)bytes.len};
}

gnutls_x509_crt_t import_certificate(struct bytes der)
{
	const gnutls_datum_t datum = datum_of(der);
	gnutls_x509_crt_t crt = NULL;

	must(gnutls_x509_crt_init(&crt), NULL);
	if (gnutls_x509_crt_import(crt, &datum, GNUTLS_X509_FMT_DER) >= 0)
		return crt;
	gnutls_x509_crt_deinit(crt);
	return NULL;
}

struct certificate *sign_and_parse(const struct private_key *key, struct bytes body)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct certificate *certificate = NULL;
	struct fault fault = {0};

	must(sign_object(key, body, &der, &fault), &fault);
	return parse_certificate_der(bytes_of_buffer(&der), &certificate, &fault) < 0 ? NULL
										      : certificate;
}

static void append_name_of(enum role role, struct buffer *name)
{
	static const char *const names[] = {
		[ROOT] = "CN=Root,O=Example", [ISSUING] = "CN=Issuing", [MEMBER] = "CN=client1-1"};
	struct fault fault = {0};

	must(append_name(name, names[role], &fault), &fault);
}

static void append_members_names(struct buffer *extensions)
{
	CLEANUP(clear_alt_names) struct alt_names names = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct fault fault = {0};

	must(add_alt_name(&names, "DNS:a.example.org", &fault), &fault);
	must(add_alt_name(&names, "IP:10.0.0.1", &fault), &fault);
	must(add_alt_name(&names, "email:a@example.org", &fault), &fault);
	must(add_alt_name(&names, "URI:urn:example:a", &fault), &fault);
	append_alt_names(&der, &names);
	append_ce_extension(extensions, EXTENSION_SUBJECT_ALT_NAME, false, bytes_of_buffer(&der));
}

/* Appends some of what a certificate may have, and perhaps of what it may not have. */
static void draw_extensions(struct lot *lot, struct buffer *extensions)
{
	if (draw(lot, 2) == 0)
		append_members_names(extensions);
	if (draw(lot, 2) == 0)
		append_crl_distribution_points(extensions, "http://example.org/crl");
	if (draw(lot, 2) == 0)
		append_information_access(extensions, "http://example.org/ocsp", NULL);
	for (size_t i = draw(lot, 3); i > 0; i--)
		append_bytes(extensions, donors[draw(lot, CERTIFICATE_EXTENSIONS)]);
}

static void append_key_ids(const struct scene *scene, enum role role, enum role issuer,
			   struct buffer *extensions)
{
	CLEANUP(clear_buffer) struct buffer spki = {0};
	CLEANUP(clear_buffer) struct buffer above = {0};
	uint8_t key_id[SHA1_LEN];
	struct fault fault = {0};

	must(append_spki(scene->keys[role], &spki, &fault), &fault);
	must(append_subject_key_id(extensions, bytes_of_buffer(&spki), &fault), &fault);
	if (role == issuer)
		return;
	must(append_spki(scene->keys[issuer], &above, &fault), &fault);
	must(digest_key_bits(bytes_of_buffer(&above), GNUTLS_DIG_SHA1, key_id, &fault), &fault);
	append_authority_key_id(extensions, (struct bytes){key_id, sizeof(key_id)});
}

/* Appends a TBSCertificate, with further extensions if there is a lot to draw them by. */
static void make_body(const struct scene *scene, enum role role, enum role issuer, uint8_t serial,
		      struct lot *lot, struct buffer *ret_body)
{
	const uint8_t serial_octets[] = {0x5a, serial};
	CLEANUP(clear_buffer) struct buffer extensions = {0};
	CLEANUP(clear_buffer) struct buffer above = {0};
	CLEANUP(clear_buffer) struct buffer name = {0};
	CLEANUP(clear_buffer) struct buffer spki = {0};
	struct tbs_certificate fields = {.validity = {NOW_S - YEAR_S, NOW_S + YEAR_S}};
	struct fault fault = {0};

	append_basic_constraints(&extensions, role != MEMBER, -1);
	append_key_usage(&extensions, role == MEMBER ? USAGE_DIGITAL_SIGNATURE
						     : USAGE_KEY_CERT_SIGN | USAGE_CRL_SIGN);
	append_key_ids(scene, role, issuer, &extensions);
	if (lot != NULL)
		draw_extensions(lot, &extensions);
	append_name_of(issuer, &above);
	append_name_of(role, &name);
	must(append_spki(scene->keys[role], &spki, &fault), &fault);
	fields.serial = (struct bytes){serial_octets, sizeof(serial_octets)};
	fields.issuer = bytes_of_buffer(&above);
	fields.subject = bytes_of_buffer(&name);
	fields.spki = bytes_of_buffer(&spki);
	fields.extensions = bytes_of_buffer(&extensions);
	must(build_certificate_body(&fields, signing_algorithm(KEY_ECDSA_P256), ret_body, &fault),
	     &fault);
}

void mutate(struct scene *scene, struct bytes der, struct buffer *ret_mutant)
{
	CLEANUP(clear_buffer) struct buffer once = {0};

	mutate_der(&scene->lot, der, donors, COUNT_OF(donors), &once);
	if (draw(&scene->lot, 3) > 0)
		append_bytes(ret_mutant, bytes_of_buffer(&once));
	else
		mutate_der(&scene->lot, bytes_of_buffer(&once), donors, COUNT_OF(donors),
			   ret_mutant);
}

void draw_body(struct scene *scene, enum role role, enum role issuer, struct buffer *ret_body)
{
	CLEANUP(clear_buffer) struct buffer body = {0};

	make_body(scene, role, issuer, (uint8_t)(2 + role), &scene->lot, &body);
	if (draw(&scene->lot, 3) == 0)
		append_bytes(ret_body, bytes_of_buffer(&body));
	else
		mutate(scene, bytes_of_buffer(&body), ret_body);
}

void enclose_answer(const struct scene *scene, struct bytes body, struct buffer *ret_der)
{
	CLEANUP(clear_buffer) struct buffer object = {0};
	CLEANUP(clear_buffer) struct buffer bytes = {0};
	struct fault fault = {0};
	size_t begin;

	must(sign_object(scene->keys[ROOT], body, &object, &fault), &fault);
	append_der(&bytes, DER_OID,
		   (struct bytes)DER_LITERAL("\x2b\x06\x01\x05\x05\x07\x30\x01\x01"));
	append_der(&bytes, DER_OCTET_STRING, bytes_of_buffer(&object));
	enclose_der(&bytes, 0, DER_SEQUENCE);
	append_der(ret_der, DER_ENUMERATED, (struct bytes)DER_LITERAL("\0"));
	begin = ret_der->len;
	append_bytes(ret_der, bytes_of_buffer(&bytes));
	enclose_der(ret_der, begin, DER_CONTEXT_CONSTRUCTED);
	enclose_der(ret_der, 0, DER_SEQUENCE);
}

/* The body of a CRL by the root: the revoked certificate, and another. */
static void make_crl(struct scene *scene)
{
	CLEANUP(free_certificate) struct certificate *root = NULL;
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(free_issuer) struct issuer *issuer = NULL;
	CLEANUP(clear_crl_builder) struct crl_builder builder = {0};
	const struct crl_options options = {.number = 7,
					    .this_update_s = NOW_S - 3600,
					    .next_update_s = NOW_S + 86400,
					    .now_s = NOW_S};
	struct crl_entry entry = {.revoked_at_s = NOW_S - 7200, .reason = REASON_KEY_COMPROMISE};
	struct bytes serial = certificate_serial(scene->revoked);
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct signed_object object;
	struct fault fault = {0};

	must(parse_private_key(bytes_of_string(key_texts[ROOT]), &key, &fault), &fault);
	must(parse_certificate_der(certificate_der(scene->root), &root, &fault), &fault);
	must(new_issuer(&root, &key, &issuer, &fault), &fault);
	must(begin_crl(&builder, issuer, &options, &fault), &fault);
	memcpy(entry.serial + SERIAL_MAX - serial.len, serial.data, serial.len);
	must(add_crl_entry(&builder, &entry, &fault), &fault);
	entry.serial[0] = 1;
	entry.reason = 0;
	must(add_crl_entry(&builder, &entry, &fault), &fault);
	must(finish_crl(&builder, &der, &fault), &fault);
	if (!split_signed_object(bytes_of_buffer(&der), &object))
		exit(2);
	append_bytes(&scene->crl, object.body);
}

/* The body of an answer by the root itself about the certificate that stands. */
static void make_answer(struct scene *scene)
{
	CLEANUP(clear_buffer) struct buffer id = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct issuer_hashes hashes;
	struct ocsp_single single = {
		.status = OCSP_GOOD, .this_update_s = NOW_S - 60, .next_update_s = NOW_S + 3600};
	const struct ocsp_answer answer = {.singles = &single,
					   .count = 1,
					   .nonce = DER_LITERAL("0123456789abcdef"),
					   .produced_at_s = NOW_S - 60};
	const struct ocsp_signer signer = {.key = scene->keys[ROOT], .certificate = scene->root};
	struct ocsp_response response = {0};
	struct bytes rest;
	struct fault fault = {0};

	must(digest_issuer(scene->root, &hashes, &fault), &fault);
	append_cert_id(&id, OCSP_SHA1, &hashes, certificate_serial(scene->standing));
	rest = bytes_of_buffer(&id);
	if (!read_cert_id(&rest, &single.id))
		exit(2);
	must(format_ocsp_response(&answer, &signer, &der, &fault), &fault);
	must(parse_ocsp_response(bytes_of_buffer(&der), &response, &fault), &fault);
	append_bytes(&scene->answer, response.signed_object.body);
}

static struct certificate *make_certificate(const struct scene *scene, enum role role,
					    uint8_t serial)
{
	CLEANUP(clear_buffer) struct buffer body = {0};

	make_body(scene, role, ROOT, serial, NULL, &body);
	return sign_and_parse(scene->keys[ROOT], bytes_of_buffer(&body));
}

void set_scene(struct scene *scene)
{
	struct fault fault = {0};

	for (size_t i = 0; i < ROLE_COUNT; i++)
		must(parse_private_key(bytes_of_string(key_texts[i]), &scene->keys[i], &fault),
		     &fault);
	scene->root = make_certificate(scene, ROOT, 1);
	make_body(scene, ISSUING, ROOT, 2, NULL, &scene->issuing);
	scene->standing = make_certificate(scene, MEMBER, 4);
	scene->revoked = make_certificate(scene, MEMBER, 5);
	gnutls_global_set_time_function(fixed_clock);
	scene->gnutls_root = import_certificate(certificate_der(scene->root));
	scene->gnutls_standing = import_certificate(certificate_der(scene->standing));
	scene->gnutls_revoked = import_certificate(certificate_der(scene->revoked));
	must(gnutls_x509_trust_list_init(&scene->list, 0), NULL);
	must(gnutls_x509_trust_list_add_cas(scene->list, &scene->gnutls_root, 1, 0), NULL);
	make_crl(scene);
	make_answer(scene);
}

void clear_scene(struct scene *scene)
{
	gnutls_x509_trust_list_deinit(scene->list, 0);
	gnutls_x509_crt_deinit(scene->gnutls_root);
	gnutls_x509_crt_deinit(scene->gnutls_standing);
	gnutls_x509_crt_deinit(scene->gnutls_revoked);
	free_certificate(&scene->root);
	free_certificate(&scene->standing);
	free_certificate(&scene->revoked);
	for (size_t i = 0; i < ROLE_COUNT; i++)
		free_private_key(&scene->keys[i]);
	clear_buffer(&scene->issuing);
	clear_buffer(&scene->crl);
	clear_buffer(&scene->answer);
}
