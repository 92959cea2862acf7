// SPDX-License-Identifier: Apache-2.0
// Two checkpoints that are held against each other.
#pragma once

#include <optional>
#include <string>

#include <rulec/pack.h>
#include <rulec/store.h>

#include "tools/rulec/arguments.h"

namespace rulec::cli {

struct PairArguments {
  std::string a;
  std::string b;
  std::string pack;
  ModelArguments model;
};

/// The model of both, on its two sides or on one. Nothing where no pack fits them, and none was asked for: tensors are
/// then compared by their names.
Result<std::optional<Model>> find_model(const PairArguments& args, const TensorStore& a, const TensorStore& b,
                                        Diagnostics& diags);

}  // namespace rulec::cli
