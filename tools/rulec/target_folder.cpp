// SPDX-License-Identifier: Apache-2.0
#include "tools/rulec/target_folder.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "grammar/messages.h"

namespace rulec::cli {
namespace {

namespace fs = std::filesystem;

constexpr int EndOfWatch = SIGUSR1;

sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, EndOfWatch}) sigaddset(&set, signal);
  return set;
}

// `a/b/` names the folder that `a/b` names.
fs::path without_slash(const fs::path& path) {
  const fs::path normal = path.lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();
}

bool is_within(const fs::path& inner, const fs::path& outer) {
  const auto [at, end] = std::ranges::mismatch(outer, inner);
  return at == outer.end();
}

bool holds_checkpoint(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const fs::path name = at->path().filename();
    if (name.extension() == ".safetensors" || name == "rulec.json") return true;
  }
  return false;
}

Finding refuse(Diagnostics& diags, const fs::path& target, const char* why) {
  return report(diags, FilePlace{target.string(), {}}, diag::TargetExists, target.string(), why);
}

Status check_existing(const fs::path& target, bool overwrite, Diagnostics& diags) {
  std::error_code error;
  if (!fs::is_directory(target, error)) return refuse(diags, target, "is a file; a checkpoint is made as a folder");
  if (fs::is_empty(target, error)) return Done{};
  if (!overwrite) return refuse(diags, target, "is there already and not empty").help("replace it with --overwrite");
  if (holds_checkpoint(target)) return Done{};
  return refuse(diags, target, "holds other things than a checkpoint; --overwrite would remove them")
      .help("choose another folder, or empty this one");
}

}  // namespace

Status check_target(const fs::path& target_as_given, const fs::path& source, bool overwrite, Diagnostics& diags) {
  const fs::path target = without_slash(target_as_given);
  std::error_code error;
  if (fs::is_symlink(target, error)) return refuse(diags, target, "is a link; name the folder itself");
  const fs::path parent = target.has_parent_path() ? target.parent_path() : fs::path(".");
  if (!fs::is_directory(parent, error)) {
    return report(diags, FilePlace{target.string(), {}}, diag::CannotWrite, target.string(),
                  "there is no folder " + parent.string());
  }
  if (access(parent.c_str(), W_OK | X_OK) != 0) {
    return report(diags, FilePlace{target.string(), {}}, diag::CannotWrite, target.string(), std::strerror(errno));
  }
  const fs::path real_source = fs::weakly_canonical(source, error);
  const fs::path real_target = fs::weakly_canonical(target, error);
  if (real_source == real_target) return refuse(diags, target, "is the source itself");
  if (is_within(real_target, real_source)) return refuse(diags, target, "lies within the source");
  if (is_within(real_source, real_target)) return refuse(diags, target, "holds the source");
  return fs::exists(target, error) ? check_existing(target, overwrite, diags) : Status(Done{});
}

TargetFolder::TargetFolder(const fs::path& target) : target_(without_slash(target)) {
  const sigset_t signals = watched_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  watch_ = std::thread([this] { wait_for_signals(); });
}

TargetFolder::~TargetFolder() {
  pthread_kill(watch_.native_handle(), EndOfWatch);
  watch_.join();
  remove_partial();
  const sigset_t signals = watched_signals();
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

void TargetFolder::wait_for_signals() {
  const sigset_t signals = watched_signals();
  int signal = 0;
  while (sigwait(&signals, &signal) != 0) continue;
  if (signal == EndOfWatch) return;
  const std::lock_guard lock(mutex_);
  remove_partial();
  _exit(128 + signal);  // as a shell reports it
}

void TargetFolder::remove_partial() {
  // The writer may still be at it: a file that it made behind our back needs another try.
  std::error_code error;
  for (int tries = 0; tries < 100 && !partial_.empty(); ++tries) {
    fs::remove_all(partial_, error);
    if (!error) return;
  }
}

Status TargetFolder::create(Diagnostics& diags) {
  std::string name = target_.string() + ".partial-XXXXXX";
  const std::lock_guard lock(mutex_);
  if (mkdtemp(name.data()) == nullptr) {
    return report(diags, FilePlace{target_.string(), {}}, diag::CannotWrite, target_.string(), std::strerror(errno));
  }
  partial_ = name;
  std::error_code error;  // mkdtemp's folders are for their owner only; this one is to be like any other
  const mode_t mask = umask(0);
  umask(mask);
  fs::permissions(partial_, static_cast<fs::perms>(0777 & ~mask), error);
  return Done{};
}

Status TargetFolder::commit(Diagnostics& diags) {
  const std::lock_guard lock(mutex_);
  std::error_code error;
  if (!fs::exists(target_, error) || fs::is_empty(target_, error)) {
    fs::rename(partial_, target_, error);
    if (!error) partial_.clear();
  } else if (renameat2(AT_FDCWD, partial_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) != 0) {
    // Some file systems cannot swap: for a moment there is no target then, but never half a one.
    const fs::path old = partial_.string() + ".old";
    fs::rename(target_, old, error);
    if (!error) fs::rename(partial_, target_, error);
    if (error) {
      std::error_code ignored;
      if (fs::exists(old, ignored)) fs::rename(old, target_, ignored);
    } else {
      partial_ = old;
    }
  }
  // `partial_` is now what was replaced, if anything was; the destructor removes it.
  if (error)
    return report(diags, FilePlace{target_.string(), {}}, diag::CannotWrite, target_.string(), error.message());
  return Done{};
}

}  // namespace rulec::cli
