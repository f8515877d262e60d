#ifndef CERTPOOL_TOOLS_VERB_ROTATE_ROOT_H
#define CERTPOOL_TOOLS_VERB_ROTATE_ROOT_H

#include "tools/ca_key.h"
#include "tools/command.h"
#include "tools/options.h"

struct root_rotation_options {
	bool finish;
	struct text_list without; /* only with finish */
	struct ca_key_settings key;
};

/* rotate root: begins the rotation of the CA's root, or finishes it (rotate_root.h). */
int rotate_root(const struct command *command, const struct root_rotation_options *options,
		struct fault *fault) MUST_CHECK;

#endif
