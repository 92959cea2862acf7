// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "grammar/overloaded.h"
#include "grammar/render/excerpt.h"
#include "grammar/render/severity.h"

#include <rulec/diagnostics.h>

namespace rulec {
namespace {

using render::Excerpt;
using render::printable;
using render::word;

constexpr std::size_t MaxWidth = 160;  // columns of source that are shown of one line
constexpr std::string_view Ellipsis = "...";

/// A label in the text it points into.
struct Mark {
  const Label* label;
  Span span;
  Position at;
  std::size_t number;  // in the order of filing; the primary one is 0

  bool is_primary() const { return number == 0; }
};

class Writer {
 public:
  Writer(const Diagnostics& diagnostics, RenderOptions options)
      : sources_(diagnostics.sources()), color_(options.color) {}

  void write(const Diagnostic& diagnostic) {
    if (!out_.empty()) out_ += '\n';
    severity_ = diagnostic.severity;
    const std::string id = fmt::format("{}[{} {}]", word(severity_), diagnostic.id, diagnostic.name);
    out_ += paint(severity_color(), id) + paint("1", ": " + printable(diagnostic.message)) + "\n";
    collect(diagnostic);
    place(diagnostic.primary.place, "-->");
    if (!std::holds_alternative<Span>(diagnostic.primary.place)) line("note", diagnostic.primary.text);
    excerpts();
    for (const Label& label : diagnostic.secondary) {
      if (std::holds_alternative<Span>(label.place)) continue;
      place(label.place, ":::");
      line("note", label.text);
    }
    for (const std::string& note : diagnostic.notes) line("note", note);
    for (const std::string& help : diagnostic.helps) line("help", help);
  }

  std::string text() && { return std::move(out_); }

 private:
  // ---- colours: as rustc has them ----------------------------------------------------------------------------------

  std::string paint(std::string_view code, std::string_view text) const {
    return color_ ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
  }
  std::string_view severity_color() const {
    return severity_ == Severity::Error ? "1;31" : severity_ == Severity::Warning ? "1;33" : "1;32";
  }
  std::string blue(std::string_view text) const { return paint("1;34", text); }

  // ---- places ------------------------------------------------------------------------------------------------------

  /// The labels that point into texts: the primary one's text first, then by line and column.
  void collect(const Diagnostic& diagnostic) {
    marks_.clear();
    const auto add = [&](const Label& label, std::size_t number) {
      const Span* span = std::get_if<Span>(&label.place);
      const Source* source = span == nullptr ? nullptr : sources_.find(span->source);
      // A finding may have been carried here without its text: it is shown without its lines then.
      if (source != nullptr) marks_.push_back({&label, *span, source->position(span->begin), number});
    };
    add(diagnostic.primary, 0);
    for (std::size_t i = 0; i < diagnostic.secondary.size(); ++i) add(diagnostic.secondary[i], i + 1);
    gutter_ = 2;
    for (const Mark& mark : marks_) gutter_ = std::max(gutter_, std::to_string(mark.at.line).size());
    if (marks_.empty()) return;
    const SourceId first = marks_.front().span.source;
    std::ranges::sort(marks_, {}, [&](const Mark& mark) {
      return std::tuple(mark.span.source != first, mark.span.source, mark.at.line, mark.at.column, mark.number);
    });
  }

  void place(const Place& place, std::string_view arrow) {
    const std::string text =
        std::visit(Overloaded{
                       [](std::monostate) { return std::string(); },
                       [&](const Span& span) {
                         const Source* source = sources_.find(span.source);
                         if (source == nullptr) return std::string();
                         const Position at = source->position(span.begin);
                         return fmt::format("{}:{}:{}", printable(source->name()), at.line, at.column);
                       },
                       [](const FilePlace& file) {
                         const std::string path = printable(file.path);
                         return file.offset ? fmt::format("{} (byte {})", path, *file.offset) : path;
                       },
                   },
                   place);
    if (!text.empty()) out_ += std::string(gutter_, ' ') + blue(arrow) + " " + text + "\n";
  }

