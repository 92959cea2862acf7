// SPDX-License-Identifier: Apache-2.0
#include "engine/store/tensor_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "engine/file/printable.h"
#include "engine/store/name_series.h"
#include "grammar/messages.h"
#include "grammar/utf8.h"

namespace rulec {
namespace {

constexpr std::string_view Blanks = " \t\r";

/// A word of a line, and where it begins in the text.
struct Word {
  std::string_view text;
  std::size_t begin = 0;
};

struct Problem {
  Word at;
  std::string why;
};

/// Cuts a line, which begins at `begin` in the text, into words; brackets are words of their own.
std::vector<Word> words_of(std::string_view line, std::size_t begin) {
  std::vector<Word> words;
  for (std::size_t at = line.find_first_not_of(Blanks); at < line.size() && line[at] != '#';) {
    const bool is_bracket = line[at] == '[' || line[at] == ']';
    const std::size_t end = is_bracket ? at + 1 : std::min(line.find_first_of(" \t\r[]", at), line.size());
    words.push_back({line.substr(at, end - at), begin + at});
    at = line.find_first_not_of(Blanks, end);
  }
  return words;
}

std::optional<std::int64_t> extent(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_whole = error == std::errc() && end == text.data() + text.size() && number >= 0;
  return is_whole ? std::optional(number) : std::nullopt;
}

/// The tensor of a line that has words, or its first problem. `end` is where the line ends in the text.
std::variant<TensorInfo, Problem> tensor_of(const std::vector<Word>& words, std::size_t end) {
  const Word line_end{{}, end};
  const auto word = [&](std::size_t i) { return i < words.size() ? words[i] : line_end; };
  TensorInfo info{std::string(words[0].text), {}, {}};
  if (words[0].text == "[") return Problem{words[0], "expected the name of a tensor"};
  const std::optional<DType> dtype = find_dtype(word(1).text);
  if (!dtype) return Problem{word(1), "expected a type, such as `BF16`, behind the name"};
  info.dtype = *dtype;
  if (word(2).text != "[") return Problem{word(2), "expected a shape, such as `[2304 8 256]`, behind the type"};
  std::size_t next = 3;
  for (; word(next).text != "]"; ++next) {
    const std::optional<std::int64_t> number = extent(word(next).text);
    if (!number) return Problem{word(next), "expected a whole number or `]`"};
    info.shape.push_back(*number);
  }
  if (next + 1 < words.size()) return Problem{words[next + 1], "expected the end of the line behind the shape"};
  if (!byte_size(info.dtype, info.shape)) {
    return Problem{words[2], "the size of this tensor does not fit into 63 bits, or fills no whole bytes"};
  }
  return info;
}

}  // namespace

Result<std::vector<TensorInfo>> parse_tensor_list(SourceId source, Diagnostics& diags) {
  const std::string_view text = diags.sources()[source].text();
  const auto span = [&](std::size_t begin, std::size_t size) {
    return Span{source, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(begin + size)};
  };
  if (const auto invalid = find_invalid_utf8(text)) return report(diags, span(*invalid, 1), diag::NotUtf8);

  std::optional<Reported> failed;
  const auto complain = [&](Word at, const std::string& why) {
    Finding finding = report(diags, span(at.begin, at.text.size()), diag::BadConfig,
                             printable(diags.sources()[source].name()), "a list of tensors", why);
    failed = finding;
    return finding;
  };
  std::map<std::string, std::pair<TensorInfo, Word>> tensors;  // by name, and where it is named
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::vector<Word> words = words_of(text.substr(begin, end - begin), begin);
    begin = end + 1;
    if (words.empty()) continue;
    const auto tensor = tensor_of(words, end);
    if (const auto* problem = std::get_if<Problem>(&tensor)) {
      complain(problem->at, problem->why);
      continue;
    }
    auto names = names_of_series(words[0].text);
    if (!names || tensors.size() + names->size() > MaxSeries) {
      complain(words[0],
               fmt::format("a series of names is such as `layers.<0..26>.<0,2..4>`, up to {} names", MaxSeries));
      continue;
    }
    for (std::string& name : *names) {
      TensorInfo info = std::get<TensorInfo>(tensor);
      info.name = name;
      const auto [first, is_new] = tensors.try_emplace(std::move(name), std::move(info), words[0]);
      if (is_new) continue;
      const Word& named = first->second.second;
      complain(words[0], first->first == words[0].text
                             ? "this tensor stands twice"
                             : fmt::format("the tensor `{}` stands twice", printable(first->first)))
          .also(span(named.begin, named.text.size()), "first here");
      break;
    }
  }
  if (failed) return *failed;
  std::vector<TensorInfo> sorted;
  for (auto& [name, tensor] : tensors) sorted.push_back(std::move(tensor.first));
  return sorted;
}

}  // namespace rulec
