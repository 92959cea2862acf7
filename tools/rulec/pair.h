// SPDX-License-Identifier: Apache-2.0
// Two checkpoints that are held against each other.
#pragma once

#include <CLI/App.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <rulec/diff.h>
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

/// A, B, and what both are.
struct Pair {
  std::unique_ptr<TensorStore> a;
  std::unique_ptr<TensorStore> b;
  /// Of both, on its two sides or on one. Nothing where no pack fits them, and none was asked for: tensors are then
  /// compared by their names.
  std::optional<Model> model;

  const Model* model_if_any() const { return model ? &*model : nullptr; }
};

void add_pair_options(CLI::App& app, PairArguments& into);

/// Errors: those of the stores, of finding the pack and of `bind`.
Result<Pair> open_pair(const PairArguments& args, Diagnostics& diags);

/// How many tensors there are of each kind: `46 tensors: 45 same, 1 within class`.
std::string summary(std::span<const Difference> all);

}  // namespace rulec::cli
