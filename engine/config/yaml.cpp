// SPDX-License-Identifier: Apache-2.0
#include "engine/config/yaml.h"

#include <fmt/core.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <unordered_map>
#include <utility>

#include "engine/config/core_schema.h"
#include "engine/config/tree_builder.h"
#include "grammar/render/excerpt.h"

namespace rulec {
namespace {

constexpr std::string_view Mark = "\xEF\xBB\xBF";  // of byte order

/// Ends the reading of a text about which enough was said.
struct Stop {};

void go_on_if(bool may_go_on) {
  if (!may_go_on) throw Stop{};
}

/// yaml-cpp's events, as ours.
class YamlReader final : public YAML::EventHandler {
 public:
  YamlReader(TreeBuilder& builder, std::size_t skipped) : builder_(builder), text_(builder.text()), skipped_(skipped) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) fail(at(mark), "something stands behind the end of the document");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (builder_.expects_key()) fail(at(mark), "expected a key");
    check_colon();
    std::size_t begin = content_begin(offset(mark));
    const std::string_view word = text_.substr(begin, word_length(begin));
    const bool is_written = word == "~" || word == "null" || word == "Null" || word == "NULL";
    if (!is_written && key_span_) begin = key_span_->end;  // the mark is that of the next token
    value({std::monostate{}, builder_.span(begin, begin + (is_written ? word.size() : 0))}, anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& content) override {
    const Span span = scalar_span(offset(mark), content);
    if (!builder_.expects_key()) return value({resolve(tag, content, span), span}, anchor);
    if (tag == "?" && content == "<<") fail(span, "merge keys (`<<`) are not of YAML 1.2");
    check_tag(tag, span);
    if (anchor != 0) anchors_[anchor] = ConfigValue{content, span};
    key_span_ = span;
    go_on_if(builder_.key(content, span));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (builder_.expects_key()) fail(at(mark), "an alias cannot be a key");
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) fail(at(mark), "the alias stands within what it names");
    ConfigValue copy = found->second;
    copy.span = builder_.span(offset(mark), offset(mark) + word_length(offset(mark)));
    value(std::move(copy), 0);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    open(mark, tag, {anchor, style == YAML::EmitterStyle::Flow}, "tag:yaml.org,2002:seq");
    go_on_if(builder_.open_list(at(mark)));
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    open(mark, tag, {anchor, style == YAML::EmitterStyle::Flow}, "tag:yaml.org,2002:map");
    go_on_if(builder_.open_object(at(mark)));
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

  /// To be called when the text has been read.
  void check_keys() {
    if (key_without_colon_) fail(*key_without_colon_, "expected `: ` and a value behind this key");
  }

  Span at(const YAML::Mark& mark) const { return builder_.span(offset(mark), offset(mark) + 1); }

 private:
  struct Open {
    YAML::anchor_t anchor;
    bool is_flow;
  };

  [[noreturn]] void fail(Span span, const std::string& why) {
    (void)builder_.fail(span, why);
    throw Stop{};
  }

  std::size_t offset(const YAML::Mark& mark) const {
    // The end of the text has a mark of its own, and errors without a place have -1.
    return mark.pos < 0 ? text_.size() : std::min(skipped_ + static_cast<std::size_t>(mark.pos), text_.size());
  }

  std::size_t word_length(std::size_t begin) const {
    return std::min(text_.find_first_of(" \t\r\n,[]{}", begin), text_.size()) - begin;
  }

  /// Behind the tag and the anchor that may stand at `begin`.
  std::size_t content_begin(std::size_t begin) const {
    while (begin < text_.size() && (text_[begin] == '&' || text_[begin] == '!')) {
      begin = std::min(text_.find_first_not_of(JsonBlanks, begin + word_length(begin)), text_.size());
    }
    return begin;
  }

  Span scalar_span(std::size_t mark, std::string_view content) {
    const std::size_t begin = content_begin(mark);
    const std::string_view rest = text_.substr(begin);
    if (rest.starts_with('"') || rest.starts_with('\'')) return quoted_span(begin, rest);
    if (rest.starts_with(content)) return builder_.span(begin, begin + content.size());
    // A block, or plain text of several lines: its first line stands for it.
    return builder_.span(begin, begin + std::min(rest.find_first_of("\r\n"), rest.size()));
  }

  Span quoted_span(std::size_t begin, std::string_view rest) {
    const char quote = rest[0];
    std::size_t end = 1;
    for (; end < rest.size() && rest[end] != quote; ++end) {
      if (quote == '"' && rest[end] == '\\') ++end;
      while (quote == '\'' && rest.substr(end + 1).starts_with("''")) end += 2;
    }
    // yaml-cpp lets the end of the text end a string too.
    if (end >= rest.size()) fail(builder_.span(begin, begin + 1), "this quote is never closed");
    return builder_.span(begin, begin + end + 1);
  }

