// SPDX-License-Identifier: Apache-2.0
// Index sets and covers against references that list every number and every cell.
#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <random>
#include <set>

#include "engine/index/cover.h"
#include "engine/index/interval_set.h"

namespace rulec::index_test {
namespace {

using Numbers = std::set<std::int64_t>;
using Shape = std::vector<std::int64_t>;
using Cell = std::vector<std::int64_t>;

Numbers numbers(const IntervalSet& set) {
  Numbers all;
  for (const auto& [begin, end] : set.intervals()) {
    for (std::int64_t x = begin; x < end; ++x) all.insert(x);
  }
  return all;
}

IntervalSet set_of(const Numbers& numbers) {
  std::vector<IntervalSet::Interval> parts;
  for (const std::int64_t x : numbers) parts.push_back({x, x + 1});
  std::ranges::reverse(parts);
  return IntervalSet::of(parts);
}

/// The subset of 0, 1, ... that has the bits of `mask`.
IntervalSet subset(unsigned mask) {
  Numbers chosen;
  for (unsigned x = 0; x < 32; ++x) {
    if ((mask >> x) & 1U) chosen.insert(x);
  }
  return set_of(chosen);
}

bool is_canonical(const IntervalSet& set) {
  const auto& parts = set.intervals();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].begin >= parts[i].end || (i > 0 && parts[i - 1].end >= parts[i].begin)) return false;
  }
  return true;
}

Cell cell_at(const Shape& shape, std::int64_t position) {
  Cell cell(shape.size());
  for (std::size_t axis = shape.size(); axis-- > 0; position /= shape[axis]) cell[axis] = position % shape[axis];
  return cell;
}

bool holds(const SetBox& box, const Cell& cell) {
  for (std::size_t axis = 0; axis < cell.size(); ++axis) {
    if (!box[axis].contains(cell[axis])) return false;
  }
  return true;
}

/// `judge_cover` by looking at every cell.
Cover naive_cover(const Shape& shape, const std::vector<SetBox>& boxes) {
  const auto count = [&](const Cell& cell) {
    return std::ranges::count_if(boxes, [&](const SetBox& b) { return holds(b, cell); });
  };
  std::int64_t cells = 1;
  for (const std::int64_t extent : shape) cells *= extent;
  Cover cover;
  for (std::int64_t position = 0; position < cells; ++position) {
    const Cell cell = cell_at(shape, position);
    const auto times = count(cell);
    if (times > 1 && !cover.overlap) {
      cover.overlap = Overlap{boxes.size(), 0, cell};
      for (std::size_t i = boxes.size(); i-- > 0;) {
        if (holds(boxes[i], cell)) cover.overlap = Overlap{i, cover.overlap->first, cell};
      }
    }
    if (times > 0) continue;
    if (!cover.hole) cover.hole = Hole{cell, {}, 0};
    ++cover.hole->cells;
  }
  for (std::size_t axis = 0; cover.hole && axis < shape.size(); ++axis) {
    Numbers missing;
    for (Cell cell = cover.hole->cell; std::int64_t x : numbers(IntervalSet::range(0, shape[axis]))) {
      cell[axis] = x;
      if (count(cell) == 0) missing.insert(x);
    }
    cover.hole->along.push_back(set_of(missing));
  }
  return cover;
}

void check_same(const std::optional<Overlap>& got, const std::optional<Overlap>& want) {
  REQUIRE(got.has_value() == want.has_value());
  if (!want) return;
  CHECK(got->cell == want->cell);
  CHECK(got->first == want->first);
  CHECK(got->second == want->second);
}

void check_same(const std::optional<Hole>& got, const std::optional<Hole>& want) {
  REQUIRE(got.has_value() == want.has_value());
  if (!want) return;
  CHECK(got->cell == want->cell);
  CHECK(got->cells == want->cells);
  CHECK(got->along == want->along);
}

/// By cutting, and by pairs, which leave a hole out behind an overlap.
void check_cover(const Shape& shape, const std::vector<SetBox>& boxes) {
  Cover want = naive_cover(shape, boxes);
  const Cover cut = judge_cover(shape, boxes);
  check_same(cut.overlap, want.overlap);
  check_same(cut.hole, want.hole);
  const Cover paired = judge_cover(shape, boxes, 0);
  check_same(paired.overlap, want.overlap);
  if (want.overlap && !paired.hole) want.hole.reset();
  check_same(paired.hole, want.hole);
}

