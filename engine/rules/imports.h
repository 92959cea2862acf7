// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "engine/rules/rules.h"

namespace rulec {

struct ImportedFiles {
  std::vector<ast::File> files;                  ///< the pack first, then what it imports, each once
  std::vector<std::vector<ImportLink>> imports;  ///< by file
};

/// Parses a pack and, with all they import in turn, the files that it imports. `path` is the pack's own, relative to
/// `folder`. A file that cannot be read does not keep the others from being parsed.
///
/// Errors: syntax, R0103 (imports nest too deep), R0207, R0211, R0212.
Result<ImportedFiles> read_with_imports(SourceId source, std::string_view path, const PackFolder& folder,
                                        Diagnostics& diags);

}  // namespace rulec
