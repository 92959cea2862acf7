// SPDX-License-Identifier: Apache-2.0
// Every change of one token of a file of rules: deleted, written twice, swapped with the next. Most do not parse; the
// rest should be noticed by `check` or by `test`. Those that are not, the survivors, are listed in a file, each with
// the reason why it may live; one that is not listed fails, and so does a listed one that is noticed by now.
//
//     mutations FILE SURVIVORS PACK...
//
// FILE is one of rules/: that of a pack, or of the library that the packs import. A change is noticed if one of the
// packs notices it.
//
// With RULEC_UPDATE=1 the file is written anew; reasons are kept. Changes within `test` blocks are not tried: tests
// notice, they are not noticed.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <future>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <rulec/check.h>

#include "engine/rules/rules.h"
#include "engine/trial/pack_tests.h"
#include "grammar/messages.h"
#include "tests/mutations/tokens.h"

namespace rulec::mutations {
namespace {

constexpr std::string_view NoReason = "WHY?";
/// Each converts with as many threads as there are cores.
constexpr unsigned MostWorkers = 4;

enum class Fate { NotParsed, Refused, Linted, FailedTests, Survived };

/// A pack that may notice a change, with the models that it is shipped with, the quickest to check first.
struct Witness {
  std::string pack;
  PackFolder folder;
  std::vector<std::string> models;
};

BindOptions only(const std::string& model) {
  BindOptions options;
  options.preset = model;
  return options;
}

Result<Witness> find_witness(const std::string& name, Diagnostics& diags) {
  Result<Rules> rules = load_rules(name, diags);
  if (!rules) return diags.failed();
  Witness witness{name, rules->folder, {}};
  const RulePack pack(std::make_shared<const Rules>(*std::move(rules)));
  std::multimap<std::chrono::steady_clock::duration, std::string> models;
  for (const std::string& model : pack.presets()) {
    const auto start = std::chrono::steady_clock::now();
    if (!check(pack, only(model), diags)) return diags.failed();
    models.emplace(std::chrono::steady_clock::now() - start, model);
  }
  if (models.empty()) return report(diags, {}, diag::Usage, fmt::format("the pack `{}` has no presets", name));
  for (auto& [time, model] : models) witness.models.push_back(std::move(model));
  return witness;
}

/// What becomes of a pack when the text of `file` is another. Its quickest model is asked before all of them: it
/// notices most changes by itself.
Fate fate(const std::string& text, const std::string& file, const Witness& witness) {
  Diagnostics diags;
  const std::string own = witness.pack + ".rules";
  const bool is_own = file == witness.pack + "/" + own;
  PackFolder changed = witness.folder;
  changed.read = [&](std::string_view path) {
    return path == fmt::format("<rulec>/{}", file) ? std::optional(text) : witness.folder.read(path);
  };
  const std::string own_text = is_own ? text : *witness.folder.read(own);
  Result<Rules> loaded = load_rules(diags.sources().add(own, own_text), changed, diags);
  if (!loaded) return diags.all().front().id.starts_with("R01") ? Fate::NotParsed : Fate::Refused;
  const auto rules = std::make_shared<Rules>(*std::move(loaded));
  const RulePack pack(rules);
  const std::string& quickest = witness.models.front();
  Diagnostics of_one;
  if (std::ranges::count(rules->presets, quickest, &PresetFiles::name) > 0 && !check(pack, only(quickest), of_one))
    return Fate::Refused;
  if (!check(pack, {}, diags)) return Fate::Refused;
  if (diags.warnings() > 0) return Fate::Linted;
  // What `test` does, by and by, the quickest first.
  std::vector<std::string> lines;
  TinyModels tiny(*rules);
  run_test_blocks(rules, tiny, lines, diags);
  const std::vector<PresetFiles> all = rules->presets;
  for (auto model = witness.models.begin(); diags.errors() == 0 && model != witness.models.end(); ++model) {
    rules->presets.clear();
    std::ranges::copy_if(all, std::back_inserter(rules->presets), [&](const auto& one) { return one.name == *model; });
    run_round_trips(rules, tiny, lines, diags);
  }
  return diags.errors() == 0 ? Fate::Survived : Fate::FailedTests;
}

// `let Vp = V  # the reason`: what a line of the file says.
using Survivors = std::map<std::string, std::string>;

Survivors read(const std::string& path) {
  Survivors survivors;
  std::ifstream file(path);
  std::string change;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("    ")) {
      survivors[change] = line.substr(4);
    } else if (!line.empty() && !line.starts_with('#')) {
      change = line;
    }
  }
  return survivors;
}

