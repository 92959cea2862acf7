// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>

#include <rulec/convert.h>
#include <rulec/diagnostics.h>
#include <rulec/result.h>

namespace rulec::cli {

/// A folder that appears all at once: filled under a temporary name beside the target, on the disk before it is
/// renamed, renamed when complete. An error removes the temporary folder and leaves an old target as it was; so does
/// SIGINT, SIGTERM, SIGHUP, SIGQUIT or SIGXCPU. But if the journal says that part of the work is done, the folder
/// stays, for `--resume`.
///
/// Make it before any other thread: it blocks those signals and has a thread wait for them. While it lives, a closed
/// pipe and a limit on the size of files are errors of the writer's and do not end the process.
class TargetFolder {
 public:
  /// `target` has passed `check_target`.
  explicit TargetFolder(const std::filesystem::path& target);
  ~TargetFolder();
  TargetFolder(const TargetFolder&) = delete;
  TargetFolder& operator=(const TargetFolder&) = delete;

  /// Makes the temporary folder, `TARGET.partial`, or goes on with the one that is there. Two runs do not write to one,
  /// but for those that do a part each: it is locked. Errors: R0809, R0810, R0846.
  Status create(bool resume, const std::optional<Part>& part, Diagnostics& diags);

  /// Whether there is something to go on with: what was stopped before the first note begins anew.
  bool is_resumed() const { return is_resumed_; }

  /// Where to note what is done. `commit` removes it.
  std::filesystem::path journal() const { return partial_ / JournalName; }

  /// Where to write. Files and folders below it must be on the disk before `commit`, but for their names in this folder
  /// itself.
  const std::filesystem::path& partial() const { return partial_; }

  /// Puts the folder in the place of the target. What is there by now is replaced if it is an empty folder, or with
  /// `overwrite`; it is removed once the new name is on the disk. Errors: R0809, R0810.
  Status commit(bool overwrite, Diagnostics& diags);

  /// Leaves it to other parts to complete it.
  void leave();

 private:
  void wait_for_signals();
  bool is_in_parts() const;
  void remove_partial();
  Status lock(const std::filesystem::path& partial, Diagnostics& diags);
  Status take_up(bool resume, Diagnostics& diags);
  Status clear(Diagnostics& diags);
  std::filesystem::path own_journal() const { return part_ ? journal_of(journal(), *part_) : journal(); }
  bool is_worth_keeping() const;
  bool is_of_nobody_else() const;
  static void remove_journals(const std::filesystem::path& folder);
  void give_up(const char* what_is_kept);
  int swap();

  static constexpr const char* JournalName = ".rulec-journal";

  std::filesystem::path target_;
  std::filesystem::path partial_;  // empty: there is none
  int locked_ = -1;                // descriptor of it
  bool is_alone_ = true;           // no other part is at work
  bool is_resumed_ = false;
  std::optional<Part> part_;
  std::mutex mutex_;                         // a signal must not fall into the middle of a commit
  std::array<void (*)(int), 2> handlers_{};  // of the signals that are ignored meanwhile
  std::thread watch_;
};

}  // namespace rulec::cli
