// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/ast.h"

namespace rulec {

enum class LocalKind : std::uint8_t { Index, Parameter, Let };

/// `index`, `parameter`, `let`: for messages.
std::string_view describe(LocalKind kind);

/// A name that holds within braces or within one definition.
struct Local {
  ast::Name name;
  LocalKind kind{};
  bool is_used = false;
};

/// The local names at one place of a file, outermost first. Inner ones win.
class Scopes {
 public:
  /// The innermost local of this name, or nullptr. Valid until the next `open` or `close`.
  const Local* find(std::string_view name) const;

  /// The same, which from then on counts as used.
  const Local* use(std::string_view name);

  /// Adds a name to the innermost scope.
  void add(Local local) { locals_.push_back(std::move(local)); }

  /// Opens a scope: what is added from here on goes with `close(mark)`, which gives it back.
  std::size_t open() const { return locals_.size(); }
  std::vector<Local> close(std::size_t mark);

  /// Whether a loop is around this place.
  bool in_loop() const;

  std::vector<std::string> names() const;

 private:
  std::vector<Local> locals_;
};

}  // namespace rulec
