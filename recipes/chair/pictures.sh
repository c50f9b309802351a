#!/usr/bin/env bash
# The pictures of docs/results/chair.md: recipes/chair/pictures.sh DATA PHOTOS
# DATA: the data folder that train.sh made; PHOTOS: folder of photographs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$here/../../docs/results/chair
views=$(mktemp -d)
trap 'rm -rf "$views"' EXIT
grep -v '^#' "$here/held_out.txt" | while read -r name; do
  cp "$1/chair/$name/easy/image/00.png" "$views/$name.png"
done
urform reconstruct "$views"/*.png "$2"/*.png "$here/../../examples/armchair.jpg" --out "$out" || true
rm -f "$out"/*.glb "$out"/*.html
