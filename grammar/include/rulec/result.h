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

/// Throws `std::logic_error`: a value was asked for where there is none.
[[noreturn]] void no_value();

/// A value, or the proof that somebody has been told why there is none. Look which it is before you ask for the value:
/// to ask where there is none is a mistake of the caller's, and throws `std::logic_error` in every build.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(Reported) {}                            // NOLINT(google-explicit-constructor)

  explicit operator bool() const { return value_.has_value(); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(value()); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  T& value() {
    if (!value_) no_value();
    return *value_;
  }
  const T& value() const {
    if (!value_) no_value();
    return *value_;
  }

  std::optional<T> value_;
};

/// What a function returns that has nothing to give but may fail.
struct Done {};
using Status = Result<Done>;

}  // namespace rulec
