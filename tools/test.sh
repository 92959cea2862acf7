#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds and tests: `tools/test.sh` does all of it but packs and logits, `tools/test.sh STEP...` some of release, asan,
# lint, orbax, maxtext, packs, logits.
#
#   release  -O2, every test
#   asan     the same under AddressSanitizer and UndefinedBehaviorSanitizer, but for tests of growth, parts and kills
#   lint     clang-format-19 and clang-tidy-19; Debian 12 has these beside its older default
#   orbax    the real Orbax restores what rulec writes (Python 3.11; packages in a virtual environment below build/)
#   maxtext  MaxText's own loader does (likewise, Python 3.12; skipped if there is none)
#   packs    every test and round trip of every pack, and what notices a change of one token of it (a quarter of an hour)
#   logits   MaxText and transformers compute the same from the same Gemma 2 (likewise; downloads 3 GB with PyTorch)
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/packages.sh

# In the folder $1 as $2 says; what follows is for cmake.
configure() { cmake -G Ninja -B "$1" -DCMAKE_BUILD_TYPE="$2" -DRULEC_BUILD_TESTS=ON "${@:3}" >/dev/null; }

# Builds in the folder $1 as $2 says; what follows is for ctest.
build_and_test() {
  local folder=$1
  configure "$folder" "$2"
  cmake --build "$folder"
  ctest --test-dir "$folder" --no-tests=error --output-on-failure -j "$(nproc)" "${@:3}"
}

lint() {
  need clang-format-19 clang-tidy-19
  # A folder, or a program, at a time: most of the work is in the headers that they share. (misc-unused-using-decls alone
  # looks at single files only.)
  configure build-lint Release -DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=0
  local ours
  mapfile -t ours < <(git ls-files '*.cpp' '*.h')
  clang-format-19 --dry-run -Werror "${ours[@]}"
  run-clang-tidy-19 -quiet -p build-lint "^$PWD/(build-lint/.*/Unity|grammar|engine|tools|tests)/" >build-lint/tidy.log 2>&1 || {
    grep -E 'error:|warning:' build-lint/tidy.log || tail -20 build-lint/tidy.log
    return 1
  }
  echo "format and lint are clean: ${#ours[@]} files"
}

# Runs tests/orbax/$1.py on the program $2 with the packages of $3 in a virtual environment of Python $4.
with_packages() {
  configure build Release
  cmake --build build --target "$2"
  [ -x "build/$1/bin/python" ] || "$4" -m venv "build/$1"
  "build/$1/bin/pip" install --quiet --disable-pip-version-check -r "tests/orbax/$3"
  "build/$1/bin/python" "tests/orbax/$1.py" "build/$2"
}

# The same with the Python that MaxText needs.
with_maxtext() {
  local python
  for python in python3.12 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.12.*/bin/python; do
    "$python" -c 'import ensurepip' 2>/dev/null || continue
    with_packages "$@" "$python"
    return
  done
  echo "SKIPPED: there is no Python 3.12, which MaxText needs"
}

orbax() {
  python3 -c 'import ensurepip' 2>/dev/null || need python3-venv
  with_packages restore_test write_checkpoint requirements.txt python3
}

maxtext() { with_maxtext maxtext_test write_checkpoint requirements-maxtext.txt; }

packs() {
  configure build Release
  cmake --build build
  build/rulec check
  build/rulec test
  local list pack
  for list in tests/mutations/*.survivors; do
    pack=$(basename "$list" .survivors)
    build/tests/rulec_mutations "$pack/$pack.rules" "$list" "$pack"
  done
}

logits() {
  with_maxtext logits_test rulec requirements-logits.txt
  [ ! -x build/logits_test/bin/python ] || build/logits_test/bin/python tests/orbax/logits_families_test.py build/rulec
}

[ $# -gt 0 ] || set -- release asan lint orbax maxtext
need "${build_packages[@]}"
for step in "$@"; do
  echo "== $step"
  case $step in
    release) build_and_test build Release ;;
    asan)
      ulimit -s 65536 # frames are some times larger: what nests as deep as rules may would not fit
      ASAN_OPTIONS=malloc_context_size=5 build_and_test build-asan Asan -LE unsanitized
      ;;
    lint) lint ;;
    orbax) orbax ;;
    maxtext) maxtext ;;
    packs) packs ;;
    logits) logits ;;
    *) echo "usage: tools/test.sh [release] [asan] [lint] [orbax] [maxtext] [packs] [logits]" >&2; exit 2 ;;
  esac
done
