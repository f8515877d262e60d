#include "common/x509/intermediates.h"

#include "common/x509/pem.h"

#include <ctype.h>

static const char label[] = "CERTIFICATE";

const struct certificate *const *
intermediate_certificates(const struct intermediates *intermediates)
{
	return (const struct certificate *const *)intermediates->certificates;
}

void clear_intermediates(struct intermediates *intermediates)
{
	for (size_t i = 0; i < intermediates->count; i++)
		free_certificate(&intermediates->certificates[i]);
	intermediates->count = 0;
}

int add_intermediate(struct intermediates *intermediates, struct certificate **certificate,
		     struct fault *fault)
{
	if (intermediates->count == INTERMEDIATES_MAX) {
		free_certificate(certificate);
		return set_fault(fault, FAULT_TOO_LARGE,
				 "expected at most %d intermediate certificates, found more",
				 INTERMEDIATES_MAX);
	}
	intermediates->certificates[intermediates->count++] = TAKE(*certificate);
	return 0;
}

bool has_intermediate(const struct intermediates *intermediates,
		      const struct certificate *certificate)
{
	for (size_t i = 0; i < intermediates->count; i++)
		if (equal_bytes(certificate_der(intermediates->certificates[i]),
				certificate_der(certificate)))
			return true;
	return false;
}

int merge_intermediates(struct intermediates *intermediates, const struct intermediates *others,
			size_t most, struct fault *fault)
{
	for (size_t i = 0; i < others->count && intermediates->count < most; i++) {
		const struct certificate *other = others->certificates[i];
		struct certificate *copy = NULL;

		if (has_intermediate(intermediates, other))
			continue;
		if (parse_certificate_der(certificate_der(other), &copy, fault) < 0 ||
		    add_intermediate(intermediates, &copy, fault) < 0)
			return -1;
	}
	return 0;
}

static void skip_space(struct bytes *text)
{
	while (text->len > 0 && isspace(text->data[0])) {
		text->data++;
		text->len--;
	}
}

int parse_intermediates(struct bytes text, struct intermediates *ret_intermediates,
			struct fault *fault)
{
	CLEANUP(clear_intermediates) struct intermediates intermediates = {0};
	struct fault left_out = {0};

	if (parse_usable_intermediates(text, &intermediates, &left_out, fault) < 0)
		return -1;
	if (left_out.class != FAULT_NONE)
		return pass_fault(&left_out, fault);
	*ret_intermediates = intermediates;
	intermediates.count = 0;
	return 0;
}

int parse_usable_intermediates(struct bytes text, struct intermediates *ret_intermediates,
			       struct fault *left_out, struct fault *fault)
{
	CLEANUP(clear_intermediates) struct intermediates intermediates = {0};
	struct fault first = {0};

	skip_space(&text);
	for (size_t number = 1; text.len > 0; number++) {
		struct certificate *certificate = NULL;
		struct fault problem = {0};

		if (parse_certificate_pem(cut_pem(&text, label), &certificate, &problem) == 0) {
			if (add_intermediate(&intermediates, &certificate, fault) < 0)
				return -1;
			continue;
		}
		if (pass_failure(&problem, fault) < 0)
			return -1;
		if (first.class == FAULT_NONE)
			(void)set_fault(&first, problem.class, "certificate %zu: %s", number,
					problem.text);
	}
	*left_out = first;
	*ret_intermediates = intermediates;
	intermediates.count = 0;
	return 0;
}

int format_intermediates(const struct intermediates *intermediates, struct buffer *ret_text,
			 struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};

	for (size_t i = 0; i < intermediates->count; i++) {
		CLEANUP(clear_buffer) struct buffer pem = {0};

		if (format_certificate_pem(certificate_der(intermediates->certificates[i]), &pem,
					   fault) < 0)
			return -1;
		append_bytes(&text, bytes_of_buffer(&pem));
	}
	if (check_buffer(&text, fault) < 0)
		return -1;
	*ret_text = take_buffer(&text);
	return 0;
}
