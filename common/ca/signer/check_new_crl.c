#include "common/ca/signer/check_new_crl.h"

#include "common/ca/revocation/publish_crl.h"
#include "common/ca/store/crl_state.h"
#include "common/x509/revocation/crl.h"
#include "common/x509/revocation/crl_fields.h"

#include <string.h>

static bool is_greater(struct bytes number, struct bytes before)
{
	if (number.len != before.len)
		return number.len > before.len;
	return memcmp(number.data, before.data, number.len) > 0;
}

/* Shape: serial has at most SERIAL_MAX octets. */
static void copy_number(struct bytes number, uint8_t ret_number[static SERIAL_MAX])
{
	memset(ret_number, 0, SERIAL_MAX);
	memcpy(ret_number + SERIAL_MAX - number.len, number.data, number.len);
}

/* An entry may go when its certificate has ended; of a pruned one nothing else is known. */
static int check_dropped(struct store *store, struct bytes serial, int64_t now_s,
			 struct verdict *verdict, struct fault *fault)
{
	uint8_t padded[SERIAL_MAX];
	char text[SERIAL_TEXT_SIZE];
	int64_t end_s = 0;
	bool found;

	copy_number(serial, padded);
	format_serial((struct bytes){padded, SERIAL_MAX}, text);
	if (find_end(store, padded, &found, &end_s, fault) < 0)
		return -1;
	if (found && end_s >= now_s)
		reject_because(verdict,
			       "CRL: expected the entry of %s, which the CRL before has and which "
			       "has not ended, found none",
			       text);
	return 0;
}

static int check_after(const struct crl *crl, const struct crl_fields *fields, struct bytes before,
		       const struct body_rules *rules, struct store *store, struct verdict *verdict,
		       struct fault *fault)
{
	struct crl_fields old;
	struct bytes rest;

	if (split_crl(before, &old, fault) < 0)
		return -1;
	if (!is_greater(fields->number, old.number))
		reject_because(verdict, "CRL: expected a greater number than that of the CRL "
					"before, found none");
	rest = old.revoked;
	while (rest.len > 0 && !verdict->invalid) {
		struct revoked_entry entry;
		struct crl_revocation revocation;

		if (read_revoked_entry(&rest, &entry) != NULL)
			return set_fault(fault, FAULT_FAILED, "the CRL before cannot be read");
		if (!find_revoked(crl, entry.serial, &revocation) &&
		    check_dropped(store, entry.serial, rules->now_s, verdict, fault) < 0)
			return -1;
	}
	return 0;
}

/* The CRL in the layout, if it is one of this issuer: any other does not count. */
static int read_standing(const struct body_rules *rules, struct buffer *ret_der,
			 struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(free_crl) struct crl *crl = NULL;
	CLEANUP(clear_buffer) struct buffer copy = {0};
	struct verdict verdict = {0};
	struct fault problem = {0};

	if (read_crl(rules->layout, issuer_number(rules->issuer), &der, &problem) < 0)
		return problem.class == FAULT_NOT_FOUND ? 0 : pass_fault(&problem, fault);
	append_bytes(&copy, bytes_of_buffer(&der));
	if (check_buffer(&copy, fault) < 0)
		return -1;
	if (parse_crl(&copy, &crl, &problem) < 0)
		return pass_failure(&problem, fault);
	if (verify_crl_signature(crl, issuer_certificate(rules->issuer), &verdict, fault) < 0)
		return -1;
	if (!verdict.invalid)
		*ret_der = take_buffer(&der);
	return 0;
}

int check_new_crl(const struct body_rules *rules, struct store *store, struct bytes last,
		  struct bytes der, struct signed_line *ret_line, struct verdict *verdict,
		  struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer standing = {0};
	CLEANUP(clear_buffer) struct buffer copy = {0};
	CLEANUP(free_crl) struct crl *crl = NULL;
	struct crl_fields fields;
	struct fault problem = {0};

	append_bytes(&copy, der);
	if (check_buffer(&copy, fault) < 0)
		return -1;
	if (split_crl(der, &fields, &problem) < 0 || parse_crl(&copy, &crl, &problem) < 0) {
		reject_because(verdict, "%s", problem.text);
		return pass_failure(&problem, fault);
	}
	if (!names_issuer(crl, issuer_certificate(rules->issuer)))
		reject_because(verdict, "CRL: expected the issuer %s",
			       certificate_subject(issuer_certificate(rules->issuer)));
	if (read_standing(rules, &standing, fault) < 0)
		return -1;
	if (standing.len > 0 &&
	    check_after(crl, &fields, bytes_of_buffer(&standing), rules, store, verdict, fault) < 0)
		return -1;
	if (last.len > 0 && check_after(crl, &fields, last, rules, store, verdict, fault) < 0)
		return -1;
	ret_line->kind = SIGNED_CRL;
	ret_line->end_s = crl_next_update(crl);
	copy_number(fields.number, ret_line->number);
	return 0;
}
