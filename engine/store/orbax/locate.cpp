// SPDX-License-Identifier: Apache-2.0
#include "engine/store/orbax/locate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

#include "engine/file/links.h"
#include "engine/file/printable.h"
#include "engine/ocdbt/database.h"
#include "engine/store/orbax/json_file.h"
#include "engine/store/orbax/step_metadata.h"
#include "engine/store/orbax/tree.h"
#include "engine/zarr/metadata.h"
#include "grammar/messages.h"

namespace rulec::orbax {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view TemporaryMark = ".orbax-checkpoint-tmp";
constexpr std::string_view V1Mark = "orbax.checkpoint";
constexpr std::string_view OldTreeName = "checkpoint";
constexpr std::string_view RunFolder = "checkpoints";
constexpr std::array<std::string_view, 5> ItemNames = {"items", "default", "state", "params", "model_params"};
constexpr std::string_view FinishHelp = "wait until it is finished, or name an older step";

bool has(const fs::path& folder, std::string_view name) {
  std::error_code error;
  return fs::exists(folder / name, error);
}

bool is_temporary(const fs::path& name) {
  return name.string().find(TemporaryMark) != std::string::npos;
}

// With its own name and its parent's, however it was written.
fs::path whole_path(const fs::path& folder) {
  std::error_code error;
  const fs::path absolute = fs::absolute(folder, error);
  const fs::path whole = (error ? folder : absolute).lexically_normal();
  return whole.has_filename() ? whole : whole.parent_path();
}

// Of an unfinished step too: `7.orbax-checkpoint-tmp-17`.
std::optional<std::uint64_t> number_of(std::string_view folder_name) {
  return step_number(folder_name.substr(0, folder_name.find(TemporaryMark)));
}

Result<std::vector<std::string>> folders_in(const fs::path& folder, Diagnostics& diags) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (it->is_directory(ignored)) names.push_back(it->path().filename().string());
  }
  if (error) {
    return report(diags, FilePlace{folder.string(), {}}, diag::CannotRead, printable(folder.string()), error.message());
  }
  std::ranges::sort(names);
  return names;
}

std::vector<std::string> items_of(const fs::path& step, const std::vector<std::string>& folders) {
  std::vector<std::string> items;
  for (const std::string& name : folders) {
    if (!is_temporary(name) && has(step / name, TreeName)) items.push_back(name);
  }
  return items;
}

// Each process of a job writes a database of its own; they are merged into one last of all.
bool is_merged(const fs::path& item) {
  return ocdbt::has_database(item) || !has(item, "ocdbt.process_0");
}

std::string quoted(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += fmt::format("{}`{}`", text.empty() ? "" : ", ", printable(name));
  return text;
}

class Locator {
 public:
  explicit Locator(Diagnostics& diags) : diags_(diags) {}

  Result<Location> in_folder(const fs::path& folder);

 private:
  Result<Location> in_item(const fs::path& item);
  Result<Location> in_step(const fs::path& step, const std::vector<std::string>& items);
  Result<Location> in_run(const fs::path& run, const std::vector<std::string>& folders);
  Finding no_tree(const fs::path& folder);
  /// Empty if the step is finished, else what it lacks.
  Result<std::string> what_is_missing(const fs::path& step);

  Diagnostics& diags_;
};

Result<Location> Locator::in_folder(const fs::path& folder) {
  if (has(folder, TreeName)) return in_item(folder);
  const Result<std::vector<std::string>> folders = folders_in(folder, diags_);
  if (!folders) return diags_.failed();
  const std::vector<std::string> items = items_of(folder, *folders);
  const bool has_known_item =
      std::ranges::any_of(items, [](const std::string& name) { return std::ranges::count(ItemNames, name) != 0; });
  if (has_known_item || has(folder, StepMetadataName) || has(folder, V1Mark)) return in_step(folder, items);
  if (std::ranges::any_of(*folders, [](const std::string& name) { return number_of(name).has_value(); })) {
    return in_run(folder, *folders);
  }
  if (!items.empty() || std::ranges::any_of(*folders, [](const fs::path& name) { return is_temporary(name); })) {
    return in_step(folder, items);
  }
  if (std::ranges::binary_search(*folders, RunFolder)) return in_folder(folder / RunFolder);
  return no_tree(folder);
}

