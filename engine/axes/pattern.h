// SPDX-License-Identifier: Apache-2.0
// Shape patterns: a shape is a type of cells. Juxtaposition is a product, `+` a sum, `1` the unit; distributed, a shape
// is a sum of products of named axes, its monomials. Two shapes hold the same cells if they have the same monomials,
// and because no name stands twice in a product the bijection is unique. Nothing else in rulec knows about transposes,
// stacks or fusions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <rulec/tensor.h>

namespace rulec::axes {

/// Numbers an axis within one rule: left and right shapes share the numbers.
enum class AxisId : std::uint32_t {};

/// A named axis. `block` > 1 is an axis in blocks, as `X//128`: one cell stands for `block` cells of the axis, the last
/// perhaps for fewer.
struct AxisDim {
  AxisId axis{};
  std::int64_t size = 1;  ///< cells here
  std::int64_t block = 1;
};

/// An index: the tensor has `extent` cells there, a rule fills one of them. `slot` numbers the indices of a pattern as
/// they are met, so that a position can be given for each.
struct IndexDim {
  std::size_t slot = 0;
  std::int64_t extent = 1;
};

struct UnitDim {};

struct PatternDim;

/// A sum of products: `(a b)` has one summand, `(q + k)` two. `pad` is the whole size when zeros follow. `block` > 1 is
/// the group in blocks, as `(a b)//128`.
struct GroupDim {
  std::vector<std::vector<PatternDim>> summands;
  std::optional<std::int64_t> pad;
  std::int64_t block = 1;
};

struct PatternDim {
  std::variant<AxisDim, IndexDim, UnitDim, GroupDim> node;
};

/// One entry a stored dimension, slowest first.
using Pattern = std::vector<PatternDim>;

/// Where an axis or an index lies: moving one cell along it moves `stride` elements in the tensor.
struct AxisStride {
  AxisId axis{};
  std::int64_t extent = 1;
  std::int64_t stride = 0;
  std::int64_t block = 1;
};
struct IndexStride {
  std::size_t slot = 0;
  std::int64_t stride = 0;
};

/// A group in blocks of which a product has some axes: a step to the next block moves `stride` elements.
struct BlockedGroup {
  std::int64_t block = 1;
  std::int64_t stride = 1;
  std::int64_t offset = 0;           ///< of the product within the group, in cells of the group
  std::vector<AxisStride> axes;      ///< strides in cells of the group
  std::vector<IndexStride> indices;  ///< likewise
};

/// One product of the distributed shape, laid out in the tensor.
struct Monomial {
  std::vector<AxisStride> axes;  ///< by AxisId, ascending; unit axes are not listed, nor those of groups in blocks
  std::vector<IndexStride> indices;
  std::int64_t offset = 0;  ///< in elements, with every index at 0
  bool is_pad = false;      ///< holds zeros; its axes have no names
  std::vector<BlockedGroup> blocked{};
};

/// A pattern, distributed and laid out row-major.
struct Layout {
  Shape shape;
  std::vector<Monomial> monomials;
};

/// Distributes `pattern`, which has few monomials. Nothing if the sizes overflow 63 bits, an axis without a cell
/// counting as one with a cell: no stride and no offset overflows, even where a tensor is empty.
std::optional<Layout> lay_out(const Pattern& pattern);

/// How many monomials `lay_out` makes of a pattern: the sum grows fast, `(a + b)` twelve times has 4096. At most
/// INT64_MAX.
std::int64_t count_monomials(const Pattern& pattern);

/// A pad that is smaller than what it pads: the two sizes. Asked again once the lengths of index axes are known.
struct SmallPad {
  std::int64_t cells = 0;
  std::int64_t padded = 0;
};
std::optional<SmallPad> find_small_pad(const Pattern& pattern);

/// An axis that stands twice in one product, if there is one.
std::optional<AxisId> repeated_axis(const Layout& layout);

/// A monomial of a term: (term, monomial) on the left, then on the right.
struct MonomialRef {
  std::size_t term = 0;
  std::size_t monomial = 0;
  bool operator==(const MonomialRef&) const = default;
};
struct Match {
  MonomialRef left;
  MonomialRef right;
};

/// What keeps two sides from holding the same cells. The left side is the first.
struct Mismatch {
  std::array<std::vector<MonomialRef>, 2> only;                           ///< monomials without a partner
  std::array<std::vector<std::pair<MonomialRef, MonomialRef>>, 2> twice;  ///< the same monomial twice on one side
  bool empty() const { return only[0].empty() && only[1].empty() && twice[0].empty() && twice[1].empty(); }
};

/// Pairs the monomials of the terms on the left with those on the right by the names of their axes; pads have no
/// partner. `mismatch` is what is left over.
std::vector<Match> match(const std::vector<const Layout*>& left, const std::vector<const Layout*>& right,
                         Mismatch& mismatch);

}  // namespace rulec::axes
