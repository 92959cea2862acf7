// SPDX-License-Identifier: Apache-2.0
#include "engine/store/orbax/write_plan.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "engine/file/direct.h"
#include "engine/file/printable.h"
#include "engine/store/orbax/write_tree.h"
#include "engine/zarr/chunk_codec.h"
#include "grammar/messages.h"

namespace rulec::orbax {
namespace {

// Measured with Orbax: eight devices that share an array restore it faster from chunks of 4 MiB than from larger ones,
// the more so if these are one layer thick. Values of their own are not made that small: each is a key, or a file.
constexpr std::uint64_t ShardedChunkBytes = std::uint64_t{4} << 20U;
constexpr std::uint64_t OwnChunkBytes = std::uint64_t{16} << 20U;

// Orbax's levels.
constexpr int zstd_level(int zarr_version) {
  return zarr_version == 3 ? 3 : 1;
}

Status check_options(std::span<const TensorInfo> tensors, const OrbaxOptions& options, Diagnostics& diags) {
  const auto wrong = [&](const std::string& what) -> Status {
    return report(diags, std::monostate{}, diag::Usage, what);
  };
  if (options.zarr_version != 2 && options.zarr_version != 3) {
    return wrong(fmt::format("there is no zarr {} in Orbax checkpoints, only 2 and 3", options.zarr_version));
  }
  if (options.one_chunk && !options.chunks.empty()) return wrong("a tensor of one chunk cannot be cut into chunks");
  for (const auto& [axis, pieces] : options.chunks) {
    const bool fits = std::ranges::any_of(tensors, [&](const TensorInfo& tensor) {
      return pieces > 0 && axis < tensor.shape.size() && tensor.shape[axis] % pieces == 0;
    });
    if (!fits) return wrong(fmt::format("no tensor has an axis {} that can be cut into {} equal pieces", axis, pieces));
  }
  return Done{};
}

zarr::ChunkOptions chunk_options(const TensorInfo& tensor, const OrbaxOptions& options) {
  zarr::ChunkOptions chunks;
  chunks.one_chunk = options.one_chunk;
  // A compressed chunk is a value of its own: a shard holds none of which nobody knows the size.
  chunks.has_shards = options.zarr_version == 3 && !options.is_compressed;
  chunks.chunk_bytes = options.chunk_bytes.value_or(chunks.has_shards ? ShardedChunkBytes : OwnChunkBytes);
  if (const auto stacked = options.stacked.find(tensor.name); stacked != options.stacked.end()) {
    chunks.stacked = stacked->second;
  }
  for (const auto& [axis, pieces] : options.chunks) {
    if (axis < tensor.shape.size() && tensor.shape[axis] % pieces == 0) chunks.pieces.emplace(axis, pieces);
  }
  return chunks;
}

Result<zarr::ArrayLayout> layout_of(const TensorInfo& tensor, const OrbaxOptions& options, Diagnostics& diags) {
  const auto refuse = [&](const std::string& why) -> Result<zarr::ArrayLayout> {
    return report(diags, std::monostate{}, diag::CannotBeStored, printable(tensor.name), why);
  };
  const std::optional<zarr::ElementType> type = zarr::element_type(tensor.dtype);
  if (!type) return refuse(fmt::format("zarr has no type for {}, whose elements share bytes", rule_name(tensor.dtype)));
  const std::optional<std::uint64_t> tensor_bytes = byte_size(tensor.dtype, tensor.shape);  // less than 2^61
  if (!tensor_bytes) {
    return refuse(fmt::format("its shape {} is too large for files", to_string(tensor.shape)));
  }
  if (*tensor_bytes == 0) return refuse(fmt::format("its shape {} is empty", to_string(tensor.shape)));
  Result<zarr::ChunkShapes> shapes =
      zarr::choose_chunks(tensor.shape, zarr::element_bytes(*type), chunk_options(tensor, options), diags);
  if (!shapes) return diags.failed();
  zarr::WriteOptions write{.zarr_version = options.zarr_version, .zstd_level = {}};
  if (options.is_compressed) write.zstd_level = zstd_level(options.zarr_version);
  zarr::ArrayLayout layout(tensor.shape, *type, *std::move(shapes), write);
  if (static_cast<std::uint64_t>(layout.grid().values()) > MaxValues) {
    return refuse(fmt::format("it would be cut into {} values, at most {} are", layout.grid().values(), MaxValues));
  }
  const std::uint64_t bytes = zarr::chunk_bytes(layout.metadata());
  if (options.is_compressed && bytes > zarr::MaxDecodedBytes) {
    return refuse(fmt::format("a compressed chunk would have {} bytes, at most {} are compressed at once", bytes,
                              zarr::MaxDecodedBytes));
  }
  return layout;
}

std::uint64_t most_bytes(const zarr::ArrayLayout& layout, const Shape& value) {
  const zarr::ArrayMetadata& array = layout.metadata();
  if (array.codecs.is_raw()) return layout.raw_value_bytes(value);
  return zarr::max_stored_bytes(array) + (array.shards ? zarr::index_bytes(*array.shards, layout.grid().slots()) : 0);
}

// Memory, room in the last data file, or in a new one. A compressed value may turn out small enough for a node; it gets
// room all the same.
void place(WritePlan& plan, PlannedValue value, std::uint64_t max_file_bytes,
           const std::function<std::string()>& new_data_file) {
  if (!plan.is_compressed && value.bytes <= MaxInlineBytes) return plan.values.push_back(value);
  const bool has_room =
      !plan.files.empty() && value.bytes <= max_file_bytes && plan.files.back().bytes <= max_file_bytes - value.bytes;
  if (!has_room) plan.files.push_back({new_data_file(), 0});
  std::uint64_t& end = plan.files.back().bytes;
  // What is large begins where a block of the disk does, so that it can be written and read around the page cache.
  // Compressed values come in any order, each at a boundary at most.
  if (plan.is_compressed || value.bytes >= MinDirectBytes) end = next_block(end);
  value.file = plan.files.size() - 1;
  value.offset = end;
  end += value.bytes;
  plan.values.push_back(value);
}

// The values of the last array.
void place_values(WritePlan& plan, const OrbaxOptions& options, const std::function<std::string()>& new_data_file) {
  const zarr::ArrayLayout& layout = plan.arrays.back().layout;
  for (std::int64_t i = 0; i < layout.grid().values(); ++i) {
    PlannedValue value{.array = plan.arrays.size() - 1, .file = {}, .offset = 0};
    value.bytes = most_bytes(layout, position_of(i, layout.grid().value_grid()));
    if (options.has_database) {
      place(plan, value, options.max_data_file_bytes, new_data_file);
    } else {
      value.file = plan.files.size();
      plan.values.push_back(value);
      plan.files.push_back({value_key(plan, plan.values.size() - 1), value.bytes});
    }
  }
}

}  // namespace

std::string value_key(const WritePlan& plan, std::size_t value) {
  const PlannedArray& array = plan.arrays[plan.values[value].array];
  const zarr::Grid& grid = array.layout.grid();
  const auto number = static_cast<std::int64_t>(value - array.first_value);
  return array.name + "/" + grid.key(position_of(number, grid.value_grid()));
}

Result<WritePlan> plan_write(std::span<const TensorInfo> tensors, const OrbaxOptions& options,
                             const std::function<std::string()>& new_data_file, Diagnostics& diags) {
  if (!check_options(tensors, options, diags)) return diags.failed();
  WritePlan plan;
  plan.is_compressed = options.is_compressed;
  std::optional<Reported> failed;
  for (std::size_t i = 0; i <= tensors.size(); ++i) {
    const TensorInfo& tensor = i < tensors.size() ? tensors[i] : StepArray;
    Result<zarr::ArrayLayout> layout = layout_of(tensor, options, diags);
    if (!layout) {
      failed = diags.failed();
      continue;
    }
    std::string name = i < tensors.size() ? stored_name(tensor.name) : tensor.name;
    plan.arrays.push_back({std::move(name), *std::move(layout), plan.values.size()});
    place_values(plan, options, new_data_file);
  }
  if (failed) return *failed;
  return plan;
}

}  // namespace rulec::orbax
