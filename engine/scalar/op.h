// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "engine/scalar/pipeline.h"

namespace rulec {

/// What an op works on. `Any` is for `cast`.
enum class OpDomain : std::uint8_t { Floats, Integers, Any };

/// One operation. Members have no defaults: an op that forgets one does not compile.
struct OpDef {
  std::string_view name;
  std::string_view doc;
  int min_arguments;
  int max_arguments;
  OpDomain domain;

  /// The call that undoes `call`, or nothing if there is none. A `cast` is undone by dropping it: `inverse` sees to that.
  std::optional<Call> (*invert)(const Call& call);

  /// Elementwise, in place, on numbers held as double or float; `second` is the argument for each element, or one for all.
  /// Null where the op is no arithmetic (`cast`).
  void (*apply_f32)(std::span<float> x, std::span<const float> second);
  void (*apply_f64)(std::span<double> x, std::span<const double> second);
  void (*apply_i64)(std::span<std::int64_t> x, std::span<const std::int64_t> second);
};

/// Every op, in the order of ops.def.
std::span<const OpDef* const> all_ops();

/// The op of this name, or nullptr.
const OpDef* find_op(std::string_view name);

}  // namespace rulec
