#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Shows rulec on a small Gemma 2, from a bare Debian 12 with root or sudo: builds it, makes a checkpoint with the real names, types and
# shards, and takes it to MaxText and back. Nothing is downloaded but Debian packages. Everything is made below build/.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/packages.sh

bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'
[ -t 1 ] || bold='' dim='' plain=''

say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
# Prints a command as one would type it, then runs it; the exit code is part of the picture.
show() {
  printf '%s$ %s%s\n' "$dim" "$*" "$plain"
  local code=0
  { "$@" 2>&1; } | sed 's/^/  /' || code=$?
  [ "$code" = 0 ] || printf '  %s(exit code %s)%s\n' "$dim" "$code" "$plain"
}
rulec() { "$root/build/rulec" "$@"; }

say "Building rulec"
need "${build_packages[@]}"
cmake -G Ninja -B build -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build build --target rulec_cli make_checkpoint | tail -1
root=$PWD
work=$root/build/demo
rm -rf "$work" && mkdir -p "$work" && cd "$work"

say "A checkpoint as Gemma 2 2B has it: real names, bfloat16, shards; only smaller"
"$root/build/make_checkpoint" "$root/rules/gemma2/presets/gemma2-2b/config.json" gemma --layers 4 --scale 16 --max-shard-size 4MB
show ls gemma

say "The rules of Gemma 2, proved for every size of the model and every layout of MaxText"
show rulec check gemma2

say "One command makes MaxText's own checkpoint of it, a folder of Orbax; pack, side and direction are found by looking"
show rulec convert gemma maxtext --progress none
show ls -R maxtext/0

say "What is in there, as MaxText stacks its layers"
show rulec inspect maxtext

say "What happened to one tensor, in both directions"
show rulec explain gemma2 model.layers.3.self_attn.q_proj.weight --config hf=gemma/config.json

say "And back, from what MaxText stored in bfloat16: the proof names what may differ, and diff finds no more than that"
show rulec convert maxtext back --progress none
show rulec diff gemma back --allow-class

say "Through float32 there is room for what was rounded: every bit returns"
show rulec convert gemma maxtext-f32 --dtype f32 --progress none
show rulec convert maxtext-f32 back-f32 --dtype bf16 --progress none
show rulec diff gemma back-f32

say "A mistake in a rule is found before a byte is read: here a shape forgets the axis H"
cp -r "$root/rules/gemma2" broken
sed -i 's/self_attn.q_proj.weight *: \[(N H) D\]/self_attn.q_proj.weight : [N D]/' broken/gemma2.rules
show rulec check broken --preset gemma2-2b

say "Every message has a page"
show rulec explain shape-axis-lost
printf '\nIt is all in %s. Next: README.md.\n' "${work#"$root"/}"
