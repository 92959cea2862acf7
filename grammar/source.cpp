// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <utility>

#include "grammar/internal_error.h"

#include <rulec/source.h>

namespace rulec {
namespace {

/// Texts travel between threads and between `Diagnostics`, so that their names must not meet. This counter, which says
/// nothing but that two texts differ, is the one thing that all of a process shares.
SourceId new_id() {
  static std::atomic<std::uint32_t> next{0};
  return static_cast<SourceId>(next.fetch_add(1, std::memory_order_relaxed));
}

}  // namespace

Source::Source(std::string name, std::string text)
    : id_(new_id()), name_(std::move(name)), text_(std::move(text)), line_starts_{0} {
  for (std::uint32_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n') line_starts_.push_back(i + 1);
  }
}

Position Source::position(std::uint32_t offset) const {
  offset = std::min(offset, static_cast<std::uint32_t>(text_.size()));
  const auto next = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  return {static_cast<std::uint32_t>(next - line_starts_.begin()), offset - *(next - 1) + 1};
}

std::string_view Source::line(std::uint32_t number) const {
  if (number == 0 || number > line_starts_.size()) return {};
  const std::string_view rest = std::string_view(text_).substr(line_starts_[number - 1]);
  std::string_view line = rest.substr(0, rest.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

SourceId SourceMap::add(std::string name, std::string text) {
  const auto source = std::make_shared<const Source>(std::move(name), std::move(text));
  sources_.emplace(source->id(), source);
  return source->id();
}

void SourceMap::adopt(const SharedSource& source) {
  sources_.emplace(source->id(), source);
}

const Source* SourceMap::find(SourceId id) const {
  const auto found = sources_.find(id);
  return found == sources_.end() ? nullptr : found->second.get();
}

const Source& SourceMap::operator[](SourceId id) const {
  return *shared(id);
}

const SharedSource& SourceMap::shared(SourceId id) const {
  const auto found = sources_.find(id);
  RULEC_ASSERT(found != sources_.end());
  return found->second;
}

std::vector<SharedSource> SourceMap::all() const {
  std::vector<SharedSource> sources;
  for (const auto& [id, source] : sources_) sources.push_back(source);
  return sources;
}

std::string_view SourceMap::text(Span span) const {
  return std::string_view((*this)[span.source].text()).substr(span.begin, span.end - span.begin);
}

}  // namespace rulec
