// SPDX-License-Identifier: Apache-2.0
// What a pack promises, proved for one config. Every function reports all it finds; an error means that the pack must
// not run.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/index/strided_cover.h"
#include "engine/pack/pack.h"
#include "engine/scalar/pipeline.h"
#include "engine/tensor/name_sets.h"

namespace rulec {

/// The cells that a piece fills in the tensor of `side`, along each dimension of its stored shape.
StridedBox cells_of(const Pack& pack, const Piece& piece, SideId side);

/// Every tensor that is written is covered once: no hole, no overlap, no gap in a family of names. Errors: R0401 to
/// R0404.
Status prove_coverage(const Pack& pack, Diagnostics& diags);

/// Round trips of the pipelines seen so far, so that packs with several presets try each pipeline once.
class RoundTripCache {
 public:
  const RoundTrip& find(const Pipeline& there, const std::optional<Pipeline>& back, DType start);

 private:
  struct Entry {
    Pipeline there;
    std::optional<Pipeline> back;
    DType start{};
    RoundTrip trip;
  };
  std::vector<Entry> entries_;
};

/// The trip from `start_side` and back, for weights stored there as `start`.
RoundTrip round_trip(const Numbers& numbers, SideId start_side, DType start, RoundTripCache& cache);

/// `exact`, `stable (<= 1 ulp)`, `exact for 1.5e-05 <= |x| <= 3.4e+38, else stable`, `one-way`: a trip in words.
std::string describe(const RoundTrip& trip);

/// What happens to the numbers: reverses that are none, losses that nobody allowed. R0501, R0503, R0511 to R0516.
Status check_numbers(const Pack& pack, RoundTripCache& cache, std::set<std::uint32_t>& used_permissions,
                     Diagnostics& diags);

/// Rules that differ from their siblings: R0308 to R0310.
void lint_siblings(const Pack& pack, std::set<std::uint32_t>& used_permissions, Diagnostics& diags);

/// Two axes of one rule that no shape can tell apart.
struct SquarePair {
  Span rule;
  std::string first;
  std::string second;
  std::int64_t size = 0;
  Span place;  ///< of the first in its shape

  bool operator<(const SquarePair& o) const {
    return std::tie(rule.begin, first, second) < std::tie(o.rule.begin, o.first, o.second);
  }
};
std::vector<SquarePair> square_pairs(const Pack& pack);

/// Whether a rule or its hooks allow the message; notes that the permission was used.
bool is_allowed(const Family& family, std::string_view id, std::string_view name,
                std::set<std::uint32_t>& used_permissions);

/// What a checkpoint has, and the pack neither maps nor ignores.
std::vector<TensorInfo> unmapped_tensors(const Pack& pack, SideId side, std::span<const TensorInfo> catalogue);

/// Reports these: R0601. `where` is the checkpoint's path.
Status check_unmapped(const Pack& pack, SideId side, std::span<const TensorInfo> catalogue, std::string_view where,
                      Diagnostics& diags);

/// A checkpoint's names, shapes and dtypes held against one side: R0306, R0601 to R0603, R0608, R0611. `where` is its
/// path.
Status check_catalogue(const Pack& pack, SideId side, std::span<const TensorInfo> catalogue, std::string_view where,
                       Diagnostics& diags);

}  // namespace rulec