/// What became of the changes, as far as that is known, and why those that nobody notices may live.
class Report {
 public:
  Report(const std::vector<Mutation>& changes, Survivors known)
      : changes_(changes), fates_(changes.size()), known_(std::move(known)) {}

  void add(std::size_t change, Fate fate) { fates_[change] = fate; }

  /// A change may stand in several places.
  Survivors found() const {
    Survivors found;
    for (std::size_t i = 0; i < changes_.size(); ++i) {
      if (fates_[i] == Fate::Survived) found[changes_[i].change] = why(changes_[i].change);
    }
    return found;
  }

  void write(const std::string& path) const {
    std::ofstream file(path);
    file << "# Changes of one token that neither `rulec check` nor `rulec test` notices, and why they may live.\n";
    std::set<std::string> written;
    for (std::size_t i = 0; i < changes_.size(); ++i) {
      const std::string& change = changes_[i].change;
      if (fates_[i] == Fate::Survived && written.insert(change).second)
        file << '\n' << change << "\n    " << why(change) << '\n';
    }
  }

  std::size_t count(Fate fate) const { return static_cast<std::size_t>(std::ranges::count(fates_, fate)); }

 private:
  std::string why(const std::string& change) const {
    const auto reason = known_.find(change);
    return reason == known_.end() ? std::string(NoReason) : reason->second;
  }

  const std::vector<Mutation>& changes_;
  std::vector<std::optional<Fate>> fates_;
  Survivors known_;
};

int run(const std::string& file, const std::string& path, const std::vector<std::string>& packs) {
  Diagnostics diags;
  std::vector<Witness> witnesses;
  for (const std::string& pack : packs) {
    Result<Witness> witness = find_witness(pack, diags);
    if (!witness) {
      fmt::print(stderr, "{}", render_text(diags));
      return 2;
    }
    witnesses.push_back(*std::move(witness));
  }
  const std::optional<std::string> original = witnesses.front().folder.read("<rulec>/" + file);
  const std::string text = original.value_or("");
  const auto worst = [&](const std::string& changed) {
    Fate what = Fate::Survived;
    for (auto witness = witnesses.begin(); witness != witnesses.end() && what == Fate::Survived; ++witness)
      what = fate(changed, file, *witness);
    return what;
  };
  if (!original || worst(text) != Fate::Survived) {
    fmt::print(stderr, "{} is not there, or itself has findings\n", file);
    return 2;
  }
  const std::vector<Mutation> changes = mutations(text);
  const Survivors known = read(path);
  Report report(changes, known);
  const char* update = std::getenv("RULEC_UPDATE");
  const bool is_update = update != nullptr && *update != '\0';
  std::atomic<std::size_t> next = 0;
  std::mutex reporting;
  std::size_t done = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < changes.size(); i = next++) {
      const Fate what = worst(changes[i].text);
      const std::lock_guard lock(reporting);
      report.add(i, what);
      if (!is_update) continue;
      fmt::print(stderr, "{} of {}\n", ++done, changes.size());
      if (what == Fate::Survived) report.write(path);  // runs are long: one that is stopped leaves what it found
    }
  };
  std::vector<std::future<void>> workers;
  for (unsigned i = 0; i < std::clamp(std::thread::hardware_concurrency(), 1U, MostWorkers); ++i)
    workers.push_back(std::async(std::launch::async, work));
  for (std::future<void>& worker : workers) worker.get();
  const std::size_t not_parsed = report.count(Fate::NotParsed);
  fmt::print(
      "{} changes of one token: {} do not parse; of the other {}, check refuses {}, warns of {}, tests catch {}, "
      "{} survive\n",
      changes.size(), not_parsed, changes.size() - not_parsed, report.count(Fate::Refused), report.count(Fate::Linted),
      report.count(Fate::FailedTests), report.count(Fate::Survived));
  if (is_update) {
    report.write(path);
    return 0;
  }
  int unexplained = 0;
  const Survivors found = report.found();
  for (const auto& [change, reason] : found) {
    if (reason != NoReason) continue;
    fmt::print("survives, and {} does not say why: {}\n", path, change);
    ++unexplained;
  }
  for (const auto& [change, reason] : known) {
    if (found.contains(change)) continue;
    fmt::print("is noticed by now, strike it from {}: {}\n", path, change);
    ++unexplained;
  }
  return unexplained == 0 ? 0 : 1;
}

}  // namespace
}  // namespace rulec::mutations

int main(int argc, char** argv) {
  if (argc < 4) {
    fmt::print(stderr, "usage: mutations FILE SURVIVORS PACK...\n");
    return 2;
  }
  try {
    return rulec::mutations::run(argv[1], argv[2], {argv + 3, argv + argc});
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 2;
  }
}
