// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/store/orbax/tree_text.h"

#include <rulec/diagnostics.h>
#include <rulec/result.h>
#include <rulec/tensor.h>

namespace rulec::orbax {

/// The name of a tensor's array: `params.params.` and its own. MaxText keeps the weights there: below the field of its
/// train state, in the collection of Flax.
std::string stored_name(const std::string& tensor);

/// The array that says which step a checkpoint is of: one int64, 0.
inline const TensorInfo StepArray{"step", DType::I64, {}};

/// The tree of these tensors as MaxText's converter has it, in Python's order: `step`, the tensors below
/// `params.params`, their names split at dots, and an empty `opt_state`.
///
/// Names are unique, a name that goes on where another ends is refused, and what is not UTF-8. Without a database names
/// are those of folders: `/`, backslash and zero bytes are refused too. Errors: R0843.
Result<std::vector<WrittenLeaf>> tree_of(std::span<const TensorInfo> tensors, const TreeForm& form, Diagnostics& diags);

}  // namespace rulec::orbax
