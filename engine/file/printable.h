// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace rulec {

/// A name or path from outside, as a message may print it: control characters, bytes that are not UTF-8 and the like
/// are escaped, and of more than 200 bytes the middle is left out.
std::string printable(std::string_view text);

/// Whether a string of JSON has the text as it is: it is printable ASCII without quotes and backslashes, as nearly all
/// names are.
bool is_plain(std::string_view text);

}  // namespace rulec
