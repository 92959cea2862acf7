// SPDX-License-Identifier: Apache-2.0
#include "engine/rules/definitions.h"

#include <variant>

#include "grammar/overloaded.h"

namespace rulec {

std::string_view describe(DefinitionKind kind) {
  switch (kind) {
    case DefinitionKind::Config:
      return "config entry";
    case DefinitionKind::Let:
      return "let";
    case DefinitionKind::Option:
      return "option";
    case DefinitionKind::Hook:
      return "hook";
    case DefinitionKind::Path:
      return "path";
    case DefinitionKind::Block:
      return "block";
  }
  return {};
}

std::vector<NamedDefinition> definitions_of(const ast::File& file, std::size_t number) {
  std::vector<NamedDefinition> found;
  for (const ast::StatementId id : file.body) {
    const auto add = [&](DefinitionKind kind, const ast::Name& name, std::size_t entry = 0) {
      found.push_back({&name, {kind, number, id, entry, name.span}});
    };
    std::visit(Overloaded{
                   [&](const ast::Config& config) {
                     for (std::size_t i = 0; i < config.entries.size(); ++i)
                       add(DefinitionKind::Config, config.entries[i].name, i);
                   },
                   [&](const ast::Let& let) {
                     for (std::size_t i = 0; i < let.definitions.size(); ++i)
                       add(DefinitionKind::Let, let.definitions[i].name, i);
                   },
                   [&](const ast::Option& option) { add(DefinitionKind::Option, option.name); },
                   [&](const ast::Hook& hook) { add(DefinitionKind::Hook, hook.name); },
                   [&](const ast::Path& path) { add(DefinitionKind::Path, path.name); },
                   [&](const ast::Block& block) { add(DefinitionKind::Block, block.name); },
                   [](const auto&) {},
               },
               file[id].node);
  }
  return found;
}

const std::vector<ast::Parameter>* parameters_of(const Rules& rules, const Definition& definition) {
  return std::visit(Overloaded{
                        [&](const ast::Let& let) -> const std::vector<ast::Parameter>* {
                          const auto& parameters = let.definitions[definition.entry].parameters;
                          return parameters ? &*parameters : nullptr;
                        },
                        [](const ast::Hook& hook) { return &hook.parameters; },
                        [](const ast::Path& path) { return &path.parameters; },
                        [](const ast::Block& block) { return &block.parameters; },
                        [](const auto&) -> const std::vector<ast::Parameter>* { return nullptr; },
                    },
                    rules.statement(definition).node);
}

bool is_function(const Rules& rules, const Definition& definition) {
  return definition.kind == DefinitionKind::Let && parameters_of(rules, definition) != nullptr;
}

bool is_value(const Rules& rules, const Definition& definition) {
  return parameters_of(rules, definition) == nullptr;
}

std::string_view describe(const Rules& rules, const Definition& definition) {
  return is_function(rules, definition) ? "function" : describe(definition.kind);
}

std::string dotted(const ast::Key& key) {
  std::string text;
  for (const ast::Name& part : key.parts) text += (text.empty() ? "" : ".") + part.text;
  return text;
}

}  // namespace rulec
