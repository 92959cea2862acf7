// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include <rulec/diagnostics.h>
#include <rulec/result.h>
#include <rulec/store.h>

namespace rulec::orbax {

/// What the tensors of a checkpoint are called: the keys of its tree joined with `.`, or what rules call them
/// (`maxtext_names`).
enum class Names : std::uint8_t { AsStored, AsRules };

/// A checkpoint of Orbax: any folder that `locate` takes, with OCDBT or without, zarr 2 or 3. The document of
/// every array is read here, its chunks when they are wanted. A chunk that is not stored is an error, unless the tree
/// says that chunks of fill values are not stored, or is of a time before Orbax said so.
///
/// What is no array of a type that rulec has, or is stored but not in the tree, is no tensor: strings and empty
/// containers stand in `facts`, of all else R0842 warns.
///
/// Errors: R0840, R0841, R0801, R0803, R0806, R0811, R0817, R0820, R0830; warnings: R0842. When reading: R0831, R0832.
Result<std::unique_ptr<TensorStore>> open_checkpoint(const std::filesystem::path& path, Names names,
                                                     Diagnostics& diags);

}  // namespace rulec::orbax
