#!/bin/sh
# The person of the first photo in the clothes of the second, as a picture, and dancing. Give other files to use yours:
#   examples/transfer.sh [PHOTO [CLOTHES [DRIVING]]]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
photo=${1:-$here/person.jpg}
clothes=${2:-$here/other.jpg}
driving=${3:-$here/dance.mp4}

lwgan transfer --head "$photo" --body "$clothes" -o transfer.png --sheet transfer--sheet.png --overwrite
lwgan transfer --head "$photo" --body "$clothes" --motion "$driving" -o transfer--dance.mp4 --overwrite
echo "The picture is transfer.png, what it is made of transfer--sheet.png, and the video transfer--dance.mp4"
