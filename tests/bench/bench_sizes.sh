#!/usr/bin/env bash
# Pools of P-256 of growing size: time should grow with the size, and memory should not.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

for ((run = 0; run < RUNS; run++)); do
	for n in 100 1000 $(size '10000 100000' 10000 ''); do
		attempt sizes certpool enroll_pool sizes "$n" ecdsa-p256
	done
done
