#ifndef CERTPOOL_CA_REVOCATION_CA_ROOTS_H
#define CERTPOOL_CA_REVOCATION_CA_ROOTS_H

#include "common/layout/layout.h"
#include "common/x509/certificate.h"
#include "common/x509/intermediates.h"

/*
 * The roots of a CA: cert/root.crt, and, while it is replaced (rotate_root.h), its successor in
 * cert/root.next.crt. cert/cross.crt has the certificates by which the present or the last pair of
 * roots certify each other, also after the rotation is finished. The layout of a root that lies
 * apart has the same files.
 */
#define ROOT_CERTIFICATE_FILE "root.crt"
#define NEXT_ROOT_FILE "root.next.crt"
#define OLD_ROOT_FILE "root.old.crt" /* the root before, until it ends */
#define NEXT_ROOT_KEY_FILE "root.next.key"
#define CROSS_FILE "cross.crt"

struct ca_roots {
	struct certificate *root;
	struct certificate *next; /* NULL: no rotation is under way */
	struct intermediates cross;
};

void clear_ca_roots(struct ca_roots *roots);

/* Whether there is a next root. False also when that cannot be found out. */
bool is_root_being_replaced(const struct layout *layout);

/* Reads all of them. Errors: FAULT_NOT_FOUND without a root. */
int read_ca_roots(const struct layout *layout, struct ca_roots *ret_roots,
		  struct fault *fault) MUST_CHECK;

/* Reads the next root (NEXT_ROOT_FILE) or the old one (OLD_ROOT_FILE). *ret_root is NULL if there
   is none. Owns: free_certificate. */
int read_other_root(const struct layout *layout, const char *name, struct certificate **ret_root,
		    struct fault *fault) MUST_CHECK;

/* The root, or the root and its successor, in PEM. */
int format_ca_roots(const struct ca_roots *roots, struct buffer *ret_pem,
		    struct fault *fault) MUST_CHECK;

#endif
