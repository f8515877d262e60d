#ifndef CERTPOOL_CA_ISSUE_RECOVER_CERTIFICATE_H
#define CERTPOOL_CA_ISSUE_RECOVER_CERTIFICATE_H

#include "common/ca/store/certificates.h"
#include "common/x509/issuer_set.h"

/* The member under which the record has a recovered certificate, as one of the CA itself: no
   certificate says whose it is. */
#define RECOVERED_MEMBER "recovered"

/*
 * Fills the record of a certificate that the CA issued, as its signature shows, and that its record
 * lacks because it was restored from an older backup. Whether the certificate has expired does not
 * count. Errors: FAULT_NOT_FOUND, with the reason, for a certificate that none of the issuers
 * issued.
 */
int recover_certificate(const struct issuer_set *issuers, const struct certificate *certificate,
			struct issued_certificate *ret_record, struct fault *fault) MUST_CHECK;

#endif
