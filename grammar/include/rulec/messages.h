// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <rulec/diagnostics.h>

namespace rulec {

/// A message of the catalogue.
struct Message {
  std::string_view id;    ///< `R0402`
  std::string_view name;  ///< `index-hole`
  Severity severity;      ///< `Off`: only where it is enabled
};

/// Every message there is, by id.
std::span<const Message> all_messages();

/// The message with this id or name, or nullptr.
const Message* find_message(std::string_view id_or_name);

/// The page of a message in Markdown: what it means, wrong, right. Nothing if there is no such message.
std::optional<std::string_view> message_page(std::string_view id_or_name);

/// Files a message of the catalogue: for stores, sinks and programs that have findings of their own.
///
///     return report(diags, FilePlace{path, {}}, "R0801", {path, "no such file"});
///
/// `arguments` take the places of `{}` in the message's text, in order. An id that there is not, or another number of
/// arguments than the text has places, is a mistake of the caller's: `std::logic_error`.
Finding report(Diagnostics& diags, Place place, std::string_view id, std::initializer_list<std::string_view> arguments);

/// For "did you mean": at most `most` of `candidates` that `name` may be a slip for, the closest first, each once.
///
/// Close is, in lower case: up to a third of the name's length away (one edit at least) by Damerau-Levenshtein
/// distance; the same words in another order, parted by `_`; or, where one of the two is dotted and the other is not, a
/// close last part: `hidden_sizes` for `text_config.hidden_size`. The name itself is never among them.
std::vector<std::string> close_names(std::string_view name, std::span<const std::string> candidates,
                                     std::size_t most = 4);

}  // namespace rulec
