// SPDX-License-Identifier: Apache-2.0
// Both sides of a rule laid out and their products of axes paired: what all instances share that agree in sizes.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "engine/pack/draft.h"

namespace rulec {

/// The lengths of the index axes of an instance's tensors, by term and slot; of arguments by term, argument and slot.
struct IndexExtents {
  std::array<std::vector<std::vector<std::int64_t>>, 2> terms;
  std::vector<std::vector<std::vector<std::int64_t>>> operands;
};

/// What the instances of one variant share once the lengths of index axes are known.
struct Pairing {
  /// The part of a tensor argument that is read with a copy.
  struct Operand {
    std::size_t monomial = 0;
    std::int64_t offset = 0;        ///< from that of the monomial, in elements
    std::vector<OperandAxis> axes;  ///< in the order of the form's axes
  };
  /// A product of axes, or a part of it where a tensor argument in blocks cuts it.
  struct Copy {
    axes::MonomialRef left;
    axes::MonomialRef right;
    std::uint32_t form = 0;
    std::array<std::int64_t, 2> offset{};  ///< from those of the monomials, in elements
    std::vector<Operand> operands;         ///< of the right term
  };
  struct OneSided {
    SideId side{};
    axes::MonomialRef at;
    PieceKind kind{};
    std::uint32_t form = 0;
  };

  std::array<std::vector<axes::Layout>, 2> terms;
  std::vector<std::vector<axes::Layout>> operands;  ///< by term of the right side
  std::vector<Copy> copies;
  std::vector<OneSided> one_sided;

  const axes::Monomial& monomial(SideId side, axes::MonomialRef ref) const {
    return terms[number(side)][ref.term].monomials[ref.monomial];
  }
};

/// Lays the terms of a variant out and pairs their pieces; adds the forms and the pipelines of these to `pack`.
/// Errors: R0301 to R0304, R0214, R0315, R0502.
Result<Pairing> pair_sides(const Family& family, const Variant& variant, const IndexExtents& extents, Pack& pack,
                           Diagnostics& diags);

}  // namespace rulec
