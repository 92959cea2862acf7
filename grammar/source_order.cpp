// SPDX-License-Identifier: Apache-2.0
#include "grammar/source_order.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <variant>

namespace rulec {

void sort_by_place(Diagnostics& diags, std::size_t count) {
  std::vector<Diagnostic> filed(diags.all().begin() + static_cast<std::ptrdiff_t>(count), diags.all().end());
  std::ranges::stable_sort(filed, {}, [](const Diagnostic& one) {
    const Span* span = std::get_if<Span>(&one.primary.place);
    return span ? std::tuple(true, span->source, span->begin) : std::tuple(false, SourceId{}, 0U);
  });
  diags.truncate(count);
  for (Diagnostic& one : filed) diags.add(std::move(one));
}

}  // namespace rulec
