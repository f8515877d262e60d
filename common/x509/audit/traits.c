#include "common/x509/audit/traits.h"

#include "common/base/clock.h"
#include "common/base/hex.h"
#include "common/crypto/key.h"
#include "common/x509/certificate.h"
#include "common/x509/certificate_fields.h"

#include <ctype.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare_texts(const void *a, const void *b)
{
	return strcmp(a, b);
}

void clear_traits(struct traits *traits)
{
	tdestroy(traits->texts, free);
	free(traits->all);
	free(traits->specimens);
	*traits = (struct traits){0};
}

const char *keep_text(struct traits *traits, const char *text)
{
	char *const *found = tfind(text, &traits->texts, compare_texts);
	char *copy;

	if (found != NULL)
		return *found;
	copy = strdup(text);
	if (copy != NULL && tsearch(copy, &traits->texts, compare_texts) == NULL) {
		free(copy);
		copy = NULL;
	}
	return copy;
}

/* Makes room for one more item of that size. */
static int make_room(void **items, size_t count, size_t *room, size_t size, struct fault *fault)
{
	size_t more = *room == 0 ? 256 : 2 * *room;
	void *moved;

	if (count < *room)
		return 0;
	moved = reallocarray(*items, more, size);
	if (moved == NULL)
		return set_memory_fault(fault);
	*items = moved;
	*room = more;
	return 0;
}

int add_trait(struct traits *traits, int64_t window, const char *field, const char *value,
	      const char *pool, struct fault *fault)
{
	struct trait trait = {.window = window,
			      .field = keep_text(traits, field),
			      .value = keep_text(traits, value),
			      .pool = keep_text(traits, pool)};
	void *all = traits->all;

	if (trait.field == NULL || trait.value == NULL || trait.pool == NULL)
		return set_memory_fault(fault);
	if (make_room(&all, traits->count, &traits->room, sizeof(trait), fault) < 0)
		return -1;
	traits->all = all;
	traits->all[traits->count++] = trait;
	return 0;
}

/* One certificate while its traits are added. */
struct reading {
	struct traits *traits;
	const char *pool;
	int64_t window;
};

static int add(const struct reading *reading, const char *field, const char *value,
	       struct fault *fault)
{
	return add_trait(reading->traits, reading->window, field, value, reading->pool, fault);
}

/* The whole text, and its parts of letters and digits: a client's name is one of them. */
static int add_text(const struct reading *reading, const char *field, const char *part_field,
		    const char *text, struct fault *fault)
{
	CLEANUP(free_string) char *copy = strdup(text);
	char *rest = copy;

	if (copy == NULL)
		return set_memory_fault(fault);
	if (add(reading, field, text, fault) < 0)
		return -1;
	while (*rest != '\0') {
		char *end = rest;
		bool last;

		while (isalnum((unsigned char)*end))
			end++;
		last = *end == '\0';
		*end = '\0';
		if (end > rest && add(reading, part_field, rest, fault) < 0)
			return -1;
		rest = last ? end : end + 1;
	}
	return 0;
}

static int add_hex(const struct reading *reading, const char *field, struct bytes octets,
		   struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};

	append_hex(&text, octets);
	if (check_buffer(&text, fault) < 0)
		return -1;
	return add(reading, field, octets.len > 0 ? (const char *)text.data : "", fault);
}

static int add_time(const struct reading *reading, const char *field, int64_t time_s,
		    struct fault *fault)
{
	char text[TIME_TEXT_SIZE];

	format_time(time_s, text);
	return add(reading, field, text, fault);
}

/* The names of the subjectAltName are texts of their own. */
static int add_alt_names(const struct reading *reading, const struct certificate *certificate,
			 struct fault *fault)
{
	CLEANUP(clear_alt_names) struct alt_names names = {0};

	if (get_certificate_alt_names(certificate, &names, fault) < 0)
		return -1;
	for (size_t i = 0; i < names.count; i++)
		if (add_text(reading, FIELD_ALT_NAME, PART_OF FIELD_ALT_NAME, names.names[i],
			     fault) < 0)
			return -1;
	return 0;
}

/* The value of each extension, and the list of all; what follows from the key or is looked at as a
   name is in the list alone. */
static int add_extensions(const struct reading *reading, struct bytes extensions,
			  struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer order = {0};
	struct extension extension;

	while (read_extension(&extensions, &extension)) {
		char field[64];

		append_hex(&order, extension.oid);
		append_string(&order, extension.critical ? "! " : " ");
		if (extension.id == EXTENSION_SUBJECT_KEY_ID ||
		    extension.id == EXTENSION_SUBJECT_ALT_NAME)
			continue;
		if (extension.id != EXTENSION_OTHER)
			(void)snprintf(field, sizeof(field), "extension 2.5.29.%d", extension.id);
		else
			(void)snprintf(field, sizeof(field), "extension of another identifier");
		if (add_hex(reading, field, extension.value, fault) < 0)
			return -1;
	}
	if (check_buffer(&order, fault) < 0)
		return -1;
	return add(reading, "order of extensions", order.len > 0 ? (const char *)order.data : "",
		   fault);
}

/* The length of the signed part without what follows from the key, or is random. */
static size_t measure_rest(const struct certificate_fields *fields)
{
	return fields->signed_object.body.len - fields->spki.len - fields->serial.len;
}

static int add_specimen(struct traits *traits, int64_t window, struct bytes serial,
			const char *pool, struct fault *fault)
{
	struct specimen specimen = {.window = window, .pool = keep_text(traits, pool)};
	void *specimens = traits->specimens;

	if (specimen.pool == NULL)
		return set_memory_fault(fault);
	if (serial.len > SERIAL_MAX)
		return set_fault(fault, FAULT_MALFORMED,
				 "serial: expected at most %d octets, found %zu", SERIAL_MAX,
				 serial.len);
	memcpy(specimen.serial + SERIAL_MAX - serial.len, serial.data, serial.len);
	if (make_room(&specimens, traits->specimen_count, &traits->specimen_room, sizeof(specimen),
		      fault) < 0)
		return -1;
	traits->specimens = specimens;
	traits->specimens[traits->specimen_count++] = specimen;
	return 0;
}

int add_certificate_traits(struct traits *traits, const char *pool, struct bytes der,
			   struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	const struct certificate_fields *fields;
	struct reading reading = {.traits = traits, .pool = pool};
	char size[32];

	if (parse_certificate_der(der, &certificate, fault) < 0)
		return -1;
	fields = certificate_fields(certificate);
	reading.window = certificate_not_before(certificate) / traits->window_s * traits->window_s;
	(void)snprintf(size, sizeof(size), "%zu octets", measure_rest(fields));
	if (add_text(&reading, FIELD_SUBJECT, PART_OF FIELD_SUBJECT,
		     certificate_subject(certificate), fault) < 0 ||
	    add_alt_names(&reading, certificate, fault) < 0 ||
	    add_time(&reading, FIELD_NOT_BEFORE, certificate_not_before(certificate), fault) < 0 ||
	    add_time(&reading, "notAfter", certificate_not_after(certificate), fault) < 0 ||
	    add(&reading, "issuer", certificate_issuer(certificate), fault) < 0 ||
	    add(&reading, "key type",
		format_key_type(public_key_type(certificate_public_key(certificate))), fault) < 0 ||
	    add_hex(&reading, "signature algorithm", fields->algorithm, fault) < 0 ||
	    add_extensions(&reading, fields->extensions, fault) < 0 ||
	    add(&reading, "size", size, fault) < 0)
		return -1;
	return add_specimen(traits, reading.window, certificate_serial(certificate), pool, fault);
}
