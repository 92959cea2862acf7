// SPDX-License-Identifier: Apache-2.0
#include "engine/check/hygiene.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/close_names.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

/// Smaller numbers than this coincide by chance.
constexpr std::int64_t LeastSuspicious = 100;

class RedundantParts {
 public:
  RedundantParts(const ast::File& file, Diagnostics& diags) : file_(file), diags_(diags) {}

  void run() {
    for (const ast::Shape& shape : file_.shapes) {
      for (const ast::DimId id : shape.dims) dim(id, false);
    }
  }

 private:
  /// `in_product`: the dimension stands beside others in a group.
  void dim(ast::DimId id, bool in_product) {
    const ast::Dim& dim = file_[id];
    if (std::holds_alternative<ast::Unit>(dim.node) && in_product) say(dim, "a `1` in a product");
    const auto* group = std::get_if<ast::Group>(&dim.node);
    if (group == nullptr) return;
    const bool is_product = group->summands.size() == 1 && !group->pad && !group->block;
    if (is_product && group->summands.front().size() == 1) {
      say(dim, fmt::format("the group `{}`", diags_.sources().text(dim.span)));
    } else if (is_product && in_product) {
      say(dim, fmt::format("the group `{}` within a product", diags_.sources().text(dim.span)));
    }
    for (const auto& summand : group->summands) {
      for (const ast::DimId inner : summand) this->dim(inner, summand.size() > 1);
    }
  }

  void say(const ast::Dim& dim, std::string_view what) {
    report(diags_, dim.span, diag::ShapeRedundant, what).help("leave it out");
  }

  const ast::File& file_;
  Diagnostics& diags_;
};

void lint_missing_tests(const Rules& rules, Diagnostics& diags) {
  const auto& statements = rules.files.front().statements;
  const auto is_test = [](const ast::Statement& s) { return std::holds_alternative<ast::Test>(s.node); };
  if (std::ranges::any_of(statements, is_test)) return;
  for (const ast::Statement& statement : statements) {
    const auto* hook = std::get_if<ast::Hook>(&statement.node);
    if (hook == nullptr) continue;
    report(diags, hook->name.span, diag::TestMissing)
        .help("work one value out by hand: `test \"...\" with {...} { ... }`");
    return;
  }
}

/// A key that is `number` in all presets.
std::optional<std::string> key_in_all(std::span<const ConfigNumbers> presets, std::int64_t number) {
  if (presets.empty()) return std::nullopt;
  for (const auto& [key, value] : presets.front()) {
    const bool everywhere = value == number && std::ranges::all_of(presets, [&](const ConfigNumbers& numbers) {
                              const auto found = numbers.find(key);
                              return found != numbers.end() && found->second == number;
                            });
    if (everywhere) return key;
  }
  return std::nullopt;
}

void add_numbers(const std::string& prefix, const ConfigValue& value, ConfigNumbers& numbers) {
  if (const auto* whole = std::get_if<std::int64_t>(&value.node)) numbers.emplace(prefix, *whole);
  const auto* object = std::get_if<ConfigObject>(&value.node);
  for (std::size_t m = 0; object != nullptr && m < object->size(); ++m)
    add_numbers(prefix + "." + (*object)[m].key, (*object)[m].value, numbers);
}

/// `text_config.vocab_size` cut at its last dot.
std::pair<std::string_view, std::string_view> section_and_key(std::string_view dotted) {
  const std::size_t dot = dotted.rfind('.');
  if (dot == std::string_view::npos) return {{}, dotted};
  return {dotted.substr(0, dot), dotted.substr(dot + 1)};
}

/// Whether `inner` is the section `outer` or lies in it.
bool lies_in(std::string_view inner, std::string_view outer) {
  return outer.empty() || inner == outer || (inner.starts_with(outer) && inner[outer.size()] == '.');
}

const ConfigValue* find_dotted(const ConfigValue& config, std::string_view dotted) {
  const ConfigValue* value = &config;
  while (value != nullptr && !dotted.empty()) {
    const std::size_t dot = dotted.find('.');
    value = value->find(dotted.substr(0, dot));
    dotted = dot == std::string_view::npos ? std::string_view{} : dotted.substr(dot + 1);
  }
  return value;
}

