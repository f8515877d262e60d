#include "common/pool/revocation/learn_revocations.h"

#include "common/pool/members/survey.h"
#include "common/pool/members/trust.h"
#include "common/pool/revocation/ask_statuses.h"
#include "common/pool/revocation/crl_source.h"

#include <stdlib.h>
#include <string.h>

/* A certificate that the CA is to be asked about. */
struct asked {
	uint8_t serial[SERIAL_MAX];
	int64_t end_s;
	bool revoked; /* by the CRL */
};

struct learn_context {
	int64_t now_s;
	struct crl_source *crl; /* NULL: there is no CRL */
	struct trust trust;     /* the root, and what it has issued */
	struct buffer asked;    /* struct asked: those of which no CRL says anything */
	struct buffer covered;  /* the same: the others */
	struct buffer news;     /* struct known_revocation */
};

static void clear_learn_context(struct learn_context *context)
{
	free_crl_source(&context->crl);
	clear_buffer(&context->asked);
	clear_buffer(&context->covered);
	clear_buffer(&context->news);
}

static void add_news(struct learn_context *context, const uint8_t serial[static SERIAL_MAX],
		     int64_t end_s, int64_t revoked_at_s, int reason)
{
	struct known_revocation revocation = {
		.end_s = end_s, .revoked_at_s = revoked_at_s, .reason = reason};

	memcpy(revocation.serial, serial, SERIAL_MAX);
	append_bytes(&context->news,
		     (struct bytes){(const uint8_t *)&revocation, sizeof(revocation)});
}

/* What the CRL of the certificate's issuer says. */
static enum crl_status look_up(struct learn_context *context, const struct certificate *certificate)
{
	const struct certificate *issuer;
	struct crl_finding finding;

	if (context->crl == NULL)
		return CRL_UNKNOWN;
	issuer = find_issuer(&context->trust, certificate, context->now_s);
	if (issuer == NULL)
		return CRL_UNKNOWN;
	consult_crl(context->crl, issuer, certificate, context->now_s, &finding);
	if (finding.status == CRL_REVOKED)
		add_news(context, certificate_serial(certificate).data,
			 certificate_not_after(certificate), finding.revoked_at_s, finding.reason);
	return finding.status;
}

static int look_at_member(void *argument, const struct member_view *view, struct fault *fault)
{
	struct learn_context *context = argument;
	struct asked asked = {0};
	struct buffer *list;
	enum crl_status status;
	struct bytes serial;

	if (view->certificate == NULL || view->revocation != NULL)
		return 0;
	serial = certificate_serial(view->certificate);
	asked.end_s = certificate_not_after(view->certificate);
	/* The CA's serials have SERIAL_MAX octets: another one is another CA's. */
	if (asked.end_s < context->now_s || serial.len != SERIAL_MAX)
		return 0;
	memcpy(asked.serial, serial.data, SERIAL_MAX);
	status = look_up(context, view->certificate);
	asked.revoked = status == CRL_REVOKED;
	list = status == CRL_UNKNOWN ? &context->asked : &context->covered;
	append_bytes(list, (struct bytes){(const uint8_t *)&asked, sizeof(asked)});
	return check_buffer(list, fault);
}

void clear_learned(struct learned *learned)
{
	clear_buffer(&learned->unknown);
}

static int compare_serials(const void *a, const void *b)
{
	return memcmp(a, b, SERIAL_MAX);
}

static int compare_asked(const void *a, const void *b)
{
	return memcmp(((const struct asked *)a)->serial, ((const struct asked *)b)->serial,
		      SERIAL_MAX);
}

/* Two members' files may be the same. */
static size_t remove_duplicates(struct asked *asked, size_t count)
{
	size_t kept = 0;

	if (count > 0)
		qsort(asked, count, sizeof(*asked), compare_asked);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || compare_asked(&asked[kept - 1], &asked[i]) != 0)
			asked[kept++] = asked[i];
	return kept;
}

