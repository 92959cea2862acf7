// SPDX-License-Identifier: Apache-2.0
// Where everything of an Orbax item goes, known before the first byte. Nothing is written here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/zarr/layout.h"

#include <rulec/diagnostics.h>
#include <rulec/result.h>
#include <rulec/store.h>

namespace rulec::orbax {

/// Values of at most so many bytes lie within the nodes of a database, as Orbax asks TensorStore for.
constexpr std::uint64_t MaxInlineBytes = 1024;
/// Ours: 32 PiB in values as large as they get.
constexpr std::size_t MaxValues = std::size_t{1} << 24U;

struct PlannedArray {
  std::string name;  ///< in the item: `params.params.decoder.norm.scale`
  zarr::ArrayLayout layout;
  std::size_t first_value = 0;  ///< its values follow one another, in C order of their grid
};

/// What is stored under one key of an array.
struct PlannedValue {
  std::size_t array = 0;
  std::optional<std::size_t> file;  ///< nothing: it is kept in memory, to lie within a node
  std::uint64_t offset = 0;         ///< of a raw value in a file
  std::uint64_t bytes = 0;          ///< of a compressed value: the most that it can have
};

struct PlannedFile {
  std::string path;  ///< below the item's folder
  std::uint64_t bytes = 0;
};

struct WritePlan {
  bool is_compressed = false;
  std::vector<PlannedArray> arrays;  ///< in the order of the tensors, and `StepArray` behind them
  std::vector<PlannedValue> values;
  std::vector<PlannedFile> files;
};

/// Cuts `tensors` as `options` say and gives every value a place: with OCDBT in nodes and in data files, whose names
/// `new_data_file` makes, else in a file of its own.
///
/// A raw value holds many chunks, and each has its place. The place of a compressed chunk is not known beforehand: it
/// is a value of its own, as Orbax makes them, and a file has room for the most that all of its own may need.
///
/// Errors: R0843 an empty tensor, a packed type, more values than `MaxValues`, a compressed chunk too large for memory;
/// R0903 options that contradict each other or fit no tensor.
Result<WritePlan> plan_write(std::span<const TensorInfo> tensors, const OrbaxOptions& options,
                             const std::function<std::string()>& new_data_file, Diagnostics& diags);

/// The key of a value, below the item: `<array>/c/0`.
std::string value_key(const WritePlan& plan, std::size_t value);

}  // namespace rulec::orbax
