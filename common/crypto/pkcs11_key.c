#include "common/crypto/pkcs11_key.h"

#include "common/crypto/gnutls_object.h"

#include <gnutls/pkcs11.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum pin_state { PIN_GOOD, PIN_WRONG, PIN_LAST_TRY, PIN_MISSING, PIN_TOO_LONG };

struct token_pin {
	struct secret text;
	atomic_int state; /* enum pin_state; several threads may sign */
};

int new_token_pin(struct bytes pin, struct token_pin **ret_pin, struct fault *fault)
{
	CLEANUP(free_token_pin) struct token_pin *copy = calloc(1, sizeof(*copy));

	if (copy == NULL)
		return set_memory_fault(fault);
	atomic_init(&copy->state, PIN_GOOD);
	if (allocate_secret(pin.len, &copy->text, fault) < 0)
		return -1;
	if (pin.len > 0)
		memcpy(copy->text.data, pin.data, pin.len);
	*ret_pin = TAKE(copy);
	return 0;
}

void free_token_pin(struct token_pin **pin_pointer)
{
	struct token_pin *pin = TAKE(*pin_pointer);

	if (pin == NULL)
		return;
	clear_secret(&pin->text);
	free(pin);
}

int answer_token(void *userdata, int attempt, const char *url, const char *label,
		 unsigned int flags, char *ret_pin, size_t size)
{
	struct token_pin *pin = userdata;
	enum pin_state state = PIN_GOOD;

	(void)url;
	(void)label;
	if (attempt > 0 || (flags & GNUTLS_PIN_WRONG) != 0)
		state = PIN_WRONG;
	else if ((flags & GNUTLS_PIN_FINAL_TRY) != 0)
		state = PIN_LAST_TRY;
	else if (pin->text.len == 0)
		state = PIN_MISSING;
	else if (pin->text.len >= size)
		state = PIN_TOO_LONG;
	if (state != PIN_GOOD)
		atomic_store(&pin->state, state);
	if (atomic_load(&pin->state) != PIN_GOOD)
		return GNUTLS_E_PKCS11_PIN_ERROR;
	memcpy(ret_pin, pin->text.data, pin->text.len + 1);
	return 0;
}

const char *token_pin_problem(const struct token_pin *pin)
{
	switch ((enum pin_state)atomic_load(&pin->state)) {
	case PIN_GOOD:
		break;
	case PIN_WRONG:
		return "the token says that the PIN is wrong: it was tried once, and will not be "
		       "tried again";
	case PIN_LAST_TRY:
		return "one more wrong PIN would lock the token, so none was given: log in with "
		       "p11tool --login --list-all and the right PIN first";
	case PIN_MISSING:
		return "the token asks for a PIN: expected one in a file, found none";
	case PIN_TOO_LONG:
		return "the PIN is longer than a token takes";
	}
	return NULL;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int init_code;

static void init_modules(void)
{
	init_code = gnutls_pkcs11_init(GNUTLS_PKCS11_FLAG_AUTO, NULL);
}

static int load_modules(struct fault *fault)
{
	if (pthread_once(&once, init_modules) != 0 || init_code < 0)
		return set_fault(fault, FAULT_FAILED, "PKCS#11 modules cannot be loaded: %s",
				 gnutls_strerror(init_code));
	return 0;
}

static void free_string_of_gnutls(char **text)
{
	gnutls_free(*text);
}

static bool is_absent(int code)
{
	return code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE ||
	       code == GNUTLS_E_PKCS11_REQUESTED_OBJECT_NOT_AVAILBLE;
}

/* The value of a path attribute, or of several, begins here; NULL when the URL lacks it. */
static const char *find_attribute(const char *url, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = strchr(url, ':'); at != NULL && *at != '?' && *at != '\0';
	     at += 1 + strcspn(at + 1, ";?"))
		if (strncmp(at + 1, name, len) == 0 && at[1 + len] == '=')
			return at + 1 + len + 1;
	return NULL;
}

/* An option of p11tool with the attribute's value: a label as text, an id as hex digits. */
static void append_name(struct buffer *command, const char *option, const char *value, bool hex)
{
	append_format(command, " '%s", option);
	for (const char *at = value; *at != '\0' && *at != ';' && *at != '?'; at++) {
		uint8_t octet = (uint8_t)*at;
		char digits[3] = {0};

		if (*at == '%' && at[1] != '\0' && at[2] != '\0') {
			memcpy(digits, at + 1, 2);
			octet = (uint8_t)strtoul(digits, NULL, 16);
			at += 2;
		}
		append_format(command, hex ? "%02x" : "%c", octet);
	}
	append_string(command, "'");
}

/*
 * The command that makes the key of the URL: its name in the token, and the URL of the token alone.
 */
static void append_key_command(struct buffer *command, const char *url)
{
	static const char *const of_token[] = {"token", "serial", "model", "manufacturer"};
	const char *label = find_attribute(url, "object");
	const char *id = find_attribute(url, "id");
	bool first = true;

	append_string(command, "p11tool --login --mark-private --generate-privkey=ecdsa "
			       "--curve=secp256r1");
	if (id != NULL)
		append_name(command, "--id=", id, true);
	if (label != NULL || id == NULL)
		append_name(command, "--label=", label != NULL ? label : "ca", false);
	append_string(command, " 'pkcs11:");
	for (size_t i = 0; i < COUNT_OF(of_token); i++) {
		const char *value = find_attribute(url, of_token[i]);

		if (value == NULL)
			continue;
		append_format(command, "%s%s=%.*s", first ? "" : ";", of_token[i],
			      (int)strcspn(value, ";?"), value);
		first = false;
	}
	append_string(command, "'");
}

