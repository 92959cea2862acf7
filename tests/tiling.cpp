// SPDX-License-Identifier: Apache-2.0
// Tiles against a reference that counts every cell.
#include "engine/index/tiling.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace rulec::tiling_test {
namespace {

using Axis = Progression::Axis;

bool fill_once(std::int64_t cells, const std::vector<Axis>& axes, const std::vector<std::int64_t>& offsets) {
  std::vector<int> hits(static_cast<std::size_t>(cells));
  for (const std::int64_t offset : offsets) {
    std::vector<std::int64_t> numbers{offset};
    for (const Axis& axis : axes) {
      std::vector<std::int64_t> more;
      for (const std::int64_t x : numbers) {
        for (std::int64_t i = 0; i < axis.extent; ++i) more.push_back(x + i * axis.stride);
      }
      numbers = std::move(more);
    }
    for (const std::int64_t x : numbers) {
      if (x >= cells) return false;
      ++hits[static_cast<std::size_t>(x)];
    }
  }
  return std::ranges::all_of(hits, [](int hit) { return hit == 1; });
}

/// A mixed radix, some of whose digits are the axes of the tiles.
struct Tiles {
  std::int64_t cells = 1;
  std::vector<Axis> axes;
  std::vector<std::int64_t> offsets{0};
};

Tiles random_tiles(std::mt19937& random) {
  Tiles tiles;
  const std::size_t digits = 1 + random() % 4;
  for (std::size_t d = 0; d < digits; ++d) {
    const std::int64_t extent = 1 + static_cast<std::int64_t>(random() % 4);
    if (random() % 2 == 0) {
      tiles.axes.push_back({extent, tiles.cells});
    } else {
      std::vector<std::int64_t> offsets;
      for (const std::int64_t offset : tiles.offsets) {
        for (std::int64_t i = 0; i < extent; ++i) offsets.push_back(offset + i * tiles.cells);
      }
      tiles.offsets = std::move(offsets);
    }
    tiles.cells *= extent;
  }
  std::ranges::shuffle(tiles.axes, random);
  std::ranges::shuffle(tiles.offsets, random);
  return tiles;
}

}  // namespace

TEST_CASE("tiles of a mixed radix are found, whatever their order") {
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    const Tiles tiles = random_tiles(random);
    REQUIRE(fill_once(tiles.cells, tiles.axes, tiles.offsets));
    CHECK(are_tiles(tiles.cells, tiles.axes, tiles.offsets));
  }
}

TEST_CASE("whatever are said to be tiles fill every cell once") {
  std::mt19937 random(2);
  int changed = 0;
  for (int i = 0; i < 4000; ++i) {
    Tiles tiles = random_tiles(random);
    switch (random() % 4) {
      case 0:
        tiles.offsets[random() % tiles.offsets.size()] = static_cast<std::int64_t>(random() % 20);
        break;
      case 1:
        tiles.offsets.pop_back();
        break;
      case 2:
        ++tiles.cells;
        break;
      default:
        if (!tiles.axes.empty()) tiles.axes.front().stride += 1;
        break;
    }
    const bool truth = fill_once(tiles.cells, tiles.axes, tiles.offsets);
    changed += !truth;
    if (!truth) CHECK_FALSE(are_tiles(tiles.cells, tiles.axes, tiles.offsets));
  }
  CHECK(changed > 2000);
}

}  // namespace rulec::tiling_test
