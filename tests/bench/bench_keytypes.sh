#!/usr/bin/env bash
# Pools of other key types, under a CA whose key has the same type; each beside its own limit.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

n_ed25519=$(size 10000 2000 20)
n_rsa=$(size 200 20 2)
for ((run = 0; run < RUNS; run++)); do
	limits ed25519
	attempt ed25519 certpool enroll_pool ed25519 "$n_ed25519" ed25519
	limits rsa-2048
	attempt rsa-2048 certpool enroll_pool rsa-2048 "$n_rsa" rsa-2048
done
