// SPDX-License-Identifier: Apache-2.0
// The catalogue of messages: one row each in messages.def, typed, so that a message whose arguments do not fit its text
// does not compile.
#pragma once

#include <fmt/core.h>

#include <string_view>
#include <type_traits>
#include <utility>

#include <rulec/diagnostics.h>
#include <rulec/messages.h>

namespace rulec {

template <class... Args>
struct DiagKind {
  std::string_view id;
  std::string_view name;
  Severity severity;
  fmt::format_string<const Args&...> message;
};

namespace diag {
using str = std::string_view;
using i64 = std::int64_t;
using u64 = std::uint64_t;
#define RULEC_DIAG(kind, id, name, severity, message, ...) \
  inline constexpr DiagKind<__VA_ARGS__> kind{id, name, Severity::severity, message};
#include "grammar/messages.def"
#undef RULEC_DIAG
}  // namespace diag

/// Files the diagnostic `kind` at `place`. The arguments are those of its row.
template <class... Args>
Finding report(Diagnostics& diags, Place place, const DiagKind<Args...>& kind,
               const std::type_identity_t<Args>&... args) {
  return diags.add({kind.id,
                    kind.name,
                    kind.severity,
                    fmt::vformat(kind.message, fmt::make_format_args(args...)),
                    Label{std::move(place), {}},
                    {},
                    {},
                    {}});
}

}  // namespace rulec