static int ask_batch(const struct learning *learning, struct learn_context *context,
		     const struct asked *asked, size_t count, struct learned *learned,
		     struct fault *fault)
{
	uint8_t serials[STATUSES_MAX][SERIAL_MAX];
	const struct statuses_question question = {
		.layout = learning->layout,
		.client = learning->client->name,
		.ca = learning->ca,
		.serials = (const uint8_t(*)[SERIAL_MAX])serials,
		.serial_count = count,
	};
	CLEANUP(clear_statuses_answer) struct statuses_answer answer = {0};
	bool known;

	for (size_t i = 0; i < count; i++)
		memcpy(serials[i], asked[i].serial, SERIAL_MAX);
	if (ask_statuses(&question, context->now_s, &answer, &known, fault) < 0)
		return -1;
	learned->too_old |= !known;
	for (size_t i = 0; i < answer.revoked_count; i++) {
		const struct revoked_serial *revoked = &answer.revoked[i];
		struct asked wanted = {0};
		const struct asked *of;

		memcpy(wanted.serial, revoked->serial, SERIAL_MAX);
		/* ask_statuses lets no other serial pass. */
		of = bsearch(&wanted, asked, count, sizeof(*asked), compare_asked);
		if (of == NULL || !of->revoked)
			add_news(context, revoked->serial, of != NULL ? of->end_s : context->now_s,
				 revoked->revoked_at_s, revoked->reason);
	}
	learned->ca = answer.endpoint;
	append_bytes(&learned->unknown, (struct bytes){(const uint8_t *)answer.unknown,
						       answer.unknown_count * SERIAL_MAX});
	if (check_buffer(&learned->unknown, fault) < 0)
		return -1;
	return check_buffer(&context->news, fault);
}

/* list: of struct asked. */
static int ask_all(const struct learning *learning, struct learn_context *context,
		   const struct buffer *list, struct learned *learned, struct fault *fault)
{
	struct asked *asked = (void *)list->data;
	size_t count = remove_duplicates(asked, list->len / sizeof(*asked));

	for (size_t at = 0; at < count; at += STATUSES_MAX) {
		size_t left = count - at;

		if (ask_batch(learning, context, asked + at,
			      left < STATUSES_MAX ? left : STATUSES_MAX, learned, fault) < 0)
			return -1;
	}
	return 0;
}

/* A URL that cannot be fetched is no failure: the CA is asked. */
static int open_crl(const struct learning *learning, struct learn_context *context,
		    struct fault *fault)
{
	struct fault failure = {0};

	if (learning->crl_url == NULL ||
	    new_crl_source(&learning->crl_url, 1, learning->layout->root_path, &context->crl,
			   &failure) == 0 ||
	    failure.class == FAULT_USAGE)
		return 0;
	return pass_fault(&failure, fault);
}

/* Only certificates that the root has issued may have their CRL believed. */
static int find_issuers(const struct roots *roots, const struct intermediates *chain,
			const struct certificate *ret_issuers[static INTERMEDIATES_MAX],
			size_t *ret_count, struct fault *fault)
{
	size_t count = 0;

	for (size_t i = 0; i < chain->count; i++) {
		struct verdict verdict = {0};

		if (verify_intermediate(roots->root, chain->certificates[i], &verdict, fault) < 0)
			return -1;
		if (verdict.invalid && roots->next != NULL) {
			verdict = (struct verdict){0};
			if (verify_intermediate(roots->next, chain->certificates[i], &verdict,
						fault) < 0)
				return -1;
		}
		if (!verdict.invalid)
			ret_issuers[count++] = chain->certificates[i];
	}
	*ret_count = count;
	return 0;
}

int learn_revocations(const struct learning *learning, int64_t now_s, struct learned *ret_learned,
		      struct fault *fault)
{
	const struct layout *layout = learning->layout;
	CLEANUP(clear_learn_context) struct learn_context context = {.now_s = now_s};
	CLEANUP(clear_known_revocations) struct known_revocations known = {0};
	CLEANUP(clear_roots) struct roots roots = {0};
	CLEANUP(clear_intermediates) struct intermediates chain = {0};
	const struct certificate *issuers[INTERMEDIATES_MAX];
	const struct survey survey = {.layout = layout,
				      .client = learning->client,
				      .revocations = &known,
				      .certificates_only = true,
				      .function = look_at_member,
				      .context = &context};
	CLEANUP(clear_learned) struct learned learned = {0};
	CLEANUP(clear_learned) struct learned beside = {0};
	struct fault failure = {0};
	struct fault ignored = {0};
	struct known_revocations news;
	int asked;

