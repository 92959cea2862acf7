// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <rulec/convert.h>
#include <rulec/diff.h>
#include <rulec/pack.h>
#include <rulec/store.h>

namespace rulec {

struct VerifyOptions {
  /// The stored type of floating tensors that A is converted to. Nothing: that of most of B's.
  std::optional<DType> dtype;
  bool cast_first = false;        ///< as A was converted: see `ConvertOptions`
  std::vector<std::string> only;  ///< globs on names in B; none: everything. R0903: one names nothing
  /// As for `convert`: of tensors at a time, those of A and of B.
  std::optional<std::uint64_t> memory_bytes;
  int threads = 0;
  std::function<void(const Progress&)> on_progress;
};

/// What the numbers of a tensor are like. `least` to `deviation` are of its finite numbers, and 0 if it has none; sums
/// are exact, and rounded once. Nothing is told of types that rulec does not read as numbers.
struct TensorStatistics {
  std::uint64_t cells = 0;
  std::uint64_t zeros = 0;
  std::uint64_t nans = 0;
  std::uint64_t infinities = 0;
  double least = 0;
  double most = 0;
  double mean = 0;
  double deviation = 0;  ///< from the mean: the root of the mean of squares

  bool operator==(const TensorStatistics&) const = default;
};

struct TensorVerdict {
  std::string name;  ///< in B, or where B lacks it what A's should be called there
  Difference difference = Difference::Same;
  DType dtype = DType::F32;  ///< of B, or where B lacks it of what A makes
  Shape shape;
  std::uint64_t cells = 0;      ///< that differ
  std::uint64_t worst_ulp = 0;  ///< of floats; the largest number there is where one of the two is a NaN
  std::string first;            ///< `[3 17]: 0.5 against 0.50001`: the first beyond its class, else the first
  std::string worst;            ///< the same, of the first with `worst_ulp`
  std::string fidelity;         ///< of the rule: `exact`, `stable (<= 1 ulp)`; empty if none names the tensor
  std::string rule;             ///< where it stands: `gemma2.rules:38`
  std::string detail;           ///< two types or shapes that differ
  std::optional<TensorStatistics> statistics;  ///< of B
};

struct Verification {
  std::vector<TensorVerdict> tensors;  ///< by name
  std::uint64_t bytes_compared = 0;    ///< of B
  // What of A has no place in B, and is worth something: as `Report` counts it.
  std::uint64_t dropped_pad_rows = 0;
  std::uint64_t dropped_constants = 0;
  std::uint64_t dropped_aliases = 0;
};

/// Holds B against A, both of any size, in `memory_bytes`. With a model whose two sides they are, against what
/// `convert` makes of A; with checkpoints of one side, or without a model, tensor by tensor of one name. Bits are
/// compared. Where they differ by no more than the class that was proved of a rule, they are `WithinClass`. The answer
/// depends neither on the memory nor on the threads, nor on how the two are cut into chunks.
///
/// What is odd about the numbers of B goes to `diags`: R0618 a tensor of one number, R0619 NaNs and infinities, R0620
/// two tensors of the same bits which no rule makes the same.
///
/// Errors: those of `convert`, and of the two stores. That the two differ is none.
Result<Verification> verify(const TensorStore& a, const TensorStore& b, const Model* model,
                            const VerifyOptions& options, Diagnostics& diags);

/// A tensor, and the XXH3 hash (128 bits, seed 0) of its bytes: little-endian, in C order, however it is stored.
struct TensorChecksum {
  TensorInfo tensor;
  std::string xxh3_128;  ///< 32 hexadecimal digits, the highest first

  bool operator==(const TensorChecksum&) const = default;
};

struct ChecksumOptions {
  int threads = 0;                                   ///< 0: one for each core that the process may use
  std::function<void(const Progress&)> on_progress;  ///< as for `convert`
};

/// Reads all of a checkpoint, a few megabytes of each tensor at a time, and sums it up. By name.
///
/// Errors: those of the store.
Result<std::vector<TensorChecksum>> checksums(const TensorStore& store, const ChecksumOptions& options,
                                              Diagnostics& diags);

}  // namespace rulec
