// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <utility>

#include "grammar/internal_error.h"
#include "grammar/messages.h"

namespace rulec {

void assertion_failed(const char* claim, const char* file, int line) {
  throw InternalError(fmt::format("{}:{}: {}", file, line, claim));
}

void no_value() {
  throw InternalError("the value of a failed Result was asked for");
}

namespace diag {
namespace {
constexpr Message Catalogue[] = {
#define RULEC_DIAG(kind, id, name, severity, ...) {id, name, Severity::severity},
#include "grammar/messages.def"
#undef RULEC_DIAG
};
}  // namespace
}  // namespace diag

std::span<const Message> all_messages() {
  return diag::Catalogue;
}

const Message* find_message(std::string_view id_or_name) {
  const auto messages = all_messages();
  const auto found =
      std::ranges::find_if(messages, [&](const Message& m) { return m.id == id_or_name || m.name == id_or_name; });
  return found == messages.end() ? nullptr : &*found;
}

Finding Diagnostics::add(Diagnostic diagnostic) {
  if (diagnostic.severity == Severity::Off) {
    if (std::ranges::find(enabled_, diagnostic.id) == enabled_.end()) return Finding(*this, std::nullopt);
    diagnostic.severity = Severity::Warning;
  }
  errors_ += diagnostic.severity == Severity::Error;
  warnings_ += diagnostic.severity == Severity::Warning;
  all_.push_back(std::move(diagnostic));
  return Finding(*this, all_.size() - 1);
}

void Diagnostics::enable(std::string_view id_or_name) {
  if (const Message* message = find_message(id_or_name)) enabled_.emplace_back(message->id);
}

Reported Diagnostics::failed() const {
  RULEC_ASSERT(errors_ > 0);
  return Reported();
}

void Diagnostics::deduplicate(std::size_t count) {
  std::vector<Diagnostic> kept(all_.begin(), all_.begin() + static_cast<std::ptrdiff_t>(count));
  const auto same = [](const Diagnostic& a, const Diagnostic& b) {
    return a.id == b.id && a.primary.place == b.primary.place;
  };
  for (std::size_t i = count; i < all_.size(); ++i) {
    const auto begin = kept.begin() + static_cast<std::ptrdiff_t>(count);
    if (std::none_of(begin, kept.end(), [&](const Diagnostic& d) { return same(d, all_[i]); })) kept.push_back(all_[i]);
  }
  all_ = std::move(kept);
  errors_ = static_cast<std::size_t>(std::ranges::count(all_, Severity::Error, &Diagnostic::severity));
  warnings_ = static_cast<std::size_t>(std::ranges::count(all_, Severity::Warning, &Diagnostic::severity));
}

void Diagnostics::truncate(std::size_t count) {
  while (all_.size() > count) {
    errors_ -= all_.back().severity == Severity::Error;
    warnings_ -= all_.back().severity == Severity::Warning;
    all_.pop_back();
  }
}

Finding& Finding::label(std::string text) {
  if (index_) owner_->all_[*index_].primary.text = std::move(text);
  return *this;
}

Finding& Finding::also(Place place, std::string text) {
  if (index_) owner_->all_[*index_].secondary.push_back({std::move(place), std::move(text)});
  return *this;
}

Finding& Finding::note(std::string text) {
  if (index_) owner_->all_[*index_].notes.push_back(std::move(text));
  return *this;
}

Finding& Finding::help(std::string text) {
  if (index_) owner_->all_[*index_].helps.push_back(std::move(text));
  return *this;
}

Finding::operator Reported() const {
  return owner_->failed();
}

}  // namespace rulec
