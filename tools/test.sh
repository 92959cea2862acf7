#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds and tests: `tools/test.sh` does all of it, `tools/test.sh STEP...` some of release, asan, lint.
#
#   release  -O2, every test
#   asan     the same under AddressSanitizer and UndefinedBehaviorSanitizer
#   lint     clang-format-19 and clang-tidy-19; Debian 12 has these beside its older default
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/packages.sh

configure() { cmake -G Ninja -B "$1" -DCMAKE_BUILD_TYPE="$2" -DRULEC_BUILD_TESTS=ON >/dev/null; }

build_and_test() {
  configure "$1" "$2"
  cmake --build "$1"
  ctest --test-dir "$1" --no-tests=error --output-on-failure -j "$(nproc)"
}

lint() {
  need clang-format-19 clang-tidy-19
  configure build Release
  cmake --build build >/dev/null # clang-tidy reads the sources that the build makes
  local ours
  mapfile -t ours < <(git ls-files '*.cpp' '*.h')
  clang-format-19 --dry-run -Werror "${ours[@]}"
  run-clang-tidy-19 -quiet -p build "^$PWD/(grammar|engine|tools|tests)/.*\.cpp$" >build/tidy.log 2>&1 || {
    grep -E 'error:|warning:' build/tidy.log || tail -20 build/tidy.log
    return 1
  }
  echo "format and lint are clean: ${#ours[@]} files"
}

[ $# -gt 0 ] || set -- release asan lint
need "${build_packages[@]}"
for step in "$@"; do
  echo "== $step"
  case $step in
    release) build_and_test build Release ;;
    asan)
      ulimit -s 65536 # frames are some times larger: what nests as deep as rules may would not fit
      build_and_test build-asan Asan
      ;;
    lint) lint ;;
    *) echo "usage: tools/test.sh [release] [asan] [lint]" >&2; exit 2 ;;
  esac
done
