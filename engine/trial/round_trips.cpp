// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "engine/check/cell_differences.h"
#include "engine/check/tensor_trip.h"
#include "engine/trial/pack_tests.h"
#include "engine/trial/random_model.h"
#include "grammar/messages.h"

#include <rulec/convert.h>

namespace rulec {
namespace {

/// A class is computed from the hooks as they are, so it says nothing about a reverse that undoes another function.
/// Numbers of the size of weights must come back this near, |a - b| / max(1, |a|), whatever the class.
constexpr double Near = 1.0 / 32;

constexpr std::uint64_t Seed = 2;

ConvertOptions asked_for(DType dtype) {
  ConvertOptions options;
  options.may_leave_out = true;
  options.dtype = dtype;
  options.alias_policy = Policy::Drop;  // random copies differ
  return options;
}

class RoundTrips {
 public:
  RoundTrips(const Model& model, std::shared_ptr<RoundTripCache> cache, std::string title, Diagnostics& diags)
      : model_(model), title_(std::move(title)), diags_(diags), trips_(model.pack(), std::move(cache)) {}

  /// Both directions; the number of tensors that were compared on each side.
  std::array<std::size_t, 2> run(DType dtype) { return {trip(SideId::Left, dtype), trip(SideId::Right, dtype)}; }

 private:
  std::size_t trip(SideId start, DType dtype) {
    const Pack& pack = model_.pack();
    MemoryStore source;
    MemoryStore away;
    MemoryStore returned;
    add_random_tensors(pack, start, dtype, Seed, source);
    if (!send(source, other(start), dtype, away)) return 0;
    add_random_tensors(pack, other(start), dtype, Seed + 1, away);  // what is read from there only
    if (!send(away, start, dtype, returned)) return 0;
    std::size_t compared = 0;
    for (std::size_t t = 0; t < pack.tensors[number(start)].size(); ++t)
      compared += compare(start, t, dtype, source, returned);
    return compared;
  }

  bool send(const MemoryStore& from, SideId to, DType dtype, MemoryStore& into) {
    const std::size_t before = diags_.all().size();
    if (!convert(model_, model_.sides()[number(to)], from, into, asked_for(dtype), diags_)) return false;
    diags_.truncate(before);
    return true;
  }

  /// False where there is nothing to compare: what goes one way only.
  bool compare(SideId side, std::size_t tensor, DType dtype, const MemoryStore& source, const MemoryStore& returned) {
    const std::string& name = model_.pack().tensors[number(side)][tensor].name;
    const TensorInfo& sent = source.tensors()[*find_tensor(source.tensors(), name)];
    const TensorTrip trip = trips_.find(side, tensor, {side, sent.dtype, dtype});
    if (trip.trip.fidelity == Fidelity::OneWay) return false;
    const auto index = find_tensor(returned.tensors(), name);
    if (!index) {
      fail(trip, name).note("nothing makes it on the way back");
      return true;
    }
    const TensorInfo& came = returned.tensors()[*index];
    std::vector<std::byte> bytes(returned.bytes(name).begin(), returned.bytes(name).end());
    if (came.shape != sent.shape) {
      fail(trip, name).note(fmt::format("{} comes back as {}", to_string(sent.shape), to_string(came.shape)));
      return true;
    }
    if (came.dtype != sent.dtype) {
      std::vector<std::byte> same_type(source.bytes(name).size());
      apply({}, {came.dtype, came.dtype, sent.dtype}, bytes, {}, same_type);
      bytes = std::move(same_type);
    }
    CellDifferences differences(sent.dtype, sent.shape,
                                [&](std::uint64_t a, std::uint64_t b) { return trip.allows(a, b); });
    differences.compare(0, source.bytes(name), bytes);
    const bool lossy = !model_.pack().families[trip.family].permissions.empty();
    if (differences.are_allowed() && (lossy || differences.worst_gap() <= Near)) return true;
    fail(trip, name)
        .note(fmt::format("{} of {} cells differ, the first at {}", differences.cells(), cells(sent.shape).value_or(0),
                          differences.first()))
        .note(fmt::format("the rule is {}; {} was asked for", trip.describe(), rule_name(dtype)));
    return true;
  }

