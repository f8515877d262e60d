#!/usr/bin/env bash
# docs/recipes/nginx.md, as it is written.
# shellcheck source-path=SCRIPTDIR source=recipe.sh
. "$(dirname "$0")/recipe.sh"
run_recipe nginx
