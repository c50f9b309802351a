#!/usr/bin/env bash
# Makes the shipped weights of `chair`: recipes/chair/train.sh REAL_MESHES PACK_MESHES WORK
# REAL_MESHES, PACK_MESHES: two folders of artists' chairs, one folder an object; WORK: about 6 GB for data and runs.
# Two CPU cores: four and a half hours.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
real=$1
packs=$2
work=$3
views="--samples 100000 --easy-views 6 --hard-views 24 --no-albedo"

urform synth chair --count 1200 --seed 0 --out "$work/synthetic"
# Ten chairs of makers that training sees, and all chairs of four makers, are held out.
held_out() {
  grep -hv '^#' "$here"/held_out*.txt | sort -u | while read -r name; do [ ! -d "$1/$name" ] || echo "$name"; done
}
held_out "$real" > "$work/real_held_out.txt"
held_out "$packs" > "$work/packs_held_out.txt"
urform prepare "$real" --out "$work/data" --dataset real --category chair --hold-out "$work/real_held_out.txt" $views
urform prepare "$packs" --out "$work/data" --dataset packs --category chair --hold-out "$work/packs_held_out.txt" $views
urform prepare "$work/synthetic" --out "$work/data" --dataset synthetic --category chair --test-fraction 0.04 $views
# Four copies of each training mesh, in other proportions: makers are few, and their chairs are learned by heart.
for collection in real packs; do
  meshes=$real
  [ "$collection" = real ] || meshes=$packs
  urform deform "$meshes" --out "$work/deformed" --copies 4 --hold-out "$work/${collection}_held_out.txt"
done
urform prepare "$work/deformed" --out "$work/data" --dataset deformed --category chair --test-fraction 0 $views
splits="$work/data/splits"
urform train shape --data "$work/data" --split "$splits"/{synthetic,real,packs,deformed}_chair_train.json \
  --out "$work/shape" --config "$here/shape.yaml"
# The artists' chairs are few: their views count four times.
few=("$splits"/{real,packs}_chair_train.json)
encoder_splits=("${few[@]}" "${few[@]}" "${few[@]}" "${few[@]}" "$splits"/{deformed,synthetic}_chair_train.json)
OMP_NUM_THREADS=1 urform train encoder --init "$work/shape" --data "$work/data" --out "$work/encoder" \
  --config "$here/encoder.yaml" --split "${encoder_splits[@]}"
# More shapes for the encoder alone, forty of them to watch it by.
urform synth chair --count 3000 --seed 1 --out "$work/more"
seq -f 'chair_1_%05.0f' 0 75 2999 > "$work/watched.txt"
urform prepare "$work/more" --out "$work/data" --dataset more --category chair --hold-out "$work/watched.txt" \
  --samples 30000 --easy-views 2 --hard-views 10 --no-albedo
encoder_splits+=("$splits/more_chair_train.json")
OMP_NUM_THREADS=1 urform train encoder --init "$work/encoder" --data "$work/data" --out "$work/encoder_more" \
  --config "$here/encoder_more.yaml" --split "${encoder_splits[@]}" --validation "$splits/more_chair_test.json"
urform train encoder --init "$work/encoder_more" --data "$work/data" --out "$work/plain" \
  --config "$here/encoder_plain.yaml" --split "${encoder_splits[@]}"
# The camera: a quarter of the synthetic chairs is enough. Held-out makers set the level of strangeness.
python - "$splits" <<'EOF'
import json, sys
from pathlib import Path

splits = Path(sys.argv[1])
content = json.loads((splits / "synthetic_chair_train.json").read_text())
content["synthetic"]["chair"] = content["synthetic"]["chair"][::4]
(splits / "pose_synthetic.json").write_text(json.dumps(content))
EOF
urform train pose --init "$work/plain" --data "$work/data" --out "$work/pose" --split "${few[@]}" "${few[@]}" \
  "$splits/deformed_chair_train.json" "$splits/pose_synthetic.json" \
  --validation "$splits"/{real,packs}_chair_test.json
urform export "$work/pose" --out "$here/../../src/urform/weights/chair"
for split in real_chair_test packs_chair_test synthetic_chair_test; do
  urform evaluate --data "$work/data" --split "$splits/$split.json" --weights chair --json "$work/$split.json"
done
