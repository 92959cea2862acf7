// SPDX-License-Identifier: Apache-2.0
// A copy that is cut at a box moves the cells within the box, each once, to where the whole copy moves them.
#include "engine/tensor/cell_map.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <utility>
#include <vector>

namespace rulec::cell_map_test {
namespace {

using Cells = std::map<std::int64_t, std::int64_t>;  // target -> source, numbered in C order

// Every cell that a copy moves; one that comes twice fails.
void add_cells(const StridedCopy& copy, std::size_t axis, std::int64_t from, std::int64_t to, Cells& cells) {
  if (axis == copy.axes.size()) {
    CHECK(cells.emplace(to, from).second);
    return;
  }
  for (std::int64_t i = 0; i < copy.axes[axis].extent; ++i) {
    add_cells(copy, axis + 1, from + i * copy.axes[axis].source_stride, to + i * copy.axes[axis].target_stride, cells);
  }
}

Cells cells_of(const StridedCopy& copy) {
  Cells cells;
  add_cells(copy, 0, copy.source_offset, copy.target_offset, cells);
  return cells;
}

// A tensor whose axes are products of atoms; some axes are longer than what the copy has of them.
struct Side {
  Shape shape;
  std::vector<std::int64_t> strides;  // of each atom
  std::int64_t offset = 0;
};

class Copies {
 public:
  explicit Copies(unsigned seed) : random_(seed) {}

  std::int64_t below(std::int64_t n) { return std::uniform_int_distribution<std::int64_t>(0, n - 1)(random_); }

  Side side(const std::vector<std::int64_t>& atoms) {
    std::vector<std::size_t> order(atoms.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::shuffle(order, random_);
    Side side;
    side.strides.resize(atoms.size());
    std::vector<std::vector<std::size_t>> axes;  // atoms, the outer one first
    for (const std::size_t atom : order) {
      if (axes.empty() || below(2) == 0) axes.emplace_back();
      axes.back().push_back(atom);
    }
    std::int64_t stride = 1;
    for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
      std::int64_t extent = 1;
      for (auto atom = axis->rbegin(); atom != axis->rend(); ++atom) {
        side.strides[*atom] = stride * extent;
        extent *= atoms[*atom];
      }
      const std::int64_t before = below(3) == 0 ? below(3) * extent : 0;  // other parts of a sum
      side.offset += before * stride;
      extent += before + (below(3) == 0 ? below(3) : 0);
      side.shape.insert(side.shape.begin(), extent);
      stride *= extent;
    }
    return side;
  }

  Box box(const Shape& shape) {
    Box box;
    for (const std::int64_t extent : shape) {
      const std::int64_t a = below(extent + 1);
      const std::int64_t b = below(extent + 1);
      box.begin.push_back(std::min(a, b));
      box.end.push_back(std::max(a, b));
    }
    return box;
  }

 private:
  std::mt19937 random_;
};

bool is_in(std::int64_t cell, const Shape& shape, const Box& box) {
  const Shape at = position_of(cell, shape);
  for (std::size_t a = 0; a < at.size(); ++a) {
    if (at[a] < box.begin[a] || at[a] >= box.end[a]) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("copies by coordinates move what strided copies move, whole and cut") {
  for (unsigned seed = 0; seed < 3000; ++seed) {
    CAPTURE(seed);
    Copies random(seed);
    std::vector<std::int64_t> atoms(static_cast<std::size_t>(random.below(4)) + 1);
    for (std::int64_t& atom : atoms) atom = random.below(4) + 1;
    const Side source = random.side(atoms);
    const Side target = random.side(atoms);
    StridedCopy copy{{}, source.offset, target.offset};
    const bool stands_still = random.below(8) == 0;
    for (std::size_t a = 0; a < atoms.size(); ++a)
      copy.axes.push_back({atoms[a], stands_still ? 0 : source.strides[a], target.strides[a]});
    if (random.below(2) == 0) copy = simplified(copy);
    const Placement whole_source{Shape(source.shape.size()), c_strides(source.shape)};
    const Placement whole_target{Shape(target.shape.size()), c_strides(target.shape)};
    const CellMap map = cell_map(copy, source.shape, target.shape);
    const Cells all = cells_of(copy);
    CHECK(cells_of(placed(map, whole_source, whole_target)) == all);
    for (const MapEnd end : {MapEnd::Source, MapEnd::Target}) {
      const Shape& shape = end == MapEnd::Source ? source.shape : target.shape;
      const Box box = random.box(shape);
      Cells wanted = all;
      std::erase_if(wanted, [&](const auto& cell) {
        return !is_in(end == MapEnd::Source ? cell.second : cell.first, shape, box);
      });
      Cells found;
      for (const CellMap& part : restricted(map, end, box)) {
        for (const auto& cell : cells_of(placed(part, whole_source, whole_target))) CHECK(found.insert(cell).second);
        // Seen from the smallest box, it is the same copy at another place.
        const Box from = bounds(part, MapEnd::Source);
        const Box to = bounds(part, MapEnd::Target);
        const Cells local =
            cells_of(placed(part, {from.begin, c_strides(from.shape())}, {to.begin, c_strides(to.shape())}));
        CHECK(local.size() == static_cast<std::size_t>(part.cells()));
        CHECK(local.begin()->first == 0);
        CHECK(local.rbegin()->first == *cells(to.shape()) - 1);
      }
      CHECK(found == wanted);
    }
  }
}

}  // namespace rulec::cell_map_test
