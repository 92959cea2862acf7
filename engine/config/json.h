// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/config/config.h"

namespace rulec {

/// `parse_config` for JSON (RFC 8259, without a byte order mark), of which the text is UTF-8 already.
Result<ConfigValue> parse_json(SourceId source, Diagnostics& diags);

}  // namespace rulec
