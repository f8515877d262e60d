#include "common/x509/revocation/crl_bundle.h"

#include "common/x509/der.h"
#include "common/x509/pem.h"

static const char label[] = "X509 CRL";

void clear_crl_bundle(struct crl_bundle *bundle)
{
	for (size_t i = 0; i < bundle->count; i++)
		free_crl(&bundle->crls[i]);
	bundle->count = 0;
}

/* Takes the first CRL off a text in PEM. */
static int take_crl(struct bytes *text, struct crl **ret_crl, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer der = {0};

	if (unwrap_pem(cut_pem(text, label), label, NULL, CRL_PEM_MAX, &der, fault) < 0)
		return prefix_fault(fault, "CRL: neither DER nor PEM");
	return parse_crl_fields(&der, ret_crl, fault);
}

static int parse_pem(struct bytes text, struct crl_bundle *bundle, struct fault *fault)
{
	do {
		if (bundle->count == CRL_BUNDLE_MAX)
			return set_fault(fault, FAULT_TOO_LARGE,
					 "CRL: expected at most %d of them, found more",
					 CRL_BUNDLE_MAX);
		if (take_crl(&text, &bundle->crls[bundle->count], fault) < 0)
			return bundle->count > 0 || text.len > 0
				       ? prefix_fault(fault, "number %zu", bundle->count + 1)
				       : -1;
		bundle->count++;
	} while (text.len > 0);
	return 0;
}

int parse_crl_bundle(struct buffer *content, struct crl_bundle *ret_bundle, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = take_buffer(content);
	CLEANUP(clear_crl_bundle) struct crl_bundle bundle = {0};

	if (text.len > 0 && text.data[0] == DER_SEQUENCE) {
		if (parse_crl_fields(&text, &bundle.crls[0], fault) < 0)
			return -1;
		bundle.count = 1;
	} else if (parse_pem(bytes_of_buffer(&text), &bundle, fault) < 0) {
		return -1;
	}
	MOVE(ret_bundle, bundle);
	return 0;
}

int format_crl_bundle(const struct bytes *ders, size_t count, struct buffer *ret_pem,
		      struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};

	for (size_t i = 0; i < count; i++) {
		CLEANUP(clear_buffer) struct buffer pem = {0};

		if (format_pem(ders[i], label, &pem, fault) < 0)
			return -1;
		append_bytes(&text, bytes_of_buffer(&pem));
	}
	if (check_buffer(&text, fault) < 0)
		return -1;
	*ret_pem = take_buffer(&text);
	return 0;
}
