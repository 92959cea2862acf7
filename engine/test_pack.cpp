// SPDX-License-Identifier: Apache-2.0
#include "engine/guard.h"
#include "engine/trial/pack_tests.h"

#include <rulec/check.h>

namespace rulec {

Status test(const RulePack& pack, std::vector<std::string>& lines, Diagnostics& diags) {
  return guarded(diags, pack.sources(), [&]() -> Status {
    const std::size_t errors = diags.errors();
    TinyModels models(*pack.shared());
    run_test_blocks(pack.shared(), models, lines, diags);
    run_round_trips(pack.shared(), models, lines, diags);
    if (diags.errors() > errors) return diags.failed();
    return Done{};
  });
}

}  // namespace rulec
