// SPDX-License-Identifier: Apache-2.0
#include "engine/store/shard_index.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <utility>

#include "engine/file/json_events.h"
#include "engine/file/printable.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

constexpr std::size_t MaxIndexFindings = 10;

// Empty if `name` is a plain name within a folder, else what it is instead.
std::string_view what_is_unsafe(std::string_view name) {
  if (name.empty()) return "is empty, expected the name of a shard";
  if (name.find_first_of("/\\") != std::string_view::npos)
    return "is a path, expected a name within the folder of the index";
  if (name == "." || name == "..") return "is a folder, expected the name of a shard";
  if (std::ranges::any_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20; }))
    return "has control characters";
  return {};
}

class IndexEvents final : public JsonEvents {
 public:
  IndexEvents(std::string path, Diagnostics& diags) : path_(std::move(path)), diags_(diags) {}

  bool key(std::string_view name, std::size_t offset) override;
  bool value(const JsonValue& value) override;
  bool end() override {
    stack_.pop_back();
    return true;
  }

  /// Of a text that was read to its end.
  Result<ShardIndex> finish();

 private:
  enum class Within : std::uint8_t { Index, Metadata, WeightMap, Skipped };

  bool member_value(const JsonValue& value, Within within);
  bool shard_value(const JsonValue& value);
  bool total_value(const JsonValue& value);
  bool skip(const JsonValue& value) {
    const bool has_content = value.kind == JsonValue::Kind::Object || value.kind == JsonValue::Kind::List;
    if (has_content) stack_.push_back(Within::Skipped);
    return true;
  }
  FilePlace at(std::size_t offset) const { return {path_, offset}; }
  bool bad_index(std::size_t offset, std::string_view what) {
    report(diags_, at(offset), diag::BadIndex, printable(path_), what);
    return ++findings_ < MaxIndexFindings;
  }

  std::string path_;
  Diagnostics& diags_;
  std::vector<Within> stack_;
  std::string key_;
  std::size_t key_place_ = 0;
  bool seen_weight_map_ = false;
  bool seen_metadata_ = false;
  std::map<std::string, std::size_t, std::less<>> files_;  // in the order of their first mention
  ShardIndex index_;
  std::size_t findings_ = 0;
};

bool IndexEvents::key(std::string_view name, std::size_t offset) {
  key_ = name;
  key_place_ = offset;
  if (stack_.back() != Within::Index) return true;
  const bool is_twice = (name == "weight_map" && std::exchange(seen_weight_map_, true)) ||
                        (name == "metadata" && std::exchange(seen_metadata_, true));
  return !is_twice || bad_index(offset, fmt::format("`{}` stands twice", name));
}

bool IndexEvents::value(const JsonValue& value) {
  if (stack_.empty()) {
    if (value.kind != JsonValue::Kind::Object) {
      bad_index(value.offset, fmt::format("it is {}, expected an object", describe(value)));
      return false;
    }
    stack_.push_back(Within::Index);
    return true;
  }
  switch (stack_.back()) {
    case Within::Index:
      if (key_ == "weight_map") return member_value(value, Within::WeightMap);
      if (key_ == "metadata") return member_value(value, Within::Metadata);
      break;
    case Within::WeightMap:
      return shard_value(value);
    case Within::Metadata:
      if (key_ == "total_size") return total_value(value);
      break;
    case Within::Skipped:
      break;
  }
  return skip(value);
}

bool IndexEvents::member_value(const JsonValue& value, Within within) {
  if (value.kind == JsonValue::Kind::Object) {
    stack_.push_back(within);
    return true;
  }
  return bad_index(value.offset, fmt::format("`{}` is {}, expected an object", key_, describe(value))) && skip(value);
}

bool IndexEvents::shard_value(const JsonValue& value) {
  if (value.kind != JsonValue::Kind::String) {
    return bad_index(value.offset,
                     fmt::format("the shard of `{}` is {}, expected a file name", printable(key_), describe(value))) &&
           skip(value);
  }
  if (const std::string_view unsafe = what_is_unsafe(value.text); !unsafe.empty()) {
    report(diags_, at(value.offset), diag::UnsafePath, printable(value.text), unsafe);
    return ++findings_ < MaxIndexFindings;
  }
  const auto [file, is_new] = files_.emplace(value.text, files_.size());
  index_.entries.push_back({key_, file->second, key_place_});
  return true;
}

bool IndexEvents::total_value(const JsonValue& value) {
  constexpr double TwoTo63 = 9223372036854775808.0;
  if (value.kind == JsonValue::Kind::Unsigned) {
    index_.total_bytes = value.number;
  } else if (value.kind == JsonValue::Kind::Float && value.approximate >= 0 && value.approximate < TwoTo63 &&
             std::trunc(value.approximate) == value.approximate) {
    index_.total_bytes = static_cast<std::uint64_t>(value.approximate);
  } else {
    report(diags_, at(value.offset), diag::HeaderOddity, printable(path_),
           fmt::format("`total_size` is {}, expected a whole number", describe(value)));
  }
  index_.total_place = value.offset;
  return skip(value);
}

Result<ShardIndex> IndexEvents::finish() {
  if (findings_ == 0 && !seen_weight_map_) bad_index(0, "it has no `weight_map`");
  std::ranges::sort(index_.entries, {},
                    [](const ShardIndex::Entry& e) { return std::pair(std::string_view(e.tensor), e.place); });
  for (std::size_t i = 1; i < index_.entries.size() && findings_ < MaxIndexFindings; ++i) {
    if (index_.entries[i].tensor != index_.entries[i - 1].tensor) continue;
    bad_index(index_.entries[i].place, fmt::format("tensor `{}` stands twice", printable(index_.entries[i].tensor)));
  }
  if (findings_ > 0) return diags_.failed();
  // Files become numbered as they are sorted, not as they were met.
  std::vector<std::size_t> position(files_.size());
  for (const auto& [file, met] : files_) {
    position[met] = index_.files.size();
    index_.files.push_back(file);
  }
  for (ShardIndex::Entry& entry : index_.entries) entry.file = position[entry.file];
  return std::move(index_);
}

}  // namespace

Result<ShardIndex> parse_shard_index(std::string_view text, const std::string& path, Diagnostics& diags) {
  IndexEvents events(path, diags);
  const std::optional<JsonError> error = read_json(text, events);
  if (error && error->is_too_deep) {
    return report(diags, FilePlace{path, error->offset}, diag::OverLimit,
                  fmt::format("`{}` has {}", printable(path), error->text), fmt::format("{}", MaxJsonDepth));
  }
  if (error) return report(diags, FilePlace{path, error->offset}, diag::BadIndex, printable(path), error->text);
  return events.finish();
}

}  // namespace rulec
