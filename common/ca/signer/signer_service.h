#ifndef CERTPOOL_CA_SIGNER_SIGNER_SERVICE_H
#define CERTPOOL_CA_SIGNER_SIGNER_SERVICE_H

#include "common/ca/signer/signer_process.h"

/* How many questions the signer answers at once: single requests that arrive together share a write
   of its log. */
enum { SIGNER_CHANNELS = 16 };

struct service_plan {
	open_service_function *open;
	close_service_function *close;
	void *context;
};

/*
 * The signer's process: opens the service, says over the first channel whether it could, and
 * answers until the front is gone. Returns the process's exit status.
 */
int run_signer_service(const int channels[SIGNER_CHANNELS], const struct service_plan *plan);

#endif
