#!/bin/sh
# Everybody in a folder of photos (.jpg .jpeg .png) dances every dance of another (.mp4 .mov .npz). What is done already
# and whole is left alone, so that it can be stopped and started again; options may follow.
#   examples/batch.sh [PHOTOS [DANCES [OUTPUT [OPTION...]]]]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
photos=${1:-$here}
dances=${2:-$here}
output=${3:-batch}
[ $# -lt 3 ] || shift 2
[ $# -eq 0 ] || shift

code=0
lwgan batch imitate "$photos/*.[jp]*g" "$dances/*.[mn][op][v4z]" -o "$output" --resume "$@" || code=$?
[ "$code" -gt 1 ] || lwgan gallery "$output"
exit "$code"
