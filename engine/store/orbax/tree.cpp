// SPDX-License-Identifier: Apache-2.0
#include "engine/store/orbax/tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "engine/file/json_events.h"
#include "engine/file/printable.h"
#include "engine/store/orbax/json_file.h"

namespace rulec::orbax {
namespace {

constexpr std::size_t MaxTreeFindings = 10;

constexpr std::array<std::string_view, 3> ArrayTypes = {"jax.Array", "np.ndarray", "scalar"};
constexpr std::array<std::string_view, 5> EmptyTypes = {"None", "Dict", "List", "Tuple", "NamedTuple"};

Leaf::Kind kind_of(std::string_view value_type, bool is_skipped) {
  // Arrays that are skipped are in the file `checkpoint`, empty containers nowhere.
  if (std::ranges::count(EmptyTypes, value_type) != 0) return Leaf::Kind::Empty;
  if (is_skipped) return Leaf::Kind::Other;
  if (std::ranges::count(ArrayTypes, value_type) != 0) return Leaf::Kind::Array;
  return value_type == "string" ? Leaf::Kind::Text : Leaf::Kind::Other;
}

class TreeEvents final : public JsonEvents {
 public:
  TreeEvents(std::string_view text, std::string path, Diagnostics& diags)
      : text_(text), path_(std::move(path)), diags_(diags) {}

  bool key(std::string_view name, std::size_t offset) override;
  bool value(const JsonValue& value) override;
  bool end() override;

  /// Of a text that was read to its end.
  Result<Tree> finish();

 private:
  enum class Within : std::uint8_t { Document, Leaves, Leaf, Keys, Key, Value, Skipped };
  struct Open {
    Within within;
    std::size_t place;
    std::set<std::string, std::less<>> names;  // of the members so far
  };

  bool document_member(const JsonValue& value);
  bool leaf_member(const JsonValue& value);
  bool key_member(const JsonValue& value);
  bool value_member(const JsonValue& value);
  bool flag(const JsonValue& value, std::optional<bool>& into);
  /// Goes into `value`, which must be of this kind.
  bool enter(const JsonValue& value, JsonValue::Kind kind, Within within);
  bool skip(const JsonValue& value);
  bool needs(const Open& object, std::initializer_list<std::string_view> names);
  bool not_of_kind(const JsonValue& value, std::string_view expected);
  bool bad(std::size_t offset, std::string_view what) {
    bad_orbax(path_, offset, what, diags_);
    return ++findings_ < MaxTreeFindings;
  }
  Leaf& leaf() { return tree_.leaves.back(); }

