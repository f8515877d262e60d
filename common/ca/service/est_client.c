#include "common/ca/service/est_client.h"

#include "common/ca/store/certificates.h"
#include "common/ca/store/clients.h"
#include "common/crypto/base64.h"
#include "common/crypto/shared_key.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/csr.h"
#include "common/x509/issuer_set.h"
#include "common/x509/purpose.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PASSWORD_LABEL "certpool EST password"

void clear_est_client(struct est_client *client)
{
	free_certificate(&client->certificate);
}

static void format_password(const uint8_t key[static SHA256_LEN],
			    char ret_password[static EST_PASSWORD_SIZE])
{
	CLEANUP(wipe_buffer) struct buffer text = {0};

	append_base64url(&text, (struct bytes){key, SHA256_LEN});
	ret_password[0] = '\0';
	if (text.len == EST_PASSWORD_SIZE - 1) {
		memcpy(ret_password, text.data, text.len);
		ret_password[text.len] = '\0';
	}
}

void derive_est_password(const struct shared_key *key, char ret_password[static EST_PASSWORD_SIZE])
{
	uint8_t derived[SHA256_LEN];

	derive_key((struct bytes){key->key, SHARED_KEY_LEN}, PASSWORD_LABEL, derived);
	format_password(derived, ret_password);
	wipe(derived, sizeof(derived));
}

__attribute__((format(printf, 4, 5))) static void
deny(struct est_client *client, enum est_denial denial, const char *type, const char *format, ...)
{
	char text[sizeof(client->refusal.detail)];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	client->denial = denial;
	set_refusal(&client->refusal, type, "%s", text);
}

/* Splits NAME:PASSWORD, which stays in *ret_credentials. False unless the field has the form. */
static bool read_basic(const char *field, struct buffer *ret_credentials,
		       char ret_name[static NAME_SIZE], struct bytes *ret_password)
{
	static const char scheme[] = "Basic ";
	struct fault ignored = {0};
	const uint8_t *colon;
	size_t len;

	if (strncasecmp(field, scheme, strlen(scheme)) != 0 ||
	    decode_base64(bytes_of_string(field + strlen(scheme)), ret_credentials, &ignored) < 0 ||
	    ret_credentials->len == 0)
		return false;
	colon = memchr(ret_credentials->data, ':', ret_credentials->len);
	len = colon != NULL ? (size_t)(colon - ret_credentials->data) : NAME_SIZE;
	if (len >= NAME_SIZE)
		return false;
	memcpy(ret_name, ret_credentials->data, len);
	ret_name[len] = '\0';
	*ret_password = (struct bytes){colon + 1, ret_credentials->len - len - 1};
	return valid_name(ret_name);
}

/* With the current shared key or, until its end, with the old one: its kid; "" with neither. */
static int find_password(struct shared_keys *keys, const char *name, struct bytes password,
			 char ret_kid[static KEY_ID_SIZE], struct fault *fault)
{
	struct derived_key derived[DERIVED_KEYS_MAX];
	char expected[EST_PASSWORD_SIZE];
	size_t count;

	ret_kid[0] = '\0';
	if (derive_from_shared_keys(keys, name, PASSWORD_LABEL, derived, &count, fault) < 0)
		return -1;
	for (size_t i = 0; i < count && ret_kid[0] == '\0'; i++) {
		format_password(derived[i].key, expected);
		if (equal_secrets(bytes_of_string(expected), password))
			memcpy(ret_kid, derived[i].kid, KEY_ID_SIZE);
	}
	wipe(derived, sizeof(derived));
	wipe(expected, sizeof(expected));
	return 0;
}

static int check_password(struct shared_keys *keys, const char *field, struct est_client *client,
			  struct fault *fault)
{
	CLEANUP(wipe_buffer) struct buffer credentials = {0};
	struct bytes password;

	if (!read_basic(field, &credentials, client->name, &password))
		deny(client, EST_UNAUTHENTICATED, "unauthenticated",
		     "expected Basic with a client's name and its password (certpool client "
		     "password), found another Authorization");
	else if (find_password(keys, client->name, password, client->kid, fault) < 0)
		return -1;
	else if (client->kid[0] == '\0')
		deny(client, EST_UNAUTHENTICATED, "unauthenticated",
		     "expected the password of the client (certpool client password CLIENT), "
		     "found another one");
	return 0;
}

/* The certificate is one that this CA issued, octet by octet: so nothing else in it has to be
   verified, and the handshake has shown that its key is there. */
static int find_member(struct authority *authority, struct bytes der,
		       struct issued_certificate *ret_record, bool *ret_found, struct fault *fault)
{
	struct certificate_fields fields;
	struct fault ignored = {0};
	bool found = false;

	*ret_found = false;
	if (split_certificate(der, &fields, &ignored) < 0 || fields.serial.len != SERIAL_MAX ||
	    get_issuer_by_name(authority_issuers(authority), fields.issuer) == NULL)
		return 0;
	if (find_by_serial(authority_store(authority), fields.serial.data, ret_record, &found,
			   fault) < 0)
		return -1;
	*ret_found = found && equal_bytes(der, bytes_of_buffer(&ret_record->der));
	return 0;
}

/* *ret_earlier: the certificate is of another client, which was removed, and had the name before.
 */
static int find_holder(struct authority *authority, const struct issued_certificate *record,
		       bool *ret_earlier, struct fault *fault)
{
	CLEANUP(clear_client) struct client holder = {0};
	bool found;

	if (read_client(authority_store(authority), record->client, &holder, &found, fault) < 0)
		return -1;
	*ret_earlier = found && record->issued_at_s < holder.added_at_s;
	return 0;
}

