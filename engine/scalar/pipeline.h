// SPDX-License-Identifier: Apache-2.0
// Scalar functions: what happens to every number of a piece on its way. A pipeline is a list of calls; each call works
// in the type of the running value and rounds its result to that type (nearest even, subnormals kept), as language.md
// section 8 of the reference says: grammar/README.md, "Numbers".
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <rulec/diagnostics.h>
#include <rulec/tensor.h>

namespace rulec {

/// A number beside the running value. `type` is set for `f32(x)` and `bf16(x)`, whose value is rounded to it already:
/// the op then works in the wider of this type and the running one, and rounds back. A bare number takes the running
/// type.
struct Constant {
  double value = 0;
  std::optional<DType> type;

  bool operator==(const Constant&) const = default;
};

/// A tensor beside the running value: the piece's operand of this number (0 is its first), read as stored.
struct Operand {
  std::size_t number = 0;

  bool operator==(const Operand&) const = default;
};

using CallArgument = std::variant<Constant, Operand, DType>;  // a DType for `cast` only

struct OpDef;

/// One op with its arguments.
struct Call {
  const OpDef* op = nullptr;
  std::vector<CallArgument> arguments;
  Span span;

  bool operator==(const Call& other) const { return op == other.op && arguments == other.arguments; }
};

using Pipeline = std::vector<Call>;

/// `sub(1) | cast(f32)`: as a rule would write it.
std::string to_string(const Pipeline& pipeline);

/// Whether a call has a tensor argument.
bool takes_tensor(const Pipeline& pipeline);

/// The pipeline that undoes `pipeline`, last call first; casts are dropped. Nothing if a call has no inverse, or a
/// tensor argument.
std::optional<Pipeline> inverse(const Pipeline& pipeline);

/// The types of one trip through a pipeline.
struct Types {
  DType arrives = DType::F32;  ///< as stored at the source
  DType working = DType::F32;  ///< after reading, before the first call
  DType stored = DType::F32;   ///< at the target

  bool operator==(const Types&) const = default;
};

/// Floating numbers (bf16, f16, f32, f64) are read in the wider of their own type and the requested one (bf16 and f16
/// meet in f32), or with `cast_first` in the requested one; the last `cast` of the pipeline fixes what is stored, else
/// the requested type does. All other types ignore the request and change by a `cast` only. No request: what arrives.
Types types_of(const Pipeline& pipeline, DType arrives, std::optional<DType> requested, bool cast_first = false);

/// Whether every number stays in the type it arrives in and no call touches it: `apply` then copies bits.
bool changes_nothing(const Pipeline& pipeline, const Types& types);

/// Reports the first call that does not work on the type that reaches it (R0505) or has an argument that does not fit
/// it (R0215). `operands` are the types of the tensor arguments by number, or nothing while they are unknown; `name` is
/// the tensor that arrives. What passes, `apply` runs.
Status check_types(const Pipeline& pipeline, const Types& types, std::span<const DType> operands, std::string_view name,
                   Diagnostics& diags);

/// The bytes of an operand, one element for each element of the piece, in its own type.
struct OperandBytes {
  DType dtype = DType::F32;
  std::span<const std::byte> bytes;
};

/// Runs the pipeline over elements that lie one behind the other. `in` holds elements of `types.arrives`, `out` takes
/// as many of `types.stored`. If nothing happens to the numbers, bits are copied untouched, NaN payloads too.
void apply(const Pipeline& pipeline, const Types& types, std::span<const std::byte> in,
           std::span<const OperandBytes> operands, std::span<std::byte> out);

/// How faithful a trip there and back is, judged on the composed function, never on the list of calls.
enum class Fidelity : std::uint8_t {
  Exact,   ///< every number comes back
  Stable,  ///< one pass loses up to `worst_ulp`, a second pass nothing
  Drifts,  ///< a second pass loses again
  OneWay,  ///< there is no way back
};

/// How a class is known.
enum class Evidence : std::uint8_t {
  Untouched,  ///< bits are moved as they are
  AllValues,  ///< every finite number was tried
  Samples,    ///< some numbers were tried: likely, not proved
  None,       ///< nothing was tried
};

/// What becomes of numbers on a trip. Said of the finite numbers whose magnitude lies from `from` to `to` and of 0:
/// where weights lie, 0 and 2^-16 <= |x| <= 8, and as far around as it holds. Zeros of both signs are one number.
struct RoundTrip {
  /// `worst_ulp` where a number comes back as an infinity or a NaN.
  static constexpr std::uint64_t NotFinite = ~std::uint64_t{0};

  Fidelity fidelity = Fidelity::Exact;  ///< of all numbers if Exact, else of the range
  Evidence evidence = Evidence::None;
  std::size_t tried = 0;        ///< how many numbers
  double share = 1;             ///< of the numbers tried, how many come back
  double weights_share = 1;     ///< of those where weights lie
  std::uint64_t worst_ulp = 0;  ///< how far away what comes back is: exact in the range if 0
  double from = 0;              ///< the range: 0 and infinity where it has no end
  double to = std::numeric_limits<double>::infinity();
  std::uint64_t ulp_beyond = 0;  ///< of the numbers outside the range, but for those that do not come back finite
  bool breaks_beyond = false;    ///< there are such

  std::optional<double> lost{};     ///< a weight that does not come back, the simplest found
  std::optional<double> lost_as{};  ///< what it comes back as
  std::optional<double> drifts{};   ///< a weight that a second pass changes again

  bool holds_for_all() const { return from == 0 && to == std::numeric_limits<double>::infinity(); }
};

/// Tries numbers of type `start`: through `there` with `requested_there`, then through `back` asked for `start` again.
/// All finite values of 16-bit types, samples by exponent and mantissa corners for wider ones. Pipelines with tensor
/// arguments are OneWay.
RoundTrip try_round_trip(const Pipeline& there, const std::optional<Pipeline>& back, DType start,
                         std::optional<DType> requested_there);

}  // namespace rulec
