// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include <rulec/diagnostics.h>
#include <rulec/result.h>

namespace rulec {

/// Whether `file`, a path below `folder`, leads to a file below it. A link in a downloaded folder, at the end of the
/// path or on the way, could have any file of this machine read, and its bytes be passed on.
///
/// Links within the folder are fine, and those of Hugging Face's cache: from `snapshots/<revision>/...`, where the
/// folder lies, into `blobs` beside. A file that is not there is fine too: opening it tells. Errors: R0806, R0801.
Status check_link(const std::filesystem::path& folder, const std::filesystem::path& file, Diagnostics& diags);

}  // namespace rulec
