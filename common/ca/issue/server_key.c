#include "common/ca/issue/server_key.h"

#include "common/base/staging.h"
#include "common/ca/revocation/ca_roots.h"
#include "common/ca/signer/policy.h"
#include "common/ca/store/certificates.h"
#include "common/crypto/key_file.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/pem.h"

static const char key_file[] = "server.key";

void init_server_key(struct server_key *server, const struct layout *layout, struct store *store,
		     const struct ca_node *ca, const struct issuer_set *issuers)
{
	*server =
		(struct server_key){.layout = layout, .store = store, .ca = ca, .issuers = issuers};
}

void clear_server_key(struct server_key *server)
{
	clear_own_key(&server->own);
}

/* --- the files --- */

static bool fit_together(const struct own_key *own)
{
	CLEANUP(free_public_key) struct public_key *key = NULL;
	struct fault ignored = {0};

	return get_public_key(own->key, &key, &ignored) == 0 &&
	       equal_bytes(public_key_spki(key), certificate_fields(own->certificate)->spki);
}

int read_server_certificate(const struct layout *layout, struct certificate **ret_certificate,
			    struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer chain = {0};
	struct bytes rest;
	bool found;

	if (find_file(layout->cert, SERVER_CERTIFICATE_FILE, &found, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	*ret_certificate = NULL;
	if (!found)
		return 0;
	if (read_file(layout->cert, SERVER_CERTIFICATE_FILE, INTERMEDIATES_PEM_MAX, &chain, fault) <
	    0)
		return prefix_fault(fault, "%s/cert", layout->path);
	/* The first of the file. */
	rest = bytes_of_buffer(&chain);
	if (parse_certificate_pem(cut_pem(&rest, "CERTIFICATE"), ret_certificate, fault) < 0)
		return prefix_fault(fault, "%s/cert/" SERVER_CERTIFICATE_FILE, layout->path);
	return 0;
}

static int read_files(const struct layout *layout, struct own_key *ret_own, struct fault *fault)
{
	CLEANUP(clear_own_key) struct own_key own = {0};
	CLEANUP(clear_secret) struct secret key = {0};

	if (read_secret_file(layout->server, key_file, PRIVATE_KEY_FILE_MAX, &key, fault) < 0 ||
	    parse_private_key(bytes_of_secret(&key), &own.key, fault) < 0 ||
	    read_server_certificate(layout, &own.certificate, fault) < 0)
		return -1;
	if (own.certificate == NULL || !fit_together(&own))
		return set_fault(fault, FAULT_NOT_FOUND, "the key is not the certificate's");
	MOVE(ret_own, own);
	return 0;
}

/* --- the chain --- */

static int append_pem(struct buffer *chain, const struct certificate *certificate,
		      struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};

	if (format_certificate_pem(certificate_der(certificate), &pem, fault) < 0)
		return -1;
	append_bytes(chain, bytes_of_buffer(&pem));
	return check_buffer(chain, fault);
}

int format_server_chain(const struct server_key *server, struct buffer *ret_pem,
			struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer chain = {0};
	CLEANUP(clear_ca_roots) struct ca_roots roots = {0};
	const struct certificate *issuing = issuer_certificate(server->issuer);

	if (append_pem(&chain, server->own.certificate, fault) < 0 ||
	    read_ca_roots(server->layout, &roots, fault) < 0)
		return -1;
	if (issuing != issuer_root(server->issuer) && append_pem(&chain, issuing, fault) < 0)
		return -1;
	for (size_t i = 0; i < roots.cross.count; i++)
		if (append_pem(&chain, roots.cross.certificates[i], fault) < 0)
			return -1;
	*ret_pem = take_buffer(&chain);
	return 0;
}

/* The key first: a kill before the certificate leaves files that do not fit together. */
static int save(struct server_key *server, struct fault *fault)
{
	const struct layout *layout = server->layout;
	CLEANUP(clear_secret) struct secret key = {0};
	CLEANUP(clear_buffer) struct buffer chain = {0};

	if (format_private_key(server->own.key, &key, fault) < 0 ||
	    format_server_chain(server, &chain, fault) < 0)
		return -1;
	if (write_file(layout->server, key_file, STAGE_REPLACE, 0600, bytes_of_secret(&key),
		       fault) < 0)
		return prefix_fault(fault, "%s/Private/server", layout->path);
	if (write_file(layout->cert, SERVER_CERTIFICATE_FILE, STAGE_REPLACE, 0644,
		       bytes_of_buffer(&chain), fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	server->unsaved = false;
	return 0;
}

/* --- whether a new key is due --- */

static bool same_names(const struct certificate *certificate, const struct alt_names *wanted)
{
	CLEANUP(clear_alt_names) struct alt_names names = {0};
	struct fault ignored = {0};
	bool same;

	if (get_certificate_alt_names(certificate, &names, &ignored) < 0)
		return false;
	same = names.count == wanted->count;
	for (size_t i = 0; same && i < names.count; i++)
		same = has_alt_name(wanted, names.names[i]);
	return same;
}

/* Takes the files over, if they are what a start would make. */
static void take_files(struct server_key *server, const struct alt_names *names)
{
	CLEANUP(clear_own_key) struct own_key own = {0};
	struct fault ignored = {0};

	if (read_files(server->layout, &own, &ignored) < 0 || !same_names(own.certificate, names))
		return;
	server->issuer =
		get_issuer_by_name(server->issuers, certificate_raw_issuer(own.certificate));
	if (server->issuer == NULL)
		return;
	MOVE(&server->own, own);
}

/* *ret_barred: it was revoked or removed. */
static int look_up(const struct server_key *server, bool *ret_barred, struct fault *fault)
{
	struct certificate_status status;

	*ret_barred = false;
	if (server->own.certificate == NULL)
		return 0;
	if (read_certificate_status(server->store, issuer_number(server->issuer),
				    certificate_serial(server->own.certificate), &status,
				    fault) < 0)
		return -1;
	*ret_barred = !status.found || status.revoked;
	return 0;
}

static int make_key(struct server_key *server, const struct alt_names *names, int64_t now_s,
		    struct fault *fault)
{
	const struct issuer *issuer = newest_issuer(server->issuers);
	CLEANUP(clear_own_key) struct own_key own = {0};
	char subject[SERVER_SUBJECT_SIZE];
	const struct own_key_plan plan = {.name = "TLS server",
					  .member = SERVER_MEMBER,
					  .subject = subject,
					  .alt_names = names,
					  .validity_s = SERVER_VALIDITY_S};

	name_server(names, subject);
	if (make_own_key(server->store, issuer, &plan, now_s, &own, fault) < 0)
		return -1;
	clear_own_key(&server->own);
	MOVE(&server->own, own);
	server->issuer = issuer;
	server->unsaved = true;
	return 0;
}

int refresh_server_key(struct server_key *server, int64_t now_s, struct fault *fault)
{
	CLEANUP(clear_alt_names) struct alt_names names = {0};
	bool barred;

	if (list_server_names(server->ca, &names, fault) < 0)
		return -1;
	if (names.count == 0)
		return set_fault(
			fault, FAULT_USAGE,
			"the CA's server certificate needs a name: expected in ca.endpoint "
			"the address or name by which clients reach the CA, or names: "
			"beside it");
	if (server->own.key == NULL)
		take_files(server, &names);
	if (look_up(server, &barred, fault) < 0)
		return -1;
	if ((barred || !is_own_key_valid(&server->own, now_s) ||
	     is_own_key_old(&server->own, newest_issuer(server->issuers), now_s)) &&
	    make_key(server, &names, now_s, fault) < 0)
		return -1;
	return server->unsaved ? save(server, fault) : 0;
}
