// SPDX-License-Identifier: Apache-2.0
#include "engine/rules/imports.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "engine/rules/folder.h"
#include "grammar/messages.h"
#include "grammar/parse.h"

namespace rulec {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t MaxChain = 64;

/// Where an import leads: into the library, or relative to the pack's folder; nothing if that is more than one level
/// above it, or out of the library.
std::optional<std::string> target(std::string_view importing, std::string_view import) {
  const fs::path file(import);
  if (file.is_absolute()) return std::nullopt;
  const bool is_bundled = is_bundled_path(importing) || is_bundled_path(import);
  const fs::path from = is_bundled_path(import) ? fs::path() : fs::path(importing).parent_path();
  const fs::path whole = (from / file).lexically_normal();
  if (is_bundled && !is_bundled_path(whole.generic_string())) return std::nullopt;
  auto part = whole.begin();
  if (part != whole.end() && *part == "..") ++part;
  if (part != whole.end() && *part == "..") return std::nullopt;
  return whole.generic_string();
}

class Importer {
 public:
  Importer(const PackFolder& folder, Diagnostics& diags) : folder_(folder), diags_(diags) {}

  /// Parses a text and then what it imports. The number of the file, unless it has syntax errors.
  std::optional<std::size_t> add(SourceId source, const std::string& path) {
    Result<ast::File> file = parse(source, diags_);
    if (!file) {
      is_good_ = false;
      numbers_.emplace(path, std::nullopt);
      return std::nullopt;
    }
    const std::size_t number = result_.files.size();
    numbers_.emplace(path, number);
    result_.files.push_back(*std::move(file));
    result_.imports.emplace_back();
    chain_.push_back(path);
    const ast::Body body = result_.files[number].body;  // the vector of files moves
    for (const ast::StatementId id : body) {
      const ast::Statement statement = result_.files[number][id];
      const auto* import = std::get_if<ast::Import>(&statement.node);
      if (!import) continue;
      if (const auto to = follow(path, *import, statement.span)) result_.imports[number].push_back({id, *to});
    }
    chain_.pop_back();
    return number;
  }

  Result<ImportedFiles> finish() && {
    if (!is_good_) return diags_.failed();
    return std::move(result_);
  }

 private:
  std::optional<std::size_t> follow(const std::string& from, const ast::Import& import, Span span) {
    const std::optional<std::string> path = target(from, import.file);
    if (!path) {
      return fail(report(diags_, span, diag::ImportOutside, import.file)
                      .note("imports are relative to the importing file, and at most one level above the pack's "
                            "folder; those of the library begin with `<rulec>/`"));
    }
    if (const auto start = std::ranges::find(chain_, *path); start != chain_.end()) {
      std::string cycle;
      for (auto at = start; at != chain_.end(); ++at) cycle += printed_path(folder_, *at) + " -> ";
      return fail(report(diags_, span, diag::ImportCycle, cycle + printed_path(folder_, *path))
                      .help("move what both files need into a third, which both import"));
    }
    if (const auto known = numbers_.find(*path); known != numbers_.end()) return known->second;
    if (chain_.size() >= MaxChain) return fail(report(diags_, span, diag::TooDeep, MaxChain));

    const std::string printed = printed_path(folder_, *path);
    std::optional<std::string> text = folder_.read ? folder_.read(*path) : std::nullopt;
    if (!text)
      return fail(
          report(diags_, span, diag::ImportMissing, import.file, fmt::format("there is no file `{}`", printed)));
    return add(diags_.sources().add(printed, *std::move(text)), *path);
  }

  std::nullopt_t fail(const Finding&) {
    is_good_ = false;
    return std::nullopt;
  }

  const PackFolder& folder_;
  Diagnostics& diags_;
  ImportedFiles result_;
  std::map<std::string, std::optional<std::size_t>> numbers_;  // by path; nothing for files with syntax errors
  std::vector<std::string> chain_;                             // from the pack to the file that is being read
  bool is_good_ = true;
};

}  // namespace

Result<ImportedFiles> read_with_imports(SourceId source, std::string_view path, const PackFolder& folder,
                                        Diagnostics& diags) {
  Importer importer(folder, diags);
  importer.add(source, std::string(path));
  return std::move(importer).finish();
}

}  // namespace rulec
