#!/bin/sh
# The person in the photo, turning from 30 to 330 degrees, and all sides in one picture. Give a photo to use your own,
# or two, front and back:
#   examples/novelview.sh [PHOTO...]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
[ $# -gt 0 ] || set -- "$here/person.jpg"

lwgan novelview "$@" --degrees 30:330 -o novelview.mp4 --overwrite
lwgan novelview "$@" --degrees 30:330 --grid -o novelview.png --overwrite
echo "The video is novelview.mp4, all sides are in novelview.png"
