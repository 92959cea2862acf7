// SPDX-License-Identifier: Apache-2.0
// The messages that the commands file themselves, each with how many places its text has.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

#include <rulec/messages.h>

namespace rulec::cli {

template <std::size_t Arguments>
struct MessageKind {
  std::string_view id;
};

namespace diag {
inline constexpr MessageKind<2> UnknownSide{"R0223"};
inline constexpr MessageKind<1> NoPackFits{"R0612"};
inline constexpr MessageKind<2> SeveralFit{"R0613"};
inline constexpr MessageKind<2> CannotRead{"R0801"};
inline constexpr MessageKind<2> CannotWrite{"R0809"};
inline constexpr MessageKind<2> TargetExists{"R0810"};
inline constexpr MessageKind<0> OtherConversion{"R0845"};
inline constexpr MessageKind<2> NothingToResume{"R0846"};
inline constexpr MessageKind<0> PlanChanged{"R0849"};
inline constexpr MessageKind<3> BadConfig{"R0901"};
inline constexpr MessageKind<1> Usage{"R0903"};
inline constexpr MessageKind<1> WhichWay{"R0904"};
}  // namespace diag

template <std::size_t Count, class... Args>
Finding report(Diagnostics& diags, Place place, const MessageKind<Count>& kind, const Args&... args) {
  static_assert(sizeof...(Args) == Count, "the text of the message has another number of places");
  return rulec::report(diags, std::move(place), kind.id, {std::string_view(args)...});
}

}  // namespace rulec::cli
