// SPDX-License-Identifier: Apache-2.0
#include "engine/ocdbt/file_table.h"

#include <fmt/core.h>

#include <algorithm>

#include "grammar/internal_error.h"

namespace rulec::ocdbt {
namespace {

// What the path of `file` repeats of that of the one before. Within the relative parts only if the bases are equal.
std::size_t repeated(const DataFile& before, const DataFile& file) {
  const std::size_t of_base = shared_prefix(before.base, file.base);
  return before.base == file.base ? of_base + shared_prefix(before.relative, file.relative) : of_base;
}

}  // namespace

std::size_t shared_prefix(std::string_view a, std::string_view b) {
  return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

std::vector<DataFile> read_file_table(ByteReader& reader) {
  // Each takes a length of its suffix and one of its base.
  const std::size_t count = reader.count("the number of data files", ~std::uint64_t{0}, 2);
  if (count == 0) return {};
  std::vector<std::uint64_t> prefixes = reader.varints(count - 1, "the shared length of a path", MaxTextBytes);
  const std::vector<std::uint64_t> suffixes = reader.varints(count, "the length of a path", MaxTextBytes);
  const std::vector<std::uint64_t> bases = reader.varints(count, "the length of a base path", MaxTextBytes);
  if (!reader.ok()) return {};
  prefixes.insert(prefixes.begin(), 0);
  std::vector<DataFile> files;
  std::string path;
  for (std::size_t i = 0; i < count && reader.ok(); ++i) {
    const std::uint64_t base_before = i == 0 ? 0 : bases[i - 1];
    if (prefixes[i] > path.size()) {
      reader.fail(
          fmt::format("path {} shares {} bytes with the one before, which has {}", i, prefixes[i], path.size()));
    } else if (prefixes[i] + suffixes[i] > MaxTextBytes || bases[i] > prefixes[i] + suffixes[i]) {
      reader.fail(fmt::format("path {} has {} bytes and a base of {}", i, prefixes[i] + suffixes[i], bases[i]));
    } else if (prefixes[i] > std::min(bases[i], base_before) && bases[i] != base_before) {
      reader.fail(fmt::format("path {} shares more than the base with the one before, and has another base", i));
    }
    reader.charge(sizeof(DataFile) + prefixes[i] + suffixes[i]);
    path.resize(reader.ok() ? prefixes[i] : 0);
    path += reader.text(suffixes[i], "a path");
    if (reader.ok()) files.push_back({path.substr(0, bases[i]), path.substr(bases[i])});
  }
  return files;
}

void write_file_table(const std::vector<DataFile>& files, ByteWriter& out) {
  out.varint(files.size());
  for (std::size_t i = 1; i < files.size(); ++i) {
    RULEC_ASSERT(files[i - 1] < files[i]);
    out.varint(repeated(files[i - 1], files[i]));
  }
  const auto suffix_at = [&](std::size_t i) { return i == 0 ? 0 : repeated(files[i - 1], files[i]); };
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::size_t size = files[i].base.size() + files[i].relative.size();
    RULEC_ASSERT(size <= MaxTextBytes);
    out.varint(size - suffix_at(i));
  }
  for (const DataFile& file : files) out.varint(file.base.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    out.text(std::string_view(files[i].base + files[i].relative).substr(suffix_at(i)));
  }
}

}  // namespace rulec::ocdbt
