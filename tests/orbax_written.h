// SPDX-License-Identifier: Apache-2.0
// Checkpoints that the sink writes, and what the containers below it read of them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/zarr_sources.h"

#include <rulec/store.h>

namespace rulec::testing {

/// Where folders lie in memory, if there is such a place: tests that write many checkpoints wait for no disk.
std::filesystem::path memory_folder();

/// A tensor and its bytes.
struct Written {
  TensorInfo info;
  std::vector<std::byte> bytes;
};

/// One of random bytes.
Written random_tensor(std::string name, DType dtype, Shape shape, std::mt19937& random);

/// Bytes [offset, offset + size) of a tensor.
struct WrittenPiece {
  std::size_t tensor = 0;
  std::size_t offset = 0;
  std::size_t size = 0;
};

/// All bytes of all tensors, cut into pieces of at most so many, in any order.
std::vector<WrittenPiece> shuffled_pieces(const std::vector<Written>& tensors, std::size_t max_bytes,
                                          std::mt19937& random);

/// Writes them with nothing to say, piece by piece.
void write_checkpoint(const std::filesystem::path& folder, const std::vector<Written>& tensors,
                      const OrbaxOptions& options, const std::vector<WrittenPiece>& pieces);
/// Each tensor in one piece.
void write_checkpoint(const std::filesystem::path& folder, const std::vector<Written>& tensors,
                      const OrbaxOptions& options);

/// Every value below an item, by its key: of its database, or of its folders.
std::map<std::string, std::string> values_of(const std::filesystem::path& item);

/// Those of one array, by their keys in it.
ValueSource values_of_array(const std::map<std::string, std::string>& values, const std::string& array);

/// Whether the step `0` in `folder` holds exactly these tensors, bit for bit, and `step`.
void check_checkpoint(const std::filesystem::path& folder, const std::vector<Written>& tensors);

/// All files below a folder, by their paths in it.
std::vector<std::string> files_below(const std::filesystem::path& folder);

}  // namespace rulec::testing
