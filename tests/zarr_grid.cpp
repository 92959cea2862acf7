// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "engine/zarr/grid.h"

namespace rulec::zarr_grid_test {

using namespace zarr;

namespace {

ArrayMetadata array_of(Shape shape, Shape value, Shape chunk) {
  ArrayMetadata array;
  array.shape = std::move(shape);
  array.value_shape = std::move(value);
  array.chunk_shape = std::move(chunk);
  return array;
}

// Every shape of this rank with extents from 1 to 3.
std::vector<Shape> small_shapes(std::size_t rank) {
  std::vector<Shape> shapes;
  const Box all{Shape(rank, 1), Shape(rank, 4)};
  Shape shape = all.begin;
  do {
    shapes.push_back(shape);
  } while (advance(shape, all));
  return shapes;
}

}  // namespace

TEST_CASE("keys of values are as the metadata say") {
  struct Row {
    bool has_prefix;
    char separator;
    Shape position;
    const char* key;
  };
  const Row rows[] = {
      {false, '.', {0, 10, 3}, "0.10.3"},  {false, '/', {0, 10}, "0/10"}, {false, '.', {}, "0"},
      {true, '/', {0, 10, 3}, "c/0/10/3"}, {true, '.', {7, 1}, "c.7.1"},  {true, '/', {}, "c"},
  };
  for (const Row& row : rows) {
    ArrayMetadata array =
        array_of(Shape(row.position.size(), 100), Shape(row.position.size(), 1), Shape(row.position.size(), 1));
    array.has_prefix = row.has_prefix;
    array.separator = row.separator;
    CHECK(Grid(array).key(row.position) == row.key);
    CHECK(Grid(array).has_key(row.key));
  }
}

TEST_CASE("a key is one of an array if it is spelled as a position of its grid") {
  ArrayMetadata array = array_of({4, 30}, {2, 10}, {2, 10});
  for (const char* key : {"", "c", "c/", "c/0", "c/0/3", "c/2/0", "c/0/0/0", "c/00/1", "c/+0/1", "c/-0/1", "c/0/1/",
                          "c/0.1", "d/0/1", "0/1", "c/0/1x", "c/0/99999999999999999999", "zarr.json"}) {
    CHECK_MESSAGE(!Grid(array).has_key(key), key);
  }
  CHECK(Grid(array).has_key("c/1/2"));
  array.has_prefix = false;
  array.separator = '.';
  for (const char* key : {"0.0.-1", "00.1", "0.-1", "c.0.1", "0"}) CHECK_MESSAGE(!Grid(array).has_key(key), key);
  CHECK(Grid(array).has_key("1.2"));
}

TEST_CASE("a range of cells is a few boxes, in order") {
  for (std::size_t rank = 1; rank <= 3; ++rank) {
    for (const Shape& shape : small_shapes(rank)) {
      const std::int64_t all = *cells(shape);
      for (std::int64_t begin = 0; begin <= all; ++begin) {
        for (std::int64_t end = begin; end <= all; ++end) {
          const std::vector<Box> boxes = boxes_of_range(shape, begin, end);
          CHECK(boxes.size() <= 2 * rank);
          std::int64_t next = begin;
          for (const Box& box : boxes) {
            Shape cell = box.begin;
            do {
              REQUIRE(index_of(cell, shape) == next++);
            } while (advance(cell, box));
          }
          CHECK(next == end);
        }
      }
    }
  }
}

TEST_CASE("the chunks of an array cover it once, each in one slot of one value") {
  for (const Shape& shape : small_shapes(2)) {
    for (const Shape& chunk : small_shapes(2)) {
      for (const Shape& times : small_shapes(2)) {
        const Grid grid(array_of(shape, {chunk[0] * times[0], chunk[1] * times[1]}, chunk));
        CHECK(grid.slots() == times[0] * times[1]);
        std::vector<int> covered(static_cast<std::size_t>(*cells(shape)));
        std::set<std::pair<std::string, std::int64_t>> slots;
        for (std::int64_t i = 0; i < grid.chunks(); ++i) {
          const Shape position = position_of(i, grid.chunk_grid());
          CHECK(index_of(position, grid.chunk_grid()) == i);
          CHECK(grid.slot_of(position) < grid.slots());
          CHECK(slots.emplace(grid.key(grid.value_of(position)), grid.slot_of(position)).second);
          const Box box = grid.chunk_box(position);
          const Box value = grid.value_box(grid.value_of(position));
          Shape cell = box.begin;
          do {
            ++covered[static_cast<std::size_t>(index_of(cell, shape))];
            CHECK((value.begin[0] <= cell[0] && cell[0] < value.end[0]));
            CHECK((value.begin[1] <= cell[1] && cell[1] < value.end[1]));
          } while (advance(cell, box));
        }
        CHECK(std::ranges::count(covered, 1) == *cells(shape));
        std::int64_t in_values = 0;
        for (std::int64_t i = 0; i < grid.values(); ++i) {
          in_values += *cells(grid.chunks_of(position_of(i, grid.value_grid())).shape());
        }
        CHECK(in_values == grid.chunks());
      }
    }
  }
}

TEST_CASE("an array of no axes is one chunk, one of no cells none") {
  CHECK(Grid(array_of({}, {}, {})).chunks() == 1);
  CHECK(Grid(array_of({0, 5}, {1, 5}, {1, 5})).chunks() == 0);
}

}  // namespace rulec::zarr_grid_test
