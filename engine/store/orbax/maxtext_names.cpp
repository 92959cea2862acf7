// SPDX-License-Identifier: Apache-2.0
#include "engine/store/orbax/maxtext_names.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>

namespace rulec::orbax {
namespace {

using Keys = std::span<const Key>;
using Prefix = std::vector<std::string_view>;

bool begins_with(Keys path, const Prefix& prefix) {
  return path.size() > prefix.size() &&
         std::ranges::equal(path.first(prefix.size()), prefix, {}, [](const Key& key) { return key.text; });
}

bool is_random_state(Keys path) {
  return std::ranges::any_of(path, [](const Key& key) { return key.text == "rngs" || key.text.ends_with("_rngs"); });
}

bool is_decimal(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// Under which keys the weights stand, or nothing if this is no checkpoint of MaxText.
std::optional<Prefix> find_weights(const Tree& tree) {
  for (const Prefix& prefix : {Prefix{"params", "params"}, Prefix{"params"}, Prefix{"base"}}) {
    const auto is_below = [&](const Leaf& leaf) {
      return leaf.kind == Leaf::Kind::Array && begins_with(leaf.path, prefix);
    };
    if (std::ranges::any_of(tree.leaves, is_below)) return prefix;
  }
  const auto is_model = [](const Leaf& leaf) {
    return leaf.path.size() > 1 && (leaf.path.front().text == "decoder" || leaf.path.front().text == "token_embedder");
  };
  return std::ranges::any_of(tree.leaves, is_model) ? std::optional(Prefix{}) : std::nullopt;
}

// What stands beside bare weights.
bool is_other_state(const Key& key) {
  return key.text == "opt_state" || key.text == "step" || key.text == "nnx_aux";
}

std::string folded(Keys path) {
  std::string name;
  std::string_view before;
  for (const Key& key : path) {
    if (&key != path.data()) name += before.ends_with("layers") && is_decimal(key.text) ? '_' : '.';
    name += key.text;
    before = key.text;
  }
  return name;
}

LayerNames layers_in(Keys path) {
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    const std::string_view key = path[i].text;
    if (key == "layers") return is_decimal(path[i + 1].text) ? LayerNames::Unscanned : LayerNames::Scanned;
    if (key.starts_with("layers_") && is_decimal(key.substr(7))) return LayerNames::Unscanned;
  }
  return LayerNames::None;
}

}  // namespace

MaxTextNames maxtext_names(const Tree& tree) {
  MaxTextNames result;
  for (const Leaf& leaf : tree.leaves) result.names.push_back(array_name(leaf.path));
  result.is_weight.assign(tree.leaves.size(), false);
  const std::optional<Prefix> prefix = find_weights(tree);
  if (!prefix) return result;
  for (const std::string_view key : *prefix) result.prefix += std::string(key) + '.';

  bool all_have_value = true;
  for (std::size_t i = 0; i < tree.leaves.size(); ++i) {
    const Leaf& leaf = tree.leaves[i];
    if (!begins_with(leaf.path, *prefix) || is_random_state(leaf.path)) continue;
    if (prefix->empty() && is_other_state(leaf.path.front())) continue;
    result.is_weight[i] = true;
    if (result.layers == LayerNames::None) result.layers = layers_in(leaf.path);
    const bool has_value = leaf.path.size() > prefix->size() + 1 && leaf.path.back().text == "value";
    all_have_value = all_have_value && (has_value || leaf.kind != Leaf::Kind::Array);
  }
  for (std::size_t i = 0; i < tree.leaves.size(); ++i) {
    if (!result.is_weight[i]) continue;
    Keys path = Keys(tree.leaves[i].path).subspan(prefix->size());
    if (all_have_value && tree.leaves[i].kind == Leaf::Kind::Array) path = path.first(path.size() - 1);
    result.names[i] = folded(path);
  }
  return result;
}

}  // namespace rulec::orbax
