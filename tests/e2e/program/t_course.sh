#!/usr/bin/env bash
# docs/course.md: its commands are run as they are written; the French course has the same (t_documents.sh).
# shellcheck source-path=SCRIPTDIR source=../page.sh
. "$(dirname "$0")/../page.sh"
run_page docs/course.md
