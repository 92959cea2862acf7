// SPDX-License-Identifier: Apache-2.0
// Databases made by hand, right or wrong, with the right checksums.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "engine/ocdbt/byte_writer.h"
#include "tests/ocdbt_checks.h"
#include "tests/scratch.h"

namespace rulec::testing {

/// One data file, `d/x`: the ten bytes `0123456789`, and nodes behind them.
struct Sample {
  std::string data = "0123456789";
  ocdbt::Manifest manifest;

  /// Without any version.
  Sample() { manifest.configuration.compression = std::nullopt; }

  /// With a tree of one node.
  explicit Sample(const Bytes& body, std::uint8_t height = 0) : Sample() { root(node(body), height); }

  /// Appends an envelope; where it lies, in the file 0.
  ocdbt::Extent node(const Bytes& body, ocdbt::Compression compression = {});

  /// Adds a version with this root in `d/x`.
  ocdbt::Version& root(const ocdbt::Extent& extent, std::uint8_t height = 0);

  void write(const Scratch& scratch) const;

  /// With a body that `encode_manifest` would not make.
  void write(const Scratch& scratch, const Bytes& manifest_body) const;
};

/// A leaf whose one key `k` has for its value this range of this file.
ocdbt::Node leaf_of(ocdbt::DataFile file, std::uint64_t offset, std::uint64_t length);

/// A leaf of these keys, with empty values.
ocdbt::Node leaf_of(const std::vector<std::string>& keys);

/// Bytes by the calls of a writer.
Bytes written(const std::function<void(ocdbt::ByteWriter&)>& write);

}  // namespace rulec::testing
