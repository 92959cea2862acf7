// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <rulec/diagnostics.h>
#include <rulec/source.h>
#include <rulec/store.h>
#include <rulec/tensor.h>

namespace rulec {

struct Rules;
struct Pack;

/// An option of a pack, as its file declares it.
struct PackOption {
  std::string name;
  std::string type;  ///< `bool`, `int`, or the values of a set: `{"model", "head_dim"}`
  std::string doc;
};

/// A pack as written: its rules parsed, every name in them resolved. Nothing yet depends on a model's config.
///
/// Never changes; copies share one pack. Any number of threads may use it at once, each with its own `Diagnostics`,
/// whichever it was loaded with.
class RulePack {
 public:
  const std::string& name() const;
  const std::string& title() const;
  const std::array<std::string, 2>& sides() const;  ///< left, right
  std::vector<std::string> presets() const;         ///< names of the models that it is shipped with
  std::vector<PackOption> options() const;
  /// Lines of its own file that say something: neither comments nor tests, which stand last.
  std::size_t lines() const;

  /// The texts of its files. Functions that are given the pack take them into their `Diagnostics` by themselves.
  const std::vector<SharedSource>& sources() const;

  // Internal, not part of the API: `Rules` is private to the library, and so changes without notice.
  explicit RulePack(std::shared_ptr<const Rules> rules) : rules_(std::move(rules)) {}
  const Rules& rules() const { return *rules_; }
  std::shared_ptr<const Rules> shared() const { return rules_; }

 private:
  std::shared_ptr<const Rules> rules_;
};

/// Loads a bundled pack by name (`gemma2`), or a `.rules` file, or a folder that holds one. The pack does not need
/// `diags` any more, nor the files.
///
/// Errors: syntax (R01), names and files (R02).
Result<RulePack> load_pack(std::string_view name_or_path, Diagnostics& diags);

/// Names of the packs that are part of this library, sorted.
std::vector<std::string> bundled_packs();

/// A model that a bundled pack is shipped with, as far as its own files tell: no rules are read.
struct ShippedModel {
  std::string pack;
  std::string name;                            ///< of the preset
  std::string model_type;                      ///< as its config.json says; empty if it does not
  std::map<std::string, std::size_t> tensors;  ///< by the lists beside it, `hf`, `maxtext_unscanned`: how many
};

/// All of them, by pack and name.
std::vector<ShippedModel> shipped_models();

/// What a file beside a checkpoint says of an option, as `rulec.json` does.
struct OptionClaim {
  std::string name;
  std::string value;  ///< as on a command line
  std::string file;   ///< for messages
};

/// What a pack is tied to a model with. All of it is optional: what is missing is looked for in the others, in this
/// order.
struct BindOptions {
  std::map<std::string, std::string> options;             ///< `scan_layers` -> `false`, as on a command line
  std::map<std::string, std::filesystem::path> configs;   ///< side -> config.json or yml
  std::string preset;                                     ///< one of `RulePack::presets`
  std::map<std::string, const TensorStore*> checkpoints;  ///< side -> names and shapes; borrowed, never null
  std::vector<OptionClaim> claims;  ///< of `checkpoints`; what `options` give is not asked of them
};

/// One tensor of the left side and one of the right that share cells: what weight synchronisation needs.
struct Correspondence {
  std::string left;
  Shape left_shape;
  std::string right;
  Shape right_shape;
  Span rule;                                                 ///< where the rule stands, in `Model::sources`
  std::vector<std::pair<std::string, std::string>> indices;  ///< of the loops around it: `i` = `3`, `kind` = `local`
};

/// A pack tied to one model: every size known, every rule proved.
///
/// Never changes and needs nothing that it was made from; copies share it. Any number of threads may use it at once,
/// each with its own `Diagnostics`. Members throw nothing but `std::bad_alloc`.
class Model {
 public:
  const std::string& pack_name() const;
  const std::array<std::string, 2>& sides() const;

  /// How sizes and options were found, a sentence each: `scan_layers is false: "decoder.layers_0..." is in the
  /// checkpoint`.
  const std::vector<std::string>& decisions() const { return decisions_; }

  /// Options as decided: `scan_layers` -> `true`.
  std::map<std::string, std::string> options() const;

  /// Every pair of tensors that a rule ties together, in the order of the rules.
  std::vector<Correspondence> correspondences() const;

  /// Names and shapes of one side, sorted; the dtype is the one its config asks for, else F32.
  std::vector<TensorInfo> tensors(std::string_view side) const;

  /// By tensor of one side, the axes along which the rules stack tensors of the other: each of those fills one cell
  /// along them, as layers and experts do. Tensors without such axes are not listed. A store that cuts a tensor along
  /// them writes what belongs together in one piece.
  std::map<std::string, std::vector<std::size_t>> stacked_axes(std::string_view side) const;

  /// The dtype that a side's config asks for (`dtype` or `torch_dtype`), or nothing.
  std::optional<DType> config_dtype(std::string_view side) const;

  /// The texts that its spans point into: the files of the pack and the configs. Functions that are given the model
  /// take them into their `Diagnostics` by themselves.
  const std::vector<SharedSource>& sources() const { return sources_; }

  // Internal, not part of the API: `Rules` and `Pack` are private to the library, and so change without notice.
  Model(std::shared_ptr<const Rules> rules, std::shared_ptr<const Pack> pack, std::vector<std::string> decisions,
        std::map<std::string, DType> dtypes, std::vector<SharedSource> sources);
  const Rules& rules() const { return *rules_; }
  const Pack& pack() const { return *pack_; }

 private:
  std::shared_ptr<const Rules> rules_;
  std::shared_ptr<const Pack> pack_;
  std::vector<std::string> decisions_;
  std::map<std::string, DType> dtypes_;
  std::vector<SharedSource> sources_;
};

/// Ties `pack` to a model and proves its rules for it: sizes from the configs, else from the preset, else solved from
/// the shapes of the checkpoints; options as given, else as the checkpoints and the claims say, else as detected from
/// names and shapes, else their defaults.
///
/// Errors: everything of R02 to R05 that `check` proves; R0410 and R0611 where a checkpoint contradicts; R0905 for a
/// checkpoint that is a null pointer.
Result<Model> bind(const RulePack& pack, const BindOptions& options, Diagnostics& diags);

}  // namespace rulec
