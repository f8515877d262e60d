#ifndef CERTPOOL_CA_STORE_SQLITE_PAGE_COPY_H
#define CERTPOOL_CA_STORE_SQLITE_PAGE_COPY_H

#include "common/ca/store/driver.h"

/* Pages of the record as a whole: two functions of struct store_driver. */

/* copy_store of store.h. */
int copy_sqlite_pages(struct store *store, const char *path, size_t *ret_certificates,
		      struct fault *fault) MUST_CHECK;

/* Looks at every page and index, and calls the function for each problem. */
int check_sqlite_pages(struct store_connection *connection, damage_function *function,
		       void *context, struct fault *fault) MUST_CHECK;

#endif
