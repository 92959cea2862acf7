// SPDX-License-Identifier: Apache-2.0
// Paths: what a template prints for given indices, and where its brackets put a tensor in a stacked one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/pack/evaluator.h"

namespace rulec {

/// `[i @ axis]`: the tensors under it are stacked along `axis` of the stored tensor, this one at `position`.
struct BracketValue {
  std::int64_t axis = 0;
  std::int64_t position = 0;
  Span span;
  const ast::File* file = nullptr;  ///< that `axis_expr` is of
  ast::ExprId axis_expr{};
};

/// A template for given indices.
struct PathValue {
  std::string name;  ///< segments between dots
  std::vector<BracketValue> brackets;
  std::vector<std::string> printed;  ///< the indices that stand in holes
};

/// `prefix` with `path` behind it. Errors: R0201, R0405, R0406, R0411, R0412 and those of expressions.
Result<PathValue> append_path(Evaluator& evaluator, const ast::File& file, const PathValue& prefix,
                              ast::TemplateId path);

}  // namespace rulec
