// SPDX-License-Identifier: Apache-2.0
// From a shape as written to a pattern with sizes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/axes/pattern.h"
#include "engine/pack/evaluator.h"
#include "engine/pack/path.h"

namespace rulec {

/// The axes of one rule, numbered as they are met; left and right share the numbers.
struct AxisTable {
  std::vector<std::string> names;
  std::vector<Span> spans;

  axes::AxisId intern(const ast::Name& name);
};

/// One index of a pattern: an `i` in a shape, or a bracket.
struct Slot {
  std::string index;          ///< of a shape: its name where the shape stands; empty for a bracket
  std::int64_t position = 0;  ///< of this rule for these indices
  std::int64_t extent = 1;    ///< at least, as far as this rule knows
};

/// A shape with sizes, before it is known how long its index axes are.
struct SizedPattern {
  axes::Pattern pattern;
  std::vector<Slot> slots;
};

/// Works a shape out. With `without`, indices of these names are left out, as a side does that takes the other's shape:
/// then what comes out depends on the path, which is as good as on an index.
/// Errors: R0201, R0202, R0215, R0304, R0315, R0316, R0405, R0406, R0411.
Result<SizedPattern> size_pattern(Evaluator& evaluator, const ast::File& file, ast::ShapeId shape, AxisTable& axes,
                                  const std::vector<std::string>* without = nullptr);

/// The brackets of a path in the order in which they go into a shape: ascending axis.
std::vector<BracketValue> in_order(std::vector<BracketValue> brackets);

/// Inserts the brackets of a path, in order: each at the smaller of its axis and the number of axes there.
void insert_brackets(SizedPattern& pattern, const std::vector<BracketValue>& brackets);

/// Reports R0304 for a pad that is smaller than what it pads.
Finding report_small_pad(Diagnostics& diags, Span place, const axes::SmallPad& pad);

/// The shape as a person would write it, for explanations.
std::string shape_text(const Diagnostics& diags, const ast::File& file, ast::ShapeId shape);

}  // namespace rulec
