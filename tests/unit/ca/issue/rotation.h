#ifndef CERTPOOL_TESTS_UNIT_CA_ISSUE_ROTATION_H
#define CERTPOOL_TESTS_UNIT_CA_ISSUE_ROTATION_H

#include "common/ca/issue/rotate_root.h"
#include "tests/unit/ca/fixture.h"

/* A CA whose root is rotated a day after it was made, its record, and what the last act said. */
struct rotation_fixture {
	struct ca_fixture ca;
	struct store *store;
	struct rotated_root rotated;
};

/* root_apart: the root lies in stick/; else it issues by itself. */
void make_rotation(struct rotation_fixture *fixture, bool root_apart);
void remove_rotation(struct rotation_fixture *fixture);

/* As begin_root_rotation and finish_root_rotation; without: one client, or NULL. */
int begin_rotation(struct rotation_fixture *fixture, struct fault *fault) MUST_CHECK;
int finish_rotation(struct rotation_fixture *fixture, const char *without,
		    struct fault *fault) MUST_CHECK;

/* A certificate of the CA's cert/. Owns: free_certificate. */
struct certificate *read_ca_certificate(const struct rotation_fixture *fixture, const char *name);

/* Whether the certificate is a CA's that the root certifies. */
void expect_below(const struct rotation_fixture *fixture, const char *root_name, const char *name,
		  bool expected);

#endif
