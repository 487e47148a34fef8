#!/bin/sh
# Everybody in a folder of photos dances every dance of another folder; what exists already is left alone, so that the
# loop can be stopped and started again. A dance is fitted once, for all photos.
#   examples/batch.sh [PHOTOS [DANCES [OUTPUT]]]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
photos=${1:-$here}
dances=${2:-$here}
output=${3:-batch}
failed=0

mkdir -p "$output"
for photo in "$photos"/*.jpg "$photos"/*.jpeg "$photos"/*.png; do
    [ -e "$photo" ] || continue
    for dance in "$dances"/*.mp4 "$dances"/*.mov "$dances"/*.npz; do
        [ -e "$dance" ] || continue
        name=$(basename "${photo%.*}")--$(basename "${dance%.*}").mp4
        [ ! -e "$output/$name" ] || continue
        echo "$name"
        lwgan imitate "$photo" "$dance" -o "$output/$name" --quiet || failed=$((failed + 1))
    done
done
echo "The videos are in $output; $failed failed"
[ "$failed" -eq 0 ]
