#include "common/x509/intermediates.h"
#include "common/x509/revocation/crl_bundle.h"
#include "tests/fuzz/target.h"

#include <assert.h>

/* What is taken of somebody else's text is written, and read again by the strict parser. */
static void try_intermediates(struct bytes pem)
{
	CLEANUP(clear_intermediates) struct intermediates usable = {0};
	CLEANUP(clear_intermediates) struct intermediates strict = {0};
	CLEANUP(clear_intermediates) struct intermediates again = {0};
	CLEANUP(clear_buffer) struct buffer written = {0};
	struct fault left_out = {0};
	struct fault fault = {0};
	bool whole = parse_intermediates(pem, &strict, &fault) == 0;

	assert(whole || (strict.count == 0 && fault.text[0] != '\0'));
	fault = (struct fault){0};
	if (parse_usable_intermediates(pem, &usable, &left_out, &fault) < 0) {
		assert(!whole && usable.count == 0);
		return;
	}
	assert(!whole || (left_out.class == FAULT_NONE && usable.count == strict.count));
	assert(usable.count <= INTERMEDIATES_MAX);
	assert(format_intermediates(&usable, &written, &fault) == 0);
	assert(parse_intermediates(bytes_of_buffer(&written), &again, &fault) == 0);
	assert(again.count == usable.count);
}

static void try_crls(struct bytes octets)
{
	CLEANUP(clear_crl_bundle) struct crl_bundle bundle = {0};
	CLEANUP(clear_buffer) struct buffer content = {0};
	struct fault fault = {0};

	append_bytes(&content, octets);
	if (parse_crl_bundle(&content, &bundle, &fault) < 0)
		assert(bundle.count == 0 && fault.text[0] != '\0');
	else
		assert(bundle.count >= 1 && bundle.count <= CRL_BUNDLE_MAX);
	assert(content.data == NULL);
}

/* A file of several certificates, or of several CRLs, as --chain, --crl and x5c bring them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_intermediates((struct bytes){data, size});
	try_crls((struct bytes){data, size});
	return 0;
}
