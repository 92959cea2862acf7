// SPDX-License-Identifier: Apache-2.0
// A pack for one config: every tensor of both sides with its shape, and every piece that ties them together.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/axes/pattern.h"
#include "engine/config/config.h"
#include "engine/rules/rules.h"
#include "engine/rules/value.h"
#include "engine/scalar/pipeline.h"

#include <rulec/diagnostics.h>
#include <rulec/tensor.h>

namespace rulec {

/// What a pack is elaborated with. Everything is borrowed for the call only.
struct Inputs {
  std::array<const ConfigValue*, 2> configs{};        ///< of the two sides, where there are any
  std::array<std::string, 2> config_names;            ///< what messages call them
  std::map<std::string, Value, std::less<>> values;   ///< beats definitions and keys: `L`, `hf.hidden_size`
  std::map<std::string, Value, std::less<>> options;  ///< beats an option's default
  std::string preset;                                 ///< that values are of; none if empty
  bool is_trial = false;       ///< `values` are made up: a `require` that reads a config's keys itself is not asked
  bool names_no_more = false;  ///< for trying: rules that name more tensors than a side's catalogue are excluded
  std::array<std::span<const TensorInfo>, 2>
      catalogues{};  ///< names for indices that no loop binds, shapes for rules without
};

/// A tensor of one side, as the rules make it.
struct Tensor {
  std::string name;
  Shape shape;
  std::size_t family = 0;   ///< the first that names it
  bool shape_known = true;  ///< not for a rule without shapes when no checkpoint is at hand
};

/// What happens to the numbers of a family's pieces, each way. Nothing where there is no way.
struct Numbers {
  std::array<std::optional<Pipeline>, 2> towards;  ///< by the side that is written
  std::vector<Pipeline> operands{};  ///< of each tensor argument: what happens to it first, in the type it is stored in
};

/// One axis of a piece: how far a step moves in the tensor of each side, in elements.
struct PieceAxis {
  axes::AxisId axis{};
  std::int64_t extent = 1;
  std::array<std::int64_t, 2> stride{};
  std::int64_t whole = 1;  ///< of the axis in the rule: more where a tensor argument in blocks cuts the copy
};

/// A tensor beside a piece, read element by element with it: always of the right side.
struct OperandAxis {
  std::int64_t stride = 0;
  std::int64_t block = 1;  ///< a step of `block` cells along the piece's axis moves one `stride`
};
struct PieceOperand {
  std::size_t tensor = 0;
  std::int64_t offset = 0;
  std::vector<OperandAxis> axes;  ///< in the order of the form's axes
};

/// The shape of a piece, shared by all that differ in their place only.
struct PieceForm {
  std::vector<PieceAxis> axes;
  std::size_t numbers = 0;  ///< of Pack::numbers
};

enum class PieceKind : std::uint8_t {
  Copy,      ///< cells of one tensor on each side
  Constant,  ///< cells of one side that hold a number, which the rule writes on the other
  Pad,       ///< cells of one side that hold zero
};

/// Some cells of a tensor and their partners. A rule with sums or several tensors has several pieces for one index.
struct Piece {
  PieceKind kind = PieceKind::Copy;
  std::uint32_t family = 0;
  std::uint32_t instance = 0;
  std::uint32_t form = 0;
  std::array<std::int32_t, 2> tensor{-1, -1};  ///< of Pack::tensors; -1 on the side that has none
  std::array<std::int64_t, 2> offset{};        ///< in elements
  double constant = 0;
  std::vector<PieceOperand> operands;
};

/// A tensor as a rule writes it.
struct TermPlace {
  Span path;
  std::optional<Span> shape;
  Span hooks;  ///< from the first hook to the last; empty if there are none
};

struct Permission {
  Span span;
  std::string id;  ///< as written: an id or a name
  std::optional<std::string> why;
};

/// An index of the loops around a rule.
struct FamilyIndex {
  std::string name;
  Span span;
  std::vector<std::pair<std::int64_t, std::string>> labels;  ///< of an enumeration: numbers and words, as written

  /// A value of the index as messages call it: its label, else the number.
  std::string text(std::int64_t value) const;
};

/// A rule in its loops: one bijection for every value of the indices, its instances.
struct Family {
  Span span;
  Span arrow_span;
  ast::Arrow arrow{};
  std::optional<Span> block;         ///< the templates of the innermost `A -> B {` around it
  std::vector<FamilyIndex> indices;  ///< outermost first
  std::array<std::vector<TermPlace>, 2> terms;
  std::array<std::vector<std::string>, 2> shapes;  ///< as text, by term, for explanations: `[D (N H)]`
  std::vector<std::string> axes;                   ///< names by AxisId
  std::vector<Span> axis_spans;                    ///< where each was first written
  std::vector<Permission> permissions;             ///< of the rule and of its hooks
  bool is_conditional = false;                     ///< a `when` or a guard stands around it or behind it
  std::vector<std::int64_t> values;                ///< of the indices, instance after instance
  std::vector<std::uint32_t> tensors;  ///< of Pack::tensors: the terms of both sides, instance after instance

  std::size_t instances() const { return tensors.size() / (terms[0].size() + terms[1].size()); }

  /// What the indices are in an instance.
  std::span<const std::int64_t> values_of(std::size_t instance) const {
    return std::span(values).subspan(instance * indices.size(), indices.size());
  }

  /// The tensors of an instance, by term.
  std::span<const std::uint32_t> tensors_of(std::size_t instance, SideId side) const {
    const std::size_t begin = instance * (terms[0].size() + terms[1].size());
    return std::span(tensors).subspan(side == SideId::Left ? begin : begin + terms[0].size(),
                                      terms[number(side)].size());
  }

  /// Whether the rule writes this side.
  bool writes(SideId side) const {
    return arrow == ast::Arrow::Both || (side == SideId::Right) == (arrow == ast::Arrow::Right);
  }
};

struct IgnoredGlob {
  SideId side{};
  std::string glob;
  Span span;
};

/// A value that a name of the pack or a config key had, for checks against checkpoints and for explanations.
struct UsedSize {
  std::string name;
  std::int64_t value = 0;
  std::optional<Span> config;  ///< where in a config it came from
};

struct Pack {
  const Rules* rules = nullptr;                ///< outlives the pack
  std::array<std::vector<Tensor>, 2> tensors;  ///< sorted by name
  std::vector<Family> families;
  std::vector<Piece> pieces;  ///< by family, then instance
  std::vector<PieceForm> forms;
  std::vector<Numbers> numbers;
  std::vector<IgnoredGlob> ignored;
  std::map<std::string, Value, std::less<>> options;  ///< as decided
  std::vector<UsedSize> sizes;

  std::optional<std::size_t> find(SideId side, std::string_view name) const;

  /// The same for all tensors of a catalogue, which is sorted by name, in one pass over both.
  std::vector<std::optional<std::size_t>> find_all(SideId side, std::span<const TensorInfo> catalogue) const;

  /// Where the first rule that names a tensor writes its path; the whole rule for a tensor argument of a hook.
  Span place(SideId side, std::size_t tensor) const;

  /// Whether an `ignore` says that a tensor of this name has no partner.
  bool ignores(SideId side, std::string_view name) const;
};

/// Works every rule out for one config: evaluates sizes and conditions, runs the loops, lays the shapes out, pairs
/// their pieces.
///
/// Errors: R0201, R0213 to R0216, R0220, R0103, R0301 to R0304, R0313 to R0316, R0405, R0406, R0411, R0412, R0502,
/// R0505.
Result<Pack> elaborate(const Rules& rules, const Inputs& inputs, Diagnostics& diags);

}  // namespace rulec
