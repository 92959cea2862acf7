// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <mutex>
#include <thread>

#include <rulec/diagnostics.h>
#include <rulec/result.h>

namespace rulec::cli {

/// May `target` be made out of `source`? A target that exists must be an empty folder, or with `overwrite` the folder
/// of a checkpoint; never a link, the source, or above or below it. Errors: R0809, R0810.
Status check_target(const std::filesystem::path& target, const std::filesystem::path& source, bool overwrite,
                    Diagnostics& diags);

/// A folder that appears all at once: filled under a temporary name beside the target, renamed when complete. Whatever
/// ends the process before that (SIGINT, SIGTERM and SIGHUP too) removes the temporary folder and leaves an old target
/// as it was.
///
/// Make it before any other thread: it blocks those signals and has a thread wait for them.
class TargetFolder {
 public:
  explicit TargetFolder(const std::filesystem::path& target);
  ~TargetFolder();
  TargetFolder(const TargetFolder&) = delete;
  TargetFolder& operator=(const TargetFolder&) = delete;

  /// Makes the temporary folder. Errors: R0809.
  Status create(Diagnostics& diags);

  /// Where to write.
  const std::filesystem::path& partial() const { return partial_; }

  /// Puts the folder in the place of the target. Errors: R0809.
  Status commit(Diagnostics& diags);

 private:
  void wait_for_signals();
  void remove_partial();

  std::filesystem::path target_;
  std::filesystem::path partial_;  // empty: there is none
  std::mutex mutex_;               // a signal must not fall into the middle of a commit
  std::thread watch_;
};

}  // namespace rulec::cli
