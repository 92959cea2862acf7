// SPDX-License-Identifier: Apache-2.0
#include <rulec/diff.h>

#include <fmt/format.h>

#include "engine/guard.h"
#include "engine/verification.h"

namespace rulec {
namespace {

TensorDifference difference_of(const TensorVerdict& verdict) {
  TensorDifference result{verdict.name, verdict.difference, verdict.cells, verdict.worst_ulp, verdict.detail};
  if (verdict.difference == Difference::OnlyA || verdict.difference == Difference::OnlyB)
    result.detail = fmt::format("{} {}", name(verdict.dtype), to_string(verdict.shape));
  if (verdict.cells == 0) return result;
  result.detail = verdict.first;
  if (!verdict.rule.empty()) result.detail += fmt::format("; the rule is {} ({})", verdict.fidelity, verdict.rule);
  return result;
}

}  // namespace

std::string_view to_string(Difference difference) {
  switch (difference) {
    case Difference::Same:
      return "same";
    case Difference::WithinClass:
      return "within class";
    case Difference::Values:
      return "values";
    case Difference::DType:
      return "dtype";
    case Difference::Shape:
      return "shape";
    case Difference::OnlyA:
      return "only in A";
    case Difference::OnlyB:
      return "only in B";
  }
  return {};
}

Result<std::vector<TensorDifference>> diff(const TensorStore& a, const TensorStore& b, const Model* model,
                                           Diagnostics& diags) {
  const std::vector<SharedSource> none;
  return guarded(diags, model == nullptr ? none : model->sources(), [&]() -> Result<std::vector<TensorDifference>> {
    const Result<Verification> found = compare_checkpoints(a, b, model, {}, diags);
    if (!found) return diags.failed();
    std::vector<TensorDifference> result;
    for (const TensorVerdict& verdict : found->tensors) result.push_back(difference_of(verdict));
    return result;
  });
}

}  // namespace rulec
