// SPDX-License-Identifier: Apache-2.0
// Every way that a strided copy goes, against one that moves each element by itself.
#include "engine/tensor/strided.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace rulec::strided_test {
namespace {

void copy_naively(const StridedCopy& copy, std::size_t element_bytes, std::span<const std::byte> source,
                  std::span<std::byte> target) {
  std::vector<std::int64_t> position(copy.axes.size(), 0);
  for (std::int64_t cell = 0; cell < copy.cells(); ++cell) {
    std::int64_t from = copy.source_offset;
    std::int64_t to = copy.target_offset;
    std::int64_t rest = cell;
    for (const StridedAxis& axis : copy.axes) {
      from += rest % axis.extent * axis.source_stride;
      to += rest % axis.extent * axis.target_stride;
      rest /= axis.extent;
    }
    std::memcpy(target.data() + static_cast<std::size_t>(to) * element_bytes,
                source.data() + static_cast<std::size_t>(from) * element_bytes, element_bytes);
  }
}

/// One more than the last element that a copy touches on one side.
std::size_t end_of(const StridedCopy& copy, std::int64_t offset, std::int64_t StridedAxis::* stride) {
  for (const StridedAxis& axis : copy.axes) offset += std::max<std::int64_t>(axis.extent - 1, 0) * (axis.*stride);
  return static_cast<std::size_t>(offset) + 1;
}

std::string to_string(const StridedCopy& copy) {
  std::string text;
  for (const StridedAxis& axis : copy.axes) {
    text += "{" + std::to_string(axis.extent) + ", " + std::to_string(axis.source_stride) + ", " +
            std::to_string(axis.target_stride) + "} ";
  }
  return text + std::to_string(copy.source_offset) + " -> " + std::to_string(copy.target_offset);
}

/// Noise, one buffer for all: it is what lies where that matters, not what it is.
std::span<const std::byte> noise(std::size_t bytes) {
  static std::vector<std::byte> made;
  static std::mt19937_64 random(11);
  while (made.size() < bytes) made.push_back(static_cast<std::byte>(random()));
  return std::span(made).first(bytes);
}

/// `copy` does what it should and touches nothing else. Elements begin at any address: `shift` bytes off.
void check_copy(const StridedCopy& copy, std::size_t element_bytes, std::size_t shift = 1) {
  const std::size_t source_bytes = end_of(copy, copy.source_offset, &StridedAxis::source_stride) * element_bytes;
  const std::size_t target_bytes = end_of(copy, copy.target_offset, &StridedAxis::target_stride) * element_bytes;
  // Copied, so that a sanitizer notices what is read beyond the end.
  const auto all = noise(shift + source_bytes);
  const std::vector<std::byte> source(all.begin(), all.end());
  std::vector<std::byte> wanted(shift + target_bytes, std::byte{0xA5});
  std::vector<std::byte> got = wanted;
  copy_naively(copy, element_bytes, std::span(source).subspan(shift), std::span(wanted).subspan(shift));
  copy_strided(copy, static_cast<int>(element_bytes), std::span(source).subspan(shift), std::span(got).subspan(shift));
  if (got == wanted) return;
  CAPTURE(element_bytes);
  CAPTURE(shift);
  FAIL(to_string(copy));
}

constexpr std::array<std::size_t, 4> ElementBytes = {1, 2, 4, 8};

/// Gives `axes` the strides of an array in memory, the axis of `order` that comes first slowest; `padding` cells follow
/// each run of an axis.
void lay_out(std::vector<StridedAxis>& axes, const std::vector<std::size_t>& order, std::int64_t step,
             std::int64_t padding, std::int64_t StridedAxis::* stride) {
  std::int64_t next = step;
  for (std::size_t k = order.size(); k-- > 0;) {
    axes[order[k]].*stride = next;
    next = next * axes[order[k]].extent + padding;
  }
}

}  // namespace

TEST_CASE("small worlds: every shape, order of axes, size of elements and padding is copied cell by cell") {
  for (std::int64_t shape = 0; shape < 4 * 4 * 4; ++shape) {
    std::vector<std::size_t> order = {0, 1, 2};
    do {
      for (const std::int64_t padding : {0, 1, 2}) {
        for (const std::int64_t step : {1, 2}) {
          StridedCopy copy{{{shape % 4, 0, 0}, {shape / 4 % 4, 0, 0}, {shape / 16, 0, 0}}, 3, 1};
          lay_out(copy.axes, {0, 1, 2}, 1, padding / 2, &StridedAxis::source_stride);
          lay_out(copy.axes, order, step, padding % 2, &StridedAxis::target_stride);
          StridedCopy back = copy;
          for (StridedAxis& axis : back.axes) std::swap(axis.source_stride, axis.target_stride);
          for (const std::size_t bytes : ElementBytes) {
            check_copy(copy, bytes);
            check_copy(back, bytes);
          }
        }
      }
    } while (std::ranges::next_permutation(order).found);
  }
}