/// Splits a box into disjoint boxes, as a random guillotine or along random sets.
void split(const SetBox& box, int depth, std::mt19937& random, std::vector<SetBox>& into) {
  const std::size_t axis = random() % std::max<std::size_t>(box.size(), 1);
  if (depth == 0 || box.empty()) {
    into.push_back(box);
    return;
  }
  SetBox inside = box;
  SetBox outside = box;
  inside[axis] = intersect(box[axis], subset(static_cast<unsigned>(random())));
  outside[axis] = subtract(box[axis], inside[axis]);
  split(inside, depth - 1, random, into);
  split(outside, depth - 1, random, into);
}

Shape random_shape(std::mt19937& random) {
  Shape shape(random() % 4);
  for (std::int64_t& extent : shape) extent = random() % 16 == 0 ? 0 : 1 + random() % 5;
  return shape;
}

SetBox whole(const Shape& shape) {
  SetBox box;
  for (const std::int64_t extent : shape) box.push_back(IntervalSet::range(0, extent));
  return box;
}

}  // namespace

TEST_CASE("operations on sets are those on their numbers, for all pairs of subsets of 0..5") {
  for (unsigned a = 0; a < 32; ++a) {
    const Numbers in_a = numbers(subset(a));
    for (unsigned b = 0; b < 32; ++b) {
      CHECK(unite(subset(a), subset(b)) == subset(a | b));
      CHECK(intersect(subset(a), subset(b)) == subset(a & b));
      CHECK(subtract(subset(a), subset(b)) == subset(a & ~b));
      const IntervalSet common = intersect(subset(a), subset(b));
      CHECK(first_common(subset(a), subset(b)) == (common.empty() ? std::nullopt : std::optional(common.first())));
    }
    CHECK(is_canonical(subset(a)));
    CHECK(subset(a).size() == static_cast<std::int64_t>(in_a.size()));
    for (std::int64_t x = -1; x < 6; ++x) CHECK(subset(a).contains(x) == in_a.contains(x));
  }
  CHECK(IntervalSet::range(3, 3).empty());
  CHECK(IntervalSet::range(3, 2).empty());
}

TEST_CASE("a strided set has the sums of all positions, for all small layouts") {
  for (std::int64_t n = 0; n < 4; ++n) {
    for (std::int64_t m = 0; m < 4; ++m) {
      for (std::int64_t s = 0; s < 7; ++s) {
        for (std::int64_t t = 0; t < 7; ++t) {
          Numbers want;
          for (std::int64_t i = 0; i < n; ++i) {
            for (std::int64_t j = 0; j < m; ++j) want.insert(5 + i * s + j * t);
          }
          const std::optional<IntervalSet> got = IntervalSet::strided(5, {{n, s}, {m, t}});
          REQUIRE(got);
          CHECK(numbers(*got) == want);
          CHECK(is_canonical(*got));
        }
      }
    }
  }
}

TEST_CASE("a strided set of hostile extents costs nothing") {
  const std::int64_t huge = std::numeric_limits<std::int64_t>::max();
  CHECK(IntervalSet::strided(0, {{huge, 1}}) == IntervalSet::range(0, huge));
  CHECK(IntervalSet::strided(0, {{1 << 30, 1 << 30}, {1 << 30, 1}}) == IntervalSet::range(0, std::int64_t{1} << 60));
  CHECK(IntervalSet::strided(7, {{huge, 0}, {1, huge}}) == IntervalSet::range(7, 8));
  CHECK(IntervalSet::strided(0, {{huge, huge}, {0, 1}}) == IntervalSet());
  CHECK(!IntervalSet::strided(0, {{huge, 2}}));
  CHECK(!IntervalSet::strided(1, {{huge, 1}}));
  CHECK(!IntervalSet::strided(huge, {}));
  CHECK(!IntervalSet::strided(0, {{1'000'000'000'000, 2}}));
  CHECK(IntervalSet::strided(0, {{1 << 20, 2}})->size() == 1 << 20);
}

TEST_CASE("random boxes are judged as every cell judges them") {
  std::mt19937 random(1);
  for (int round = 0; round < 6000; ++round) {
    const Shape shape = random_shape(random);
    std::vector<SetBox> boxes(random() % 7);
    for (SetBox& box : boxes) {
      for (const std::int64_t extent : shape) {
        const IntervalSet all = IntervalSet::range(0, extent);
        box.push_back(random() % 3 == 0 ? all : intersect(all, subset(static_cast<unsigned>(random()))));
      }
    }
    check_cover(shape, boxes);
  }
}

