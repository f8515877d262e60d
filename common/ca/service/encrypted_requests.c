#include "common/ca/service/encrypted_requests.h"

#include "common/base/clock.h"
#include "common/ca/service/revocation_request.h"
#include "common/wire/envelope.h"

#include <stdio.h>
#include <string.h>

static const unsigned int ok = 200;
static const unsigned int internal_error = 500;

int init_encrypted_requests(struct encrypted_requests *inquiries, const struct layout *layout,
			    struct fault *fault)
{
	if (init_shared_keys(&inquiries->ring, layout, fault) < 0)
		return -1;
	init_refusal_counts(&inquiries->refusals);
	return 0;
}

void clear_encrypted_requests(struct encrypted_requests *inquiries)
{
	clear_shared_keys(&inquiries->ring);
	clear_refusal_counts(&inquiries->refusals);
}

/* One question on its way to its answer. */
struct inquiry {
	struct encrypted_requests *all;
	const char *path;
	struct question question;
	int64_t now_s;
};

static void log_text(const struct encrypted_requests *all, const char *path, unsigned int status,
		     const char *text)
{
	if (all->log != NULL)
		all->log(all->log_context, "POST", path, status, text);
}

/* A refusal goes inside the encrypted answer, so that HTTP itself sees a success. */
static void log_refusal(const struct inquiry *inquiry, const struct refusal *refusal)
{
	char text[FAULT_TEXT_SIZE];

	(void)snprintf(text, sizeof(text), "%s: %s: %s", inquiry->question.message.peer,
		       refusal->type, refusal->detail);
	log_text(inquiry->all, inquiry->path, ok, text);
	count_refusal(&inquiry->all->refusals, refusal->type);
}

static void log_member_refusals(const struct inquiry *inquiry,
				const struct certificates_answer *answer)
{
	const struct member_refusal *first = answer->refusals;
	char text[FAULT_TEXT_SIZE];

	(void)snprintf(text, sizeof(text), "%s: %zu of %zu requests refused; %s: %s: %s",
		       inquiry->question.message.peer, answer->refusal_count,
		       answer->refusal_count + answer->certificate_count, first->name,
		       first->refusal.type, first->refusal.detail);
	log_text(inquiry->all, inquiry->path, ok, text);
	for (size_t i = 0; i < answer->refusal_count; i++)
		count_refusal(&inquiry->all->refusals, answer->refusals[i].refusal.type);
}

/* What the CA could not do is for its own log; whoever asked can only ask again. */
static void refuse_for_failure(const struct inquiry *inquiry, const struct fault *found,
			       struct refusal *refusal)
{
	log_text(inquiry->all, inquiry->path, internal_error, found->text);
	set_refusal(refusal, "failed",
		    "the CA could not do it, and says why in its log: try again");
}

static void refuse_for_form(const struct inquiry *inquiry, const struct fault *found,
			    struct refusal *refusal)
{
	if (found->class == FAULT_FAILED)
		refuse_for_failure(inquiry, found, refusal);
	else
		set_refusal(refusal, found->class == FAULT_TOO_LARGE ? "too_many" : "malformed",
			    "%s", found->text);
}

static struct answer_claims claims_of(const struct inquiry *inquiry,
				      const struct request_claims *claims)
{
	return make_answer_claims(claims, inquiry->question.sha256, CA_NAME,
				  inquiry->question.message.peer, inquiry->now_s);
}

/* A client that asks too often is refused here, and has to wait. */
static void check_rate(const struct inquiry *inquiry, struct refusal *refusal)
{
	struct fault found = {0};

	if (admit_request(inquiry->all->authority, inquiry->question.message.peer, refusal,
			  &found) < 0)
		refuse_for_failure(inquiry, &found, refusal);
}

/* A flood of what is refused for coming too often does not become a flood of events. */
static void refuse_whole(const struct inquiry *inquiry, const struct refusal *refusal,
			 struct certificates_answer *answer)
{
	struct fault found = {0};

	answer->refusal = *refusal;
	if (strcmp(refusal->type, RATE_REFUSAL) == 0 || strcmp(refusal->type, "failed") == 0)
		return;
	if (refuse_batch(inquiry->all->authority, inquiry->question.message.peer, refusal,
			 inquiry->now_s, answer, &found) < 0)
		log_text(inquiry->all, inquiry->path, internal_error, found.text);
}

static int answer_certificates(const struct inquiry *inquiry, struct secret *ret_plaintext,
			       struct fault *fault)
{
	const struct decrypted_message *message = &inquiry->question.message;
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	struct request_claims claims = {0};
	struct refusal refusal = {0};
	struct fault found = {0};

	if (parse_certificates_request(bytes_of_secret(&message->plaintext), &request, &claims,
				       &found) < 0)
		refuse_for_form(inquiry, &found, &refusal);
	else
		check_request_claims(&claims, message->peer, CA_NAME, inquiry->now_s, &refusal);
	if (refusal.type[0] == '\0')
		check_rate(inquiry, &refusal);
	if (refusal.type[0] == '\0' && certify_batch(inquiry->all->authority, message->peer,
						     &request, inquiry->now_s, &answer, &found) < 0)
		refuse_for_failure(inquiry, &found, &refusal);
	if (refusal.type[0] != '\0')
		refuse_whole(inquiry, &refusal, &answer);
	if (answer.refusal.type[0] != '\0')
		log_refusal(inquiry, &answer.refusal);
	else if (answer.refusal_count > 0)
		log_member_refusals(inquiry, &answer);
	answer.claims = claims_of(inquiry, &claims);
	return format_certificates_answer(&answer, ret_plaintext, fault);
}