	if (read_known_revocations(layout, learning->client->name, &known, &failure) < 0 &&
	    pass_failure(&failure, fault) < 0)
		return -1;
	if (open_crl(learning, &context, fault) < 0 || read_roots(layout, &roots, fault) < 0 ||
	    read_intermediates(layout, &chain, fault) < 0 ||
	    find_issuers(&roots, &chain, issuers, &context.trust.intermediate_count, fault) < 0)
		return -1;
	context.trust.root = roots.root;
	context.trust.next_root = roots.next;
	context.trust.intermediates = issuers;
	if (survey_pool(&survey, fault) < 0)
		return -1;
	asked = ask_all(learning, &context, &context.asked, &learned, fault);
	/* The CA alone says which of them its record lacks, what was revoked since the CRL, and
	   where it is. With a CRL that is not needed to go on. */
	if (asked == 0)
		(void)!ask_all(learning, &context, &context.covered, &beside, &ignored);
	if (learned.ca.host[0] == '\0')
		learned.ca = beside.ca;
	append_bytes(&learned.unknown, bytes_of_buffer(&beside.unknown));
	if (check_buffer(&learned.unknown, fault) < 0)
		return -1;
	if (check_buffer(&context.news, asked < 0 ? NULL : fault) < 0)
		return -1;
	news.items = (void *)context.news.data;
	news.count = context.news.len / sizeof(*news.items);
	learned.revoked = news.count;
	/* What is known of some is kept also when the CA could not be asked after all. */
	if (add_known_revocations(layout, learning->client->name,
				  asked < 0 ? KNOWN_ADD : KNOWN_LEARN, &news, now_s,
				  asked < 0 ? NULL : fault) < 0 ||
	    asked < 0)
		return -1;
	if (learned.unknown.len > 0)
		qsort(learned.unknown.data, learned.unknown.len / SERIAL_MAX, SERIAL_MAX,
		      compare_serials);
	MOVE(ret_learned, learned);
	return 0;
}

struct note_context {
	const struct revocation_answer *answer;
	struct buffer news; /* struct known_revocation */
};

static int note_member(void *argument, const struct member_view *view, struct fault *fault)
{
	struct note_context *context = argument;
	const struct revocation_answer *answer = context->answer;
	struct bytes serial;

	if (view->certificate == NULL)
		return 0;
	serial = certificate_serial(view->certificate);
	for (size_t i = 0; i < answer->revoked_count; i++) {
		const struct revoked_member *revoked = &answer->revoked[i];
		struct known_revocation news = {.end_s = certificate_not_after(view->certificate),
						.revoked_at_s = revoked->revoked_at_s,
						.reason = revoked->reason};

		if (!equal_bytes(serial, (struct bytes){revoked->serial, SERIAL_MAX}))
			continue;
		memcpy(news.serial, revoked->serial, SERIAL_MAX);
		append_bytes(&context->news, (struct bytes){(const uint8_t *)&news, sizeof(news)});
	}
	return check_buffer(&context->news, fault);
}

int note_revocations(const struct layout *layout, const struct client_node *client,
		     const struct revocation_answer *answer, int64_t now_s, struct fault *fault)
{
	struct note_context context = {.answer = answer};
	const struct survey survey = {.layout = layout,
				      .client = client,
				      .certificates_only = true,
				      .function = note_member,
				      .context = &context};
	struct known_revocations news;
	int result = survey_pool(&survey, fault);

	news.items = (void *)context.news.data;
	news.count = context.news.len / sizeof(*news.items);
	if (result == 0)
		result =
			add_known_revocations(layout, client->name, KNOWN_ADD, &news, now_s, fault);
	clear_buffer(&context.news);
	return result;
}
