// SPDX-License-Identifier: Apache-2.0
// Boxes of progressions against a reference that looks at every cell, however their dimensions are cut.
#include "engine/index/strided_cover.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <set>

namespace rulec::strided_cover_test {
namespace {

using Cell = std::vector<std::int64_t>;
using Shape = std::vector<std::int64_t>;
using Axes = std::vector<Progression::Axis>;

std::set<std::int64_t> numbers(const Progression& progression) {
  std::set<std::int64_t> all{progression.offset};
  for (const auto& [extent, stride] : progression.axes) {
    std::set<std::int64_t> more;
    for (const std::int64_t x : all) {
      for (std::int64_t position = 0; position < extent; ++position) more.insert(x + position * stride);
    }
    all = std::move(more);
  }
  return all;
}

/// Cells of `extent` numbers from `offset`, as shapes make them: all of them, a part, or blocks with the same in each.
Progression random_progression(std::int64_t offset, std::int64_t extent, std::mt19937& random, int depth = 3) {
  if (extent == 0) return {0, {{0, 1}}};
  const auto below = [&](std::int64_t end) { return static_cast<std::int64_t>(random() % static_cast<unsigned>(end)); };
  if (depth == 0 || random() % 4 == 0) return {offset, {{extent, 1}}};
  if (random() % 2 == 0) {
    const std::int64_t begin = below(extent);
    return random_progression(offset + begin, 1 + below(extent - begin), random, depth - 1);
  }
  const std::int64_t block = 1 + below(extent);
  Progression inner = random_progression(offset, block, random, depth - 1);
  inner.axes.push_back({random() % 16 == 0 ? 0 : extent / block, block});
  return inner;
}

bool holds(const StridedBox& box, const Cell& cell) {
  for (std::size_t d = 0; d < cell.size(); ++d) {
    if (!numbers(box[d]).contains(cell[d])) return false;
  }
  return true;
}

struct Naive {
  std::optional<Overlap> overlap;
  std::optional<Cell> hole;
  std::int64_t missing = 0;
};

Naive naive_cover(const Shape& shape, const std::vector<StridedBox>& boxes) {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) count *= extent;
  Naive naive;
  for (std::int64_t position = 0; position < count; ++position) {
    Cell cell(shape.size());
    for (std::int64_t rest = position, d = std::ssize(shape); d-- > 0; rest /= shape[d]) cell[d] = rest % shape[d];
    std::vector<std::size_t> holders;
    for (std::size_t i = 0; i < boxes.size(); ++i) {
      if (holds(boxes[i], cell)) holders.push_back(i);
    }
    if (holders.size() > 1 && !naive.overlap) naive.overlap = Overlap{holders[0], holders[1], cell};
    if (!holders.empty()) continue;
    if (!naive.hole) naive.hole = cell;
    ++naive.missing;
  }
  return naive;
}

void check_cover(const Shape& shape, const std::vector<StridedBox>& boxes) {
  const Naive want = naive_cover(shape, boxes);
  for (const std::int64_t few : {std::int64_t{0}, std::int64_t{1}, std::int64_t{3}, FewIntervals}) {
    const std::optional<Cover> got = judge_cover(shape, boxes, few);
    REQUIRE(got);
    REQUIRE(got->overlap.has_value() == want.overlap.has_value());
    if (want.overlap) {
      CHECK(got->overlap->cell == want.overlap->cell);
      CHECK(got->overlap->first == want.overlap->first);
      CHECK(got->overlap->second == want.overlap->second);
    }
    REQUIRE(got->hole.has_value() == want.hole.has_value());
    if (!want.hole) continue;
    CHECK(got->hole->cell == *want.hole);
    CHECK(got->hole->cells == want.missing);
    REQUIRE(got->hole->along.size() == shape.size());
    for (std::size_t d = 0; d < shape.size(); ++d) {
      CHECK(got->hole->along[d].contains((*want.hole)[d]));
      for (Cell cell = *want.hole; const auto& [begin, end] : got->hole->along[d].intervals()) {
        for (cell[d] = begin; cell[d] < end; ++cell[d])
          CHECK(std::ranges::none_of(boxes, [&](const StridedBox& box) { return holds(box, cell); }));
      }
    }
  }
}

}  // namespace

TEST_CASE("a progression knows its numbers, normalised or not") {
  std::mt19937 random(1);
  for (int round = 0; round < 4000; ++round) {
    const auto extent = static_cast<std::int64_t>(random() % 30);
    const Progression progression = random_progression(0, extent, random);
    const std::set<std::int64_t> all = numbers(progression);
    CHECK(numbers(normalised(progression)) == all);
    CHECK(progression.empty() == all.empty());
    for (std::int64_t x = 0; x <= extent; ++x) CHECK(progression.contains(x) == all.contains(x));
    std::int64_t runs = 0;
    for (const std::int64_t x : all) runs += !all.contains(x - 1);
    CHECK(progression.runs() >= runs);
  }
  CHECK(normalised({5, {{2, 12}, {1, 7}, {4, 1}, {3, 4}}}) == Progression{5, {{24, 1}}});
}