Result<Location> Locator::in_item(const fs::path& item) {
  Location place;
  place.item = item;
  const fs::path parent = whole_path(item).parent_path();
  const bool is_whole_step = has(item, StepMetadataName) || !has(parent, StepMetadataName);
  place.step_folder = is_whole_step ? item : parent;
  const std::string step = whole_path(place.step_folder).filename().string();
  if (step_number(step)) place.step = step;
  if (!is_whole_step) place.item_name = whole_path(item).filename().string();
  return place;
}

Result<Location> Locator::in_step(const fs::path& step, const std::vector<std::string>& items) {
  const auto* known =
      std::ranges::find_if(ItemNames, [&](std::string_view name) { return std::ranges::binary_search(items, name); });
  if (items.empty()) {
    if (has(step, OldTreeName)) return no_tree(step);
    const Result<std::string> missing = what_is_missing(step);
    if (!missing) return diags_.failed();
    return report(diags_, FilePlace{step.string(), {}}, diag::UnfinishedCheckpoint, printable(step.string()), *missing)
        .help(std::string(FinishHelp));
  }
  if (known == ItemNames.end() && items.size() > 1) {
    return bad_orbax(step.string(), {}, fmt::format("it has several trees: {}", quoted(items)), diags_)
        .help("name the folder of the one that is meant");
  }
  const std::string item = known == ItemNames.end() ? items.front() : std::string(*known);
  Location place;
  place.item = step / item;
  place.step_folder = step;
  place.item_name = item;
  const std::string name = whole_path(step).filename().string();
  if (step_number(name)) place.step = name;
  std::ranges::copy_if(items, std::back_inserter(place.other_items), [&](const auto& other) { return other != item; });
  return place;
}

Result<std::string> Locator::what_is_missing(const fs::path& step) {
  if (is_temporary(step.filename())) return std::string("its name says that it is still being written");
  const std::string not_merged = "what its processes wrote is not merged yet";
  if (has(step, TreeName)) return is_merged(step) ? std::string() : not_merged;
  const Result<std::vector<std::string>> folders = folders_in(step, diags_);
  if (!folders) return diags_.failed();
  const std::vector<std::string> items = items_of(step, *folders);
  if (std::ranges::any_of(items, [&](const std::string& name) { return is_merged(step / name); })) return std::string();
  if (!items.empty()) return not_merged;
  for (const std::string& name : *folders) {
    if (is_temporary(name)) return fmt::format("`{}` in it is still being written", printable(name));
    if (has(step / name, OldTreeName)) return fmt::format("`{}` in it is of an old release of Orbax", printable(name));
  }
  if (has(step, OldTreeName)) return std::string("it is of an old release of Orbax");
  return std::string("no item in it has `_METADATA`");
}

