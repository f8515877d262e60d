#include "common/x509/der.h"
#include "common/x509/pem.h"
#include "common/x509/revocation/crl.h"
#include "common/x509/revocation/ocsp_verify.h"
#include "tests/interop/differential_scene.h"

#include <gnutls/ocsp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/*
 * Changes certificates, CRLs and OCSP answers, signs them again, and asks certpool and GnuTLS for
 * their verdicts. What certpool takes has to be taken by GnuTLS; it is written into a folder, and
 * t_differential.sh asks openssl about it. The keys are fixed and the numbers are drawn from a
 * fixed seed, so that every run has the same objects, but for the signatures.
 */
enum { CHAINS = 3000, CRLS = 2000, ANSWERS = 2000 };

/* Writes NAME-NUMBER.SUFFIX, as PEM where there is a label. */
static void write_object(const struct scene *scene, const char *name, size_t number,
			 const char *suffix, const char *label, struct bytes der)
{
	CLEANUP(clear_buffer) struct buffer path = {0};
	CLEANUP(clear_buffer) struct buffer pem = {0};
	struct fault fault = {0};
	FILE *file;

	append_format(&path, "%s/%s-%04zu.%s", scene->folder, name, number, suffix);
	if (label != NULL)
		must(format_pem(der, label, &pem, &fault), &fault);
	file = path.failed ? NULL : fopen((const char *)path.data, "we");
	if (label != NULL)
		der = bytes_of_buffer(&pem);
	if (file == NULL || fwrite(der.data, 1, der.len, file) != der.len || fclose(file) != 0) {
		perror("writing");
		exit(2);
	}
}

static void disagree(struct scene *scene, const char *what, size_t number, const char *how)
{
	printf("%s %zu: certpool takes it, GnuTLS does not: %s\n", what, number, how);
	scene->disagreements++;
}

static bool takes_chain(const struct scene *scene, const struct certificate *issuing,
			const struct certificate *member)
{
	const struct trust trust = {
		.root = scene->root, .intermediates = &issuing, .intermediate_count = 1};
	struct verdict verdict = {0};
	struct fault fault = {0};

	if (issuing == NULL || member == NULL)
		return false;
	must(verify_chain(&trust, member, NOW_S, NULL, &verdict, &fault), &fault);
	return !verdict.invalid;
}

static void ask_gnutls_about_chain(struct scene *scene, size_t number,
				   const struct certificate *issuing,
				   const struct certificate *member)
{
	gnutls_x509_crt_t chain[] = {import_certificate(certificate_der(member)),
				     import_certificate(certificate_der(issuing))};
	unsigned int status = 0;

	if (chain[0] == NULL || chain[1] == NULL) {
		disagree(scene, "chain", number, "it cannot be imported");
	} else {
		must(gnutls_x509_trust_list_verify_crt2(scene->list, chain, 2, NULL, 0, 0, &status,
							NULL),
		     NULL);
		if (status != 0)
			disagree(scene, "chain", number, "its status is not 0");
	}
	for (size_t i = 0; i < COUNT_OF(chain); i++)
		if (chain[i] != NULL)
			gnutls_x509_crt_deinit(chain[i]);
}

/* A chain of which the member's certificate, and sometimes the intermediate's, is changed. Returns
   whether certpool takes it. */
static bool try_chain(struct scene *scene, size_t number)
{
	const bool both = draw(&scene->lot, 4) == 0;
	CLEANUP(clear_buffer) struct buffer issuing_body = {0};
	CLEANUP(clear_buffer) struct buffer member_body = {0};
	CLEANUP(free_certificate) struct certificate *issuing = NULL;
	CLEANUP(free_certificate) struct certificate *member = NULL;

	if (both)
		draw_body(scene, ISSUING, ROOT, &issuing_body);
	else
		append_bytes(&issuing_body, bytes_of_buffer(&scene->issuing));
	draw_body(scene, MEMBER, ISSUING, &member_body);
	issuing = sign_and_parse(scene->keys[ROOT], bytes_of_buffer(&issuing_body));
	member = sign_and_parse(scene->keys[ISSUING], bytes_of_buffer(&member_body));
	if (!takes_chain(scene, issuing, member))
		return false;
	ask_gnutls_about_chain(scene, number, issuing, member);
	write_object(scene, "chain", number, "crt", "CERTIFICATE", certificate_der(member));
	if (both)
		write_object(scene, "chain", number, "issuing", "CERTIFICATE",
			     certificate_der(issuing));
	return true;
}

static void ask_gnutls_about_crl(struct scene *scene, size_t number, struct bytes der,
				 bool standing_revoked, bool revoked_revoked)
{
	const gnutls_datum_t datum = datum_of(der);
	gnutls_x509_crl_t crl = NULL;
	unsigned int status = 0;

	must(gnutls_x509_crl_init(&crl), NULL);
	if (gnutls_x509_crl_import(crl, &datum, GNUTLS_X509_FMT_DER) < 0)
		disagree(scene, "CRL", number, "it cannot be imported");
	else if (gnutls_x509_crl_verify(crl, &scene->gnutls_root, 1, 0, &status) < 0 || status != 0)
		disagree(scene, "CRL", number, "it does not verify");
	else if (!standing_revoked &&
		 gnutls_x509_crt_check_revocation(scene->gnutls_standing, &crl, 1) != 0)
		disagree(scene, "CRL", number, "the certificate that stands is revoked");
	else if (!revoked_revoked &&
		 gnutls_x509_crt_check_revocation(scene->gnutls_revoked, &crl, 1) != 0)
		disagree(scene, "CRL", number, "the other certificate is revoked");
	gnutls_x509_crl_deinit(crl);
}