/// The key that `fallback` most likely meant. A section beside the one that was looked in says something else:
/// `vision_config.head_dim` is no `text_config.head_dim`.
std::optional<std::string> hidden_key(const Fallback& fallback, const ConfigValue& config) {
  constexpr std::size_t LeastForSlip = 6;  // shorter names are a letter apart by chance
  const auto [section, key] = section_and_key(fallback.key);
  for (const std::string& dotted : dotted_keys(config)) {
    const auto [other_section, other_key] = section_and_key(dotted);
    const bool is_elsewhere = other_key == key && other_section != section &&
                              (lies_in(other_section, section) || lies_in(section, other_section));
    const bool is_slip = other_section == section && key.size() >= LeastForSlip && edit_distance(other_key, key) == 1;
    if (!is_elsewhere && !is_slip) continue;
    const ConfigValue* value = find_dotted(config, dotted);
    if (value == nullptr || value->is_null() || value->span == fallback.instead) continue;
    return dotted;
  }
  return std::nullopt;
}

std::optional<std::int64_t> whole_literal(const ast::Expr& expr) {
  const auto* literal = std::get_if<ast::Number>(&expr.node);
  if (literal == nullptr) return std::nullopt;
  std::int64_t whole = 0;
  const char* end = literal->text.data() + literal->text.size();
  const auto [stop, error] = std::from_chars(literal->text.data(), end, whole);
  return error == std::errc() && stop == end ? std::optional(whole) : std::nullopt;
}

}  // namespace

void lint_text(const Rules& rules, Diagnostics& diags) {
  RedundantParts(rules.files.front(), diags).run();
  lint_missing_tests(rules, diags);
}

ConfigNumbers config_numbers(const Rules& rules, const Inputs& inputs) {
  ConfigNumbers numbers;
  for (const SideId side : BothSides) {
    const ConfigValue* config = inputs.configs[number(side)];
    if (config != nullptr) add_numbers(rules.sides[number(side)], *config, numbers);
  }
  for (const auto& [key, value] : inputs.values) {
    const auto* whole = std::get_if<Rational>(&value);
    if (whole != nullptr && whole->is_whole() && key.find('.') != std::string::npos) numbers[key] = whole->numerator;
  }
  return numbers;
}

void lint_fallbacks(const Rules& rules, const Inputs& inputs, const Trace& trace, Diagnostics& diags) {
  for (const Fallback& fallback : trace.fallbacks) {
    const ConfigValue& config = *inputs.configs[number(fallback.side)];
    const std::optional<std::string> hidden = hidden_key(fallback, config);
    if (!hidden) continue;
    const std::string& side = rules.sides[number(fallback.side)];
    report(diags, fallback.span, diag::DefaultHidesKey, side + "." + fallback.key, side + "." + *hidden)
        .label("has no value")
        .also(find_dotted(config, *hidden)->span, "is this meant?")
        .help(
            "name the key as the config has it, or its section in the head of the block: `config hf.text_config else "
            "hf`");
  }
}

void lint_empty_ranges(const Trace& trace, Diagnostics& diags) {
  for (const auto& [place, range] : trace.ranges) {
    if (range.ran) continue;
    report(diags, range.span, diag::EmptyRange, range.index)
        .label("ends where it begins, or before, in every preset and layout")
        .help("a range counts up: `0..L` is 0, 1, ..., L - 1");
  }
}

void lint_hard_coded_sizes(const Rules& rules, std::span<const ConfigNumbers> presets, Diagnostics& diags) {
  const ast::File& file = rules.files.front();
  for (const ast::Statement& statement : file.statements) {
    const auto* let = std::get_if<ast::Let>(&statement.node);
    for (std::size_t d = 0; let != nullptr && d < let->definitions.size(); ++d) {
      const ast::Definition& definition = let->definitions[d];
      const std::optional<std::int64_t> size = whole_literal(file[definition.value]);
      if (definition.parameters || !size || *size < LeastSuspicious) continue;
      const std::optional<std::string> key = key_in_all(presets, *size);
      if (!key) continue;
      report(diags, file[definition.value].span, diag::HardCodedSize, definition.name.text, *size, *key)
          .help(fmt::format("read it from there: `let {} = {}`", definition.name.text, *key));
    }
  }
}

}  // namespace rulec
