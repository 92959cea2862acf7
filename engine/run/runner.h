// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/run/journal.h"
#include "engine/run/prepared.h"
#include "engine/run/run.h"
#include "engine/run/share.h"
#include "engine/run/team.h"
#include "engine/run/work.h"

#include <rulec/diagnostics.h>
#include <rulec/result.h>

namespace rulec {

/// Does what is planned: begins the target or goes on with it, has the work done, and commits. For one run. What was
/// read and written is added to the report.
class Runner {
 public:
  /// Borrows all.
  Runner(const Prepared& made, const RunStores& stores, const RunOptions& options, RunReport& report,
         Diagnostics& diags)
      : made_(made), stores_(stores), options_(options), report_(report), diags_(diags) {}

  /// From beginning to end, without a journal.
  Status run();

  /// The same with one, if the options have one; a run that was killed is gone on with, if they say so. `mark` is what
  /// `fingerprint_of` says. Errors: R0845, R0846 and those of the stores.
  Status run(const std::string& mark);

  /// One share of several; the last commits what all of them have done. Errors: the same, and R0848.
  Status run_part(const std::string& mark, const Part& part);

 private:
  Status cannot_resume();
  Status check_parts(const std::string& mark);
  Result<Journal> open_journal(const std::filesystem::path& path, const std::string& mark);
  Status begin(bool again);
  Status take_up(Journal& journal);
  Status make_rest(const std::vector<Journal>& others);
  Status do_first_pass(const WorkOptions& second);
  Status work(std::vector<bool> done_before, Journal* journal);
  Status commit() { return stores_.target->commit(diags_); }

  void tell(const Team::Mark& mark, std::uint64_t resumed) const;
  std::uint64_t total() const;
  std::uint64_t bytes_written() const { return share_ ? share_->bytes_written : made_.plan.bytes_written; }
  WorkOptions within_limits() const;
  int threads() const;

  const Prepared& made_;
  const RunStores& stores_;
  const RunOptions& options_;
  RunReport& report_;
  Diagnostics& diags_;
  std::optional<Share> share_;   // of a run that does a part
  std::uint64_t resumed_ = 0;    // bytes that a run before this one has written
  std::uint64_t scratched_ = 0;  // bytes of the scratch file, once the first pass is over or not needed
};

}  // namespace rulec
