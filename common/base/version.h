#ifndef CERTPOOL_BASE_VERSION_H
#define CERTPOOL_BASE_VERSION_H

/* The version of this program and its library. */
#define CERTPOOL_VERSION "0.1.0"

#endif
