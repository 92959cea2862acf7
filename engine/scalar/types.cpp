// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/scalar/op.h"
#include "engine/tensor/numbers.h"
#include "grammar/internal_error.h"
#include "grammar/messages.h"
#include "grammar/overloaded.h"

namespace rulec {
namespace {

/// The narrower of the floats that hold both exactly: bf16 and f16 meet in f32.
DType meeting(DType a, DType b) {
  if (a == b) return a;
  return a == DType::F64 || b == DType::F64 ? DType::F64 : DType::F32;
}

bool works_on(OpDomain domain, DType dtype) {
  switch (domain) {
    case OpDomain::Floats:
      return is_arithmetic_float(dtype);
    case OpDomain::Integers:
      return is_integer(dtype);
    case OpDomain::Numbers:
      return is_arithmetic_float(dtype) || is_integer(dtype);
    case OpDomain::Any:
      return is_readable(dtype);
  }
  return false;
}

std::string_view describe(OpDomain domain) {
  switch (domain) {
    case OpDomain::Floats:
      return "bf16, f16, f32 and f64";
    case OpDomain::Integers:
      return "integers";
    case OpDomain::Numbers:
      return "bf16, f16, f32, f64 and integers";
    case OpDomain::Any:
      return "types that can be read as numbers";
  }
  return "";
}

struct Mismatch {
  std::string expected;
  std::string found;
};

/// A number beside integers is one of them, and a shift is shorter than they are.
std::optional<Mismatch> mismatch(const Call& call, const Constant& constant, DType running) {
  if (!is_integer(running) || call.op->arguments == OpArguments::Numbers) return std::nullopt;
  constexpr double Whole = 0x1p53;  // up to here every whole number is a double
  const bool is_one =
      !constant.type && std::fabs(constant.value) <= Whole && rounded(constant.value, running) == constant.value;
  const bool is_shift = call.op == &ops::Shr;
  if (is_one && (!is_shift || (constant.value >= 0 && constant.value < bits(running)))) return std::nullopt;
  return Mismatch{is_shift ? fmt::format("a number of bits from 0 to {}", bits(running) - 1)
                           : fmt::format("a whole number of {}", rule_name(running)),
                  fmt::format("`{}`", to_string({call}))};
}

std::optional<Mismatch> mismatch(const Call& call, const Operand& operand, DType running,
                                 std::span<const DType> operands) {
  if (call.op->arguments != OpArguments::NumberOrTensor) return Mismatch{"a number", "a tensor"};
  if (operand.number >= operands.size()) return std::nullopt;
  const DType dtype = operands[operand.number];
  if (is_integer(running) ? is_integer(dtype) : is_readable(dtype)) return std::nullopt;
  return Mismatch{is_integer(running) ? "a tensor of integers" : "a tensor of numbers",
                  fmt::format("one of {}", rule_name(dtype))};
}

std::optional<Mismatch> mismatch(const Call& call, DType running, std::span<const DType> operands) {
  for (const CallArgument& argument : call.arguments) {
    auto found =
        std::visit(Overloaded{
                       [&](const Constant& constant) { return mismatch(call, constant, running); },
                       [&](const Operand& operand) { return mismatch(call, operand, running, operands); },
                       [&](DType dtype) -> std::optional<Mismatch> {
                         if (is_writable(dtype)) return std::nullopt;
                         return Mismatch{"a type that numbers are written in", fmt::format("`{}`", rule_name(dtype))};
                       },
                   },
                   argument);
    if (found) return found;
  }
  return std::nullopt;
}

}  // namespace

DType type_after(const Call& call, DType running) {
  if (call.op != &ops::Cast) return call.op->result.value_or(running);
  const auto* to = std::get_if<DType>(&call.arguments.front());
  RULEC_ASSERT(to != nullptr);
  return *to;
}

Types types_of(const Pipeline& pipeline, DType arrives, std::optional<DType> requested, bool cast_first) {
  const bool is_converted = requested && is_arithmetic_float(arrives) && is_arithmetic_float(*requested);
  const DType wanted = is_converted ? *requested : arrives;
  const DType working = cast_first ? wanted : meeting(arrives, wanted);
  DType running = working;
  bool is_fixed = false;
  for (const Call& call : pipeline) {
    is_fixed |= call.op == &ops::Cast || call.op->result.has_value();
    running = type_after(call, running);
  }
  return {arrives, working, is_fixed ? running : wanted};
}

bool changes_nothing(const Pipeline& pipeline, const Types& types) {
  return types.working == types.arrives && types.stored == types.arrives &&
         std::ranges::all_of(pipeline, [&](const Call& call) {
           return call.op == &ops::Cast && type_after(call, types.arrives) == types.arrives;
         });
}

Status check_types(const Pipeline& pipeline, const Types& types, std::span<const DType> operands, std::string_view name,
                   Diagnostics& diags) {
  DType running = types.working;
  for (const Call& call : pipeline) {
    if (!works_on(call.op->domain, running)) {
      Finding finding = report(diags, call.span, diag::OpType, to_string({call}), describe(call.op->domain), name,
                               rule_name(running));
      if (call.op->domain != OpDomain::Any && is_readable(running))
        finding.help("put a `cast` in front, such as `cast(f32)`");
      return finding;
    }
    if (const std::optional<Mismatch> wrong = mismatch(call, running, operands)) {
      Finding finding = report(diags, call.span, diag::WrongType, wrong->expected, wrong->found);
      if (!name.empty()) finding.note(fmt::format("`{}` arrives as {}", name, rule_name(types.arrives)));
      return finding;
    }
    running = type_after(call, running);
  }
  return Done{};
}

}  // namespace rulec
