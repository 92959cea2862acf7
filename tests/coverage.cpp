// SPDX-License-Identifier: Apache-2.0
// The proof of coverage against a reference that counts, for every cell of every tensor, the pieces that write it.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "engine/check/check.h"
#include "tests/elaborated.h"

namespace rulec::coverage_test {
namespace {

/// Packs that join small tensors, one for every value of two guarded indices, into one tensor of a random shape.
class PackWriter {
 public:
  explicit PackWriter(unsigned seed) : random_(seed) {}

  std::string pack() {
    std::string text = "let P = 24";
    for (const char name : std::string("abcd"))
      text += fmt::format(", {} = {}", name, below(12) == 0 ? 0 : 1 + below(3));
    text += "\n";
    std::vector<std::string> names{"a", "b", "c", "d", "g", "h"};
    std::ranges::shuffle(names, random_);
    names.resize(1 + below(5));
    // Every summand is a term on the left, so that the pieces are found whatever the shape.
    summands_.clear();
    const std::string shape = dims(names);
    const bool again = below(3) == 0;
    for (int rule = 0; rule < (again ? 2 : 1); ++rule) {
      const std::string guard = one_of({"", "", " when g == 0", " when g == 1", " when g == h", " when g != h"});
      text +=
          fmt::format("for g in {{x, y}}, h in {{u, v, w}}{} {{ {} -> t : {} }}\n", guard, left(names, rule), shape);
    }
    return text;
  }

 private:
  std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_); }
  std::string one_of(const std::vector<std::string>& words) { return words[below(words.size())]; }

  static bool is_index(const std::string& name) { return name == "g" || name == "h"; }

  std::string left(const std::vector<std::string>& names, int rule) const {
    std::vector<std::string> terms;
    for (std::size_t t = 0; t <= summands_.size(); ++t) {
      if (t == summands_.size() && !summands_.empty()) break;
      std::vector<std::string> axes;
      for (const std::string& name : names) {
        const bool is_summed =
            std::ranges::any_of(summands_, [&](const auto& s) { return std::ranges::count(s, name); });
        const bool is_mine = !summands_.empty() && std::ranges::count(summands_[t], name);
        if (!is_index(name) && (!is_summed || is_mine)) axes.push_back(name);
      }
      terms.push_back(fmt::format("r{}.<g>.<h>.t{} : [{}]", rule, t, fmt::join(axes, " ")));
    }
    return fmt::format("{}", fmt::join(terms, ", "));
  }

  /// A shape that holds all names: as dimensions, in products, at most once in a sum, at most once padded.
  std::string dims(std::vector<std::string> names) {
    std::ranges::shuffle(names, random_);
    std::vector<std::string> parts(names);
    if (names.size() > 1 && below(2) == 0) {
      const std::size_t first = 1 + below(names.size() - 1);
      summands_.emplace_back(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(first));
      summands_.emplace_back(names.begin() + static_cast<std::ptrdiff_t>(first), names.end());
      const std::size_t shared = below(2) == 0 ? 0 : 1;  // one name stands outside of the sum
      if (shared < first)
        summands_[0].erase(summands_[0].begin(), summands_[0].begin() + static_cast<std::ptrdiff_t>(shared));
      parts = shared == 1 && first > 1 ? std::vector<std::string>{names[0]} : std::vector<std::string>{};
      if (first == 1) summands_[0] = {names[0]};
      parts.push_back(fmt::format("(({}) + ({}))", fmt::join(summands_[0], " "), fmt::join(summands_[1], " ")));
      std::ranges::shuffle(parts, random_);
    }
    while (parts.size() > 1 && below(3) != 0) {
      const std::size_t at = below(parts.size() - 1);
      parts[at] = fmt::format("({} {})", parts[at], parts[at + 1]);
      parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    }
    if (below(6) == 0) {
      std::string& part = parts[below(parts.size())];
      if (!is_index(part)) part = fmt::format("({} pad P)", part);
    }
    return fmt::format("[{}]", fmt::join(parts, " "));
  }

