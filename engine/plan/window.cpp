// SPDX-License-Identifier: Apache-2.0
#include "engine/plan/window.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "engine/plan/budget.h"
#include "engine/plan/loads.h"
#include "engine/tensor/element_bytes.h"

namespace rulec {
namespace {

/// Rate of transfers of so many bytes each, as a part of what long ones have.
struct Rate {
  double bytes;
  double rate;
};
constexpr std::array ReadRates = {Rate{512, 0.02},  Rate{4096, 0.15},  Rate{16384, 0.45},
                                  Rate{65536, 0.6}, Rate{262144, 0.9}, Rate{1048576, 1.0}};
// Runs within a part go through the page cache.
constexpr std::array WriteRates = {Rate{512, 0.03}, Rate{4096, 0.2}, Rate{16384, 0.35}, Rate{65536, 0.6}};

template <std::size_t N>
double rate_of(std::uint64_t run, const std::array<Rate, N>& rates) {
  const auto bytes = static_cast<double>(run);
  if (bytes <= rates.front().bytes) return rates.front().rate * bytes / rates.front().bytes;
  const auto next = std::ranges::upper_bound(rates, bytes, {}, &Rate::bytes);
  if (next == rates.end()) return rates.back().rate;
  const Rate& low = *(next - 1);
  return low.rate + (next->rate - low.rate) * (bytes - low.bytes) / (next->bytes - low.bytes);
}

// What a part costs beside its bytes, in bytes of the time they take: calls, locks, a wait at its end.
constexpr double PartCost = 100'000;
constexpr double LoadCost = 30'000;
constexpr std::size_t Sampled = 8;  // copies that are looked at of one part

/// Of a map's cells at its target, the extents of those that it reads of one chunk of the source.
Shape of_one_chunk(const CellMap& map, const ChunkForm& form) {
  Box chunk = bounds(map, MapEnd::Source);
  for (std::size_t axis = 0; axis < form.chunk.size(); ++axis) {
    chunk.begin[axis] = chunk.begin[axis] / form.chunk[axis] * form.chunk[axis];
    chunk.end[axis] = chunk.begin[axis] + form.chunk[axis];
  }
  const std::vector<CellMap> parts = restricted(map, MapEnd::Source, chunk);
  return parts.empty() ? Shape{} : bounds(parts.front(), MapEnd::Target).shape();
}

class Chooser {
 public:
  Chooser(const PlanInput& input, std::size_t target, const PlanOptions& options)
      : input_(input), tensor_(input.targets[target]), maps_(input.maps[target]), options_(options) {
    form_ = input.writer->form(target);
    stored_bytes_ = input.writer->stored_bytes(target);
    for (const std::size_t copy : maps_.by_source) forms_.try_emplace(tensor_.copies[copy].source);
    for (auto& [source, form] : forms_) form = input.reader->form(source);
    if (maps_.by_source.empty()) return;
    const std::size_t first = maps_.by_source.front();
    of_chunk_ = of_one_chunk(maps_.copies[first], forms_.at(tensor_.copies[first].source));
  }

  Window best() {
    const Shape& shape = tensor_.info.shape;
    std::optional<Judged> best;
    for (const Shape& extents : candidates()) {
      Judged next = judge(extents);
      if (!best || std::pair(next.excess, next.cost) < std::pair(best->excess, best->cost)) best = std::move(next);
    }
    if (shape.empty()) return {{}, tensor_.info.bytes(), tensor_.info.bytes(), 0};
    best->window.cost = best->cost;
    return best->window;
  }

 private:
  std::uint64_t bytes(const Shape& extents) const { return bytes_of(tensor_.info.dtype, *cells(extents)); }

  /// The least that an axis can be cut to.
  std::int64_t unit(std::size_t axis) const { return form_.is_raw ? 1 : form_.chunk[axis]; }

