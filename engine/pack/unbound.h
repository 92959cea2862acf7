// SPDX-License-Identifier: Apache-2.0
// Indices that no loop binds: `decoder.layers.<i>.local -> model.layers.<2i>`. They range over the checkpoint: every
// value for which it has that tensor.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/pack/evaluator.h"

namespace rulec {

/// The paths of a rule, or of a group's prefixes.
struct UnboundQuery {
  const ast::File& file;
  std::array<std::vector<ast::TemplateId>, 2> paths;
  std::array<std::string, 2> prefixes;
  bool as_prefix = false;  ///< the paths are beginnings of names
};

/// The names in holes and brackets that nothing binds, each once, as met.
std::vector<ast::Name> unbound_indices(const Evaluator& evaluator, const UnboundQuery& query);

/// The values of `names` for which a catalogue has the tensors, ascending. None if there is no catalogue. Errors:
/// R0411.
Result<std::vector<std::vector<std::int64_t>>> unbound_values(
    Evaluator& evaluator, const UnboundQuery& query, const std::vector<ast::Name>& names,
    const std::array<std::span<const TensorInfo>, 2>& catalogues);

}  // namespace rulec
