// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <span>
#include <stdexcept>
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

/// By message, as in the catalogue.
constexpr std::string_view Texts[] = {
#define RULEC_DIAG(kind, id, name, severity, text, ...) text,
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

Finding report(Diagnostics& diags, Place place, std::string_view id,
               std::initializer_list<std::string_view> arguments) {
  const Message* message = find_message(id);
  if (message == nullptr) throw std::logic_error("there is no message " + std::string(id));
  std::string_view rest = diag::Texts[message - all_messages().data()];
  std::string text;
  for (const std::string_view argument : arguments) {
    const std::size_t at = rest.find("{}");
    if (at == std::string_view::npos) throw std::logic_error("too many arguments for " + std::string(id));
    text.append(rest.substr(0, at)).append(argument);
    rest.remove_prefix(at + 2);
  }
  if (rest.find("{}") != std::string_view::npos) throw std::logic_error("too few arguments for " + std::string(id));
  text.append(rest);
  return diags.add(
      {message->id, message->name, message->severity, std::move(text), Label{std::move(place), {}}, {}, {}, {}});
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

void Diagnostics::append(const Diagnostics& other) {
  for (const SharedSource& source : other.sources_.all()) sources_.adopt(source);
  replace_from(all_.size(), other.all_);
}

void Diagnostics::enable(std::string_view id_or_name) {
  if (const Message* message = find_message(id_or_name)) enabled_.emplace_back(message->id);
}

Reported Diagnostics::failed() const {
  RULEC_ASSERT(errors_ > 0);
  return Reported();
}

namespace {

/// Whether one of `known` has the id and the place of `diagnostic`.
bool is_among(std::span<const Diagnostic> known, const Diagnostic& diagnostic) {
  return std::ranges::any_of(
      known, [&](const Diagnostic& d) { return d.id == diagnostic.id && d.primary.place == diagnostic.primary.place; });
}

}  // namespace

void Diagnostics::deduplicate(std::size_t count) {
  std::vector<Diagnostic> kept;
  for (std::size_t i = count; i < all_.size(); ++i) {
    if (!is_among(kept, all_[i])) kept.push_back(all_[i]);
  }
  replace_from(count, std::move(kept));
}

void Diagnostics::forget_repeated(std::size_t since, std::size_t count) {
  std::vector<Diagnostic> kept;
  for (std::size_t i = count; i < all_.size(); ++i) {
    if (!is_among(std::span(all_).subspan(since, count - since), all_[i])) kept.push_back(all_[i]);
  }
  replace_from(count, std::move(kept));
}

void Diagnostics::replace_from(std::size_t count, std::vector<Diagnostic> diagnostics) {
  truncate(count);
  for (Diagnostic& diagnostic : diagnostics) {
    errors_ += diagnostic.severity == Severity::Error;
    warnings_ += diagnostic.severity == Severity::Warning;
    all_.push_back(std::move(diagnostic));
  }
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
