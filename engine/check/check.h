// SPDX-License-Identifier: Apache-2.0
// What a pack promises, proved for one config. Every function reports all it finds; an error means that the pack must
// not run.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/check/round_trip_cache.h"
#include "engine/index/strided_cover.h"
#include "engine/pack/pack.h"
#include "engine/scalar/pipeline.h"
#include "engine/tensor/name_sets.h"

namespace rulec {

/// The cells that a piece fills in the tensor of `side`, along each dimension of its stored shape.
StridedBox cells_of(const Pack& pack, const Piece& piece, SideId side);

/// Spans of the permissions that kept a message back.
using UsedPermissions = std::set<Span>;

/// Every tensor that is written is covered once: no hole, no overlap, no gap in a family of names. Errors: R0401 to
/// R0404, R0413.
Status prove_coverage(const Pack& pack, UsedPermissions& used, Diagnostics& diags);

/// The type that numbers are tried in which start on a side: bfloat16, or the integers that the hooks work on.
DType trial_type(const Numbers& numbers, SideId start_side);

/// The trip from `start_side` and back, for weights stored there as `start`.
RoundTrip round_trip(const Numbers& numbers, SideId start_side, DType start, RoundTripCache& cache);

/// `exact`, `stable (<= 1 ulp)`, `exact for 2^-16 <= |x| <= 3.3e+38, else <= 65 ulp or not finite`, `one-way`: a trip
/// in words.
std::string describe(const RoundTrip& trip);

/// Cells that the way back makes anew, whatever they held: every number comes back if they hold what it makes.
struct Quotient {
  bool padding = false;   ///< must be zero
  bool constant = false;  ///< must be the rule's number
  bool alias = false;     ///< must be what another rule's cells make of it: a copy, for rules without hooks

  bool operator==(const Quotient&) const = default;
};

/// What the cells of a rule on side `start` must hold, for a trip to the other side and back.
Quotient quotient(const Pack& pack, std::size_t family, SideId start);

/// `exact`, `up-to-padding`, `stable (<= 1 ulp), up-to-padding`: the class of a trip whose cells must hold so much.
std::string describe(const RoundTrip& trip, const Quotient& cells);

/// `83.6 %`, rounded down: only what is all is 100 %.
std::string percent(double share);

/// What keeps a pack from running: reverses that are none, losses that nobody allowed. Errors: R0501, R0503.
Status prove_numbers(const Pack& pack, UsedPermissions& used, Diagnostics& diags);

/// The same, and what rounding does: R0511 to R0516.
Status check_numbers(const Pack& pack, RoundTripCache& cache, UsedPermissions& used, Diagnostics& diags);

/// Rules that differ from their siblings: R0308 to R0310, R0517.
void lint_siblings(const Pack& pack, UsedPermissions& used, Diagnostics& diags);

/// Whether a rule or its hooks allow the message; notes that the permission was used.
bool is_allowed(const Family& family, std::string_view id, std::string_view name, UsedPermissions& used);

/// What the header of a block, `A -> B {`, has for one side.
Span side_of_block(Span block, SideId side, const Diagnostics& diags);

/// What a checkpoint has, and the pack neither maps nor ignores.
std::vector<TensorInfo> unmapped_tensors(const Pack& pack, SideId side, std::span<const TensorInfo> catalogue);

/// Reports these: R0601. `where` is the checkpoint's path.
Status check_unmapped(const Pack& pack, SideId side, std::span<const TensorInfo> catalogue, std::string_view where,
                      Diagnostics& diags);

/// The sizes of configs held against the stored shapes of a checkpoint: R0611. `inputs` are those of the pack.
Status check_config_sizes(const Pack& pack, const Inputs& inputs, SideId side, std::span<const TensorInfo> catalogue,
                          std::string_view where, Diagnostics& diags);

/// Whether every tensor of the side `to` is written by some rule, unless all that name it run the other way and one has
/// permission. Errors: R0616.
Status check_unwritten(const Pack& pack, SideId to, Diagnostics& diags);

/// The types that a `cast` in the rules fixes for what is stored on a side, by tensor.
std::map<std::string, DType> types_by_cast(const Pack& pack, SideId side);

/// A checkpoint's names, shapes and dtypes held against one side: R0306, R0601 to R0603, R0608. `where` is its
/// path; `expected` the type that the side's config says floating numbers have.
Status check_catalogue(const Pack& pack, SideId side, std::span<const TensorInfo> catalogue, std::string_view where,
                       std::optional<DType> expected, Diagnostics& diags);

}  // namespace rulec
