// SPDX-License-Identifier: Apache-2.0
#include "engine/scalar/pipeline.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/scalar/op.h"
#include "grammar/overloaded.h"

namespace rulec {
namespace {

std::string to_string(const CallArgument& argument) {
  return std::visit(Overloaded{
                        [](const Constant& constant) {
                          // The shortest text that is this float; a bfloat16 is short as a double already.
                          const std::string number = constant.type == DType::F32
                                                         ? fmt::format("{}", static_cast<float>(constant.value))
                                                         : fmt::format("{}", constant.value);
                          return constant.type ? fmt::format("{}({})", rule_name(*constant.type), number) : number;
                        },
                        [](const Operand& operand) { return fmt::format("tensor {}", operand.number); },
                        [](const DType& dtype) { return std::string(rule_name(dtype)); },
                    },
                    argument);
}

std::string to_string(const Call& call) {
  std::string text(call.op->name);
  std::string_view before = "(";
  for (const CallArgument& argument : call.arguments) {
    text += before;
    text += to_string(argument);
    before = ", ";
  }
  return call.arguments.empty() ? text : text + ")";
}

}  // namespace

std::string to_string(const Pipeline& pipeline) {
  std::string text;
  for (const Call& call : pipeline) {
    if (!text.empty()) text += " | ";
    text += to_string(call);
  }
  return text;
}

bool takes_tensor(const Pipeline& pipeline) {
  return std::ranges::any_of(pipeline, [](const Call& call) {
    return std::ranges::any_of(call.arguments,
                               [](const CallArgument& a) { return std::holds_alternative<Operand>(a); });
  });
}

std::optional<Pipeline> inverse(const Pipeline& pipeline) {
  if (takes_tensor(pipeline)) return std::nullopt;
  Pipeline back;
  for (auto call = pipeline.rbegin(); call != pipeline.rend(); ++call) {
    if (call->op == &ops::Cast) continue;
    std::optional<Call> undone = call->op->invert(*call);
    if (!undone) return std::nullopt;
    back.push_back(*std::move(undone));
  }
  return back;
}

}  // namespace rulec
