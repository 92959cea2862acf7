// SPDX-License-Identifier: Apache-2.0
// What the system refuses, for a while.
#pragma once

#include <doctest/doctest.h>
#include <fmt/core.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstddef>
#include <filesystem>

#include "tests/scratch.h"

namespace rulec::testing {

/// A file system in memory of so many bytes, if this user may mount one.
class SmallDisk {
 public:
  explicit SmallDisk(std::size_t bytes) {
    is_mounted_ = ::mount("tmpfs", scratch_.path().c_str(), "tmpfs", 0, fmt::format("size={}", bytes).c_str()) == 0;
  }
  ~SmallDisk() {
    if (is_mounted_) ::umount2(scratch_.path().c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool is_mounted() const { return is_mounted_; }
  const std::filesystem::path& path() const { return scratch_.path(); }

 private:
  Scratch scratch_;
  bool is_mounted_ = false;
};

/// Without the rights of root until the end of the scope.
class Nobody {
 public:
  Nobody() { was_root_ = ::geteuid() == 0 && ::seteuid(65534) == 0; }
  ~Nobody() {
    if (was_root_) CHECK(::seteuid(0) == 0);
  }
  Nobody(const Nobody&) = delete;
  Nobody& operator=(const Nobody&) = delete;

 private:
  bool was_root_ = false;
};

/// A limit of the process until the end of the scope.
class Limit {
 public:
  Limit(__rlimit_resource resource, rlim_t value) : resource_(resource) {
    REQUIRE(::getrlimit(resource, &before_) == 0);
    const rlimit now = {value, before_.rlim_max};
    REQUIRE(::setrlimit(resource, &now) == 0);
  }
  ~Limit() { ::setrlimit(resource_, &before_); }
  Limit(const Limit&) = delete;
  Limit& operator=(const Limit&) = delete;

 private:
  __rlimit_resource resource_;
  rlimit before_ = {};
};

}  // namespace rulec::testing