/* Says whether the key, the token or every token is missing. */
static int explain_absence(const char *url, struct fault *fault)
{
	CLEANUP(free_string_of_gnutls) char *first = NULL;
	CLEANUP(clear_buffer) struct buffer command = {0};
	unsigned int flags;

	if (!is_absent(gnutls_pkcs11_token_get_flags(url, &flags))) {
		append_key_command(&command, url);
		if (check_buffer(&command, fault) < 0)
			return -1;
		return set_fault(fault, FAULT_NOT_FOUND,
				 "%s: the token has no such private key: to make one, run %s", url,
				 (const char *)command.data);
	}
	if (gnutls_pkcs11_token_get_url(0, GNUTLS_PKCS11_URL_GENERIC, &first) < 0)
		return set_fault(fault, FAULT_UNREACHABLE,
				 "%s: there is no token at all: is the PKCS#11 module installed, "
				 "and known to p11-kit (p11-kit list-modules)?",
				 url);
	return set_fault(fault, FAULT_UNREACHABLE,
			 "%s: there is no such token: p11tool --list-tokens says which there are",
			 url);
}

static int set_token_fault(const char *url, const struct token_pin *pin, int code,
			   struct fault *fault)
{
	const char *problem = token_pin_problem(pin);

	if (code == GNUTLS_E_MEMORY_ERROR)
		return set_memory_fault(fault);
	if (problem != NULL)
		return set_fault(fault, FAULT_REFUSED, "%s: %s", url, problem);
	if (is_absent(code))
		return explain_absence(url, fault);
	if (code == GNUTLS_E_PKCS11_PIN_LOCKED || code == GNUTLS_E_PKCS11_PIN_EXPIRED)
		return set_fault(fault, FAULT_REFUSED, "%s: %s", url, gnutls_strerror(code));
	return set_fault(fault, FAULT_UNREACHABLE, "%s: the token cannot be used: %s", url,
			 gnutls_strerror(code));
}

static void free_object(gnutls_pkcs11_obj_t *object)
{
	if (*object != NULL)
		gnutls_pkcs11_obj_deinit(*object);
}

/* A key that can leave the token, or be used without a PIN, is no safer than a file. `narrow` is
   the URL for GnuTLS, `url` the configured one, for messages. */
static int check_marks(const char *narrow, const char *url, struct token_pin *pin,
		       struct fault *fault)
{
	CLEANUP(free_object) gnutls_pkcs11_obj_t object = NULL;
	unsigned int flags = 0;
	int code = gnutls_pkcs11_obj_init(&object);

	if (code < 0)
		return set_memory_fault(fault);
	gnutls_pkcs11_obj_set_pin_function(object, answer_token, pin);
	code = gnutls_pkcs11_obj_import_url(object, narrow, GNUTLS_PKCS11_OBJ_FLAG_LOGIN);
	if (code == 0)
		code = gnutls_pkcs11_obj_get_flags(object, &flags);
	if (code < 0)
		return set_token_fault(url, pin, code, fault);
	if ((flags & GNUTLS_PKCS11_OBJ_FLAG_MARK_SENSITIVE) == 0 ||
	    (flags & GNUTLS_PKCS11_OBJ_FLAG_MARK_PRIVATE) == 0)
		return set_fault(
			fault, FAULT_REFUSED,
			"%s: expected a key that is marked as sensitive and as private "
			"(CKA_SENSITIVE, CKA_PRIVATE), found one that is not: make another",
			url);
	return 0;
}

/* Restricts the URL to the private key: public key and certificate may have the same label. */
static int narrow_url(const char *url, char **ret_url, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer narrow = {0};
	size_t path = strcspn(url, "?");

	append_bytes(&narrow, (struct bytes){(const uint8_t *)url, path});
	if (strstr(url, ";type=private") == NULL)
		append_string(&narrow, ";type=private");
	append_string(&narrow, url + path);
	if (check_buffer(&narrow, fault) < 0)
		return -1;
	*ret_url = (char *)take_buffer(&narrow).data;
	return 0;
}

int import_token_key(const char *url, struct bytes pin, gnutls_privkey_t handle,
		     struct token_pin **ret_pin, struct fault *fault)
{
	CLEANUP(free_token_pin) struct token_pin *own = NULL;
	CLEANUP(free_string) char *narrow = NULL;
	int code;

	if (load_modules(fault) < 0 || new_token_pin(pin, &own, fault) < 0 ||
	    narrow_url(url, &narrow, fault) < 0 || check_marks(narrow, url, own, fault) < 0)
		return -1;
	*ret_pin = TAKE(own);
	gnutls_privkey_set_pin_function(handle, answer_token, *ret_pin);
	code = gnutls_privkey_import_url(handle, narrow, 0);
	return code < 0 ? set_token_fault(url, *ret_pin, code, fault) : 0;
}
