// SPDX-License-Identifier: Apache-2.0
#include "engine/bind/given_values.h"

#include <utility>

#include "engine/pack/evaluator.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

using Values = std::map<std::string, Value, std::less<>>;

/// One entry, with what the others came to so far. Values in which it stands itself do not help it.
Result<Value> value_of(const Rules& rules, const Inputs& inputs, const Values& others, const GivenEntry& entry,
                       bool is_last, Diagnostics& diags) {
  Inputs visible = inputs;
  for (const auto& [name, value] : others) visible.values.insert_or_assign(name, value);
  visible.values.erase(entry.name);
  Evaluator evaluator(rules, visible, diags);
  const ast::File& file = rules.files.front();
  Result<Value> value = evaluator.evaluate(file, entry.value);
  if (value && !has_value(*value) && is_last) return evaluator.report_no_value(file[entry.value].span, entry.name);
  return value;
}

}  // namespace

Result<Values> given_values(const Rules& rules, const Inputs& inputs, const std::vector<GivenEntry>& entries,
                            Diagnostics& diags) {
  Values values;
  const std::size_t before = diags.all().size();
  // Each pass settles one more of a chain of entries that need one another.
  for (std::size_t pass = 0; pass <= entries.size(); ++pass) {
    Values next;
    for (const GivenEntry& entry : entries) {
      Result<Value> value = value_of(rules, inputs, values, entry, false, diags);
      if (value && has_value(*value)) next.insert_or_assign(entry.name, *std::move(value));
    }
    diags.truncate(before);
    if (next == values) break;
    if (pass == entries.size() && pass > 0) {
      const GivenEntry& first = entries.front();
      return report(diags, rules.files.front()[first.value].span, diag::DefinitionCycle, first.name,
                    "the values that are given here lead back to each other");
    }
    values = std::move(next);
  }
  bool good = true;
  for (const GivenEntry& entry : entries)
    good &= static_cast<bool>(value_of(rules, inputs, values, entry, true, diags));
  if (!good) return diags.failed();
  return values;
}

}  // namespace rulec
