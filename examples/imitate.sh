#!/bin/sh
# The person in the photo dances like the one in the video. Give other files to use your own:
#   examples/imitate.sh [PHOTO [DRIVING [OUTPUT]]]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
photo=${1:-$here/person.jpg}
driving=${2:-$here/dance.mp4}
output=${3:-person--dance.mp4}

lwgan imitate "$photo" "$driving" -o "$output" --overwrite
echo "The video is $output"
