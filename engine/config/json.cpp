// SPDX-License-Identifier: Apache-2.0
// nlohmann's events tell no places. They follow from how far its lexer has come: every event is one token, and between
// two tokens stand blanks and the one comma or colon that the parser has accepted.
#include "engine/config/json.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/config/tree_builder.h"
#include "engine/file/tracked_iterator.h"

namespace rulec {
namespace {

/// `... syntax error while parsing value - invalid literal; last read: 'N'; expected ...` to `invalid literal`: the
/// excerpt below the message shows the rest.
std::string plain_words(std::string what) {
  if (what.find("number overflow") != std::string::npos) return "this number does not fit into 64 bits";
  if (const std::size_t dash = what.find(" - "); dash != std::string::npos) what.erase(0, dash + 3);
  if (const std::size_t last_read = what.find("; last read: "); last_read != std::string::npos) what.erase(last_read);
  std::ranges::replace(what, '\'', '`');
  return what;
}

/// What to do about tokens of other languages.
std::string_view help_for(std::string_view before, std::string_view rest) {
  static constexpr std::pair<std::string_view, std::string_view> Foreign[] = {
      {"NaN", "Python writes `NaN`, which is not JSON: write a number or `null`"},
      {"Infinity", "Python writes `Infinity`, which is not JSON: write a number or `null`"},
      {"-Infinity", "Python writes `-Infinity`, which is not JSON: write a number or `null`"},
      {"None", "JSON writes `null`"},
      {"True", "JSON writes `true`"},
      {"False", "JSON writes `false`"},
      {"//", "JSON has no comments"},
      {"/*", "JSON has no comments"},
      {"#", "JSON has no comments"},
      {"'", "JSON strings stand in double quotes"},
      {"\xEF\xBB\xBF", "remove the byte order mark, which JSON does not have"},
  };
  for (const auto& [token, help] : Foreign) {
    if (rest.starts_with(token)) return help;
  }
  const std::size_t previous = before.find_last_not_of(JsonBlanks);
  const bool is_behind_comma = previous != std::string_view::npos && before[previous] == ',';
  return is_behind_comma && (rest.starts_with(']') || rest.starts_with('}')) ? "no comma stands behind the last value"
                                                                             : "";
}

/// nlohmann's events, as ours.
class JsonReader {
 public:
  explicit JsonReader(TreeBuilder& builder) : builder_(builder), text_(builder.text()), reached_(text_.data()) {}

  TrackedIterator begin() { return {text_.data(), &reached_}; }
  TrackedIterator end() { return {text_.data() + text_.size(), &reached_}; }

  bool null() { return scalar(std::monostate{}); }
  bool boolean(bool is_true) { return scalar(is_true); }
  bool number_integer(std::int64_t number) { return number_token(number); }
  bool number_unsigned(std::uint64_t number) {
    if (number > std::numeric_limits<std::int64_t>::max()) return number_token(static_cast<double>(number));
    return number_token(static_cast<std::int64_t>(number));
  }
  bool number_float(double number, const std::string&) { return number_token(number); }
  bool string(std::string& content) { return scalar(std::move(content)); }
  bool binary(const nlohmann::json::binary_t&) { return false; }  // not in a text
  bool start_object(std::size_t) { return builder_.open_object(token(Before::Nothing)); }
  bool start_array(std::size_t) { return builder_.open_list(token(Before::Nothing)); }
  bool end_object() { return end_container(); }
  bool end_array() { return end_container(); }
  bool key(std::string& name) { return builder_.key(std::move(name), token(Before::Colon)); }

  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& error) {
    const std::size_t begin = token_begin();
    const std::string_view rest = text_.substr(std::min(begin, text_.size()));
    const std::size_t reached = reach();
    if (rest.starts_with('"') && reached > begin)
      return builder_.fail(builder_.span(reached - 1, reached), plain_words(error.what()));
    const std::size_t length = std::max<std::size_t>(std::min(rest.find_first_of(" \t\r\n,:[]{}\""), rest.size()), 1);
    return builder_.fail(builder_.span(begin, begin + length), plain_words(error.what()),
                         help_for(text_.substr(0, begin), rest));
  }

 private:
  /// What may stand between this token and the next, besides blanks.
  enum class Before : std::uint8_t { Nothing, Colon, Comma };

  std::size_t reach() const { return static_cast<std::size_t>(reached_ - text_.data()); }

  std::size_t skip_blanks(std::size_t at) const {
    return std::min(text_.find_first_not_of(JsonBlanks, at), text_.size());
  }

  std::size_t token_begin() const {
    const std::size_t at = skip_blanks(previous_end_);
    const char separator = before_next_ == Before::Colon ? ':' : ',';
    const bool is_separated = before_next_ != Before::Nothing && at < text_.size() && text_[at] == separator;
    return is_separated ? skip_blanks(at + 1) : at;
  }

  Span token(Before next) {
    const std::size_t begin = token_begin();
    previous_end_ = reach();
    before_next_ = next;
    return builder_.span(begin, previous_end_);
  }

  bool scalar(decltype(ConfigValue::node) node) { return builder_.value({std::move(node), token(Before::Comma)}); }

  bool number_token(decltype(ConfigValue::node) node) {
    Span span = token(Before::Comma);
    // The lexer has read the byte behind the number too.
    previous_end_ = std::min(text_.find_first_not_of("0123456789+-.eE", span.begin), text_.size());
    return builder_.value({std::move(node), builder_.span(span.begin, previous_end_)});
  }

  bool end_container() {
    builder_.close(token(Before::Comma).end);
    return true;
  }

  TreeBuilder& builder_;
  std::string_view text_;
  const char* reached_;
  std::size_t previous_end_ = 0;
  Before before_next_ = Before::Nothing;
};

}  // namespace

Result<ConfigValue> parse_json(SourceId source, Diagnostics& diags) {
  TreeBuilder builder(source, "JSON", diags);
  const std::string_view text = builder.text();
  // nlohmann would skip a byte order mark, and take a NUL for the end of the text.
  if (text.starts_with("\xEF\xBB\xBF")) {
    (void)builder.fail(builder.span(0, 3), "it begins with a byte order mark", help_for({}, text));
    return builder.finish();
  }
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    (void)builder.fail(builder.span(nul, nul + 1), "there is a NUL byte in it");
    return builder.finish();
  }
  JsonReader reader(builder);
  (void)nlohmann::json::sax_parse(reader.begin(), reader.end(), &reader);
  return builder.finish();
}

}  // namespace rulec
