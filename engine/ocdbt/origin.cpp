// SPDX-License-Identifier: Apache-2.0
#include "engine/ocdbt/origin.h"

#include "engine/file/printable.h"
#include "grammar/messages.h"

namespace rulec::ocdbt {

Finding report_bad(const Origin& origin, std::uint64_t at, std::string_view what, Diagnostics& diags) {
  return report(diags, FilePlace{origin.path, origin.offset + at}, diag::BadOcdbt, printable(origin.path), origin.kind,
                what);
}

Status Budget::take(std::uint64_t bytes, const Origin& origin, Diagnostics& diags) {
  if (bytes > left_) {
    return report(
        diags, FilePlace{origin.path, origin.offset}, diag::OverLimit,
        fmt::format("the keys and small values of the database of `{}` need more memory", printable(origin.path)),
        fmt::format("{} bytes", MaxDatabaseBytes));
  }
  left_ -= bytes;
  return Done{};
}

}  // namespace rulec::ocdbt
