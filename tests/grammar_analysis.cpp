// SPDX-License-Identifier: Apache-2.0
// In a file of its own, since it is slow to compile.
#include <doctest/doctest.h>

#include <tao/pegtl/contrib/analyze.hpp>

#include "grammar/grammar.h"

TEST_CASE("the grammar has no left recursion and no loop without progress") {
  CHECK(tao::pegtl::analyze<rulec::grammar::file>(1) == 0);
}
