// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "engine/config/config.h"

namespace rulec {

/// What a plain scalar is by YAML 1.2.2's core schema (section 10.3.2): null, a boolean, a whole number (`12`, `0o14`,
/// `0xc`), a real (`1.e-06`, `.5`, `-.inf`, `.nan`) or else a string. Decimal numbers beyond 64 bits are reals. Beyond
/// that schema, underlines may stand between the digits of a whole number, as in YAML 1.1, which PyYAML reads:
/// MaxText's configs say `vocab_size: 262_144`.
///
/// Nothing if it is a number that fits into no type: `1e400`, `0x10000000000000000`.
std::optional<decltype(ConfigValue::node)> resolve_plain(std::string_view text);

}  // namespace rulec
