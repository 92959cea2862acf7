// SPDX-License-Identifier: Apache-2.0
#include "engine/axes/blocks.h"

#include <algorithm>
#include <numeric>

namespace rulec::axes {
namespace {

/// One axis of a group as a part has it.
struct Digit {
  std::size_t axis = 0;
  std::int64_t stride = 1;  // in cells of the group, of one step within the part
  std::int64_t count = 1;
};

/// Where a part begins in the group, and its axes of more than one cell, slowest first.
struct Place {
  std::int64_t begin = 0;
  std::vector<Digit> digits;
};

Place place_of(const BoxedGroup& group, const Part& part) {
  Place place{group.offset, {}};
  for (const GroupAxis& axis : group.axes) {
    const Cells& cells = part[axis.axis];
    place.begin += cells.first * axis.stride;
    if (cells.count > 1) place.digits.push_back({axis.axis, axis.stride * cells.step, cells.count});
  }
  std::ranges::stable_sort(place.digits, std::ranges::greater{}, &Digit::stride);
  return place;
}

/// Steps along a digit until it is back at the same place in a block.
std::int64_t period(const Digit& digit, std::int64_t block) {
  return block / std::gcd(digit.stride, block);
}

/// Whether the numbers along a digit, from `begin` on, change after every so many steps: the block holds whole steps.
bool steps_in_blocks(const Digit& digit, std::int64_t block) {
  return block % digit.stride == 0;
}

/// Whether the digits from number `d` on, all of them together, do not leave the block that they begin in.
bool stay(const Place& place, std::size_t d, std::int64_t block) {
  std::int64_t last = place.begin % block;
  for (; d < place.digits.size(); ++d) last += (place.digits[d].count - 1) * place.digits[d].stride;
  return last < block;
}

/// The first digit that keeps the block's number from being a sum; nullptr if there is none.
const Digit* obstacle(const Place& place, std::int64_t block) {
  for (std::size_t d = 0; d < place.digits.size(); ++d) {
    const Digit& digit = place.digits[d];
    if (digit.stride % block == 0) continue;
    if (stay(place, d, block)) return nullptr;
    const bool is_fastest = d + 1 == place.digits.size();
    if (!is_fastest || !steps_in_blocks(digit, block) || place.begin % block >= digit.stride) return &digit;
  }
  return nullptr;
}

/// The part of which `digit` has `count` cells from number `first`, every `step`.
Part cut(Part part, const Digit& digit, std::int64_t first, std::int64_t step, std::int64_t count) {
  Cells& cells = part[digit.axis];
  cells = {cells.first + first * cells.step, cells.step * step, count};
  return part;
}

/// What is before the end of the first block, and the rest.
std::vector<Part> cut_at_end(const Part& part, const Digit& digit, std::int64_t begin, std::int64_t block) {
  const std::int64_t before = (block - begin % block - 1) / digit.stride + 1;
  return {cut(part, digit, 0, 1, before), cut(part, digit, before, 1, digit.count - before)};
}

std::vector<Part> cut_into_periods(const Part& part, const Digit& digit, std::int64_t block) {
  std::vector<Part> parts;
  const std::int64_t every = period(digit, block);
  for (std::int64_t first = 0; first < std::min(every, digit.count); ++first)
    parts.push_back(cut(part, digit, first, every, (digit.count - first - 1) / every + 1));
  return parts;
}

}  // namespace

std::optional<BlockNumber> block_number(const BoxedGroup& group, const Part& part) {
  const Place place = place_of(group, part);
  if (obstacle(place, group.block) != nullptr) return std::nullopt;
  BlockNumber number{place.begin / group.block, std::vector<BlockStep>(part.size())};
  for (std::size_t d = 0; d < place.digits.size() && !stay(place, d, group.block); ++d) {
    const Digit& digit = place.digits[d];
    const bool is_whole = digit.stride % group.block == 0;
    number.steps[digit.axis] =
        is_whole ? BlockStep{digit.stride / group.block, 1} : BlockStep{1, group.block / digit.stride};
  }
  return number;
}

std::optional<std::vector<Part>> cut_at_blocks(const BoxedGroup& group, const Part& part, std::size_t most) {
  std::vector<Part> done;
  std::vector<Part> open{part};
  while (!open.empty()) {
    const Part next = std::move(open.back());
    open.pop_back();
    const Place place = place_of(group, next);
    const Digit* digit = obstacle(place, group.block);
    if (digit == nullptr) {
      done.push_back(next);
    } else {
      const bool is_fastest = digit == &place.digits.back() && steps_in_blocks(*digit, group.block);
      std::vector<Part> parts =
          is_fastest ? cut_at_end(next, *digit, place.begin, group.block) : cut_into_periods(next, *digit, group.block);
      for (auto one = parts.rbegin(); one != parts.rend(); ++one) open.push_back(std::move(*one));
    }
    if (done.size() + open.size() > most) return std::nullopt;
  }
  return done;
}

}  // namespace rulec::axes
