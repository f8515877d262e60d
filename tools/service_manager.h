#ifndef CERTPOOL_TOOLS_SERVICE_MANAGER_H
#define CERTPOOL_TOOLS_SERVICE_MANAGER_H

#include "common/base/fault.h"

/*
 * Tells the service manager that started us how we are, by the protocol of sd_notify(3): a datagram
 * to the socket that NOTIFY_SOCKET names. Without one, or with one that is no address of a socket
 * of the file system or of the abstract namespace, nobody is told, which is a success.
 */
int tell_service_manager(const char *state, struct fault *fault) MUST_CHECK;

#endif
