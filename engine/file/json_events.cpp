// SPDX-License-Identifier: Apache-2.0
#include "engine/file/json_events.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "engine/file/printable.h"
#include "engine/file/tracked_iterator.h"

namespace rulec {
namespace {

// `[json.exception.parse_error.101] parse error at line 1, column 9: syntax error while ...` to what follows the colon.
std::string plain_words(std::string_view what) {
  if (const std::size_t column = what.find(", column "); column != std::string_view::npos) {
    what.remove_prefix(what.find(": ", column) + 2);
  } else if (const std::size_t bracket = what.find("] "); bracket != std::string_view::npos) {
    what.remove_prefix(bracket + 2);
  }
  return printable(what);
}

// The events of nlohmann's parser, as one of ours each.
class Adapter {
 public:
  Adapter(std::string_view text, JsonEvents& events, int max_depth)
      : text_(text), events_(events), max_depth_(max_depth), reached_(text.data()) {}

  TrackedIterator begin() { return {text_.data(), &reached_}; }
  TrackedIterator end() { return {text_.data() + text_.size(), &reached_}; }
  std::optional<JsonError> take_error() { return std::move(error_); }

  bool null() { return value({.kind = JsonValue::Kind::Null}); }
  bool boolean(bool is_true) { return value({.kind = JsonValue::Kind::Boolean, .number = is_true}); }
  bool number_integer(std::int64_t number) {
    const std::string written = number == 0 ? "-0" : fmt::format("{}", number);
    return value({.kind = JsonValue::Kind::Negative, .text = written});
  }
  bool number_unsigned(std::uint64_t number) { return value({.kind = JsonValue::Kind::Unsigned, .number = number}); }
  bool number_float(double number, const std::string& written) {
    return value({.kind = JsonValue::Kind::Float, .approximate = number, .text = written});
  }
  bool string(const std::string& content) { return value({.kind = JsonValue::Kind::String, .text = content}); }
  bool binary(const nlohmann::json::binary_t&) { return false; }  // not in a text
  bool start_object(std::size_t) { return open(JsonValue::Kind::Object); }
  bool start_array(std::size_t) { return open(JsonValue::Kind::List); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(const std::string& name) { return events_.key(name, token_begin()); }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception& error) {
    // The position counts the end of the text as one byte read.
    error_ = {plain_words(error.what()), std::min(position == 0 ? 0 : position - 1, text_.size()), false};
    return false;
  }

 private:
  bool value(JsonValue value) {
    value.offset = token_begin();
    return events_.value(value);
  }

  bool open(JsonValue::Kind kind) {
    const std::size_t offset = token_begin();
    if (++depth_ > max_depth_) {
      error_ = {fmt::format("objects and lists nested {} deep", depth_), offset, true};
      return false;
    }
    return events_.value({.kind = kind, .offset = offset});
  }

  bool close() {
    --depth_;
    token_begin();
    return events_.end();
  }

  // Where the token of this event began: behind the one before, and what stands between two tokens.
  std::size_t token_begin() {
    const std::size_t begin = text_.find_first_not_of(" \t\r\n,:", previous_end_);
    previous_end_ = static_cast<std::size_t>(reached_ - text_.data());
    return std::min(begin, previous_end_);
  }

  std::string_view text_;
  JsonEvents& events_;
  int max_depth_;
  const char* reached_;
  std::size_t previous_end_ = 0;
  int depth_ = 0;
  std::optional<JsonError> error_;
};

}  // namespace

std::string describe(const JsonValue& value) {
  switch (value.kind) {
    case JsonValue::Kind::Null:
      return "null";
    case JsonValue::Kind::Boolean:
      return value.number != 0 ? "true" : "false";
    case JsonValue::Kind::Unsigned:
      return fmt::format("the number `{}`", value.number);
    case JsonValue::Kind::Negative:
    case JsonValue::Kind::Float:
      return fmt::format("the number `{}`", printable(value.text));
    case JsonValue::Kind::String:
      return fmt::format("the string `{}`", printable(value.text));
    case JsonValue::Kind::Object:
      return "an object";
    case JsonValue::Kind::List:
      return "a list";
  }
  return {};
}

std::optional<JsonError> read_json(std::string_view text, JsonEvents& events, int max_depth) {
  // nlohmann skips a byte order mark and takes a NUL for the end of the text.
  if (text.starts_with("\xEF\xBB\xBF")) return JsonError{"it begins with a byte order mark", 0, false};
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    return JsonError{"there is a NUL byte in it", nul, false};
  }
  Adapter adapter(text, events, max_depth);
  nlohmann::json::sax_parse(adapter.begin(), adapter.end(), &adapter);
  return adapter.take_error();
}

}  // namespace rulec
