// SPDX-License-Identifier: Apache-2.0
// An op is one file below ops/ and one line in ops.def: its name, what it takes, what undoes it, and its arithmetic.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "engine/scalar/kernels.h"
#include "engine/scalar/pipeline.h"

namespace rulec {

/// What an op works on: bf16, f16, f32 and f64; integers; either of them. `Any` is for `cast`.
enum class OpDomain : std::uint8_t { Floats, Integers, Numbers, Any };

/// What its arguments are: whole numbers stand beside integers only.
enum class OpArguments : std::uint8_t { None, NumberOrTensor, Numbers, WholeNumber, Type };

/// One operation. Members have no defaults: an op that forgets one does not compile.
struct OpDef {
  std::string_view name;
  std::string_view doc;
  int min_arguments;
  int max_arguments;
  OpArguments arguments;
  OpDomain domain;

  /// The type of the result, in which the kernel then works too; without one, the running type stays.
  std::optional<DType> result;

  /// The call that undoes `call`, or nothing if there is none. A `cast` is undone by dropping it: `inverse` sees to
  /// that.
  std::optional<Call> (*invert)(const Call& call);

  /// The arithmetic, for each machine type of the domain. `cast` has none.
  Kernels kernels;
};

namespace ops {
#define RULEC_OP(name) extern const OpDef name;
#include "engine/scalar/ops.def"
#undef RULEC_OP
}  // namespace ops

/// Every op, in the order of ops.def.
std::span<const OpDef* const> all_ops();

/// The op of this name, or nullptr.
const OpDef* find_op(std::string_view name);

/// The type of the running value after `call`, if it was `running` before.
DType type_after(const Call& call, DType running);

/// For `OpDef::invert`: there is no way back.
inline std::optional<Call> not_invertible(const Call&) {
  return std::nullopt;
}

/// For `OpDef::invert`: `Op` with the arguments of the call undoes it.
template <const OpDef& Op>
std::optional<Call> undone_by(const Call& call) {
  return Call{&Op, call.arguments, call.span};
}

}  // namespace rulec