  /// Extents that one axis is worth being cut to: a cell, a chunk, what one copy fills, what a chunk of a source has,
  /// all.
  std::vector<std::int64_t> extents_along(std::size_t axis) const {
    const std::int64_t all = tensor_.info.shape[axis];
    std::set<std::int64_t> extents = {std::min(all, unit(axis)), std::min(all, form_.chunk[axis]), all};
    if (!maps_.by_source.empty()) {
      const std::int64_t filled = bounds(maps_.copies[maps_.by_source.front()], MapEnd::Target).shape()[axis];
      extents.insert(std::min(all, divided_up(filled, unit(axis)) * unit(axis)));
      if (!of_chunk_.empty()) extents.insert(std::min(all, divided_up(of_chunk_[axis], unit(axis)) * unit(axis)));
    }
    return {extents.begin(), extents.end()};
  }

  std::set<Shape> candidates() const {
    std::vector<Shape> whole = {{}};
    for (std::size_t axis = 0; axis < tensor_.info.shape.size(); ++axis) {
      std::vector<Shape> longer;
      for (const Shape& extents : whole) {
        for (const std::int64_t extent : extents_along(axis)) {
          longer.push_back(extents);
          longer.back().push_back(extent);
        }
      }
      whole = std::move(longer);
    }
    std::set<Shape> all;
    for (const Shape& extents : whole) {
      all.insert(extents);
      for (const std::uint64_t most :
           {options_.memory_bytes / 2, options_.memory_bytes / 4, 2 * options_.load_bytes, options_.load_bytes}) {
        for (std::size_t axis = 0; axis < extents.size(); ++axis) all.insert(shortened(extents, axis, most));
      }
    }
    return all;
  }

  /// The extents with one axis cut so far that a part has at most so many bytes, to a number that divides well.
  Shape shortened(Shape extents, std::size_t axis, std::uint64_t most) const {
    if (bytes(extents) <= most) return extents;
    const std::uint64_t row = std::max<std::uint64_t>(1, bytes(extents) / static_cast<std::uint64_t>(extents[axis]));
    const std::int64_t wanted = static_cast<std::int64_t>(most / row) / unit(axis);
    std::int64_t power = 1;
    while (power * 2 <= wanted) power *= 2;
    extents[axis] = std::min(extents[axis], power * unit(axis));
    return extents;
  }

  struct Judged {
    Window window;
    std::uint64_t excess = 0;  // bytes over the memory that is allowed: if nothing fits, the plan will say so
    double cost = 0;
  };

  Judged judge(const Shape& extents) const {
    const Box part{Shape(extents.size()), extents};
    double parts = 1;
    for (std::size_t axis = 0; axis < extents.size(); ++axis)
      parts *= static_cast<double>(divided_up(tensor_.info.shape[axis], extents[axis]));
    Window window{extents, ~std::uint64_t{0}, 0, 0};
    const std::uint64_t part_bytes = bytes(extents);
    Shape in_chunk = extents;
    for (std::size_t axis = 0; axis < extents.size(); ++axis)
      in_chunk[axis] = std::min(extents[axis], form_.chunk[axis]);
    window.write_run = bytes_of(tensor_.info.dtype, run_cells(in_chunk, form_.chunk));
    const bool is_one_run = window.write_run == bytes(in_chunk);
    double cost = PartCost + static_cast<double>(part_bytes) / (is_one_run ? 1 : rate_of(window.write_run, WriteRates));
    const std::uint64_t load = add_reads(part, window, cost);
    const std::uint64_t chunks =
        std::max<std::uint64_t>(1, part_bytes / std::max<std::uint64_t>(1, bytes(form_.chunk)));
    const std::uint64_t room = buffer_room(part_bytes + part_bytes / 64, stored_bytes_ * chunks) + buffer_room(load);
    // Where not even a load fits, smaller parts do not help.
    const bool is_hopeless = buffer_room(load) > options_.memory_bytes;
    const std::uint64_t least = is_hopeless ? buffer_room(load) : room;
    const std::uint64_t excess = least - std::min(least, options_.memory_bytes);
    const bool overlaps = room <= options_.memory_bytes / 3;  // with the parts before and behind it
    return {window, excess, cost * parts * (overlaps ? 1 : 1.25)};
  }

