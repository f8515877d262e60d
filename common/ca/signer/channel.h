#ifndef CERTPOOL_CA_SIGNER_CHANNEL_H
#define CERTPOOL_CA_SIGNER_CHANNEL_H

#include "common/base/name.h"
#include "common/layout/client_node.h"
#include "common/x509/revocation/crl.h"
#include "common/x509/signing_order.h"

/*
 * What the front of a serving CA and its signer say to each other, over a socketpair: a question,
 * its answer, the next question. Both are frames: a length, as many octets, perhaps a descriptor
 * (SCM_RIGHTS). The signer trusts no octet of a question.
 */
enum signer_question {
	ASK_SIGN,     /* a signing_order: its results */
	ASK_KEYS,     /* the shared keys: a frame with the peer's name and a file for each, then an
			 empty one */
	ASK_MANIFEST, /* the manifest's file */
	ASK_STAMP,    /* stamp_client_keys: 32 octets */
};

/* A frame's octets, and a descriptor or -1. */
struct frame {
	struct buffer octets;
	int descriptor;
};

/* Room for the largest CRL. */
enum { FRAME_MAX = CRL_DER_MAX + 65536 };

void clear_frame(struct frame *frame);

int send_frame(int channel, struct bytes octets, int descriptor, struct fault *fault) MUST_CHECK;

/* Shape: *ret_frame is empty, its descriptor -1. *ret_ended: the other side is gone. */
int receive_frame(int channel, struct frame *ret_frame, bool *ret_ended,
		  struct fault *fault) MUST_CHECK;

/* Questions and answers as octets. Errors of the parsers: FAULT_MALFORMED. */
void append_number(struct buffer *octets, uint64_t number);
bool take_number(struct bytes *octets, uint64_t *ret_number);

/* An order, without its time: the signer has its own. */
void append_order(struct buffer *octets, const struct signing_order *order);

/* An order that was parsed. Its bodies and its client's name are its own. */
struct parsed_order {
	struct signing_order order;
	char client[NAME_SIZE];
	struct buffer *bodies;
};

int parse_order(struct bytes octets, struct parsed_order *ret_order,
		struct fault *fault) MUST_CHECK;
void clear_parsed_order(struct parsed_order *parsed);

/* Whether the signer could do what it was asked: what it answers first. */
void append_outcome(struct buffer *octets, int result, const struct fault *failure);

/* -1 with the signer's fault. */
int take_outcome(struct bytes *octets, struct fault *fault) MUST_CHECK;

void append_results(struct buffer *octets, const struct signed_result *results, size_t count);
int parse_results(struct bytes octets, struct signed_result *ret_results, size_t count,
		  struct fault *fault) MUST_CHECK;

#endif
