// SPDX-License-Identifier: Apache-2.0
#include "engine/rules/scopes.h"

#include <algorithm>

namespace rulec {

std::string_view describe(LocalKind kind) {
  switch (kind) {
    case LocalKind::Index:
      return "index";
    case LocalKind::Parameter:
      return "parameter";
    case LocalKind::Let:
      return "let";
  }
  return {};
}

const Local* Scopes::find(std::string_view name) const {
  const auto found =
      std::find_if(locals_.rbegin(), locals_.rend(), [&](const Local& local) { return local.name.text == name; });
  return found == locals_.rend() ? nullptr : &*found;
}

const Local* Scopes::use(std::string_view name) {
  const auto found =
      std::find_if(locals_.rbegin(), locals_.rend(), [&](const Local& local) { return local.name.text == name; });
  if (found == locals_.rend()) return nullptr;
  found->is_used = true;
  return &*found;
}

std::vector<Local> Scopes::close(std::size_t mark) {
  const auto first = locals_.begin() + static_cast<std::ptrdiff_t>(mark);
  std::vector<Local> closed(first, locals_.end());
  locals_.erase(first, locals_.end());
  return closed;
}

bool Scopes::in_loop() const {
  return std::ranges::any_of(locals_, [](const Local& local) { return local.kind == LocalKind::Index; });
}

std::vector<std::string> Scopes::names() const {
  std::vector<std::string> names;
  for (const Local& local : locals_) names.push_back(local.name.text);
  return names;
}

}  // namespace rulec
