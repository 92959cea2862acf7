// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace rulec {

/// A visitor made of lambdas: `std::visit(Overloaded{[](A) {...}, [](B) {...}}, variant)`. A missing case does not
/// compile.
template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

}  // namespace rulec
