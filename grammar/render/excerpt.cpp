// SPDX-License-Identifier: Apache-2.0
#include "grammar/render/excerpt.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdint>

namespace rulec::render {
namespace {

/// One code point: its bytes in the text, and its value; 1 byte and no value if this is no UTF-8.
struct CodePoint {
  std::size_t size = 1;
  std::uint32_t value = 0;
  bool is_valid = false;
};

CodePoint code_point(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {1, lead, true};
  const std::size_t size = lead >= 0xF0 && lead < 0xF5   ? 4
                           : lead >= 0xE0 && lead < 0xF0 ? 3
                           : lead >= 0xC2 && lead < 0xE0 ? 2
                                                         : 1;
  if (size == 1 || text.size() < size) return {};
  std::uint32_t value = lead & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    value = (value << 6) | (byte(i) & 0x3FU);
  }
  static constexpr std::uint32_t Least[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = value >= 0xD800 && value < 0xE000;
  if (value < Least[size] || value > 0x10FFFF || is_surrogate) return {};
  return {size, value, true};
}

/// Characters that reorder or hide what stands beside them.
bool is_deceptive(std::uint32_t c) {
  return (c >= 0x80 && c < 0xA0) || c == 0xAD || (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
         (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF;
}

/// What to show for the code point at the beginning of `text`.
std::string shown(std::string_view text, CodePoint point) {
  if (!point.is_valid) return fmt::format("\\x{:02x}", static_cast<unsigned char>(text[0]));
  if (point.value == '\n') return "\\n";
  if (point.value == '\t') return "\\t";
  if (point.value < 0x20 || point.value == 0x7F) return fmt::format("\\x{:02x}", point.value);
  if (is_deceptive(point.value)) return fmt::format("\\u{{{:x}}}", point.value);
  return std::string(text.substr(0, point.size));
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const CodePoint point = code_point(text);
    out += shown(text, point);
    text.remove_prefix(point.size);
  }
  return out;
}

std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

Excerpt::Excerpt(std::string_view line) {
  while (!line.empty()) {
    const CodePoint point = code_point(line);
    const std::string piece = line[0] == '\t' ? "    " : shown(line, point);
    columns_.insert(columns_.end(), point.size, bytes_.size());
    for (std::size_t i = 0; i < piece.size(); ++i) {
      if ((piece[i] & 0xC0) != 0x80) bytes_.push_back(text_.size() + i);
    }
    text_ += piece;
    line.remove_prefix(point.size);
  }
  columns_.push_back(bytes_.size());
  bytes_.push_back(text_.size());
}

std::size_t Excerpt::column(std::size_t offset) const {
  return columns_[std::min(offset, columns_.size() - 1)];
}

std::string Excerpt::cut(std::size_t begin, std::size_t end) const {
  begin = std::min(begin, width());
  end = std::clamp(end, begin, width());
  return text_.substr(bytes_[begin], bytes_[end] - bytes_[begin]);
}

}  // namespace rulec::render
