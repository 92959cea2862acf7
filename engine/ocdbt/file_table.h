// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/ocdbt/byte_reader.h"
#include "engine/ocdbt/byte_writer.h"

namespace rulec::ocdbt {

/// A file that a manifest or node refers to ("Data file table" in TensorStore's description of OCDBT). It is found at
/// the root of the database + the bases on the way to this node + `base` + `relative`. A node that lies in it hands
/// the bases and `base` on to what it refers to; this is how a database refers to those of the processes it was merged
/// from: base `ocdbt.process_0/`.
struct DataFile {
  std::string base;
  std::string relative;
  auto operator<=>(const DataFile&) const = default;
};

/// The length of a key or path fits into 16 bits.
constexpr std::uint64_t MaxTextBytes = 65535;

/// The paths are not judged here: whoever opens the files does. What is wrong, `reader` reports.
std::vector<DataFile> read_file_table(ByteReader& reader);

/// `files` as a canonical table has them: sorted, each once, paths of at most `MaxTextBytes`.
void write_file_table(const std::vector<DataFile>& files, ByteWriter& out);

/// How many bytes two texts begin with in common.
std::size_t shared_prefix(std::string_view a, std::string_view b);

}  // namespace rulec::ocdbt
