// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/file/input_file.h"

namespace rulec::ocdbt {

/// The files of a database that something refers to, each opened once, when it is first asked for.
class DataFiles {
 public:
  explicit DataFiles(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// The position of a file in `all`. `name` is its path below the folder, as the database gives it: refused if that is
  /// absolute, climbs, or meets a link that leaves the folder. What is wrong with a file is reported once. Errors:
  /// R0801, R0806.
  Result<std::size_t> find(const std::string& name, Diagnostics& diags);

  std::span<const InputFile> all() const { return files_; }
  std::vector<InputFile> take() { return std::move(files_); }

 private:
  std::filesystem::path folder_;
  std::vector<InputFile> files_;
  std::map<std::string, std::optional<std::size_t>, std::less<>> positions_;  // none: it cannot be opened
};

}  // namespace rulec::ocdbt
