// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include "grammar/bundle.h"
#include "grammar/messages.h"

namespace rulec {

std::span<const BundledText> bundled_messages();

std::optional<std::string_view> message_page(std::string_view id_or_name) {
  const Message* message = find_message(id_or_name);
  if (message == nullptr) return std::nullopt;
  const auto pages = bundled_messages();
  const auto found = std::ranges::find(pages, std::string(message->id) + ".md", &BundledText::path);
  if (found == pages.end()) return std::nullopt;
  return found->text;
}

}  // namespace rulec
