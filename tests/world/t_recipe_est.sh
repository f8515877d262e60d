#!/usr/bin/env bash
# docs/recipes/est.md, as it is written.
# shellcheck source-path=SCRIPTDIR source=recipe.sh
. "$(dirname "$0")/recipe.sh"
run_recipe est
