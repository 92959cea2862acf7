// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <rulec/check.h>

#include "tools/rulec/arguments.h"
#include "tools/rulec/command.h"
#include "tools/rulec/findings.h"
#include "tools/rulec/messages.h"
#include "tools/rulec/neighbours.h"
#include "tools/rulec/quantity.h"
#include "tools/rulec/recognise.h"

namespace rulec::cli {
namespace {

using Json = nlohmann::ordered_json;

struct CheckArguments {
  std::vector<std::string> packs;
  std::vector<std::string> checkpoints;  // SIDE=CHECKPOINT
  std::vector<std::string> enabled;
  ModelArguments model;
  Format format = Format::Text;
};

struct Checkpoint {
  std::string side;
  std::unique_ptr<TensorStore> store;
  Neighbours neighbours;
};

// Opens the checkpoints of the command line, and completes `options` by what lies beside them.
Result<std::vector<Checkpoint>> open_all(const CheckArguments& args, BindOptions& options, Diagnostics& diags) {
  std::vector<Checkpoint> out;
  for (const auto& [side, path] : assignments(args.checkpoints)) {
    Result<std::unique_ptr<TensorStore>> store = open_store(path, diags);
    if (!store) return diags.failed();
    Result<Neighbours> neighbours = find_neighbours(path, diags);
    if (!neighbours) return diags.failed();
    complete(options, *neighbours);
    out.push_back({side, *std::move(store), *std::move(neighbours)});
    options.checkpoints[side] = out.back().store.get();
  }
  return out;
}

// The packs that are given, or the one that the first checkpoint is of, or all.
Result<std::vector<std::string>> chosen_packs(const CheckArguments& args, const std::vector<Checkpoint>& checkpoints,
                                              const BindOptions& options, Diagnostics& diags) {
  if (!args.packs.empty()) return args.packs;
  if (checkpoints.empty()) return bundled_packs();
  const Checkpoint& first = checkpoints.front();
  const Result<Recognised> found = recognise(*first.store, first.neighbours, "", "", options, diags);
  if (!found) return diags.failed();
  return std::vector{found->pack.name()};
}

std::string proved(const RulePack& pack, const BindOptions& options, int models) {
  const bool chosen = !options.preset.empty() || !options.configs.empty();
  const auto presets = static_cast<int>(chosen ? 1 : pack.presets().size());
  if (presets == 0 || models % presets != 0) return count_text(static_cast<std::uint64_t>(models), "model");
  const auto layouts = static_cast<std::uint64_t>(models / presets);
  return count_text(static_cast<std::uint64_t>(presets), chosen && options.preset.empty() ? "config" : "preset") +
         " x " + count_text(layouts, "layout");
}

std::string tally(const Diagnostics& diags) {
  if (diags.errors() + diags.warnings() == 0) return "no findings";
  const std::string warnings = count_text(diags.warnings(), "warning");
  if (diags.errors() == 0) return warnings;
  return count_text(diags.errors(), "error") + (diags.warnings() == 0 ? "" : ", " + warnings);
}

bool has_sides(const RulePack& pack, const BindOptions& options, Diagnostics& diags) {
  bool all = true;
  for (const auto& [side, store] : options.checkpoints) {
    if (!check_side(pack, side, diags) || !check_names(pack, side, *store, options, diags)) all = false;
  }
  return all;
}

// What there is to say of one pack.
struct Verdict {
  Diagnostics diags;
  std::string line;  // for people
  Json member;       // for machines
};

Verdict check_pack(const std::string& name, const std::vector<std::string>& enabled, const BindOptions& options) {
  Verdict verdict;
  Diagnostics& diags = verdict.diags;
  for (const std::string& message : enabled) diags.enable(message);
  const Result<RulePack> pack = load_pack(name, diags);
  std::optional<int> models;
  if (pack && has_sides(*pack, options, diags)) {
    if (const Result<int> proofs = check(*pack, options, diags)) models = *proofs;
  }
  const std::string& shown = pack ? pack->name() : name;
  const std::string proof = models ? proved(*pack, options, *models) + " proved, " : "";
  verdict.line = fmt::format("{}: {}{}\n", shown, proof, tally(diags));
  verdict.member = {
      {"pack", shown}, {"models", models.value_or(0)}, {"errors", diags.errors()}, {"warnings", diags.warnings()}};
  return verdict;
}

// Checks packs, as many at once as there are cores; what is said comes in their order.
std::vector<Verdict> check_packs(const std::vector<std::string>& names, const std::vector<std::string>& enabled,
                                 const BindOptions& options) {
  std::vector<Verdict> verdicts(names.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < names.size(); i = next++) verdicts[i] = check_pack(names[i], enabled, options);
  };
  std::vector<std::future<void>> others;
  const std::size_t most = std::min<std::size_t>(names.size(), std::thread::hardware_concurrency());
  try {
    for (std::size_t i = 1; i < most; ++i) others.push_back(std::async(std::launch::async, work));
  } catch (const std::system_error&) {
    // The system has no more threads: fewer do it.
  }
  work();
  for (std::future<void>& other : others) other.get();
  return verdicts;
}

// Switches messages on by id or name; false if there is none of that name, or it is on anyway.
bool enable(const std::vector<std::string>& messages, Diagnostics& diags) {
  for (const std::string& word : messages) {
    diags.enable(word);
    const Message* message = find_message(word);
    if (message != nullptr && message->severity == Severity::Off) continue;
    std::vector<std::string> known;
    std::vector<std::string> off;
    for (const Message& one : all_messages()) {
      if (one.severity != Severity::Off) continue;
      known.insert(known.end(), {std::string(one.id), std::string(one.name)});
      off.push_back(fmt::format("{} {}", one.id, one.name));
    }
    const std::string_view why = message == nullptr ? "there is no such message" : "this message is always on";
    Finding finding = report(diags, {}, diag::Usage, fmt::format("`--enable {}`: {}", word, why));
    if (const auto close = close_names(word, known); message == nullptr && !close.empty())
      finding.help(fmt::format("did you mean `{}`?", fmt::join(close, "` or `")));
    else
      finding.help(fmt::format("those that are off by default: {}", fmt::join(off, ", ")));
  }
  return diags.errors() == 0;
}

ExitCode run_check(const CheckArguments& args) {
  Diagnostics diags;
  if (!enable(args.enabled, diags)) return finish(diags, args.format, {{"packs", Json::array()}});
  BindOptions options = args.model.bind_options();
  if (options.preset == "all") options.preset.clear();
  const Result<std::vector<Checkpoint>> checkpoints = open_all(args, options, diags);
  std::string lines;
  Json packs = Json::array();
  const auto names = checkpoints ? chosen_packs(args, *checkpoints, options, diags) : diags.failed();
  if (names) {
    for (Verdict& verdict : check_packs(*names, args.enabled, options)) {
      diags.append(verdict.diags);
      lines += verdict.line;
      packs.push_back(std::move(verdict.member));
    }
  }
  // The findings are the result, so they go where results go.
  if (args.format == Format::Text) {
    print_findings(diags, stdout);
    fmt::print("{}", lines);
  } else {
    print_json({{"packs", std::move(packs)}, {"diagnostics", to_json(diags)}});
  }
  const ExitCode code = exit_code(diags);
  return code == ExitCode::Fine && diags.warnings() > 0 ? ExitCode::Findings : code;
}

}  // namespace

Command add_check(CLI::App& app) {
  CLI::App* parser = app.add_subcommand("check", "Prove packs, for every preset or one model, and against checkpoints");
  auto args = std::make_shared<CheckArguments>();
  parser->add_option("PACK", args->packs, "Names or paths; none: what a checkpoint is of, or all that are built in");
  add_model_options(*parser, args->model);
  parser->get_option("--preset")
      ->description("A model that the pack is shipped with; all of them unless a model or a checkpoint is given")
      ->type_name("NAME|all");
  add_repeated(*parser, "--checkpoint", args->checkpoints,
               "Hold the pack against a checkpoint; `--hf DIR` is short for it")
      ->type_name("SIDE=CHECKPOINT")
      ->check(is_assignment("SIDE=CHECKPOINT"));
  add_repeated(*parser, "--enable", args->enabled, "Switch on a message that is off by default")->type_name("ID");
  add_format_option(*parser, args->format);
  return {parser, [args] { return run_check(*args); }};
}

}  // namespace rulec::cli
