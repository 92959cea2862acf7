// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/ocdbt/manifest.h"

namespace rulec::ocdbt {

struct OpenedManifest {
  std::string path;
  Manifest manifest;
};

/// The manifest of the database in `folder` that has the versions: `manifest.ocdbt`, or of a numbered database the one
/// with the highest number. Errors: R0801, R0803, R0806, R0811, R0817,
/// R0820.
Result<OpenedManifest> open_manifest(const std::filesystem::path& folder, Diagnostics& diags);

}  // namespace rulec::ocdbt
