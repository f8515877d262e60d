#include "common/ca/issue/new_root.h"

#include "common/ca/signer/signed_log.h"
#include "common/ca/store/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void clear_rotated_root(struct rotated_root *rotated)
{
	free(rotated->subject);
	*rotated = (struct rotated_root){0};
}

int describe_root(const struct certificate *root, bool completed, struct rotated_root *ret_rotated,
		  struct fault *fault)
{
	char *subject = strdup(certificate_subject(root));

	if (subject == NULL)
		return set_memory_fault(fault);
	*ret_rotated = (struct rotated_root){.subject = subject,
					     .not_after_s = certificate_not_after(root),
					     .completed = completed};
	return 0;
}

int record_rotation(const struct root_rotation *rotation, const char *what,
		    const struct certificate *root, struct fault *fault)
{
	char detail[512];
	const struct event event = {
		.kind = EVENT_ROOT, .time_s = rotation->now_s, .by = CA_NAME, .detail = detail};

	(void)snprintf(detail, sizeof(detail), "%s: %s", what, certificate_subject(root));
	return record_event(rotation->store, &event, fault);
}

/* "CN=Root, serialNumber=2", then 3, and so on, from the subject of the present root. */
static void name_next_root(const char *subject, char *ret_name, size_t size)
{
	static const char attribute[] = "serialNumber=";
	const char *number = strstr(subject, attribute);
	const char *rest = subject;
	unsigned long next = 2;

	if (number != NULL) {
		char *end = NULL;

		next = strtoul(number + sizeof(attribute) - 1, &end, 10) + 1;
		rest = *end == ',' ? end + 1 : end;
		/* GnuTLS writes it first, or in its place: everything else stays in its order. */
		(void)snprintf(ret_name, size, "%.*s%s%lu%s%s", (int)(number - subject), subject,
			       attribute, next, *rest != '\0' ? "," : "", rest);
		return;
	}
	(void)snprintf(ret_name, size, "%s,%s%lu", subject, attribute, next);
}

int create_next_root(const struct root_rotation *rotation, const struct layout *layout,
		     const struct certificate *present, const struct private_key *key,
		     struct buffer *ret_der, struct fault *fault)
{
	const struct validity validity = {
		.not_before_s = rotation->now_s - rotation->ca->certificate_backdate_s,
		.not_after_s = rotation->now_s + rotation->ca->validity_s};
	CLEANUP(clear_buffer) struct buffer der = {0};
	char name[1024];

	name_next_root(certificate_subject(present), name, sizeof(name));
	if (create_root(key, name, &validity, &der, fault) < 0)
		return prefix_fault(fault, "root \"%s\"", name);
	if (append_signed_authority(layout, bytes_of_buffer(&der), rotation->now_s, fault) < 0)
		return -1;
	*ret_der = take_buffer(&der);
	return 0;
}

int certify_below(const struct root_rotation *rotation, const struct layout *layout,
		  const struct issuer *above, const struct certificate *below, int64_t end_s,
		  struct buffer *ret_der, struct fault *fault)
{
	const struct validity validity =
		limit_validity(issuer_certificate(above),
			       rotation->now_s - rotation->ca->certificate_backdate_s, end_s);
	CLEANUP(clear_buffer) struct buffer der = {0};

	if (create_cross_certificate(above, below, &validity, &der, fault) < 0 ||
	    append_signed_authority(layout, bytes_of_buffer(&der), rotation->now_s, fault) < 0)
		return prefix_fault(fault, "%s", certificate_subject(below));
	*ret_der = take_buffer(&der);
	return 0;
}

static int append_pem(struct buffer *pems, const struct buffer *der, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};

	if (format_certificate_pem(bytes_of_buffer(der), &pem, fault) < 0)
		return -1;
	append_bytes(pems, bytes_of_buffer(&pem));
	return check_buffer(pems, fault);
}

int make_cross_pair(const struct root_rotation *rotation, const struct layout *layout,
		    const struct issuer *present, const struct issuer *next,
		    struct buffer *ret_next_der, struct buffer *ret_pems, struct fault *fault)
{
	const struct certificate *root = issuer_certificate(present);
	const struct certificate *next_root = issuer_certificate(next);
	CLEANUP(clear_buffer) struct buffer by_present = {0};
	CLEANUP(clear_buffer) struct buffer by_next = {0};
	CLEANUP(clear_buffer) struct buffer pems = {0};

	if (certify_below(rotation, layout, present, next_root, certificate_not_after(next_root),
			  &by_present, fault) < 0 ||
	    certify_below(rotation, layout, next, root, certificate_not_after(root), &by_next,
			  fault) < 0 ||
	    append_pem(&pems, &by_present, fault) < 0 || append_pem(&pems, &by_next, fault) < 0)
		return prefix_fault(fault, "the cross certificates");
	*ret_next_der = take_buffer(&by_present);
	*ret_pems = take_buffer(&pems);
	return 0;
}
