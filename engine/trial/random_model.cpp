// SPDX-License-Identifier: Apache-2.0
#include "engine/trial/random_model.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "engine/tensor/element_bytes.h"
#include "engine/tensor/numbers.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

bool accepts(const Pipeline& pipeline, DType dtype) {
  Diagnostics unheard;
  return static_cast<bool>(check_types(pipeline, types_of(pipeline, dtype, std::nullopt), {}, "", unheard));
}

/// `dtype` if the pipeline works on it, else a type of packed numbers.
DType accepted_type(const Pipeline& pipeline, DType dtype) {
  for (const DType candidate : {dtype, DType::I32, DType::U8}) {
    if (accepts(pipeline, candidate)) return candidate;
  }
  return dtype;
}

/// The type that numbers of a piece lie in on `side`.
DType stored_type(const Numbers& numbers, SideId side, DType dtype) {
  if (const auto& towards = numbers.towards[number(side)]) {
    for (const Call& call : *towards) {
      if (const auto* cast = call.arguments.empty() ? nullptr : std::get_if<DType>(&call.arguments.front()))
        dtype = *cast;
    }
  }
  const auto& away = numbers.towards[number(other(side))];
  return away ? accepted_type(*away, dtype) : dtype;
}

double draw(std::mt19937_64& random, DType dtype) {
  // A kind in 3 bits, a sign, 7 bits for what the kind needs, and a number in the 53 that a double holds.
  const std::uint64_t bits = random();
  if (is_integer(dtype)) return static_cast<double>(static_cast<std::int32_t>(bits));
  const double unit = static_cast<double>(bits >> 11) * 0x1p-53;
  const double sign = (bits & 8) == 0 ? 1 : -1;
  const int rest = static_cast<int>(bits >> 4) & 127;
  switch (bits & 7) {
    case 0:
      return 1 + sign * unit / 8;
    case 1:
      return rest % 8 == 0 ? 0 : 1 + sign * unit;
    default:
      return sign * std::ldexp(1 + unit, rest % 14 - 12);
  }
}

/// Writes `value` into the cells of `piece`.
void fill(const PieceForm& form, std::size_t side, std::int64_t at, std::size_t axis, double value,
          std::vector<double>& numbers) {
  if (axis == form.axes.size()) {
    numbers[static_cast<std::size_t>(at)] = value;
    return;
  }
  for (std::int64_t i = 0; i < form.axes[axis].extent; ++i)
    fill(form, side, at + i * form.axes[axis].stride[side], axis + 1, value, numbers);
}

}  // namespace

std::vector<std::byte> encode(const std::vector<double>& numbers, DType dtype) {
  std::vector<std::byte> bytes(bytes_of(dtype, numbers.size()));
  apply({}, {DType::F64, DType::F64, dtype}, std::as_bytes(std::span(numbers)), {}, bytes);
  return bytes;
}

std::vector<TensorInfo> stored_tensors(const Pack& pack, SideId side, DType dtype) {
  std::vector<TensorInfo> infos;
  for (const Tensor& tensor : pack.tensors[number(side)]) infos.push_back({tensor.name, dtype, tensor.shape});
  for (const Piece& piece : pack.pieces) {
    if (side == SideId::Left) break;
    const std::vector<Pipeline>& operands = pack.numbers[pack.forms[piece.form].numbers].operands;
    for (std::size_t o = 0; o < piece.operands.size(); ++o)
      infos[piece.operands[o].tensor].dtype = accepted_type(operands[o], dtype);
  }
  for (const Piece& piece : pack.pieces) {
    if (piece.kind != PieceKind::Copy || piece.tensor[number(side)] < 0) continue;
    TensorInfo& info = infos[static_cast<std::size_t>(piece.tensor[number(side)])];
    info.dtype = stored_type(pack.numbers[pack.forms[piece.form].numbers], side, dtype);
  }
  return infos;
}

void add_random_tensors(const Pack& pack, SideId side, DType dtype, std::uint64_t seed, MemoryStore& store) {
  const std::vector<TensorInfo> infos = stored_tensors(pack, side, dtype);
  std::mt19937_64 random(seed);
  std::vector<std::vector<double>> numbers;
  for (const TensorInfo& info : infos) {
    numbers.emplace_back(static_cast<std::size_t>(cells(info.shape).value_or(0)));
    for (double& number : numbers.back()) number = draw(random, info.dtype);
  }
  for (const Piece& piece : pack.pieces) {
    if (piece.kind == PieceKind::Copy || piece.tensor[number(side)] < 0) continue;
    const double value = piece.kind == PieceKind::Pad ? 0 : piece.constant;
    fill(pack.forms[piece.form], number(side), piece.offset[number(side)], 0, value,
         numbers[static_cast<std::size_t>(piece.tensor[number(side)])]);
  }
  for (std::size_t t = 0; t < infos.size(); ++t) {
    if (!find_tensor(store.tensors(), infos[t].name)) store.put(infos[t], encode(numbers[t], infos[t].dtype));
  }
}

}  // namespace rulec