TEST_CASE("transposes of every size of elements have tails in both directions") {
  for (const std::size_t bytes : ElementBytes) {
    // Around squares of 16 bytes and around tiles: 512 bytes of rows, 128 bytes of columns.
    const auto square = static_cast<std::int64_t>(16 / bytes);
    const auto rows_of_tile = static_cast<std::int64_t>(512 / bytes);
    const auto columns_of_tile = static_cast<std::int64_t>(128 / bytes);
    for (const std::int64_t rows : {std::int64_t{1}, square - 1, square, square + 1, 5 * square + 3, rows_of_tile - 1,
                                    rows_of_tile, 2 * rows_of_tile + square + 1}) {
      for (const std::int64_t columns : {std::int64_t{1}, square - 1, square + 1, 3 * square, columns_of_tile - 1,
                                         columns_of_tile, 2 * columns_of_tile + square + 1}) {
        for (const std::int64_t padding : {0, 3}) {
          for (const std::size_t shift : {std::size_t{0}, std::size_t{1}}) {
            check_copy({{{columns, 1, rows + padding}, {rows, columns + 2 * padding, 1}}, padding, 2 * padding}, bytes,
                       shift);
          }
        }
      }
    }
  }
}

TEST_CASE("halves interleaved and taken apart, pairs and bytes of numbers, and numbers repeated") {
  for (const std::size_t bytes : ElementBytes) {
    // Sides of a transpose that are several axes each.
    check_copy({{{67, 1, 144}, {3, 48 * 67, 48}, {24, 67, 2}, {2, 24 * 67, 1}}, 0, 0}, bytes);
    check_copy({{{3, 48, 48 * 67}, {2, 1, 24 * 67}, {24, 2, 67}, {67, 144, 1}}, 0, 0}, bytes);
    check_copy({{{40, 1, 300}, {300, 80, 1}, {2, 40, 40 * 300}}, 0, 0}, bytes);
    // Elements that stay together, 2 to 16 of them and 6.
    for (const std::int64_t run : {2, 4, 6, 8, 16}) {
      check_copy({{{37, run, run * 41}, {41, 37 * run, run}, {run, 1, 1}}, 0, 0}, bytes);
      check_copy({{{37, run, run * 41}, {41, 37 * run, run}, {run, 1, 1}}, 1, 0}, bytes);
      check_copy({{{37, run, run * 41 + 1}, {41, 37 * run, run}, {run, 1, 1}}, 0, 1}, bytes);
    }
    // One number for all, one for each row, one for each column.
    check_copy({{{100, 0, 1}}, 5, 0}, bytes);
    check_copy({{{100, 0, 3}}, 5, 0}, bytes);
    check_copy({{{30, 1, 50}, {50, 0, 1}}, 0, 0}, bytes);
    check_copy({{{30, 0, 50}, {50, 1, 1}}, 0, 0}, bytes);
    check_copy({{{30, 0, 50}, {50, 2, 1}}, 0, 0}, bytes);
    check_copy({{{30, 1, 200}, {4, 0, 50}, {50, 30, 1}}, 0, 0}, bytes);
  }
}

TEST_CASE("arrays by chance: up to five axes in any order, padded, on both sides") {
  std::mt19937 random(3);
  const auto below = [&](std::int64_t end) { return static_cast<std::int64_t>(random() % static_cast<unsigned>(end)); };
  for (int round = 0; round < 3000; ++round) {
    std::vector<StridedAxis> axes(1 + random() % 5);
    const std::int64_t largest = axes.size() < 3 ? 150 : axes.size() < 4 ? 40 : 12;
    for (StridedAxis& axis : axes) axis.extent = 1 + below(largest);
    std::vector<std::size_t> order(axes.size());
    for (std::size_t a = 0; a < order.size(); ++a) order[a] = a;
    std::ranges::shuffle(order, random);
    lay_out(axes, order, 1 + below(3) / 2, below(4) / 3, &StridedAxis::source_stride);
    std::ranges::shuffle(order, random);
    lay_out(axes, order, 1 + below(3) / 2, below(4) / 3, &StridedAxis::target_stride);
    check_copy({axes, below(4), below(4)}, ElementBytes[random() % 4], random() % 17);
  }
}

TEST_CASE("what is too large for caches is written past them, the same") {
  for (const std::size_t bytes : ElementBytes) {
    const std::int64_t rows = 1033;
    const auto columns = static_cast<std::int64_t>((std::size_t{5} << 20) / bytes) / rows;
    for (const std::size_t shift : {std::size_t{0}, std::size_t{5}}) {
      check_copy({{{columns, 1, rows}, {rows, columns, 1}}, 0, 0}, bytes, shift);
      check_copy({{{columns, 1, rows + 3}, {rows, columns + 5, 1}}, 1, 2}, bytes, shift);
      check_copy({{{columns, 1, 2 * rows}, {rows, columns, 2}}, 0, 0}, bytes, shift);
    }
  }
}

TEST_CASE("a simplified copy has the fewest axes, slowest in the target first") {
  CHECK(simplified({{{3, 20, 20}, {4, 5, 5}, {1, 7, 9}, {5, 1, 1}}, 2, 3}) == StridedCopy{{{60, 1, 1}}, 2, 3});
  CHECK(simplified({{{4, 3, 1}, {3, 1, 4}}, 0, 0}) == StridedCopy{{{3, 1, 4}, {4, 3, 1}}, 0, 0});
  CHECK(simplified({{{4, 3, 1}, {0, 1, 4}}, 0, 0}) == StridedCopy{{{0, 0, 0}}, 0, 0});
  CHECK(simplified({{{1, 3, 1}}, 0, 0}) == StridedCopy{{}, 0, 0});
}

}  // namespace rulec::strided_test
