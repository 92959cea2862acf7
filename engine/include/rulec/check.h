// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
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

/// A side of a pack that a checkpoint's names fit.
struct Fit {
  std::string pack;
  std::string side;
  std::size_t matched = 0;  ///< tensors that a rule names
  std::size_t total = 0;    ///< tensors of the checkpoint that are not ignored
};

/// The bundled packs whose names the checkpoint has, best first. A full fit has `matched == total`. `configs` are those
/// that lie beside it, by their sides.
///
/// Errors: R0801, R0803, R0901, R0902, where a config cannot be read.
Result<std::vector<Fit>> fitting_packs(const TensorStore& checkpoint,
                                       const std::map<std::string, std::filesystem::path>& configs, Diagnostics& diags);

/// Runs the `test` blocks of a pack, and a round trip on random small tensors for every preset and layout. One line a
/// test goes to `lines`; fails if one failed (R0614, R0615).
Status test(const RulePack& pack, std::vector<std::string>& lines, Diagnostics& diags);

}  // namespace rulec
