# SPDX-License-Identifier: Apache-2.0
# Sourced by demo.sh and test.sh: `need PACKAGE...` installs the Debian packages that are not there yet.
build_packages=(g++ cmake ninja-build ccache python3 libfmt-dev libspdlog-dev libyaml-cpp-dev doctest-dev tao-pegtl-dev
  nlohmann-json3-dev libcli11-dev libzstd-dev zlib1g-dev libblosc-dev libxxhash-dev libmimalloc-dev)

need() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  local root=()
  if [ "$(id -u)" != 0 ]; then root=(sudo); fi
  echo "installing ${missing[*]}"
  "${root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}