  std::string_view text_;
  std::string path_;
  Diagnostics& diags_;
  std::vector<Open> open_;
  std::string key_;
  std::size_t key_place_ = 0;
  bool is_skipped_ = false;  // `skip_deserialize` of the leaf
  Tree tree_;
  std::size_t findings_ = 0;
};

bool TreeEvents::key(std::string_view name, std::size_t offset) {
  key_ = name;
  key_place_ = offset;
  Open& object = open_.back();
  if (object.within == Within::Skipped || object.names.emplace(name).second) return true;
  return bad(offset, fmt::format("`{}` stands twice", printable(name)));
}

bool TreeEvents::value(const JsonValue& value) {
  if (open_.empty()) {
    key_ = "the text";
    return enter(value, JsonValue::Kind::Object, Within::Document) && !open_.empty();
  }
  switch (open_.back().within) {
    case Within::Document:
      return document_member(value);
    case Within::Leaves:
      tree_.leaves.push_back({.path = {}, .value_type = {}, .place = key_place_});
      is_skipped_ = false;
      return enter(value, JsonValue::Kind::Object, Within::Leaf);
    case Within::Leaf:
      return leaf_member(value);
    case Within::Keys:
      leaf().path.emplace_back();
      return enter(value, JsonValue::Kind::Object, Within::Key);
    case Within::Key:
      return key_member(value);
    case Within::Value:
      return value_member(value);
    case Within::Skipped:
      break;
  }
  return skip(value);
}

bool TreeEvents::document_member(const JsonValue& value) {
  if (key_ == "tree_metadata") return enter(value, JsonValue::Kind::Object, Within::Leaves);
  if (key_ == "use_ocdbt") return flag(value, tree_.use_ocdbt);
  if (key_ == "use_zarr3") return flag(value, tree_.use_zarr3);
  if (key_ == "store_array_data_equal_to_fill_value") return flag(value, tree_.stores_fill_values);
  if (key_ == "custom_metadata" && value.kind != JsonValue::Kind::Null) {
    tree_.custom_metadata = json_value_at(text_, value.offset);
  }
  return skip(value);
}

bool TreeEvents::leaf_member(const JsonValue& value) {
  if (key_ == "key_metadata") return enter(value, JsonValue::Kind::List, Within::Keys);
  if (key_ == "value_metadata") return enter(value, JsonValue::Kind::Object, Within::Value);
  return skip(value);
}

bool TreeEvents::key_member(const JsonValue& value) {
  Key& key = leaf().path.back();
  if (key_ == "key") {
    if (value.kind != JsonValue::Kind::String) return not_of_kind(value, "a string");
    key.text = value.text;
  } else if (key_ == "key_type") {
    if (value.kind != JsonValue::Kind::Unsigned || (value.number != 1 && value.number != 2)) {
      return not_of_kind(value, "1 (a position in a list) or 2 (a key of a dict)");
    }
    key.is_position = value.number == 1;
  }
  return skip(value);
}

bool TreeEvents::value_member(const JsonValue& value) {
  if (key_ == "value_type") {
    if (value.kind != JsonValue::Kind::String) return not_of_kind(value, "a string");
    leaf().value_type = value.text;
  } else if (key_ == "skip_deserialize") {
    if (value.kind != JsonValue::Kind::Boolean) return not_of_kind(value, "true or false");
    is_skipped_ = value.number != 0;
  }
  return skip(value);
}

bool TreeEvents::flag(const JsonValue& value, std::optional<bool>& into) {
  if (value.kind == JsonValue::Kind::Null) return true;
  if (value.kind != JsonValue::Kind::Boolean) return not_of_kind(value, "true or false");
  into = value.number != 0;
  return true;
}

bool TreeEvents::enter(const JsonValue& value, JsonValue::Kind kind, Within within) {
  if (value.kind != kind) return not_of_kind(value, kind == JsonValue::Kind::Object ? "an object" : "a list");
  open_.push_back({within, value.offset, {}});
  return true;
}

bool TreeEvents::skip(const JsonValue& value) {
  const bool has_content = value.kind == JsonValue::Kind::Object || value.kind == JsonValue::Kind::List;
  if (has_content) open_.push_back({Within::Skipped, value.offset, {}});
  return true;
}

bool TreeEvents::not_of_kind(const JsonValue& value, std::string_view expected) {
  return bad(value.offset, fmt::format("`{}` is {}, expected {}", printable(key_), describe(value), expected)) &&
         skip(value);
}

bool TreeEvents::needs(const Open& object, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (object.names.contains(name)) continue;
    return bad(object.place, fmt::format("`{}` is missing", name));
  }
  return true;
}

bool TreeEvents::end() {
  const Open closed = std::move(open_.back());
  open_.pop_back();
  switch (closed.within) {
    case Within::Document:
      return needs(closed, {"tree_metadata"});
    case Within::Leaf:
      return needs(closed, {"key_metadata", "value_metadata"});
    case Within::Key:
      return needs(closed, {"key", "key_type"});
    case Within::Value:
      leaf().kind = kind_of(leaf().value_type, is_skipped_);
      return needs(closed, {"value_type", "skip_deserialize"});
    case Within::Leaves:
    case Within::Keys:
    case Within::Skipped:
      break;
  }
  return true;
}

Result<Tree> TreeEvents::finish() {
  std::map<std::string, std::uint64_t> places;
  for (const Leaf& leaf : tree_.leaves) {
    if (findings_ > 0) break;
    const auto [first, is_new] = places.emplace(array_name(leaf.path), leaf.place);
    if (is_new) continue;
    bad_orbax(path_, leaf.place, fmt::format("two leaves are called `{}`", printable(first->first)), diags_)
        .also(FilePlace{path_, first->second}, "the other one")
        .note(
            "Orbax joins the keys with `.` and keeps both under one name, so that one array has overwritten the other");
    ++findings_;
  }
  if (findings_ > 0) return diags_.failed();
  return std::move(tree_);
}

}  // namespace

std::string array_name(const std::vector<Key>& path) {
  std::string name;
  for (const Key& key : path) {
    if (&key != path.data()) name += '.';
    name += key.text;
  }
  return name;
}

Result<Tree> parse_tree(std::string_view text, const std::string& path, Diagnostics& diags) {
  TreeEvents events(text, path, diags);
  if (const std::optional<JsonError> error = read_json(text, events, MaxJsonDepth)) {
    return report_json_error(path, *error, diags);
  }
  return events.finish();
}

}  // namespace rulec::orbax
