// SPDX-License-Identifier: Apache-2.0
// From the hooks behind a tensor to the pipelines of both ways.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "engine/pack/evaluator.h"
#include "engine/pack/pattern.h"

namespace rulec {

/// A tensor that a hook reads beside the piece: `fp8(q_proj.weight_scale_inv : [X//128 D//128])`.
struct OperandTerm {
  std::optional<ast::TemplateId> written;  ///< its path where the rule itself writes it, and no hook that it uses
  PathValue path;
  SizedPattern shape;
  Pipeline pipeline;  ///< of hooks of its own: `scales : [D X] | e8m0`
  Span span;
  Span shape_span;
};

struct HookPipelines {
  std::array<std::optional<Pipeline>, 2> towards;  ///< by the side that is written
  std::vector<OperandTerm> operands;               ///< in the order of their numbers
  std::vector<const ast::Hook*> hooks;             ///< those that were used, for their permissions
  const ast::Op* one_way = nullptr;                ///< the first that cannot be undone
};

/// Expands `ops`, which run along `arrow`; the way back undoes them, last first. `prefix` is the path of the right side
/// here. Errors: R0201, R0214, R0215, R0411 and those of expressions and paths.
Result<HookPipelines> expand_hooks(Evaluator& evaluator, const ast::File& file, const ast::Pipeline& ops,
                                   ast::Arrow arrow, const PathValue& prefix, AxisTable& axes);

}  // namespace rulec
