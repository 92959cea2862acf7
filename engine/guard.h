// SPDX-License-Identifier: Apache-2.0
// Where exceptions end: every entry of the public API runs in `guarded`.
#pragma once

#include <exception>
#include <new>
#include <vector>

#include "engine/caller.h"
#include "grammar/messages.h"

namespace rulec {

/// Runs an entry of the public API, so that no exception crosses it. What the caller's own code threw is R0905, memory
/// that ran out R0906; whatever else escapes is a bug of ours, R0999.
template <class Action>
auto guarded(Diagnostics& diags, const Action& action) -> decltype(action()) {
  try {
    return action();
  } catch (const CallerError& error) {
    return report(diags, {}, diag::CallerFailed, error.what());
  } catch (const std::bad_alloc&) {
    return report(diags, {}, diag::OutOfMemory)
        .help("one source and one target tensor must fit into memory, with what they are made of");
  } catch (const std::exception& bug) {
    return report(diags, {}, diag::InternalBug, bug.what()).help("please report it with the files that show it");
  } catch (...) {
    return report(diags, {}, diag::InternalBug, "something was thrown that is no std::exception")
        .help("please report it with the files that show it");
  }
}

/// The same for an entry that is given a pack or a model: `diags` takes in its texts first.
template <class Action>
auto guarded(Diagnostics& diags, const std::vector<SharedSource>& texts, const Action& action) -> decltype(action()) {
  return guarded(diags, [&]() -> decltype(action()) {
    for (const SharedSource& text : texts) diags.sources().adopt(text);
    return action();
  });
}

}  // namespace rulec
