// SPDX-License-Identifier: Apache-2.0
// What manifests and nodes are wrapped in: magic number (4 bytes, big-endian), length of the whole (8 bytes), version 0
// and compression (varints), the body, and the CRC-32C of all before it (4 bytes); the other numbers are little-endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/ocdbt/origin.h"

#include <rulec/result.h>

namespace rulec::ocdbt {

/// As a little-endian number: the files have them big-endian, 0C DB 3A 2A and 0C DB 20 DE.
enum class Magic : std::uint32_t { Manifest = 0x2A3ADB0C, Node = 0xDE20DB0C };

/// The largest manifest or node that is read, packed and unpacked. Orbax asks for nodes of 100 MB at most, by an
/// estimate that may be a little wrong; a manifest of the most versions there may be is smaller.
constexpr std::uint64_t MaxBodyBytes = std::uint64_t{1} << 28;

/// The body, unpacked. `bytes` are those that the reference to it spans, or the whole file of a manifest.
///
/// The checksum is checked before anything is unpacked. More than one zstd frame is accepted, which TensorStore does
/// not write or read. Errors: R0820, R0803.
Result<std::vector<std::byte>> open_envelope(std::span<const std::byte> bytes, Magic magic, const Origin& origin,
                                             Diagnostics& diags);

/// A level of zstd, 0 being its default; none to store the body as it is.
using Compression = std::optional<int>;

std::vector<std::byte> seal_envelope(std::span<const std::byte> body, Magic magic, Compression compression);

}  // namespace rulec::ocdbt
