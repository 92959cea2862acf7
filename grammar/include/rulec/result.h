// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <utility>

namespace rulec {

/// Proof that a diagnostic was reported. Only `Diagnostics` makes one, so that failing without a message cannot be
/// written.
class Reported {
  friend class Diagnostics;
  Reported() = default;
};

/// A value, or the proof that somebody has been told why there is none.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(Reported) {}                            // NOLINT(google-explicit-constructor)

  explicit operator bool() const { return value_.has_value(); }
  T& operator*() & { return *value_; }
  const T& operator*() const& { return *value_; }
  T&& operator*() && { return *std::move(value_); }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }

 private:
  std::optional<T> value_;
};

/// What a function returns that has nothing to give but may fail.
struct Done {};
using Status = Result<Done>;

}  // namespace rulec