  std::mt19937 random_;
  std::vector<std::vector<std::string>> summands_;
};

std::vector<std::int64_t> cells_written(const Pack& pack, const Piece& piece, SideId side) {
  std::vector<std::int64_t> cells{piece.offset[number(side)]};
  for (const PieceAxis& axis : pack.forms[piece.form].axes) {
    std::vector<std::int64_t> more;
    for (const std::int64_t cell : cells) {
      for (std::int64_t i = 0; i < axis.extent; ++i) more.push_back(cell + i * axis.stride[number(side)]);
    }
    cells = std::move(more);
  }
  std::ranges::sort(cells);
  return cells;
}

std::int64_t row_major(const Shape& shape, const std::vector<std::int64_t>& cell) {
  std::int64_t at = 0;
  for (std::size_t d = 0; d < shape.size(); ++d) at = at * shape[d] + cell[d];
  return at;
}

/// The cells of a box, by asking it for each.
std::vector<std::int64_t> cells_in(const StridedBox& box, const Shape& shape) {
  std::vector<std::int64_t> all;
  std::vector<std::int64_t> cell(shape.size());
  for (std::int64_t position = 0; position < cells(shape).value(); ++position) {
    for (std::int64_t rest = position, d = std::ssize(shape); d-- > 0; rest /= shape[d]) cell[d] = rest % shape[d];
    bool is_in = true;
    for (std::size_t d = 0; d < shape.size(); ++d) is_in &= box[d].contains(cell[d]);
    if (is_in) all.push_back(row_major(shape, cell));
  }
  return all;
}

bool is_covered(const Pack& pack, SideId side) {
  std::vector<std::map<std::int64_t, int>> counts(pack.tensors[number(side)].size());
  std::vector<std::set<std::vector<std::int64_t>>> pads(counts.size());
  for (const Piece& piece : pack.pieces) {
    if (piece.tensor[number(side)] < 0 || !pack.families[piece.family].writes(side)) continue;
    const auto tensor = static_cast<std::size_t>(piece.tensor[number(side)]);
    const std::vector<std::int64_t> written = cells_written(pack, piece, side);
    const Shape& shape = pack.tensors[number(side)][tensor].shape;
    REQUIRE(cells_in(cells_of(pack, piece, side), shape) == written);
    if (piece.kind == PieceKind::Pad && !pads[tensor].insert(written).second) continue;
    for (const std::int64_t cell : written) ++counts[tensor][cell];
  }
  for (std::size_t t = 0; t < counts.size(); ++t) {
    const std::int64_t all = cells(pack.tensors[number(side)][t].shape).value();
    if (std::ssize(counts[t]) != all) return false;
    if (std::ranges::any_of(counts[t], [](const auto& entry) { return entry.second != 1; })) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("a pack is proved if and only if every cell is written once") {
  int elaborated = 0;
  int covered = 0;
  int of_no_cells = 0;
  for (unsigned seed = 0; seed < 4000; ++seed) {
    const std::string text = PackWriter(seed).pack();
    CAPTURE(text);
    const testing::Elaborated made = testing::elaborate_text(text);
    if (!made.pack) continue;
    ++elaborated;
    UsedPermissions used;
    const bool proved = static_cast<bool>(prove_coverage(*made.pack, used, *made.diags));
    INFO(render_text(*made.diags));
    const bool counted = is_covered(*made.pack, SideId::Left) && is_covered(*made.pack, SideId::Right);
    REQUIRE(proved == counted);
    covered += counted;
    of_no_cells += cells(made.pack->tensors[1].front().shape) == 0;
  }
  CHECK(elaborated > 1500);
  CHECK(covered > 300);
  CHECK(elaborated - covered > 300);
  CHECK(of_no_cells > 50);
}

}  // namespace rulec::coverage_test