  /// What parts of this extent, one behind the other, have of the chunks that they meet, in the mean: they meet one
  /// more than they have room for, unless they are whole chunks.
  static std::int64_t in_chunk(std::int64_t extent, std::int64_t chunk) {
    if (extent < chunk) return extent;
    return extent % chunk == 0 ? chunk : extent / (extent / chunk + 1);
  }

  /// Adds what it costs to read for a part; gives the bytes of the largest load.
  std::uint64_t add_reads(const Box& part, Window& window, double& cost) const {
    std::vector<std::size_t> copies;
    for (const std::size_t copy : maps_.by_source) {
      if (maps_.reaches(copy, part)) copies.push_back(copy);
    }
    const std::size_t step = divided_up(static_cast<std::int64_t>(copies.size()), Sampled);
    double read = 0;
    std::size_t looked_at = 0;
    std::uint64_t largest = 0;
    for (std::size_t i = 0; i < copies.size(); i += step, ++looked_at) {
      const std::size_t source = tensor_.copies[copies[i]].source;
      const DType dtype = input_.sources[source].dtype;
      const ChunkForm& form = forms_.at(source);
      std::vector<SourceBox> boxes;
      std::int64_t wanted = 0;
      for (const CellMap& map : restricted(maps_.copies[copies[i]], MapEnd::Target, part)) {
        boxes.push_back({source, bounds(map, MapEnd::Source)});
        wanted += map.cells();
      }
      for (const SourceBox& box : joined(std::move(boxes))) {
        Shape extents = box.box.shape();
        std::int64_t taken = *cells(extents);
        if (form.is_raw) {
          for (std::size_t axis = 0; axis < extents.size(); ++axis) {
            const bool is_cut = extents[axis] < input_.sources[source].shape[axis];
            extents[axis] =
                is_cut ? in_chunk(extents[axis], form.chunk[axis]) : std::min(extents[axis], form.chunk[axis]);
          }
          const std::uint64_t run = bytes_of(dtype, run_cells(extents, form.chunk));
          window.read_run = std::min(window.read_run, std::min(run, options_.load_bytes));
          read += LoadCost + static_cast<double>(bytes_of(dtype, taken)) / rate_of(run, ReadRates);
          largest = std::max(largest, std::min<std::uint64_t>(bytes_of(dtype, taken), options_.load_bytes));
        } else {
          // A chunk is decoded whole; parts that share it come one after another.
          taken = std::min(taken, wanted);
          read += LoadCost + static_cast<double>(bytes_of(dtype, taken));
          largest = std::max(largest, bytes_of(dtype, *cells(form.chunk)));
        }
      }
    }
    if (looked_at > 0) cost += read * static_cast<double>(copies.size()) / static_cast<double>(looked_at);
    return largest;
  }

  const PlanInput& input_;
  const TargetTensor& tensor_;
  const TargetMaps& maps_;
  const PlanOptions& options_;
  ChunkForm form_;
  std::uint64_t stored_bytes_ = 0;          // of a chunk, while it is written
  std::map<std::size_t, ChunkForm> forms_;  // of the sources
  Shape of_chunk_;                          // extents of what is read of a source's chunk
};

}  // namespace

double read_rate(std::uint64_t bytes) {
  return rate_of(bytes, ReadRates);
}

Window choose_window(const PlanInput& input, std::size_t target, const PlanOptions& options) {
  return Chooser(input, target, options).best();
}

std::vector<Box> windows_of(const Shape& shape, const Shape& extents) {
  Box grid{Shape(shape.size()), Shape(shape.size())};
  for (std::size_t axis = 0; axis < shape.size(); ++axis) grid.end[axis] = divided_up(shape[axis], extents[axis]);
  std::vector<Box> windows;
  Shape at = grid.begin;
  do {
    Box box;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      box.begin.push_back(at[axis] * extents[axis]);
      box.end.push_back(std::min(shape[axis], (at[axis] + 1) * extents[axis]));
    }
    windows.push_back(std::move(box));
  } while (advance(at, grid));
  return windows;
}

}  // namespace rulec
