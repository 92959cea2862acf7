// SPDX-License-Identifier: Apache-2.0
// Files that are on the disk when a function returns, not only in the memory of the system: what lies beside the
// weights is to survive a loss of power as they do.
#pragma once

#include <filesystem>
#include <string_view>

#include <rulec/diagnostics.h>
#include <rulec/result.h>

namespace rulec::cli {

/// R0809: why `path` cannot be written, in words or as the system numbers it.
Finding cannot_write(const std::filesystem::path& path, std::string_view why, Diagnostics& diags);
Finding cannot_write(const std::filesystem::path& path, int error, Diagnostics& diags);

/// Makes the new file `path`. Errors: R0809.
Status write_durably(const std::filesystem::path& path, std::string_view text, Diagnostics& diags);

/// Makes the new file `to` of the bytes of the regular file `from`; its mode is that of any new file. Errors: R0801,
/// R0809.
Status copy_durably(const std::filesystem::path& from, const std::filesystem::path& to, Diagnostics& diags);

/// Returns when the disk has the names in `folder`. Errors: R0809.
Status sync_folder(const std::filesystem::path& folder, Diagnostics& diags);

}  // namespace rulec::cli
