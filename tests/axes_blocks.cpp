// SPDX-License-Identifier: Apache-2.0
// Groups in blocks: parts against a reference that divides for every cell.
#include "engine/axes/blocks.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "tests/elaborated.h"

namespace rulec::axes_blocks_test {

using namespace axes;
using axes::Part;

namespace {

using Cell = std::vector<std::int64_t>;

/// Every cell of a part, with the number that its sum gives.
void each_cell(const Part& part, const BlockNumber& number, std::size_t axis, Cell& at, std::int64_t block,
               std::map<Cell, std::int64_t>& numbers) {
  if (axis == part.size()) {
    const bool is_new = numbers.emplace(at, block).second;
    REQUIRE(is_new);
    return;
  }
  for (std::int64_t i = 0; i < part[axis].count; ++i) {
    at[axis] = part[axis].first + i * part[axis].step;
    each_cell(part, number, axis + 1, at, block + i / number.steps[axis].cells * number.steps[axis].blocks, numbers);
  }
}

/// A group whose axes lie in the box in another order, between axes that the group has not.
struct Sample {
  BoxedGroup group;
  Part box;
};

Sample random_sample(std::mt19937& random) {
  const auto below = [&](unsigned end) { return static_cast<std::int64_t>(random() % end); };
  Sample sample;
  sample.group.block = 1 + below(12);
  sample.group.offset = below(30);
  std::int64_t stride = 1;
  for (std::int64_t axes = below(4); axes >= 0; --axes) {
    const std::int64_t extent = 1 + below(9);
    if (random() % 4 != 0) sample.group.axes.push_back({sample.box.size(), stride});
    sample.box.push_back({0, 1, extent});
    stride *= extent;
  }
  std::ranges::shuffle(sample.group.axes, random);
  return sample;
}

}  // namespace

TEST_CASE("the parts of a box hold each cell once, and the numbers of their blocks are sums") {
  std::mt19937 random(1);
  std::size_t cut = 0;
  for (int i = 0; i < 3000; ++i) {
    const Sample sample = random_sample(random);
    const auto parts = cut_at_blocks(sample.group, sample.box, 100'000);
    REQUIRE(parts);
    cut += parts->size() > 1 ? 1 : 0;
    std::map<Cell, std::int64_t> numbers;
    for (const Part& part : *parts) {
      const auto number = block_number(sample.group, part);
      REQUIRE(number);
      Cell at(sample.box.size());
      each_cell(part, *number, 0, at, number->first, numbers);
    }
    std::size_t cells = 1;
    for (const Cells& axis : sample.box) cells *= static_cast<std::size_t>(axis.count);
    REQUIRE(numbers.size() == cells);
    for (const auto& [cell, number] : numbers) {
      std::int64_t place = sample.group.offset;
      for (const GroupAxis& axis : sample.group.axes) place += cell[axis.axis] * axis.stride;
      REQUIRE(number == place / sample.group.block);
    }
  }
  CHECK(cut > 1000);
}

TEST_CASE("heads that agree with the blocks are not cut, others by their period only") {
  const auto parts = [](std::int64_t heads, std::int64_t size) {
    return cut_at_blocks({128, 0, {{0, size}, {1, 1}}}, {{0, 1, heads}, {0, 1, size}}, 100)->size();
  };
  CHECK(parts(128, 128) == 1);
  CHECK(parts(128, 256) == 1);
  CHECK(parts(128, 64) == 2);   // an even head and an odd one
  CHECK(parts(128, 192) == 3);  // every other head begins in the middle of a block
}

TEST_CASE("what stays within one block is not cut, nor where the block is as large as numbers get") {
  const BoxedGroup group{10'000, 0, {{0, 130}, {1, 2}, {2, 1}}};
  CHECK(cut_at_blocks(group, {{0, 1, 64}, {0, 1, 65}, {0, 1, 2}}, 1)->size() == 1);
  CHECK(cut_at_blocks({INT64_MAX, 0, {{0, 5}, {1, 1}}}, {{0, 1, 3}, {0, 1, 5}}, 1)->size() == 1);
}

TEST_CASE("more parts than are allowed are none") {
  CHECK_FALSE(cut_at_blocks({128, 0, {{0, 127}, {1, 1}}}, {{0, 1, 128}, {0, 1, 127}}, 100));
}

namespace {

/// What every cell of `a` reads of the argument, by its pieces.
std::map<std::int64_t, std::int64_t> reads(const Pack& pack) {
  std::map<std::int64_t, std::int64_t> read;
  for (const Piece& piece : pack.pieces) {
    const std::vector<PieceAxis>& axes = pack.forms[piece.form].axes;
    std::vector<std::int64_t> at(axes.size());
    while (true) {
      std::int64_t to = piece.offset[0];
      std::int64_t from = piece.operands.front().offset;
      for (std::size_t a = 0; a < axes.size(); ++a) {
        const OperandAxis& operand = piece.operands.front().axes[a];
        to += at[a] * axes[a].stride[0];
        from += at[a] / operand.block * operand.stride;
      }
      const bool is_new = read.emplace(to, from).second;
      REQUIRE(is_new);
      std::size_t a = axes.size();
      while (a > 0 && ++at[a - 1] == axes[a - 1].extent) at[--a] = 0;
      if (a == 0) break;
    }
  }
  return read;
}

}  // namespace

TEST_CASE("an argument in blocks of a product is read where the right side's rows are") {
  const testing::Elaborated made = testing::elaborate_text(R"(
let N = 5, H = 6, D = 7
hook fp8(scale) = mul(scale)
a : [D N H] <= b : [(N H) D] | fp8(s : [(N H)//4 D//3])
)");
  REQUIRE_MESSAGE(made.pack, render_text(*made.diags));
  CHECK(made.pack->tensors[1][1].shape == Shape{8, 3});
  const auto read = reads(*made.pack);
  CHECK(read.size() == 7 * 30);
  for (const auto& [to, from] : read) CHECK(from == (to % 30) / 4 * 3 + to / 30 / 3);
}

TEST_CASE("an argument in blocks of a sum goes on where the part before ends") {
  const testing::Elaborated made = testing::elaborate_text(R"(
let R = 6, rope = 4, D = 2
hook fp8(scale) = mul(scale)
a : [D (R + rope)] <= b : [(R + rope) D] | fp8(s : [(R + rope)//4 D])
)");
  REQUIRE_MESSAGE(made.pack, render_text(*made.diags));
  const auto read = reads(*made.pack);
  CHECK(read.size() == 20);
  for (const auto& [to, from] : read) CHECK(from == to % 10 / 4 * 2 + to / 10);
}

TEST_CASE("pairs of another order are cut at the blocks of the stored one") {
  const testing::Elaborated made = testing::elaborate_text(R"(
let K = 3, half = 4, two = 2, D = 2
hook fp8(scale) = mul(scale)
a : [D K (half two)] <= b : [(K two half) D] | fp8(s : [(K two half)//3 D])
)");
  REQUIRE_MESSAGE(made.pack, render_text(*made.diags));
  const auto read = reads(*made.pack);
  CHECK(read.size() == 48);
  for (const auto& [to, from] : read) {
    const std::int64_t row = to % 24;
    const std::int64_t stored = row / 8 * 8 + row % 2 * 4 + row % 8 / 2;
    CHECK(from == stored / 3 * 2 + to / 24);
  }
}

}  // namespace rulec::axes_blocks_test