Result<Location> Locator::in_run(const fs::path& run, const std::vector<std::string>& folders) {
  struct Step {
    std::uint64_t number;
    std::string name;
    std::string missing;
  };
  std::vector<Step> steps;
  for (const std::string& name : folders) {
    const auto number = number_of(name);
    if (!number) continue;
    Result<std::string> missing = what_is_missing(run / name);
    if (!missing) return diags_.failed();
    steps.push_back({*number, name, *std::move(missing)});
  }
  std::ranges::sort(
      steps, [](const Step& a, const Step& b) { return a.number != b.number ? a.number > b.number : a.name < b.name; });
  const auto newest = std::ranges::find_if(steps, &std::string::empty, &Step::missing);
  if (newest == steps.end()) {
    Finding finding = report(diags_, FilePlace{run.string(), {}}, diag::UnfinishedCheckpoint, printable(run.string()),
                             "none of its steps is finished");
    for (const Step& step : steps) finding.note(fmt::format("`{}`: {}", printable(step.name), step.missing));
    return finding;
  }
  std::vector<std::string> others;
  for (auto step = newest + 1; step != steps.end(); ++step) {
    if (step->missing.empty()) others.push_back(step->name);
  }
  if (newest + 1 != steps.end() && !others.empty() && step_number(others.front()) == newest->number) {
    return bad_orbax(run.string(), {},
                     fmt::format("both `{}` and `{}` are step {}", printable(newest->name), printable(others.front()),
                                 newest->number),
                     diags_)
        .help("name the folder of the one that is meant");
  }
  for (auto step = steps.begin(); step != newest; ++step) {
    const fs::path folder = run / step->name;
    report(diags_, FilePlace{folder.string(), {}}, diag::LeftOut, printable(folder.string()), step->missing)
        .note(fmt::format("step `{}` is read, the newest one that is finished", printable(newest->name)));
  }
  Result<Location> place = in_folder(run / newest->name);
  if (place) place->other_steps = std::move(others);
  return place;
}

Finding Locator::no_tree(const fs::path& folder) {
  if (has(folder, OldTreeName)) {
    return bad_orbax(folder.string(), {}, "it has `checkpoint`, but no `_METADATA` yet", diags_)
        .note("checkpoints of old releases of Orbax keep the tree in that file")
        .help("restore it with Orbax and save it again");
  }
  if (ocdbt::has_database(folder)) {
    return bad_orbax(folder.string(), {}, "it is a database without `_METADATA`", diags_)
        .help("copy the file from where the database comes from: it says what the arrays are");
  }
  if (has(folder, zarr::Zarr2Key) || has(folder, zarr::Zarr3Key)) {
    return bad_orbax(folder.string(), {}, "it is a single zarr array", diags_)
        .help("name the folder around it that has `_METADATA`");
  }
  return bad_orbax(folder.string(), {}, "nothing in it has `_METADATA`", diags_);
}

}  // namespace

bool has_marks(const fs::path& folder) {
  return has(folder, TreeName) || has(folder, StepMetadataName) || has(folder, V1Mark) || ocdbt::has_database(folder) ||
         has(folder, zarr::Zarr2Key) || has(folder, zarr::Zarr3Key);
}

bool has_folders(const fs::path& folder) {
  Diagnostics ignored;
  const Result<std::vector<std::string>> folders = folders_in(folder, ignored);
  if (!folders) return false;
  if (has(folder, OldTreeName) || !items_of(folder, *folders).empty()) return true;
  return std::ranges::any_of(*folders, [&](const std::string& name) {
    if (name == RunFolder) return has_folders(folder / RunFolder);
    return step_number(name).has_value() || is_temporary(name);
  });
}

std::optional<std::uint64_t> step_number(std::string_view folder_name) {
  const std::size_t underscore = folder_name.rfind('_');
  const std::string_view digits =
      underscore == std::string_view::npos ? folder_name : folder_name.substr(underscore + 1);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

Result<Location> locate(const fs::path& folder, Diagnostics& diags) {
  for (const fs::path& part : whole_path(folder)) {
    if (!is_temporary(part)) continue;
    return report(diags, FilePlace{folder.string(), {}}, diag::UnfinishedCheckpoint, printable(folder.string()),
                  fmt::format("`{}` is still being written, or was left behind by a job that failed",
                              printable(part.string())))
        .help(std::string(FinishHelp));
  }
  Result<Location> place = Locator(diags).in_folder(folder);
  if (!place || !check_link(folder, place->item / TreeName, diags)) return diags.failed();
  return place;
}

}  // namespace rulec::orbax
