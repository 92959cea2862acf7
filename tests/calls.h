// SPDX-License-Identifier: Apache-2.0
// Pipelines written shortly, and what they make of numbers: for the tests of engine/scalar.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/scalar/op.h"
#include "engine/tensor/numbers.h"

namespace rulec {

inline constexpr DType Bf16 = DType::Bf16;
inline constexpr DType F16 = DType::F16;
inline constexpr DType F32 = DType::F32;
inline constexpr DType F64 = DType::F64;
inline constexpr DType I32 = DType::I32;

inline Call call(const OpDef& op, std::vector<CallArgument> arguments = {}) {
  return {&op, std::move(arguments), {}};
}
inline CallArgument number(double value) {
  return Constant{value, std::nullopt};
}
inline CallArgument f32(double value) {
  return Constant{rounded(value, F32), F32};
}
inline CallArgument bf16(double value) {
  return Constant{rounded(value, Bf16), Bf16};
}
inline CallArgument tensor(std::size_t number) {
  return Operand{number};
}
inline Call cast(DType dtype) {
  return call(ops::Cast, {dtype});
}

template <class Out, class In>
std::vector<Out> applied(const Pipeline& pipeline, const Types& types, const std::vector<In>& in,
                         const std::vector<OperandBytes>& operands = {}) {
  std::vector<Out> out(in.size());
  apply(pipeline, types, std::as_bytes(std::span(in)), operands, std::as_writable_bytes(std::span(out)));
  return out;
}

inline std::vector<std::uint16_t> in_bf16(const Pipeline& pipeline, const std::vector<std::uint16_t>& in) {
  return applied<std::uint16_t>(pipeline, {Bf16, Bf16, Bf16}, in);
}

inline std::vector<float> in_f32(const Pipeline& pipeline, const std::vector<float>& in) {
  return applied<float>(pipeline, {F32, F32, F32}, in);
}

}  // namespace rulec
