// SPDX-License-Identifier: Apache-2.0
// One tile at a time: read, call after call, write. The tiles stay in the innermost cache, so that every element is
// fetched from memory once and written once, however long the pipeline is.
#include <algorithm>
#include <vector>

#include "engine/scalar/op.h"
#include "engine/tensor/element_bytes.h"
#include "engine/tensor/numbers.h"
#include "grammar/internal_error.h"

namespace rulec {
namespace {

/// The running value of one tile, and what goes on its way.
class Run {
 public:
  Run(const Types& types, std::span<const OperandBytes> operands, std::size_t first)
      : operands_(operands), first_(first), running_(types.working) {}

  void read(DType arrives, std::span<const std::byte> bytes) {
    x_.read(arrives, bytes);
    if (arrives != running_) x_.convert(running_);
  }

  void call(const Call& call) {
    settle();
    const DType after = type_after(call, running_);
    if (after != running_) x_.convert(after);
    running_ = after;
    if (call.op == &ops::Cast) return;
    const DType work = type_of_work(call);
    if (carrier_of(work) != x_.carrier()) x_.convert(work);
    switch (carrier_of(work)) {
      case Carrier::F32:
        run(call, call.op->kernels.f32, work);
        break;
      case Carrier::F64:
        run(call, call.op->kernels.f64, work);
        break;
      case Carrier::I64:
        run(call, call.op->kernels.i64, work);
        break;
      case Carrier::U64:
        run(call, call.op->kernels.u64, work);
        break;
    }
    is_settled_ = work == running_;
  }

  void write(DType stored, std::span<std::byte> bytes) {
    // Writing rounds, if the carrier is the right one; a number that is still to be rounded to another type would be
    // rounded once where language and reference round twice.
    if (stored != running_) settle();
    if (carrier_of(stored) != x_.carrier()) x_.convert(stored);
    x_.write(stored, bytes);
  }

 private:
  /// Rounds the result of the last op to the running type.
  void settle() {
    if (!is_settled_) x_.convert(running_);
    is_settled_ = true;
  }

  const OperandBytes& bytes_of_tensor(const Operand& operand) const {
    RULEC_ASSERT(operand.number < operands_.size());
    return operands_[operand.number];
  }

  /// The wider of the running type and the arguments', as the machine has it.
  DType type_of_work(const Call& call) const {
    const auto is_double = [&](const CallArgument& argument) {
      if (const auto* operand = std::get_if<Operand>(&argument)) return bytes_of_tensor(*operand).dtype == DType::F64;
      const auto* constant = std::get_if<Constant>(&argument);
      return constant != nullptr && constant->type == DType::F64;
    };
    switch (carrier_of(running_)) {
      case Carrier::F32:
        return std::ranges::any_of(call.arguments, is_double) ? DType::F64 : DType::F32;
      case Carrier::F64:
        return DType::F64;
      case Carrier::I64:
        return DType::I64;
      case Carrier::U64:
        return DType::U64;
    }
    return running_;
  }

  template <class T>
  void run(const Call& call, Kernel<T> kernel, DType work) {
    RULEC_ASSERT(kernel != nullptr);
    if (const auto* operand = call.arguments.empty() ? nullptr : std::get_if<Operand>(&call.arguments.front())) {
      const auto& [dtype, bytes] = bytes_of_tensor(*operand);
      second_.read(dtype, bytes.subspan(bytes_of(dtype, first_), bytes_of(dtype, x_.size())));
      if (dtype != work) second_.convert(work);
      return kernel(x_.as<T>(), second_.as<T>());
    }
    std::vector<T> constants;
    for (const CallArgument& argument : call.arguments) {
      const auto* constant = std::get_if<Constant>(&argument);
      RULEC_ASSERT(constant != nullptr);
      constants.push_back(static_cast<T>(rounded(constant->value, constant->type.value_or(running_))));
    }
    kernel(x_.as<T>(), constants);
  }

  std::span<const OperandBytes> operands_;
  std::size_t first_;
  DType running_;
  bool is_settled_ = true;
  Tile x_;
  Tile second_;
};

}  // namespace

void apply(const Pipeline& pipeline, const Types& types, std::span<const std::byte> in,
           std::span<const OperandBytes> operands, std::span<std::byte> out) {
  const std::size_t elements = in.size() * 8 / static_cast<std::size_t>(bits(types.arrives));
  RULEC_ASSERT(out.size() == bytes_of(types.stored, elements));
  for (const OperandBytes& operand : operands) RULEC_ASSERT(operand.bytes.size() == bytes_of(operand.dtype, elements));
  if (changes_nothing(pipeline, types)) {
    std::ranges::copy(in, out.begin());
    return;
  }
  for (std::size_t first = 0; first < elements; first += Tile::Capacity) {
    const std::size_t count = std::min(Tile::Capacity, elements - first);
    Run run(types, operands, first);
    run.read(types.arrives, in.subspan(bytes_of(types.arrives, first), bytes_of(types.arrives, count)));
    for (const Call& call : pipeline) run.call(call);
    run.write(types.stored, out.subspan(bytes_of(types.stored, first), bytes_of(types.stored, count)));
  }
}

}  // namespace rulec
