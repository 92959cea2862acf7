// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>

namespace rulec {

/// A broken promise within rulec, never the user's doing. The entries of the public API turn it into R0999.
class InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// Throws `InternalError`; `RULEC_ASSERT` calls it in every build, since an embedding process must survive our bugs.
[[noreturn]] void assertion_failed(const char* claim, const char* file, int line);

}  // namespace rulec

#define RULEC_ASSERT(claim) (static_cast<bool>(claim) ? void(0) : ::rulec::assertion_failed(#claim, __FILE__, __LINE__))
