// SPDX-License-Identifier: Apache-2.0
#include "engine/run/runner.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "engine/run/limits.h"
#include "engine/run/parts.h"
#include "engine/run/reflink.h"
#include "engine/run/resume.h"
#include "engine/run/work.h"
#include "grammar/messages.h"

namespace rulec {

Status Runner::run() {
  if (!stores_.target->begin(made_.infos, diags_) || !work({}, nullptr)) return diags_.failed();
  return commit();
}

Status Runner::run(const std::string& mark) {
  if (mark.empty() && options_.is_resumed) return cannot_resume();
  if (mark.empty() || options_.journal.empty()) return run();
  Result<Journal> journal = open_journal(options_.journal, mark);
  if (!journal || !begin(options_.is_resumed) || !take_up(*journal)) return diags_.failed();
  if (!work(journal->finished(), &*journal)) return diags_.failed();
  return commit();
}

Status Runner::run_part(const std::string& mark, const Part& part) {
  if (!check_parts(mark)) return diags_.failed();
  share_ = share_of(made_.input, made_.plan, part);
  const auto others = [&] {
    return other_parts(options_.journal, part, mark, made_.plan.units.size(), *stores_.target_files, diags_);
  };
  std::optional<Journal> journal;
  {
    const Result<PartsLock> lock = PartsLock::take(options_.journal, diags_);
    if (!lock) return diags_.failed();
    const Result<OtherParts> begun = others();
    // A journal says that the files are there.
    const std::filesystem::path own = journal_of(options_.journal, part);
    std::error_code ignored;
    if (!begun || !begin(!begun->journals.empty() || std::filesystem::exists(own, ignored))) return diags_.failed();
    Result<Journal> opened = open_journal(own, mark);
    if (!opened) return diags_.failed();
    journal = *std::move(opened);
  }
  if (!take_up(*journal)) return diags_.failed();
  std::vector<bool> not_here = journal->finished();
  for (std::size_t u = 0; u < not_here.size(); ++u) not_here[u] = not_here[u] || !share_->units[u];
  if (!work(std::move(not_here), &*journal)) return diags_.failed();

  const Result<PartsLock> lock = PartsLock::take(options_.journal, diags_);
  if (!lock) return diags_.failed();
  // Under the lock, so that one of several that end at once is the last.
  if (!journal->end(diags_)) return diags_.failed();
  const Result<OtherParts> done = others();
  if (!done) return diags_.failed();
  report_.open_parts = done->open;
  if (!done->open.empty()) return Done{};
  for (const Journal& other : done->journals) note_finished(made_.input, made_.plan, other, *stores_.target_files);
  if (!make_rest(done->journals)) return diags_.failed();
  return commit();
}

/// What the others have made and noted nowhere, because it lies in no file, such as small values in the nodes of a
/// database: whoever completes makes it once more.
Status Runner::make_rest(const std::vector<Journal>& others) {
  WorkOptions work = within_limits();
  work.done_before = share_->units;
  for (const Journal& other : others) {
    for (std::size_t u = 0; u < work.done_before.size(); ++u)
      work.done_before[u] = work.done_before[u] || other.finished()[u];
  }
  if (std::ranges::count(work.done_before, false) == 0) return Done{};
  if (!do_first_pass(work) || !do_work(made_.input, made_.plan, work, diags_)) return diags_.failed();
  return Done{};
}

Status Runner::cannot_resume() {
  return report(diags_, FilePlace{options_.journal.string(), {}}, diag::NothingToResume, options_.journal.string(),
                "is of a source or a target that is not in files, which cannot be gone on with")
      .help("begin anew, without --resume");
}

Status Runner::check_parts(const std::string& mark) {
  if (mark.empty() || options_.journal.empty())
    return report(diags_, {}, diag::NoParts, "the source or the target is not in files");
  for (std::size_t t = 0; t < made_.infos.size(); ++t) {
    if (made_.writer.form(t).is_raw) continue;
    return report(diags_, {}, diag::NoParts, "it is compressed").help("leave the compression out, or --part");
  }
  return Done{};
}

Result<Journal> Runner::open_journal(const std::filesystem::path& path, const std::string& mark) {
  const std::size_t units = made_.plan.units.size();
  ResumableSink& sink = *stores_.target_files;
  return options_.is_resumed ? Journal::resume(path, mark, units, sink, diags_)
                             : Journal::begin(path, mark, units, sink, diags_);
}

Status Runner::begin(bool again) {
  if (again) return stores_.target_files->begin_again(made_.infos, diags_);
  if (!stores_.target->begin(made_.infos, diags_)) return diags_.failed();
  stores_.target_files->keep();
  return Done{};
}

/// What a journal says was done, is done, if the disk has it.
Status Runner::take_up(Journal& journal) {
  if (!options_.is_resumed) return Done{};
  CheckOptions check{options_.plan.memory_bytes, threads(), {}};
  if (options_.on_progress) check.on_progress = [&](const Team::Mark& mark) { tell(mark, mark.bytes); };
  if (!check_written(made_.input, made_.plan, *stores_.target_files, check, journal, diags_)) return diags_.failed();
  resumed_ = note_finished(made_.input, made_.plan, journal, *stores_.target_files);
  return Done{};
}

Status Runner::work(std::vector<bool> done_before, Journal* journal) {
  WorkOptions work = within_limits();
  work.done_before = std::move(done_before);
  work.journal = journal;
  work.notes_all = share_.has_value();
  Timeline trace;
  if (!options_.trace.empty()) work.trace = &trace;
  std::uint64_t reflinked = 0;
  if (stores_.target_files != nullptr && !share_) {  // others would not know of it
    const Result<std::uint64_t> bytes = reflink(made_, *stores_.target_files, work.done_before, work.trace, diags_);
    if (!bytes) return diags_.failed();
    reflinked = *bytes;
  }
  const std::uint64_t elsewhere = made_.plan.bytes_written - bytes_written();
  if (options_.on_progress) {
    work.on_progress = [&](const Team::Mark& mark) { tell({mark.bytes - elsewhere, mark.tensor}, resumed_); };
  }
  const bool is_done = do_first_pass(work) && do_work(made_.input, made_.plan, work, diags_);
  if (!options_.trace.empty() && !trace.write(options_.trace, diags_)) return diags_.failed();
  if (!is_done) return diags_.failed();
  report_.bytes_read += (share_ ? share_->bytes_read : made_.plan.bytes_read) - reflinked;
  report_.bytes_reflinked += reflinked;
  report_.bytes_written += bytes_written();
  return Done{};
}

/// Fills the scratch file, if anything is left to do that reads it.
Status Runner::do_first_pass(const WorkOptions& second) {
  if (made_.first == nullptr) return Done{};
  FirstPass& first = *made_.first;
  scratched_ = first.scratch.bytes();
  const auto reads_scratch = [&](std::size_t load) {
    return std::ranges::any_of(made_.plan.loads[load].blocks, [&](const Block& block) {
      return std::ranges::binary_search(first.numbers, block.tensor);
    });
  };
  bool is_needed = false;
  for (std::size_t u = 0; u < made_.plan.units.size(); ++u) {
    const bool is_done = !second.done_before.empty() && second.done_before[u];
    is_needed = is_needed || (!is_done && std::ranges::any_of(made_.plan.units[u].loads, reads_scratch));
  }
  if (!is_needed) return Done{};
  WorkOptions work = within_limits();
  work.trace = second.trace;
  if (options_.on_progress) {
    work.on_progress = [&](const Team::Mark& mark) {
      options_.on_progress({resumed_ + mark.bytes, total(), first.made.infos[mark.tensor].name, resumed_});
    };
  }
  // Among the target's files there is room for as much.
  first.scratch.lie_in(options_.scratch.empty() ? stores_.target_files->folder() : options_.scratch);
  if (!first.scratch.begin(first.made.infos, diags_) || !do_work(first.made.input, first.made.plan, work, diags_) ||
      !first.scratch.commit(diags_))
    return diags_.failed();
  report_.bytes_scratch += first.scratch.bytes();
  report_.bytes_read += first.made.plan.bytes_read;
  return Done{};
}

/// What progress runs to: it has the first pass, too.
std::uint64_t Runner::total() const {
  return bytes_written() + (made_.first == nullptr ? 0 : made_.first->scratch.bytes());
}

void Runner::tell(const Team::Mark& mark, std::uint64_t resumed) const {
  if (made_.infos.empty()) return;  // there is no tensor to tell of
  options_.on_progress({mark.bytes + scratched_, total(), made_.infos[mark.tensor].name, resumed});
}

WorkOptions Runner::within_limits() const {
  WorkOptions work;
  work.memory_bytes = options_.plan.memory_bytes;
  work.threads = threads();
  return work;
}

int Runner::threads() const {
  return options_.threads > 0 ? options_.threads : usable_cores();
}

}  // namespace rulec
