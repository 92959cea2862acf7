// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rulec/pack.h>

namespace rulec {

/// Proves a pack for one model and lints it, with everything that `bind` proves: coverage, overlaps, reverses, classes,
/// names of the preset's lists of tensors, and the checkpoints of `options`. Empty `preset` and `configs`: every
/// preset, in every layout that its `bool` options make; findings that several share are reported once.
///
/// Returns how many models were proved. Findings are in `diags`; fails if one of them is an error.
Result<int> check(const RulePack& pack, const BindOptions& options, Diagnostics& diags);

/// A line of the table of classes: a rule, and how faithful its two directions are.
struct RuleClass {
  Span rule;         ///< in `Model::sources`
  std::string left;  ///< the first tensor that it names, and on the right; `1` for a constant
  std::string right;
  std::string
      to_left;  ///< `exact`, `stable (<= 1 ulp), up-to-padding`, `one-way`: a phrase, of what starts on the right
  std::string to_right;
};

/// The class of every rule of a model, for 16-bit weights, in the order of the rules. Fails only as any function may:
/// R0906, R0999.
Result<std::vector<RuleClass>> classes(const Model& model, Diagnostics& diags);

/// Both directions of one tensor of either side: rule, index values, shapes, strided copy, function, class and why.
/// Text for people. `graph` prints the expression graph of the tensor instead: `text`, `json` or `dot`.
///
/// Errors: R0202 if neither side has the tensor, with close names.
Result<std::string> explain(const Model& model, std::string_view tensor, Diagnostics& diags);
Result<std::string> explain_graph(const Model& model, std::string_view tensor, std::string_view format,
                                  Diagnostics& diags);

/// How well the names and shapes of a checkpoint fit a side of a pack.
struct Fit {
  std::string pack;
  std::string side;
  std::size_t matched = 0;    ///< tensors that a rule names
  std::size_t total = 0;      ///< tensors of the checkpoint that are not ignored
  std::size_t missing = 0;    ///< tensors that the rules name, and the checkpoint lacks
  std::size_t misshapen = 0;  ///< of `matched`, those of another shape than the rules say

  /// Keys that no config was there for and no shape tells, such as `hf.query_pre_attn_scalar`: a conversion needs them.
  std::vector<std::string> unknown;

  /// The rules could not be worked out for this checkpoint with what is known. Names were compared whatever their
  /// numbers; the rest was not.
  bool is_rough = false;

  bool is_full() const { return !is_rough && matched > 0 && matched == total && missing == 0 && misshapen == 0; }
};

/// The bundled packs whose names the checkpoint has, best first: all of them, or some where nothing is unknown.
/// `configs` are those that lie beside it, by their sides.
///
/// Errors: R0801, R0803, R0901, R0902, where a config cannot be read.
Result<std::vector<Fit>> fitting_packs(const TensorStore& checkpoint,
                                       const std::map<std::string, std::filesystem::path>& configs, Diagnostics& diags);

/// The side that the checkpoint is of, where that is told by what its tensors are called, numbers aside: all of them
/// like some of that side, and none like one of the other. Nothing where it is not; `fitting_sides` knows more, and
/// takes longer.
Result<std::optional<std::string>> side_by_names(const RulePack& pack, const TensorStore& checkpoint,
                                                 const BindOptions& options, Diagnostics& diags);

/// The fit of both sides, left and right. Nothing is proved, and what `bind` would refuse is no fault here.
Result<std::array<Fit, 2>> fitting_sides(const RulePack& pack, const TensorStore& checkpoint,
                                         const BindOptions& options, Diagnostics& diags);

/// Runs the `test` blocks of a pack, and a round trip on random small tensors for every preset and layout. One line a
/// test goes to `lines`; fails if one failed (R0614, R0615).
Status test(const RulePack& pack, std::vector<std::string>& lines, Diagnostics& diags);

}  // namespace rulec
