// SPDX-License-Identifier: Apache-2.0
// Whether a target can be made at all: asked before anything is read, since an answer after hours of work comes late.
#pragma once

#include <filesystem>

#include <rulec/diagnostics.h>
#include <rulec/result.h>

namespace rulec::cli {

/// `a/b/` and `a/b//` name the folder that `a/b` names.
std::filesystem::path without_slash(const std::filesystem::path& path);

/// May `target` be made out of `source`? Its parent must be a folder in which this user may make and rename folders. A
/// target that exists must be an empty folder, or with `overwrite` the folder of a checkpoint; never a link, a mount
/// point, the folder that we stand in, the source, or above or below it. Errors: R0809, R0810.
Status check_target(const std::filesystem::path& target, const std::filesystem::path& source, bool overwrite,
                    Diagnostics& diags);

}  // namespace rulec::cli