  // ---- source lines ------------------------------------------------------------------------------------------------

  void excerpts() {
    for (std::size_t i = 0; i < marks_.size();) {
      if (i > 0 && marks_[i].span.source != marks_[i - 1].span.source) place(marks_[i].span, ":::");
      std::size_t end = i + 1;
      while (end < marks_.size() && marks_[end].span.source == marks_[i].span.source &&
             marks_[end].at.line == marks_[i].at.line) {
        ++end;
      }
      excerpt({marks_.begin() + static_cast<std::ptrdiff_t>(i), marks_.begin() + static_cast<std::ptrdiff_t>(end)});
      i = end;
    }
  }

  /// One line of source and the marks under it.
  void excerpt(const std::vector<Mark>& marks) {
    const Source& source = sources_[marks.front().span.source];
    const std::uint32_t number = marks.front().at.line;
    const Excerpt line(source.line(number));
    const auto [begin, end] = window(line, marks);
    const bool is_cut = begin > 0;
    std::string shown = line.cut(begin, end);
    if (is_cut) shown = std::string(Ellipsis) + shown;
    if (end < line.width()) shown += Ellipsis;
    gutter(std::to_string(number), shown);
    for (const Mark& mark : marks) underline(line, mark, begin, is_cut ? Ellipsis.size() : 0);
  }

  /// The columns that are shown: all, or those around the marks, the primary one above all.
  static std::pair<std::size_t, std::size_t> window(const Excerpt& line, const std::vector<Mark>& marks) {
    if (line.width() <= MaxWidth) return {0, line.width()};
    const auto primary = std::ranges::find_if(marks, &Mark::is_primary);
    const Mark& main = primary == marks.end() ? marks.front() : *primary;
    const std::size_t center = line.column(main.at.column - 1);
    std::size_t begin = center > MaxWidth / 2 ? center - MaxWidth / 2 : 0;
    begin = std::min(begin, line.width() - MaxWidth);
    return {begin, begin + MaxWidth};
  }

  void underline(const Excerpt& line, const Mark& mark, std::size_t window, std::size_t indent) {
    const std::size_t first = mark.at.column - 1;
    std::size_t begin = line.column(first);
    std::size_t end = line.column(first + (mark.span.end - mark.span.begin));
    begin = std::clamp(begin, window, window + MaxWidth);
    end = std::clamp(end, begin, window + MaxWidth);
    const std::string strokes(std::max<std::size_t>(end - begin, 1), mark.is_primary() ? '^' : '-');
    const std::string_view color = mark.is_primary() ? severity_color() : "1;34";
    std::string text = strokes;
    if (!mark.label->text.empty()) text += " " + printable(mark.label->text);
    gutter("", std::string(begin - window + indent, ' ') + paint(color, text));
  }

  void gutter(std::string_view number, std::string_view text) {
    out_ += blue(fmt::format("{:>{}} |", number, gutter_));
    if (!text.empty()) out_ += fmt::format(" {}", text);
    out_ += '\n';
  }

  /// `= note: text`; further lines of the text stand under its first.
  void line(std::string_view kind, std::string_view text) {
    if (text.empty()) return;
    out_ += std::string(gutter_ + 1, ' ') + blue("=") + " " + paint("1", kind) + ": ";
    for (bool is_first = true;; is_first = false) {
      const std::size_t newline = text.find('\n');
      if (!is_first) out_ += std::string(gutter_ + kind.size() + 5, ' ');
      out_ += printable(text.substr(0, newline)) + "\n";
      if (newline == std::string_view::npos) return;
      text.remove_prefix(newline + 1);
    }
  }

  std::string out_;
  const SourceMap& sources_;
  bool color_;
  Severity severity_ = Severity::Error;
  std::size_t gutter_ = 2;
  std::vector<Mark> marks_;
};

}  // namespace

std::string render_text(const Diagnostics& diagnostics, RenderOptions options) {
  Writer writer(diagnostics, options);
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    writer.write(diagnostic);
  }
  return std::move(writer).text();
}

}  // namespace rulec
