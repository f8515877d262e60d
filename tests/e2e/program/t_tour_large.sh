#!/usr/bin/env bash
# The tour, with pools of 500 and nothing else changed: the quota follows the size.
TOUR_SIZE=500 exec bash "$(dirname "$0")/t_tour.sh"