TEST_CASE("a box that was split is covered, and what is done to one part is found") {
  std::mt19937 random(2);
  for (int round = 0; round < 4000; ++round) {
    const Shape shape = random_shape(random);
    std::vector<SetBox> boxes;
    split(whole(shape), 3, random, boxes);
    std::ranges::shuffle(boxes, random);
    const Cover cover = judge_cover(shape, boxes);
    CHECK(!cover.overlap == !naive_cover(shape, boxes).overlap);
    CHECK(!cover.hole);
    check_cover(shape, boxes);
    boxes.pop_back();
    check_cover(shape, boxes);
    if (!boxes.empty()) boxes.push_back(boxes[random() % boxes.size()]);
    check_cover(shape, boxes);
  }
}

TEST_CASE("all pairs of boxes in shapes up to rank 2 and extent 3") {
  for (std::int64_t n = 1; n <= 3; ++n) {
    for (std::int64_t m = 1; m <= 3; ++m) {
      const auto boxes = 1U << static_cast<unsigned>(n + m);
      for (unsigned a = 0; a < boxes; ++a) {
        for (unsigned b = a; b < boxes; ++b) {
          const auto box = [&](unsigned bits) { return SetBox{subset(bits & ((1U << n) - 1)), subset(bits >> n)}; };
          check_cover({n, m}, {box(a), box(b)});
        }
      }
    }
  }
}

TEST_CASE("the pinwheel, which no straight cut takes apart") {
  const auto range = IntervalSet::range;
  std::vector<SetBox> boxes{
      {range(0, 1), range(0, 2)}, {range(0, 2), range(2, 3)}, {range(2, 3), range(1, 3)}, {range(1, 3), range(0, 1)}};
  check_cover({3, 3}, boxes);
  CHECK(judge_cover({3, 3}, boxes).hole->cell == Cell{1, 1});
  boxes.push_back({range(1, 2), range(1, 2)});
  check_cover({3, 3}, boxes);
  CHECK(!judge_cover({3, 3}, boxes).hole);
}

namespace {

/// A stacked tensor [61 256 7168 4096], one expert of one layer a box, the last axis in two strided halves.
std::vector<SetBox> experts(const Shape& shape) {
  std::vector<SetBox> boxes;
  for (std::int64_t layer = 0; layer < shape[0]; ++layer) {
    for (std::int64_t expert = 0; expert < shape[1]; ++expert) {
      for (std::int64_t half = 0; half < 2; ++half) {
        boxes.push_back({IntervalSet::range(layer, layer + 1), IntervalSet::range(expert, expert + 1),
                         IntervalSet::range(0, shape[2]), *IntervalSet::strided(half, {{8, 2}})});
      }
    }
  }
  return boxes;
}

}  // namespace

TEST_CASE("a large stack of experts is judged, and one missing expert found") {
  const Shape shape{61, 256, 7168, 16};
  std::vector<SetBox> boxes = experts(shape);
  const Cover good = judge_cover(shape, boxes);
  CHECK(!good.overlap);
  CHECK(!good.hole);
  boxes[2 * (256 * 40 + 17)] = boxes[5];
  const Cover bad = judge_cover(shape, boxes);
  REQUIRE(bad.overlap);
  CHECK(bad.overlap->cell == Cell{0, 2, 0, 1});
  CHECK(bad.overlap->first == 5);
  CHECK(bad.overlap->second == 2 * (256 * 40 + 17));
  REQUIRE(bad.hole);
  CHECK(bad.hole->cell == Cell{40, 17, 0, 0});
  CHECK(bad.hole->cells == 7168 * 8);
  CHECK(bad.hole->along == SetBox{IntervalSet::range(40, 41), IntervalSet::range(17, 18), IntervalSet::range(0, 7168),
                                  *IntervalSet::strided(0, {{8, 2}})});
}

TEST_CASE("hostile boxes end soon") {
  std::mt19937 random(3);
  const std::int64_t extent = 256'128;
  const Shape shape(3, extent);
  std::vector<SetBox> boxes(2000);
  for (SetBox& box : boxes) {
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      const auto begin = static_cast<std::int64_t>(random()) % (extent / 2);
      box.push_back(IntervalSet::range(begin, begin + extent / 2));
    }
  }
  CHECK(judge_cover(shape, boxes).overlap);

  // Stairs: every box meets every other along the first two axes, none along the third, where they are cut one by one.
  for (std::int64_t i = 0; i < 2000; ++i)
    boxes[i] = {IntervalSet::range(0, i + 1), IntervalSet::range(i, extent), IntervalSet::range(i, i + 1)};
  const Cover stairs = judge_cover(shape, boxes);
  CHECK(!stairs.overlap);
  REQUIRE(stairs.hole);
  CHECK(stairs.hole->cell == Cell{0, 0, 1});
}

}  // namespace rulec::index_test
