// SPDX-License-Identifier: Apache-2.0
// What an elaboration met that is no fault of one model, but may be a mistake of the pack.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/pack/pack.h"

namespace rulec {

/// `key else default` took its default, since the config that is given has no value for the key.
struct Fallback {
  SideId side{};
  std::string key;              ///< as it was looked for, sections in front: `text_config.vocab_size`
  Span span;                    ///< of the key in the rules
  std::optional<Span> instead;  ///< of the config value that the default was read from, if it was
};

/// A range that a loop reached.
struct ReachedRange {
  Span span;
  std::string index;
  bool ran = false;
};

struct Trace {
  std::vector<Fallback> fallbacks;
  std::map<std::pair<std::uint32_t, std::uint32_t>, ReachedRange> ranges;  ///< by source and place

  void reach(Span span, const std::string& index, bool ran) {
    ReachedRange& range =
        ranges.try_emplace({static_cast<std::uint32_t>(span.source), span.begin}, ReachedRange{span, index, false})
            .first->second;
    range.ran |= ran;
  }
};

/// The same as `elaborate`; what it met is added to `trace`.
Result<Pack> elaborate(const Rules& rules, const Inputs& inputs, Trace& trace, Diagnostics& diags);

}  // namespace rulec