  void check_tag(const std::string& tag, Span span) {
    constexpr std::string_view Core = "tag:yaml.org,2002:";
    const std::string_view name = std::string_view(tag).substr(tag.starts_with(Core) ? Core.size() : 0);
    constexpr std::string_view Known[] = {"?", "!", "str", "int", "float", "bool", "null", "seq", "map"};
    if (std::ranges::find(Known, name) == std::end(Known)) {
      fail(span, fmt::format("the tag `{}` is not of YAML's core schema", render::printable(tag)));
    }
  }

  decltype(ConfigValue::node) resolve(const std::string& tag, const std::string& content, Span span) {
    check_tag(tag, span);
    if (tag == "!" || tag.ends_with(":str")) return content;
    auto node = resolve_plain(content);
    if (!node) fail(span, "this number does not fit into 64 bits");
    const bool is_as_tagged = tag == "?" || (tag.ends_with(":null") && std::holds_alternative<std::monostate>(*node)) ||
                              (tag.ends_with(":bool") && std::holds_alternative<bool>(*node)) ||
                              (tag.ends_with(":int") && std::holds_alternative<std::int64_t>(*node)) ||
                              (tag.ends_with(":float") && std::holds_alternative<double>(*node));
    if (!is_as_tagged) fail(span, fmt::format("the value is not of its tag, `{}`", render::printable(tag)));
    return *std::move(node);
  }

  /// yaml-cpp takes a word without a colon for a key without a value. In flow style that can be the first sign of a
  /// bracket that is never closed, about which yaml-cpp will have better words, so it waits.
  void check_colon() {
    if (!key_span_) return;
    const std::size_t behind = std::min(text_.find_first_not_of(JsonBlanks, key_span_->end), text_.size());
    if (text_.substr(behind).starts_with(':') || key_without_colon_) return;
    key_without_colon_ = key_span_;
    if (!open_.back().is_flow) check_keys();
  }

  void value(ConfigValue value, YAML::anchor_t anchor) {
    key_span_.reset();
    end_ = value.span.end;
    go_on_if(builder_.value(std::move(value)));
    remember(anchor);
  }

  void open(const YAML::Mark& mark, const std::string& tag, Open opened, std::string_view own_tag) {
    if (builder_.expects_key()) fail(at(mark), "a key must be a scalar");
    if (tag != "?" && tag != own_tag)
      fail(at(mark), fmt::format("the tag `{}` does not fit here", render::printable(tag)));
    key_span_.reset();
    end_ = offset(mark) + 1;
    open_.push_back(opened);
  }

  void close() {
    builder_.close(end_);
    remember(open_.back().anchor);
    open_.pop_back();
  }

  void remember(YAML::anchor_t anchor) {
    if (anchor == 0) return;
    go_on_if(builder_.charge(builder_.last()));
    anchors_[anchor] = builder_.last();
  }

  TreeBuilder& builder_;
  std::string_view text_;
  std::size_t skipped_;  // bytes of the text that yaml-cpp does not count
  std::size_t documents_ = 0;
  std::size_t end_ = 0;           // of the scalar read last: where the objects and lists around it end so far
  std::optional<Span> key_span_;  // of a key whose value is to come
  std::optional<Span> key_without_colon_;
  std::vector<Open> open_;
  std::unordered_map<YAML::anchor_t, ConfigValue> anchors_;
};

/// The first character that YAML does not allow in a text; yaml-cpp takes some for the end of the text.
std::size_t find_control(std::string_view text) {
  const auto found = std::ranges::find_if(
      text, [](unsigned char c) { return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F; });
  return static_cast<std::size_t>(found - text.begin());
}

}  // namespace

Result<ConfigValue> parse_yaml(SourceId source, Diagnostics& diags) {
  TreeBuilder builder(source, "YAML", diags);
  const std::string_view text = builder.text();
  if (const std::size_t control = find_control(text); control < text.size()) {
    (void)builder.fail(builder.span(control, control + 1), "there is a control character in it");
    return builder.finish();
  }
  YamlReader reader(builder, text.starts_with(Mark) ? Mark.size() : 0);
  std::istringstream in{std::string(text)};
  try {
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(reader)) {
    }
    reader.check_keys();
  } catch (const Stop&) {
  } catch (const YAML::Exception& error) {
    (void)builder.fail(reader.at(error.mark), error.msg);
  }
  return builder.finish();
}

}  // namespace rulec
