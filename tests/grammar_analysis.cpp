// SPDX-License-Identifier: Apache-2.0
// In a file of its own, since it is slow to compile.
#include <doctest/doctest.h>

#include <tao/pegtl/contrib/analyze.hpp>

#include "grammar/grammar.h"

namespace rulec::grammar_analysis_test {

TEST_CASE("the grammar has no left recursion and no loop without progress") {
  CHECK(tao::pegtl::analyze<grammar::file>(1) == 0);
}

}  // namespace rulec::grammar_analysis_test