  Finding fail(const TensorTrip& trip, const std::string& name) {
    const Family& family = model_.pack().families[trip.family];
    return report(diags_, family.span, diag::RoundTripFailed, name).note(title_);
  }

  const Model& model_;
  std::string title_;
  Diagnostics& diags_;
  TensorTrips trips_;
};

/// Every preset of a pack in all its layouts.
class PackTrips {
 public:
  PackTrips(std::shared_ptr<const Rules> rules, TinyModels& models, std::vector<std::string>& lines, Diagnostics& diags)
      : rules_(std::move(rules)), models_(models), lines_(lines), diags_(diags) {}

  void run() {
    std::vector<std::string> presets;
    for (const PresetFiles& preset : rules_->presets) presets.push_back(preset.name);
    if (presets.empty()) presets.emplace_back();
    for (const std::string& name : presets) preset(name);
  }

 private:
  void preset(const std::string& name) {
    BindOptions options;
    options.preset = name;
    const Result<GatheredInputs> gathered = gather_inputs(*rules_, options, diags_);
    if (!gathered) return;
    const Layouts all = layouts(*rules_, gathered->inputs);
    report_untried(*rules_, all, diags_);
    bool has_run = false;
    for (const Layout& chosen : all.tried) has_run |= layout(name, *gathered, chosen, true);
    if (!has_run) layout(name, *gathered, all.tried.front(), false);
  }

  /// False, and no line, if the pack excludes the layout and `may_exclude` it.
  bool layout(const std::string& preset, const GatheredInputs& gathered, const Layout& chosen, bool may_exclude) {
    std::string title = "round trip";
    if (!preset.empty()) title += " " + preset;
    if (!chosen.empty()) title += fmt::format("{} {}", preset.empty() ? "" : ",", layout_text(chosen));
    Inputs inputs = gathered.inputs;
    inputs.options.insert(chosen.begin(), chosen.end());
    const std::size_t before = diags_.all().size();
    const std::size_t errors = diags_.errors();
    std::optional<TinyModel> tiny = models_.find(inputs, {}, diags_);
    if (!tiny && may_exclude && diags_.errors() > errors && excludes(inputs, before)) {
      diags_.truncate(before);
      return false;
    }
    if (!tiny) {
      // Where nothing is wrong, nothing was made: `a.<i> -> b.<i>`.
      lines_.push_back(diags_.errors() > errors ? fmt::format("FAIL  {}: no small sizes fit", title)
                                                : fmt::format("skip  {}: only a checkpoint tells its tensors", title));
      diags_.forget_repeated(0, before);  // each layout finds the same faults
      return true;
    }
    const Model model(rules_, std::make_shared<const Pack>(std::move(tiny->pack)), {}, {}, rules_->sources);
    for (const DType dtype : {DType::Bf16, DType::F32}) {
      const std::size_t errors = diags_.errors();
      const std::array<std::size_t, 2> compared = RoundTrips(model, cache_, title, diags_).run(dtype);
      lines_.push_back(fmt::format("{}  {}: {} + {} tensors, {}", diags_.errors() == errors ? "ok  " : "FAIL", title,
                                   compared[0], compared[1], rule_name(dtype)));
    }
    diags_.forget_repeated(0, before);
    return true;
  }

  /// Whether small sizes failed at nothing but a `require`, or the model itself, as large as it is, does.
  bool excludes(const Inputs& inputs, std::size_t filed) {
    if (is_excluded(diags_, filed)) return true;
    const std::size_t before = diags_.all().size();
    const Result<Pack> pack = elaborate(*rules_, inputs, diags_);
    const bool is = !pack && is_excluded(diags_, before);
    diags_.truncate(before);
    return is;
  }

  std::shared_ptr<const Rules> rules_;
  TinyModels& models_;
  std::vector<std::string>& lines_;
  Diagnostics& diags_;
  std::shared_ptr<RoundTripCache> cache_ = std::make_shared<RoundTripCache>();
};

}  // namespace

void run_round_trips(const std::shared_ptr<const Rules>& rules, TinyModels& models, std::vector<std::string>& lines,
                     Diagnostics& diags) {
  PackTrips(rules, models, lines, diags).run();
}

}  // namespace rulec