TEST_CASE("random boxes are judged as every cell judges them, in digits or not") {
  std::mt19937 random(2);
  for (int round = 0; round < 3000; ++round) {
    Shape shape(random() % 3);
    for (std::int64_t& extent : shape)
      extent = random() % 16 == 0 ? 0 : 1 + static_cast<std::int64_t>(random() % (shape.size() == 1 ? 40 : 8));
    std::vector<StridedBox> boxes(random() % 5);
    for (StridedBox& box : boxes) {
      for (const std::int64_t extent : shape) box.push_back(random_progression(0, extent, random));
    }
    check_cover(shape, boxes);
  }
}

TEST_CASE("what a shape distributes to is a cover, and what is left out is found") {
  std::mt19937 random(3);
  for (int round = 0; round < 2000; ++round) {
    // Blocks of two parts each, the first interleaved: [(blocks ((x g) + rest))].
    const auto some = [&] { return 1 + static_cast<std::int64_t>(random() % 4); };
    const std::int64_t blocks = some();
    const std::int64_t x = some();
    const std::int64_t g = some();
    const std::int64_t rest = static_cast<std::int64_t>(random() % 4);
    const std::int64_t block = x * g + rest;
    std::vector<StridedBox> boxes{{{x * g, {{blocks, block}, {rest, 1}}}}};
    for (std::int64_t i = 0; i < g; ++i) boxes.push_back({{i, {{blocks, block}, {x, g}}}});
    const Shape shape{blocks * block};
    CHECK(!judge_cover(shape, boxes, 0)->hole);
    CHECK(!judge_cover(shape, boxes, 0)->overlap);
    check_cover(shape, boxes);
    boxes.erase(boxes.begin() + static_cast<std::ptrdiff_t>(random() % boxes.size()));
    check_cover(shape, boxes);
  }
}

TEST_CASE("long axes are judged at once") {
  const std::int64_t x = 3'000'000'000'000;
  const auto started = std::chrono::steady_clock::now();
  // [(x g) 4], then with a tail behind: [((x g) + 5) 4].
  for (const std::int64_t tail : {0, 5}) {
    const Shape shape{2 * x + tail, 4};
    std::vector<StridedBox> boxes;
    for (const std::int64_t g : {0, 1}) boxes.push_back({{g, {{x, 2}}}, {0, {{4, 1}}}});
    if (tail > 0) boxes.push_back({{2 * x, {{tail, 1}}}, {0, {{4, 1}}}});
    CHECK(!judge_cover(shape, boxes)->hole);
    CHECK(!judge_cover(shape, boxes)->overlap);
    boxes.erase(boxes.begin());
    const Cover half = *judge_cover(shape, boxes);
    REQUIRE(half.hole);
    CHECK(half.hole->cell == Cell{0, 0});
    CHECK(half.hole->cells == 4 * x);
    CHECK(half.hole->along[0].contains(2));
    CHECK(!half.hole->along[0].contains(1));
    boxes.push_back({{7, {{x, 1}}}, {2, {{1, 1}}}});
    const Cover twice = *judge_cover(shape, boxes);
    REQUIRE(twice.overlap);
    CHECK(twice.overlap->cell == Cell{7, 2});
  }
  // Three levels: [(a g b h)] for g and h.
  const Shape deep{6'000'000'000'000};
  std::vector<StridedBox> boxes;
  for (std::int64_t g = 0; g < 3; ++g) {
    for (std::int64_t h = 0; h < 2; ++h)
      boxes.push_back({{g * 2'000'000 + h, {{1'000'000, 6'000'000}, {1'000'000, 2}}}});
  }
  CHECK(!judge_cover(deep, boxes)->hole);
  CHECK(!judge_cover(deep, boxes)->overlap);
  boxes[4] = boxes[0];
  CHECK(judge_cover(deep, boxes)->hole->cell == Cell{4'000'000});
  CHECK(judge_cover(deep, boxes)->overlap->cell == Cell{0});
  CHECK(std::chrono::steady_clock::now() - started < std::chrono::seconds(2));
}

TEST_CASE("what cannot be listed and has no digits is not judged") {
  const std::int64_t x = 6'000'000;
  CHECK(!judge_cover(Shape{x}, std::vector<StridedBox>{{{0, {{x / 2, 2}}}}, {{1, {{x / 3, 3}}}}}));
  // Small ones are.
  CHECK(judge_cover(Shape{600}, std::vector<StridedBox>{{{0, {{300, 2}}}}, {{1, {{200, 3}}}}})->overlap->cell ==
        Cell{4});
}

}  // namespace rulec::strided_cover_test
