#ifndef CERTPOOL_LAYOUT_CA_PROFILE_H
#define CERTPOOL_LAYOUT_CA_PROFILE_H

#include "common/layout/ca_node.h"
#include "common/layout/client_node.h"
#include "common/layout/field.h"

/*
 * ca.profile: what a certificate may tell of the pool that it is of. The certificates of a CA whose
 * profile is `pseudonymous` have a subject that the CA draws, or none beside alternative names;
 * times that are those of windows; and keys of one type. Nothing in them has a client's name.
 */

/* What the CA writes in place of a request's subject. */
#define PSEUDONYM_SUBJECT "CN={random}"

/* The tables of ca.shuffle and ca.revocation. */
extern const struct field shuffle_fields[];
extern const struct field revocation_fields[];

/* Setter of a table's row: of a bool by "default" or "pseudonymous". */
field_setter set_profile;

/* The windows to which the profile rounds times: those of the pools, or else days of UTC. */
struct pool_windows rounding_windows(const struct ca_node *ca);

/* How much shorter than a window, or none at all, a validity may not be: two windows, so that a
   certificate that is renewed at the end of the first is not due at once. */
int64_t shortest_rounded_validity(const struct ca_node *ca);

/*
 * Leaves of a client's policy what the CA's profile allows: its subject, its type of key, and
 * alternative names without {client}. Without the profile the policy stays.
 */
int restrict_policy(const struct ca_node *ca, struct client_policy *policy,
		    struct fault *fault) MUST_CHECK;

/*
 * Completes the CA by its profile, once its windows are known; then each client, whose mapping is
 * value. Errors: FAULT_USAGE with line and column, for a key that the profile does not go with, or
 * that has no meaning without it.
 */
int complete_ca_profile(const struct yaml_node *value, struct ca_node *ca,
			struct fault *fault) MUST_CHECK;
int complete_client_profile(const struct yaml_node *value, const struct ca_node *ca,
			    struct client_node *client, struct fault *fault) MUST_CHECK;

#endif