/* With its issuer, a certificate counts no longer. */
static int check_issuer(struct authority *authority, const struct issued_certificate *record,
			struct est_client *client, struct fault *fault)
{
	struct root_crl_cache *root_crl = authority_root_crl(authority);
	const struct issuer *issuer = get_issuer(authority_issuers(authority), record->issuer);
	struct fault problem = {0};

	if (root_crl == NULL || issuer == NULL ||
	    check_not_revoked(root_crl, issuer_certificate(issuer), &problem) == 0)
		return 0;
	if (problem.class != FAULT_REFUSED)
		return set_fault(fault, FAULT_FAILED, "%s", problem.text);
	deny(client, EST_FORBIDDEN, "revoked", "%s: enroll with the client's password",
	     problem.text);
	return 0;
}

static int check_certificate(struct authority *authority, struct bytes der, int64_t now_s,
			     struct est_client *client, struct fault *fault)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	bool earlier = false;
	bool found;

	if (find_member(authority, der, &record, &found, fault) < 0 ||
	    (found && find_holder(authority, &record, &earlier, fault) < 0))
		return -1;
	if (!found)
		deny(client, EST_UNAUTHENTICATED, "unauthenticated",
		     "expected a certificate of a member, issued by this CA, found another one");
	else if (record.revoked)
		deny(client, EST_FORBIDDEN, "revoked",
		     "the certificate of %s/%s was revoked: enroll with the client's password",
		     record.client, record.member);
	else if (earlier)
		deny(client, EST_FORBIDDEN, "policy",
		     "the certificate is of an earlier client %s, which was removed: enroll with "
		     "the password of the one that there is",
		     record.client);
	else if (now_s < record.not_before_s)
		deny(client, EST_UNAUTHENTICATED, "unauthenticated",
		     "the certificate of %s/%s is not valid yet: enroll with the client's password",
		     record.client, record.member);
	else if (now_s > record.not_after_s)
		deny(client, EST_UNAUTHENTICATED, "unauthenticated",
		     "the certificate of %s/%s has expired: enroll with the client's password",
		     record.client, record.member);
	else if (client->name[0] != '\0' && strcmp(client->name, record.client) != 0)
		deny(client, EST_FORBIDDEN, "policy",
		     "the password is the client %s's, and the certificate the client %s's",
		     client->name, record.client);
	else if (check_issuer(authority, &record, client, fault) < 0)
		return -1;
	if (client->denial != EST_ADMITTED)
		return 0;
	memcpy(client->name, record.client, sizeof(client->name));
	return parse_certificate_der(der, &client->certificate, fault);
}

int find_est_client(struct authority *authority, struct shared_keys *keys,
		    const struct http_request *request, int64_t now_s,
		    struct est_client *ret_client, struct fault *fault)
{
	CLEANUP(clear_est_client) struct est_client client = {0};

	if (request->authorization[0] != '\0' &&
	    check_password(keys, request->authorization, &client, fault) < 0)
		return -1;
	if (request->authorization[0] == '\0' && request->peer_count == 0)
		deny(&client, EST_UNAUTHENTICATED, "unauthenticated",
		     "expected a client's name and password, or a member's certificate, found "
		     "neither");
	if (client.denial == EST_ADMITTED && request->peer_count > 0 &&
	    check_certificate(authority, request->peer[0], now_s, &client, fault) < 0)
		return -1;
	MOVE(ret_client, client);
	return 0;
}

static bool same_alt_names(const struct certificate *certificate, const struct csr *csr)
{
	struct extension alt_names = {0};
	struct fault ignored = {0};
	bool found;

	(void)!find_extension(certificate_fields(certificate)->extensions,
			      EXTENSION_SUBJECT_ALT_NAME, &alt_names, &found, &ignored);
	return equal_bytes(alt_names.value, csr_alt_names_der(csr));
}

void check_renewal(const struct certificate *certificate, const struct csr *csr, bool pseudonymous,
		   struct refusal *refusal)
{
	const struct certificate_fields *fields = certificate_fields(certificate);

	if (!pseudonymous && !equal_bytes(fields->subject, csr_subject_der(csr)))
		set_refusal(refusal, "policy",
			    "renewal: subject: expected that of the certificate, \"%.128s\", found "
			    "\"%.128s\" (RFC 7030 section 4.2.2)",
			    certificate_subject(certificate), csr_subject(csr));
	else if (!same_alt_names(certificate, csr))
		set_refusal(refusal, "policy",
			    "renewal: alternative names: expected those of the certificate (RFC "
			    "7030 section 4.2.2)");
	else if (equal_bytes(fields->spki, public_key_spki(csr_public_key(csr))))
		set_refusal(refusal, "key_spent",
			    "renewal: expected another key than the certificate's: a public key "
			    "is certified once");
}

void check_granted(const struct certificate *certificate, const struct csr *csr,
		   unsigned int usages, bool pseudonymous, struct refusal *refusal)
{
	const struct certificate_fields *fields = certificate_fields(certificate);
	const unsigned int asked = usages | csr_usages(csr)->usages;

	if ((!pseudonymous && !equal_bytes(fields->subject, csr_subject_der(csr))) ||
	    !same_alt_names(certificate, csr) || (asked & ~find_usages(fields)) != 0)
		set_refusal(refusal, "key_taken",
			    "the public key has a certificate already, with other names or usages: "
			    "make another key");
}
