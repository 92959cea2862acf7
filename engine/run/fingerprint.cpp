// SPDX-License-Identifier: Apache-2.0
#include "engine/run/fingerprint.h"

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <variant>

#include "engine/codec/xxh3.h"
#include "engine/scalar/op.h"
#include "grammar/overloaded.h"

namespace rulec {
namespace {

/// Adds values in a form from which they could be read back, so that no two of them are the same bytes.
class Hasher {
 public:
  template <class T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void add(T value) {
    hash_.add(std::as_bytes(std::span(&value, 1)));
  }
  void add(std::string_view text) {
    add(text.size());
    hash_.add(std::as_bytes(std::span(text)));
  }
  template <class T>
  void add(const std::vector<T>& values) {
    add(values.size());
    for (const T& value : values) add(value);
  }
  template <class T>
  void add(const std::optional<T>& value) {
    add(value.has_value());
    if (value) add(*value);
  }

  void add(const TensorInfo& info) {
    add(info.name);
    add(info.dtype);
    add(info.shape);
  }
  void add(const StridedAxis& axis) {
    add(axis.extent);
    add(axis.source_stride);
    add(axis.target_stride);
  }
  void add(const StridedCopy& copy) {
    add(copy.axes);
    add(copy.source_offset);
    add(copy.target_offset);
  }
  void add(const Call& call) {
    add(call.op->name);
    add(call.arguments.size());
    for (const CallArgument& argument : call.arguments) {
      add(argument.index());
      std::visit(Overloaded{[&](const Constant& c) {
                              add(c.value);
                              add(c.type);
                            },
                            [&](const Operand& o) { add(o.number); }, [&](DType dtype) { add(dtype); }},
                 argument);
    }
  }
  void add(const Types& types) {
    add(types.arrives);
    add(types.working);
    add(types.stored);
  }
  void add(const OperandAxis& axis) {
    add(axis.stride);
    add(axis.block);
  }
  void add(const CopyOperand& operand) {
    add(operand.source);
    add(operand.offset);
    add(operand.axes);
    add(operand.pipeline);
    add(operand.types);
  }
  void add(const CopyPiece& piece) {
    add(piece.source);
    add(piece.copy);
    add(piece.pipeline);
    add(piece.types);
    add(piece.operands);
  }
  void add(const FillPiece& piece) {
    for (const std::byte byte : piece.element) add(byte);
    add(piece.copy);
  }
  void add(const TargetTensor& target) {
    add(target.info);
    add(target.copies);
    add(target.fills);
  }
  void add(const StoredAt& at) {
    add(at.file);
    add(at.offset);
  }

  std::string digits() const { return hash_.digits(); }

 private:
  Xxh3 hash_;
};

}  // namespace

std::string fingerprint(const ChunkedStore& source, const ResumableSink& target, const PlanInput& input,
                        const Plan& plan) {
  Hasher hasher;
  hasher.add(std::string_view(RULEC_LIBRARY_VERSION));
  hasher.add(source.identity());
  hasher.add(target.form());
  for (const TensorInfo& info : input.sources) hasher.add(info);
  for (const TargetTensor& target : input.targets) hasher.add(target);
  for (const Unit& unit : plan.units) {
    hasher.add(unit.targets.size());
    hasher.add(unit.range.has_value());
    for (const Block& block : unit.targets) {
      hasher.add(block.tensor);
      hasher.add(block.chunk);
      hasher.add(block.memory().begin);
      hasher.add(block.memory().end);
      hasher.add(target.place(block.tensor, block.chunk));
    }
  }
  return hasher.digits();
}

}  // namespace rulec
