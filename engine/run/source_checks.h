// SPDX-License-Identifier: Apache-2.0
// What a conversion leaves behind must be worth nothing: padding of the source is zero, constants hold, copies are
// copies.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/run/run.h"

namespace rulec {

/// Looks at tensors of the source while they are in memory. Findings that a policy lets pass are counted in the report.
class SourceChecks {
 public:
  /// Everything is borrowed for the life of the object.
  SourceChecks(const Pack& pack, const Graph& graph, std::span<const TensorInfo> catalogue, const RunOptions& options,
               RunReport& report, Diagnostics& diags);

  /// Padding and constants of one tensor. Errors: R0604, R0609.
  Status check(const TensorInfo& info, std::span<const std::byte> bytes);

  /// Source tensors that one-way rules make of the target `name`, and that nothing else reads.
  std::vector<TensorInfo> aliases_of(std::string_view name) const;

  /// For aliases of a target: puts the cells of one of its sources where they go, as they arrive. `raw` has the
  /// target's shape and the source's type.
  void place(std::string_view target, const TensorInfo& info, std::span<const std::byte> bytes,
             std::span<std::byte> raw) const;

  /// Holds `alias` against what the rules make of the target, as `place` has put it together from sources of type
  /// `dtype`. Errors: R0605.
  Status check_alias(std::string_view target, std::string_view original, DType dtype, std::span<const std::byte> raw,
                     const TensorInfo& alias, std::span<const std::byte> bytes);

 private:
  void check_pads(const TensorInfo& info, std::span<const std::byte> bytes);
  void check_constants(const TensorInfo& info, std::span<const std::byte> bytes);
  bool is_copy_of(const Piece& alias) const;
  Span place_of(const Piece& piece, SideId side) const;

  const Pack& pack_;
  SideId to_;
  SideId from_;
  const RunOptions& options_;
  RunReport& report_;
  Diagnostics& diags_;
  std::map<std::string, std::vector<const Piece*>, std::less<>> one_sided_;  // by source tensor
  std::map<std::string, std::vector<const Piece*>, std::less<>> copies_;     // two-way, by target tensor
  std::map<std::string, std::map<std::string, std::vector<const Piece*>>, std::less<>>
      aliases_;  // by target, then source
  std::map<std::string, TensorInfo, std::less<>> alias_infos_;
};

}  // namespace rulec
