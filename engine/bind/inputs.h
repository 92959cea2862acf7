// SPDX-License-Identifier: Apache-2.0
// What a pack is bound with, gathered: configs read, presets looked up, options typed, and what is missing found in
// checkpoints.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/pack/pack.h"

#include <rulec/pack.h>

namespace rulec {

/// What a checkpoint itself, or a file beside it, says of an option.
struct SaidOption {
  std::string name;
  Value value;
  std::string file;
  bool is_claim = false;  ///< of a file beside it
};

/// A pack as some inputs make it, and what is to be said of it.
struct Elaboration {
  Pack pack;
  std::vector<Diagnostic> said;
};

struct GatheredInputs {
  std::array<std::unique_ptr<ConfigValue>, 2> configs;
  std::array<bool, 2> is_preset{};             ///< which of them are of a preset
  Inputs inputs;                               ///< points into `configs` and at the checkpoints
  std::vector<std::string> decisions;          ///< how sizes and options were found, a sentence each
  std::map<std::string, DType> dtypes;         ///< side -> what its config asks for; not of a preset
  std::vector<SaidOption> said;                ///< neither taken nor refused yet
  std::map<std::string, std::string> said_by;  ///< what was taken of it: option -> file
  std::optional<Elaboration> elaboration;      ///< of `inputs` as they are, if detection came by one
};

/// Reads configs and presets, types the options. Errors: R0217, R0218, R0222, R0223, R0801, R0901, R0902.
Result<GatheredInputs> gather_inputs(const Rules& rules, const BindOptions& options, Diagnostics& diags);

/// The same; then options are detected and sizes solved, as far as the checkpoints tell them. Errors: those of the
/// three.
Result<GatheredInputs> find_inputs(const Rules& rules, const BindOptions& options, Diagnostics& diags);

/// Puts the files and values of a preset into `gathered`.
Status take_preset(const Rules& rules, const std::string& preset, GatheredInputs& gathered, Diagnostics& diags);

/// Chooses options that nobody gave by what the checkpoints say of them, else by what they are called and shaped like,
/// and says so. Checkpoints that contradict themselves, a config or an option that was given are refused: R0410.
Status detect_options(const Rules& rules, GatheredInputs& gathered, Diagnostics& diags);

/// Finds sizes that no config gives in the shapes of the checkpoints: the one preset that fits all of them, else by
/// solving axis for axis. Errors: R0305, where an axis that would tell a size is no multiple of its other factors.
Status solve_sizes(const Rules& rules, GatheredInputs& gathered, Diagnostics& diags);

/// Sizes, and keys that the rules need, for which there is neither a config nor a value.
std::vector<std::string> open_values(const Rules& rules, GatheredInputs& gathered, Diagnostics& diags);

/// How far loops run where names alone are of interest.
enum class Loops : std::uint8_t {
  AsKnown,  ///< those that nothing tells are short
  Short,    ///< all of them
};

/// How many tensors of the catalogue of `side` are called as the rules call some, numbers aside: in the layout that has
/// most, whatever the sizes are.
std::size_t count_alike(const Rules& rules, GatheredInputs& gathered, SideId side, Loops loops, Diagnostics& diags);

/// Elaborates what was gathered, if detection has not done so, and gives it away. Errors: those of `elaborate`.
Result<Pack> elaborate(const Rules& rules, GatheredInputs& gathered, Diagnostics& diags);

/// Elaborates and withdraws what was reported: for trying.
std::optional<Pack> try_elaborate(const Rules& rules, const Inputs& inputs, Diagnostics& diags);

/// How well a pack fits the catalogues.
struct FitScore {
  std::size_t names = 0;    ///< tensors of the catalogues that it names
  std::size_t shapes = 0;   ///< of these, that have the shape it says
  std::size_t missing = 0;  ///< tensors that it names and a catalogue lacks

  bool names_better_than(const FitScore& o) const {
    return names > o.names || (names == o.names && missing < o.missing);
  }
  /// By shapes where names say nothing.
  bool better_than(const FitScore& o) const {
    return names_better_than(o) || (!o.names_better_than(*this) && shapes > o.shapes);
  }
};
FitScore score(const Pack& pack, const Inputs& inputs);

/// The pack's options of one type that nobody gave, in the order of their names.
std::vector<std::string> open_options(const Rules& rules, const Inputs& inputs, ast::Option::Type type);

/// The values that an option of texts may have, in their order.
std::vector<Value> set_values(const Rules& rules, std::string_view option);

/// Values of `bool` options, by name.
using Layout = std::map<std::string, Value, std::less<>>;

/// Combinations of the `bool` options that nobody gave. They are all tried while they are few; of more options, those
/// that come last by their names keep their defaults.
struct Layouts {
  std::vector<Layout> tried;
  std::vector<std::string> untried;  ///< options of which one value only is tried
};
Layouts layouts(const Rules& rules, const Inputs& given);

/// Whether all that was said is that a `require` does not hold: the pack itself says that it has no such layout.
bool is_excluded(std::span<const Diagnostic> said);

/// The same of what was filed since there were so many.
inline bool is_excluded(const Diagnostics& diags, std::size_t filed) {
  return is_excluded(std::span(diags.all()).subspan(filed));
}

/// Says that layouts are not tried, where there are such: R0414.
void report_untried(const Rules& rules, const Layouts& layouts, Diagnostics& diags);

}  // namespace rulec
