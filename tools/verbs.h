#ifndef CERTPOOL_TOOLS_VERBS_H
#define CERTPOOL_TOOLS_VERBS_H

#include "tools/command.h"

/* The verbs, each in the file of its name. */
extern const struct verb init_verb;
extern const struct verb invite_verb;
extern const struct verb join_verb;
extern const struct verb request_verb;
extern const struct verb serve_verb;
extern const struct verb enroll_verb;
extern const struct verb sign_verb;
extern const struct verb renew_verb;
extern const struct verb needs_renewal_verb;
extern const struct verb receive_verb;
extern const struct verb send_verb;
extern const struct verb verify_verb;
extern const struct verb revoke_verb;
extern const struct verb list_verb;
extern const struct verb show_verb;
extern const struct verb client_verb;
extern const struct verb crl_verb;
extern const struct verb audit_verb;
extern const struct verb check_verb;
extern const struct verb prune_verb;
extern const struct verb backup_verb;
extern const struct verb restore_verb;
extern const struct verb run_verb;
extern const struct verb status_verb;
extern const struct verb bench_verb;
extern const struct verb help_verb;
extern const struct verb version_verb;

/* In the order in which they are used; ends with NULL. */
extern const struct verb *const verbs[];

/* NULL, with FAULT_USAGE, when there is none of that name. -h, --help and --version are names too.
 */
const struct verb *find_verb(const char *name, struct fault *fault);

#endif
