// SPDX-License-Identifier: Apache-2.0
#include "engine/store/tensor_list.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "grammar/messages.h"

namespace rulec {
namespace {

/// The next word of a line, and what is left behind it.
std::string_view take_word(std::string_view& rest) {
  const std::size_t begin = std::min(rest.find_first_not_of(" \t\r"), rest.size());
  rest.remove_prefix(begin);
  const std::size_t end = std::min(rest.find_first_of(" \t\r"), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(end);
  return word;
}

/// `[2304 13 9216]`.
std::optional<Shape> read_shape(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') return std::nullopt;
  text = text.substr(1, text.size() - 2);
  Shape shape;
  for (std::string_view word = take_word(text); !word.empty(); word = take_word(text)) {
    std::int64_t extent = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), extent);
    if (error != std::errc() || end != word.data() + word.size() || extent < 0) return std::nullopt;
    shape.push_back(extent);
  }
  return shape;
}

}  // namespace

Result<std::vector<TensorInfo>> parse_tensor_list(SourceId source, Diagnostics& diags) {
  const std::string text = diags.sources()[source].text();
  const std::string file = diags.sources()[source].name();
  const std::size_t errors = diags.errors();
  std::vector<TensorInfo> tensors;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view whole = std::string_view(text).substr(begin, end - begin);
    const std::string_view line = whole.substr(0, whole.find('#'));
    const Span span{source, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(begin + line.size())};
    begin = end + 1;
    std::string_view rest = line;
    const std::string_view name = take_word(rest);
    if (name.empty()) continue;
    const std::optional<DType> dtype = find_dtype(take_word(rest));
    const std::optional<Shape> shape = read_shape(rest);
    if (!dtype || !shape || !byte_size(*dtype, *shape)) {
      report(diags, span, diag::BadConfig, file, "a list of tensors", "a line is `name DTYPE [d d d]`");
      continue;
    }
    tensors.push_back({std::string(name), *dtype, *shape});
  }
  if (diags.errors() > errors) return diags.failed();
  std::ranges::sort(tensors, {}, &TensorInfo::name);
  return tensors;
}

}  // namespace rulec