static bool try_crl(struct scene *scene, size_t number)
{
	CLEANUP(clear_buffer) struct buffer body = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(clear_buffer) struct buffer content = {0};
	CLEANUP(free_crl) struct crl *crl = NULL;
	struct crl_revocation revocation;
	struct verdict verdict = {0};
	struct fault fault = {0};
	bool standing;
	bool revoked;

	mutate(scene, bytes_of_buffer(&scene->crl), &body);
	must(sign_object(scene->keys[ROOT], bytes_of_buffer(&body), &der, &fault), &fault);
	append_bytes(&content, bytes_of_buffer(&der));
	if (parse_crl(&content, &crl, &fault) < 0)
		return false;
	must(verify_crl(crl, scene->root, NOW_S, &verdict, &fault), &fault);
	if (verdict.invalid)
		return false;
	standing = find_revoked(crl, certificate_serial(scene->standing), &revocation);
	revoked = find_revoked(crl, certificate_serial(scene->revoked), &revocation);
	ask_gnutls_about_crl(scene, number, bytes_of_buffer(&der), standing, revoked);
	write_object(scene,
		     standing  ? "crl-no"
		     : revoked ? "crl-standing"
			       : "crl-both",
		     number, "crl", "X509 CRL", bytes_of_buffer(&der));
	return true;
}

static void ask_gnutls_about_answer(struct scene *scene, size_t number, struct bytes der)
{
	const gnutls_datum_t datum = datum_of(der);
	gnutls_ocsp_resp_t response = NULL;
	unsigned int status = 0;

	must(gnutls_ocsp_resp_init(&response), NULL);
	if (gnutls_ocsp_resp_import(response, &datum) < 0)
		disagree(scene, "OCSP answer", number, "it cannot be imported");
	else if (gnutls_ocsp_resp_verify_direct(response, scene->gnutls_root, &status, 0) < 0 ||
		 status != 0)
		disagree(scene, "OCSP answer", number, "it does not verify");
	else if (gnutls_ocsp_resp_check_crt(response, 0, scene->gnutls_standing) < 0)
		disagree(scene, "OCSP answer", number, "it is about another certificate");
	gnutls_ocsp_resp_deinit(response);
}

static bool try_answer(struct scene *scene, size_t number)
{
	static const char *const names[] = {[OCSP_GOOD] = "ocsp-good",
					    [OCSP_REVOKED] = "ocsp-revoked",
					    [OCSP_UNKNOWN] = "ocsp-unknown"};
	const struct ocsp_question question = {
		.issuer = scene->root,
		.serial = certificate_serial(scene->standing),
		.nonce = DER_LITERAL("0123456789abcdef"),
		.now_s = NOW_S,
	};
	CLEANUP(clear_buffer) struct buffer body = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct ocsp_single single = {0};
	struct verdict verdict = {0};
	struct fault fault = {0};

	mutate(scene, bytes_of_buffer(&scene->answer), &body);
	enclose_answer(scene, bytes_of_buffer(&body), &der);
	must(verify_ocsp_response(bytes_of_buffer(&der), &question, &single, &verdict, &fault),
	     &fault);
	if (verdict.invalid)
		return false;
	ask_gnutls_about_answer(scene, number, bytes_of_buffer(&der));
	write_object(scene, names[single.status], number, "der", NULL, bytes_of_buffer(&der));
	return true;
}

/* What every question to openssl needs. */
static void write_certificates(const struct scene *scene)
{
	CLEANUP(free_certificate)
	struct certificate *issuing =
		sign_and_parse(scene->keys[ROOT], bytes_of_buffer(&scene->issuing));

	write_object(scene, "root", 0, "crt", "CERTIFICATE", certificate_der(scene->root));
	write_object(scene, "issuing", 0, "crt", "CERTIFICATE", certificate_der(issuing));
	write_object(scene, "standing", 0, "crt", "CERTIFICATE", certificate_der(scene->standing));
	write_object(scene, "revoked", 0, "crt", "CERTIFICATE", certificate_der(scene->revoked));
}

int main(int argc, char **argv)
{
	static const struct {
		const char *what;
		size_t count;
		bool (*try)(struct scene *scene, size_t number);
	} kinds[] = {{"chains", CHAINS, try_chain},
		     {"CRLs", CRLS, try_crl},
		     {"OCSP answers", ANSWERS, try_answer}};
	struct scene scene = {.lot = {.state = UINT64_C(0x9e3779b97f4a7c15)}};
	size_t disagreements;

	if (argc != 2 || (mkdir(argv[1], 0755) < 0)) {
		fprintf(stderr, "usage: %s NEW_FOLDER\n", argv[0]);
		return 2;
	}
	scene.folder = argv[1];
	set_scene(&scene);
	write_certificates(&scene);
	for (size_t kind = 0; kind < COUNT_OF(kinds); kind++) {
		size_t taken = 0;

		disagreements = scene.disagreements;
		for (size_t i = 0; i < kinds[kind].count; i++)
			taken += kinds[kind].try(&scene, i) ? 1 : 0;
		printf("%s: %zu changed, %zu taken, %zu of those not by GnuTLS\n", kinds[kind].what,
		       kinds[kind].count, taken, scene.disagreements - disagreements);
	}
	disagreements = scene.disagreements;
	clear_scene(&scene);
	return disagreements > 0 ? 1 : 0;
}
