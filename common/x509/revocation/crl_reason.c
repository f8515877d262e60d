#include "common/x509/revocation/crl_reason.h"

#include "common/base/name.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static const char *const names[] = {
	[REASON_UNSPECIFIED] = "unspecified",
	[REASON_KEY_COMPROMISE] = "keyCompromise",
	[REASON_CA_COMPROMISE] = "cACompromise",
	[REASON_AFFILIATION_CHANGED] = "affiliationChanged",
	[REASON_SUPERSEDED] = "superseded",
	[REASON_CESSATION_OF_OPERATION] = "cessationOfOperation",
	[REASON_CERTIFICATE_HOLD] = "certificateHold",
	[REASON_REMOVE_FROM_CRL] = "removeFromCRL",
	[REASON_PRIVILEGE_WITHDRAWN] = "privilegeWithdrawn",
	[REASON_AA_COMPROMISE] = "aACompromise",
};

bool valid_crl_reason(int reason)
{
	return reason >= 0 && (size_t)reason < COUNT_OF(names) && names[reason] != NULL;
}

const char *format_crl_reason(int reason)
{
	return names[valid_crl_reason(reason) ? reason : REASON_UNSPECIFIED];
}

static bool is_temporary(int reason)
{
	return reason == REASON_CERTIFICATE_HOLD || reason == REASON_REMOVE_FROM_CRL;
}

int parse_crl_reason(const char *name, int *ret_reason, struct fault *fault)
{
	struct nearest_name search = {.word = name};
	char meant[MEANT_SIZE];

	for (int reason = 0; (size_t)reason < COUNT_OF(names); reason++) {
		if (!valid_crl_reason(reason) || is_temporary(reason))
			continue;
		compare_name(&search, names[reason]);
		if (strcasecmp(names[reason], name) != 0)
			continue;
		*ret_reason = reason;
		return 0;
	}
	format_meant(&search, meant);
	return set_fault(fault, FAULT_USAGE,
			 "\"%s\" is no reason to revoke for: expected unspecified, keyCompromise, "
			 "cACompromise, affiliationChanged, superseded, cessationOfOperation, "
			 "privilegeWithdrawn or aACompromise (a revocation is final: there is no "
			 "certificateHold and no removeFromCRL)%s",
			 name, meant);
}
