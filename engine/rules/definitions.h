// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "engine/rules/rules.h"

namespace rulec {

/// A definition with its name; both point into the file.
struct NamedDefinition {
  const ast::Name* name = nullptr;
  Definition definition;
};

/// What a file defines, in its order, whether or not the name is taken. `number` is that of the file in `Rules::files`.
std::vector<NamedDefinition> definitions_of(const ast::File& file, std::size_t number);

/// The parameters of a hook, path, block or function; nullptr of anything else.
const std::vector<ast::Parameter>* parameters_of(const Rules& rules, const Definition& definition);

/// Whether it stands for a value: a config entry, an option, a `let` without parameters.
bool is_value(const Rules& rules, const Definition& definition);

/// Whether it is a `let` with parameters.
bool is_function(const Rules& rules, const Definition& definition);

/// `config entry`, `function`, `hook`, ...
std::string_view describe(const Rules& rules, const Definition& definition);

/// `hf.text_config.head_dim`: a key as it is written.
std::string dotted(const ast::Key& key);

}  // namespace rulec
