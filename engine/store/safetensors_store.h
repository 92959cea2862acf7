// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/store/shard_index.h"

#include <rulec/diagnostics.h>
#include <rulec/result.h>
#include <rulec/store.h>

namespace rulec {

/// The tensors of one file. Errors: R0801, R0802, R0803, R0804, R0806, R0811; warnings: R0816.
Result<std::unique_ptr<TensorStore>> open_safetensors_file(const std::filesystem::path& path, Diagnostics& diags);

/// The tensors of the shards that `index` names, all in `folder`; each must hold exactly the tensors that the index
/// puts there. `where` is what messages call the store, `index_path` what they call the index. That the shards may be
/// opened is the caller's to know.
///
/// Errors: those of `open_safetensors_file`, and R0808; warnings: R0813, R0816.
Result<std::unique_ptr<TensorStore>> open_safetensors_shards(std::string where, const std::filesystem::path& folder,
                                                             const ShardIndex& index, const std::string& index_path,
                                                             Diagnostics& diags);

}  // namespace rulec
