// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>

#include "grammar/messages.h"

namespace rulec {

/// Runs an entry of the public API: what escapes is a bug of ours and becomes R0999, so that no exception crosses the
/// API.
template <class Action>
auto guarded(Diagnostics& diags, const Action& action) -> decltype(action()) {
  try {
    return action();
  } catch (const std::exception& bug) {
    return report(diags, {}, diag::InternalBug, bug.what()).help("please report it with the files that show it");
  }
}

}  // namespace rulec
