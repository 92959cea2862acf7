// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/ocdbt/origin.h"

#include <rulec/result.h>

namespace rulec::ocdbt {

/// Reads the numbers that manifests and nodes are made of ("Encoding" in TensorStore's description of OCDBT).
///
/// The first thing that is wrong is reported; from then on every member gives zeros and nothing, so that a reader of
/// many fields asks once, at the end. `what` names the field in the message: "the height".
class ByteReader {
 public:
  /// Borrows everything for its life.
  ByteReader(std::span<const std::byte> body, const Origin& origin, Budget& budget, Diagnostics& diags)
      : body_(body), origin_(origin), budget_(budget), diags_(diags) {}

  bool ok() const { return !failed_; }
  std::size_t bytes_left() const { return failed_ ? 0 : body_.size() - at_; }

  std::uint8_t u8(std::string_view what);
  std::uint32_t u32le(std::string_view what);
  std::uint64_t u64le(std::string_view what);

  /// An unsigned LEB128 number of at most ten bytes, and of at most `max`.
  std::uint64_t varint(std::string_view what, std::uint64_t max = ~std::uint64_t{0});

  /// So many of them.
  std::vector<std::uint64_t> varints(std::size_t count, std::string_view what, std::uint64_t max = ~std::uint64_t{0});

  /// How many records follow, each of which takes `least_bytes` or more of the rest.
  std::size_t count(std::string_view what, std::uint64_t max, std::size_t least_bytes);

  /// Valid as long as the body.
  std::span<const std::byte> bytes(std::uint64_t size, std::string_view what);
  std::string_view text(std::uint64_t size, std::string_view what);

  /// So many bytes will be kept in memory. Errors: R0803.
  void charge(std::uint64_t bytes);

  /// Reports R0820, unless something was reported before.
  void fail(std::string_view what);

  /// Whether everything went well, and to the last byte. Errors: R0820.
  Status finish();

 private:
  std::uint64_t little_endian(std::size_t size, std::string_view what);

  std::span<const std::byte> body_;
  const Origin& origin_;
  Budget& budget_;
  Diagnostics& diags_;
  std::size_t at_ = 0;
  std::optional<Reported> failed_;
};

}  // namespace rulec::ocdbt
