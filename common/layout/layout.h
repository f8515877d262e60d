#ifndef CERTPOOL_LAYOUT_LAYOUT_H
#define CERTPOOL_LAYOUT_LAYOUT_H

#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/base/name.h"

#include <stddef.h>
#include <stdint.h>

/*
 * A node's directory:
 *
 *   CSR_file/  0755  csr_key{i}.csr        PKCS#10 PEM, 0644
 *   Private/   0700  private_key{i}.key    PKCS#8 PEM, 0600
 *                    shared_{node}.jwk     the key shared with that node, 0600
 *                    old_{node}.jwk        the one before, which is taken until its end, 0600
 *                    root.key              the root's key, PKCS#8 PEM, 0600
 *                    ca.key                the CA's own key, if its root has another layout
 *                    ca.{n}.key            the key of the CA's issuer n, from 2 on, 0600
 *                    admin.token           the secret in the URL of the CA's page, 0600
 *                    server/server.key     the key of the node's own TLS server, 0600 in 0700
 *   cert/      0755  cert_key{i}.crt       X.509 PEM, 0644
 *                    root.crt              the root: the CA's own, a client's pinned one, 0644
 *                    ca.crt                intermediates below that root, if any: the CA's own, or
 *                                          those that a client has received, 0644
 *                    ca.{n}.crt            the certificate of the CA's issuer n, from 2 on
 *                    server.crt            the TLS server's, and the chain below the root
 *   received/  0755  {serial}.crt          signers of verified messages, 0644
 *   state/     0700  lock, serving         locks of the processes that work on the layout
 *                    ca.db                 the CA's store
 *                    barred                names of the clients that the CA bars
 *                    seen                  the replay log: jti of received messages
 *                    exported              requests exported for offline enrolment
 *                    endpoint_{node}       where that node is reached, as it said last
 *                    revoked               what the client knows to be revoked of its own
 *                    pool                  which members have signed, if the pool is not random
 *
 * During a renewal, a member also has Private/renewal_key{i}.key, CSR_file/renewal_key{i}.csr and
 * cert/renewal_key{i}.crt, which replace its three files in the end.
 *
 * An open layout holds its directories open: a later change of the path has no effect on it.
 * Private/ and state/ are checked when the layout is opened (check_private_directory), and no
 * directory may be a symbolic link.
 */
struct layout {
	char *path;
	char *root_path; /* of cert/root.crt */
	int root;
	int csr_file;
	int private;
	int server; /* -1 unless open_server_directory was called */
	int cert;
	int received;
	int state;
};

/* Makes missing directories, and opens the layout. Owns: free_layout. */
int make_layout(const char *path, struct layout **ret_layout, struct fault *fault) MUST_CHECK;

/* Opens the layout. Owns: free_layout. Errors: FAULT_NOT_FOUND, with the advice to run init. */
int open_layout(const char *path, struct layout **ret_layout, struct fault *fault) MUST_CHECK;
void free_layout(struct layout **layout);

/* Makes Private/server if it is missing, and opens it. */
int open_server_directory(struct layout *layout, struct fault *fault) MUST_CHECK;

enum { FILE_NAME_SIZE = 96 };

/* Names of files. Members are numbered from 1. */
void name_private_key(size_t index, char ret_name[static FILE_NAME_SIZE]);
void name_csr(size_t index, char ret_name[static FILE_NAME_SIZE]);
void name_certificate(size_t index, char ret_name[static FILE_NAME_SIZE]);
void name_renewal_key(size_t index, char ret_name[static FILE_NAME_SIZE]);
void name_renewal_csr(size_t index, char ret_name[static FILE_NAME_SIZE]);
void name_renewal_certificate(size_t index, char ret_name[static FILE_NAME_SIZE]);
void name_shared_key(const char *peer, char ret_name[static FILE_NAME_SIZE]);
void name_old_key(const char *peer, char ret_name[static FILE_NAME_SIZE]);

/* The file of a CA's issuer (issuers.h), from that of its first one: of "ca.crt" and 2, "ca.2.crt".
 */
void name_issuer_file(const char *first, unsigned int number, char ret_name[static FILE_NAME_SIZE]);

/* "key7", the member's name on the wire, and back; parse_member gives 0 for any other text. */
void name_member(size_t index, char ret_name[static FILE_NAME_SIZE]);
size_t parse_member(const char *name);

/* Takes the layout's lock (state/lock); `mode` as in lock_file. Owns: close_descriptor. */
int lock_layout(const struct layout *layout, enum lock_mode mode, int *ret_lock,
		struct fault *fault) MUST_CHECK;

/* The names of the peers with a shared key in Private/, sorted. Owns: clear_peers. */
struct peers {
	char (*names)[NAME_SIZE];
	size_t count;
};
int list_peers(const struct layout *layout, struct peers *ret_peers,
	       struct fault *fault) MUST_CHECK;
/* The same for old keys. */
int list_old_peers(const struct layout *layout, struct peers *ret_peers,
		   struct fault *fault) MUST_CHECK;
void clear_peers(struct peers *peers);

#endif