static void judge_pem(const struct inquiry *inquiry, const struct buffer *pem,
		      struct status_answer *answer)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct fault found = {0};

	if (unwrap_certificate_pem(bytes_of_buffer(pem), &der, &found) == 0 &&
	    answer_status(inquiry->all->authority, bytes_of_buffer(&der), inquiry->now_s, answer,
			  &found) == 0)
		return;
	if (found.class == FAULT_MALFORMED || found.class == FAULT_TOO_LARGE)
		set_refusal(&answer->refusal, "malformed", "certificate: %s", found.text);
	else
		refuse_for_failure(inquiry, &found, &answer->refusal);
}

static int answer_status_inquiry(const struct inquiry *inquiry, struct secret *ret_plaintext,
				 struct fault *fault)
{
	const struct decrypted_message *message = &inquiry->question.message;
	CLEANUP(clear_status_request) struct status_request request = {0};
	struct status_answer answer = {0};
	struct request_claims claims = {0};
	struct fault found = {0};

	if (parse_status_request(bytes_of_secret(&message->plaintext), &request, &claims, &found) <
	    0)
		refuse_for_form(inquiry, &found, &answer.refusal);
	else
		check_request_claims(&claims, message->peer, CA_NAME, inquiry->now_s,
				     &answer.refusal);
	if (answer.refusal.type[0] == '\0')
		judge_pem(inquiry, &request.certificate, &answer);
	if (answer.refusal.type[0] != '\0')
		log_refusal(inquiry, &answer.refusal);
	answer.claims = claims_of(inquiry, &claims);
	return format_status_answer(&answer, ret_plaintext, fault);
}

static void revoke_for(const struct inquiry *inquiry, const struct revocation_request *request,
		       struct revocation_answer *answer)
{
	const struct ca_crl_options terms = authority_crl_options(inquiry->all->authority);
	struct fault trouble = {0};
	struct fault found = {0};

	if (revoke_own(&terms, inquiry->question.message.peer, request, inquiry->now_s, answer,
		       &trouble, &found) < 0)
		refuse_for_failure(inquiry, &found, &answer->refusal);
	else if (trouble.class != FAULT_NONE)
		log_text(inquiry->all, inquiry->path, internal_error, trouble.text);
}

static int answer_revocations(const struct inquiry *inquiry, struct secret *ret_plaintext,
			      struct fault *fault)
{
	const struct decrypted_message *message = &inquiry->question.message;
	CLEANUP(clear_revocation_request) struct revocation_request request = {0};
	CLEANUP(clear_revocation_answer) struct revocation_answer answer = {0};
	struct request_claims claims = {0};
	struct fault found = {0};

	if (parse_revocation_request(bytes_of_secret(&message->plaintext), &request, &claims,
				     &found) < 0)
		refuse_for_form(inquiry, &found, &answer.refusal);
	else
		check_request_claims(&claims, message->peer, CA_NAME, inquiry->now_s,
				     &answer.refusal);
	if (answer.refusal.type[0] == '\0')
		check_rate(inquiry, &answer.refusal);
	if (answer.refusal.type[0] == '\0')
		revoke_for(inquiry, &request, &answer);
	if (answer.refusal.type[0] != '\0')
		log_refusal(inquiry, &answer.refusal);
	answer.claims = claims_of(inquiry, &claims);
	return format_revocation_answer(&answer, ret_plaintext, fault);
}

typedef int answer_function(const struct inquiry *inquiry, struct secret *ret_plaintext,
			    struct fault *fault);

static void clear_inquiry(struct inquiry *inquiry)
{
	clear_request(&inquiry->question);
}

static int serve(struct encrypted_requests *all, const struct message_kind *kind,
		 answer_function *answer, struct bytes jwe, struct http_response *response,
		 struct fault *fault)
{
	CLEANUP(clear_inquiry)
	struct inquiry inquiry = {.all = all, .path = kind->path, .now_s = read_clock()};
	CLEANUP(clear_secret) struct secret plaintext = {0};
	struct fault trouble = {0};

	/* A key that cannot be read is no reason to refuse those who have good ones. */
	if (refresh_shared_keys(&all->ring, &trouble) < 0)
		log_text(all, kind->path, internal_error, trouble.text);
	if (open_encrypted_request(&all->ring, kind, jwe, &inquiry.question, fault) < 0 ||
	    answer(&inquiry, &plaintext, fault) < 0)
		return -1;
	return answer_encrypted_request(&all->ring, kind, &inquiry.question,
					bytes_of_secret(&plaintext), response, fault);
}

int answer_certificates_request(struct encrypted_requests *inquiries, struct bytes jwe,
				struct http_response *response, struct fault *fault)
{
	return serve(inquiries, &certificates_kind, answer_certificates, jwe, response, fault);
}

int answer_status_request(struct encrypted_requests *inquiries, struct bytes jwe,
			  struct http_response *response, struct fault *fault)
{
	return serve(inquiries, &status_kind, answer_status_inquiry, jwe, response, fault);
}

int answer_revocation_request(struct encrypted_requests *inquiries, struct bytes jwe,
			      struct http_response *response, struct fault *fault)
{
	return serve(inquiries, &revocations_kind, answer_revocations, jwe, response, fault);
}
