#include "common/x509/revocation/crl.h"
#include "common/x509/revocation/crl_fields.h"
#include "tests/fuzz/target.h"

#include <assert.h>

/* Every entry of a CRL that was taken can be read, and is found. */
static void check_entries(const struct crl *crl, struct bytes der)
{
	struct crl_fields parts = {0};
	struct fault fault = {0};
	size_t count = 0;

	assert(split_crl(der, &parts, &fault) == 0);
	assert(parts.number.len >= 1 && parts.number.len <= 20);
	assert(parts.authority_key_id.key_id.len > 0);
	for (; parts.revoked.len > 0; count++) {
		struct revoked_entry entry = {0};
		struct crl_revocation found = {0};

		assert(read_revoked_entry(&parts.revoked, &entry) == NULL);
		assert(entry.serial.len >= 1 && entry.serial.len <= SERIAL_MAX);
		assert(find_revoked(crl, entry.serial, &found));
		assert(valid_crl_reason(found.reason));
	}
	assert(crl_count(crl) == count);
}

/* A CRL, in DER or in PEM, is refused with a reason, or holds what crl.h says. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(clear_buffer) struct buffer content = {0};
	CLEANUP(free_crl) struct crl *crl = NULL;
	struct verdict verdict = {0};
	char number[CRL_NUMBER_TEXT_SIZE];
	struct fault fault = {0};

	append_bytes(&content, (struct bytes){data, size});
	if (parse_crl(&content, &crl, &fault) < 0) {
		assert(crl == NULL && content.data == NULL);
		assert(fault.class != FAULT_NONE && fault.text[0] != '\0');
		return 0;
	}
	format_crl_number(crl, number);
	assert(number[0] >= '0' && number[0] <= '9');
	assert(crl_this_update(crl) <= crl_next_update(crl));
	assert(!older_crl(crl, crl));
	check_crl_time(crl, crl_this_update(crl), &verdict);
	assert(!verdict.invalid);
	if (data[0] == 0x30)
		check_entries(crl, (struct bytes){data, size});
	return 0;
}
