// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include <rulec/diagnostics.h>

namespace rulec::render {

/// What a message begins with, in text as in JSON. One that is off is shown as a note if it is shown.
constexpr std::string_view word(Severity severity) {
  switch (severity) {
    case Severity::Error:
      return "error";
    case Severity::Warning:
      return "warning";
    case Severity::Note:
    case Severity::Off:
      break;
  }
  return "note";
}

}  // namespace rulec::render
