#!/usr/bin/env bash
# The README's tour, with pools of 500 and nothing else changed: the quota follows the size.
TOUR_SIZE=500 exec bash "$(dirname "$0")/t_readme.sh"
