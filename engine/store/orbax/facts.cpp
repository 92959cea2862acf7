// SPDX-License-Identifier: Apache-2.0
#include "engine/store/orbax/facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "engine/file/printable.h"

namespace rulec::orbax {
namespace {

constexpr std::size_t MaxNames = 10;

std::string with_others(const std::string& name, const std::vector<std::string>& others) {
  if (others.empty()) return printable(name);
  std::string list;
  for (std::size_t i = 0; i < others.size() && i < MaxNames; ++i) {
    list += (i == 0 ? "" : ", ") + printable(others[i]);
  }
  if (others.size() > MaxNames) list += ", ...";
  return fmt::format("{} (also there: {})", printable(name), list);
}

std::string format_of(const Content& content) {
  const auto has_version = [&](int version) {
    return std::ranges::any_of(content.arrays,
                               [&](const LeafArray& a) { return a.array.metadata().zarr_version == version; });
  };
  const bool has_two = has_version(2);
  const bool has_three = has_version(3);
  std::string_view zarr = has_three ? "zarr 3" : "zarr 2";
  if (has_two && has_three) zarr = "zarr 2 and 3";
  if (!has_two && !has_three) zarr = "no arrays";
  return fmt::format("Orbax, {} in {}", zarr, content.has_database ? "OCDBT" : "files");
}

// How layers are stacked, and who says so; empty if nobody does.
std::string scan_layers_of(const Content& content) {
  if (const auto said = content.step.values.find("scan_layers"); said != content.step.values.end()) {
    return fmt::format("{}, as {} says", printable(said->second), StepMetadataName);
  }
  if (content.names.layers == LayerNames::None) return {};
  const bool is_scanned = content.names.layers == LayerNames::Scanned;
  return is_scanned ? "true, as the name `layers` says" : "false, as names like `layers_0` say";
}

std::string size_of(const Content& content, std::string_view first_key) {
  std::size_t count = 0;
  std::uint64_t bytes = 0;
  for (const LeafArray& a : content.arrays) {
    const Leaf& leaf = content.tree.leaves[a.leaf];
    if (leaf.path.empty() || leaf.path.front().text != first_key) continue;
    ++count;
    // Sizes are claims until the chunks are read.
    if (__builtin_add_overflow(bytes, a.array.bytes(), &bytes)) bytes = ~std::uint64_t{0};
  }
  return count == 0 ? std::string() : fmt::format("{} tensor{}, {} bytes", count, count == 1 ? "" : "s", bytes);
}

// Leaves that are no arrays, by name and type.
std::string other_leaves_of(const Content& content) {
  std::string list;
  std::size_t count = 0;
  for (std::size_t i = 0; i < content.tree.leaves.size(); ++i) {
    const Leaf& leaf = content.tree.leaves[i];
    if (leaf.kind == Leaf::Kind::Array) continue;
    if (++count > MaxNames) continue;
    list +=
        fmt::format("{}{} ({})", count == 1 ? "" : ", ", printable(content.names.names[i]), printable(leaf.value_type));
  }
  if (count > MaxNames) list += fmt::format(" and {} more", count - MaxNames);
  return list;
}

std::string_view name_of(zarr::ByteCodec::Kind kind) {
  switch (kind) {
    case zarr::ByteCodec::Kind::Zstd:
      return "zstd";
    case zarr::ByteCodec::Kind::Gzip:
      return "gzip";
    case zarr::ByteCodec::Kind::Zlib:
      return "zlib";
    case zarr::ByteCodec::Kind::Blosc:
      return "blosc";
    case zarr::ByteCodec::Kind::Crc32c:
      return "crc32c";
  }
  return {};
}

std::string count_of(std::int64_t count, std::string_view what, const Shape& shape) {
  if (count == 1) return fmt::format("1 {}", what);
  return fmt::format("{} {}s of {}", count, what, to_string(shape));
}

}  // namespace

std::vector<std::pair<std::string, std::string>> facts_of(const Content& content) {
  const Location& place = content.place;
  const std::pair<std::string, std::string> all[] = {
      {"format", format_of(content)},
      {"step", place.step.empty() ? "" : with_others(place.step, place.other_steps)},
      {"item", place.item_name.empty() ? "" : with_others(place.item_name, place.other_items)},
      {"weights", content.names.prefix.empty() ? "" : fmt::format("under `{}`", content.names.prefix)},
      {"scan_layers", scan_layers_of(content)},
      {"optimizer state", size_of(content, "opt_state")},
      {"other leaves", other_leaves_of(content)},
      {"metadata of the step", printable(content.step.custom_metadata)},
      {"metadata of the tree", printable(content.tree.custom_metadata)},
  };
  std::vector<std::pair<std::string, std::string>> facts;
  std::ranges::copy_if(all, std::back_inserter(facts), [](const auto& fact) { return !fact.second.empty(); });
  return facts;
}

std::string layout_text(const zarr::Array& array) {
  const zarr::ArrayMetadata& metadata = array.metadata();
  std::string text = count_of(array.grid().chunks(), "chunk", metadata.chunk_shape);
  // With one chunk in each, a shard says no more than its chunk.
  if (metadata.value_shape != metadata.chunk_shape) {
    text += fmt::format(" in {}", count_of(array.grid().values(), "shard", metadata.value_shape));
  }
  if (metadata.codecs.is_raw()) return text + ", raw";
  if (!metadata.codecs.transpose.empty()) text += ", transposed";
  if (metadata.codecs.is_big_endian) text += ", big-endian";
  for (const zarr::ByteCodec& codec : metadata.codecs.codecs) text += fmt::format(", {}", name_of(codec.kind));
  return text;
}

}  // namespace rulec::orbax
