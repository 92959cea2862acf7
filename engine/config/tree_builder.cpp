// SPDX-License-Identifier: Apache-2.0
#include "engine/config/tree_builder.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "grammar/messages.h"
#include "grammar/render/excerpt.h"

namespace rulec {
namespace {

struct Measure {
  std::size_t weight = 1;  // values, and one more for every 64 bytes of text, so that long strings count when copied
  std::size_t depth = 1;
};

Measure measure(const ConfigValue& value) {
  Measure whole;
  const auto add = [&](const ConfigValue& part) {
    const Measure inner = measure(part);
    whole.weight += inner.weight;
    whole.depth = std::max(whole.depth, inner.depth + 1);
  };
  if (const auto* text = std::get_if<std::string>(&value.node)) whole.weight += text->size() / 64;
  if (const auto* list = std::get_if<ConfigList>(&value.node)) {
    for (const ConfigValue& part : *list) add(part);
  }
  if (const auto* object = std::get_if<ConfigObject>(&value.node)) {
    for (const ConfigMember& member : *object) {
      whole.weight += member.key.size() / 64;
      add(member.value);
    }
  }
  return whole;
}

}  // namespace

Span TreeBuilder::span(std::size_t begin, std::size_t end) const {
  const std::size_t size = text().size();
  const std::size_t first = std::min(begin, size);
  return {source_, static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(std::clamp(end, first, size))};
}

bool TreeBuilder::expects_key() const {
  return !open_.empty() && std::holds_alternative<ConfigObject>(open_.back().value.node) && !open_.back().has_key;
}

bool TreeBuilder::key(std::string text, Span span) {
  Open& object = open_.back();
  const auto [first, is_new] = object.keys.emplace(text, span);
  if (!is_new) {
    report(diags_, span, diag::ConfigKeyTwice, render::printable(text)).also(first->second, "first here");
    ++failures_;
  }
  object.key = std::move(text);
  object.key_span = span;
  object.has_key = true;
  return true;
}

bool TreeBuilder::value(ConfigValue value) {
  if (open_.empty() && !value.is_null()) return fail(value.span, "expected keys and their values");
  const Measure size = measure(value);
  if (!count(size.weight, size.depth, value.span)) return false;
  put(std::move(value));
  return true;
}

bool TreeBuilder::open(decltype(ConfigValue::node) node, Span span) {
  if (open_.empty() && !std::holds_alternative<ConfigObject>(node)) return fail(span, "expected keys and their values");
  if (!count(1, 1, span)) return false;
  open_.push_back({{std::move(node), span}, {}, {}, {}, false});
  return true;
}

void TreeBuilder::close(std::size_t end) {
  ConfigValue value = std::move(open_.back().value);
  open_.pop_back();
  value.span = span(value.span.begin, end);
  put(std::move(value));
}

bool TreeBuilder::charge(const ConfigValue& value) {
  return count(measure(value).weight, 0, value.span);
}

bool TreeBuilder::count(std::size_t weight, std::size_t depth, Span span) {
  weight_ += weight;
  if (weight_ > MaxConfigValues) return fail(span, fmt::format("it has more than {} values", MaxConfigValues));
  if (open_.size() + depth > MaxConfigDepth)
    return fail(span, fmt::format("it nests more than {} deep", MaxConfigDepth));
  return true;
}

void TreeBuilder::put(ConfigValue value) {
  if (open_.empty()) {
    if (!value.is_null()) root_ = std::move(value);
    last_ = &root_;
    return;
  }
  Open& parent = open_.back();
  if (auto* list = std::get_if<ConfigList>(&parent.value.node)) {
    last_ = &list->emplace_back(std::move(value));
    return;
  }
  auto& object = std::get<ConfigObject>(parent.value.node);
  last_ = &object.emplace_back(ConfigMember{std::move(parent.key), parent.key_span, std::move(value)}).value;
  parent.has_key = false;
}

bool TreeBuilder::fail(Span span, const std::string& why) {
  return fail(span, why, {});
}

bool TreeBuilder::fail(Span span, const std::string& why, std::string_view help) {
  Finding finding =
      report(diags_, span, diag::BadConfig, render::printable(diags_.sources()[source_].name()), language_, why);
  if (!help.empty()) finding.help(std::string(help));
  ++failures_;
  return false;
}

Result<ConfigValue> TreeBuilder::finish() {
  if (failures_ > 0) return diags_.failed();
  return std::move(root_);
}

}  // namespace rulec
