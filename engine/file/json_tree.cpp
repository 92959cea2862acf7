// SPDX-License-Identifier: Apache-2.0
#include "engine/file/json_tree.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <utility>

#include "engine/file/printable.h"

namespace rulec {
namespace {

// Builds the tree from its innermost open object or list outwards.
class TreeEvents final : public JsonEvents {
 public:
  bool key(std::string_view name, std::size_t offset) override {
    if (!open_.back().names.emplace(name).second) {
      twice_ = JsonError{fmt::format("`{}` stands twice", printable(name)), offset, false};
      return false;
    }
    open_.back().tree.names.emplace_back(name);
    return true;
  }

  bool value(const JsonValue& value) override {
    JsonTree tree;
    tree.kind = value.kind;
    tree.number = value.number;
    tree.approximate = value.approximate;
    tree.text = value.text;
    tree.offset = value.offset;
    if (value.kind == JsonValue::Kind::Object || value.kind == JsonValue::Kind::List) {
      open_.push_back({std::move(tree), {}});
    } else {
      place(std::move(tree));
    }
    return true;
  }

  bool end() override {
    JsonTree tree = std::move(open_.back().tree);
    open_.pop_back();
    place(std::move(tree));
    return true;
  }

  JsonTree take_root() { return std::move(root_); }
  std::optional<JsonError> take_twice() { return std::move(twice_); }

 private:
  struct Open {
    JsonTree tree;
    std::set<std::string, std::less<>> names;
  };

  void place(JsonTree tree) {
    if (open_.empty()) {
      root_ = std::move(tree);
    } else {
      open_.back().tree.items.push_back(std::move(tree));
    }
  }

  std::vector<Open> open_;
  JsonTree root_;
  std::optional<JsonError> twice_;
};

}  // namespace

const JsonTree* JsonTree::find(std::string_view name) const {
  const auto found = std::ranges::find(names, name);
  return found == names.end() ? nullptr : &items[static_cast<std::size_t>(found - names.begin())];
}

std::string describe(const JsonTree& tree) {
  return describe(JsonValue{tree.kind, tree.number, tree.approximate, tree.text, tree.offset});
}

std::optional<JsonError> read_json_tree(std::string_view text, JsonTree& tree, int max_depth) {
  TreeEvents events;
  if (std::optional<JsonError> error = read_json(text, events, max_depth)) return error;
  if (std::optional<JsonError> twice = events.take_twice()) return twice;
  tree = events.take_root();
  return std::nullopt;
}

}  // namespace rulec
