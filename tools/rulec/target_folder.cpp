// SPDX-License-Identifier: Apache-2.0
#include "tools/rulec/target_folder.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>

#include "tools/rulec/durable.h"
#include "tools/rulec/messages.h"
#include "tools/rulec/target_check.h"

namespace rulec::cli {
namespace {

namespace fs = std::filesystem;

constexpr int EndOfWatch = SIGUSR1;
constexpr std::array Ignored = {SIGPIPE, SIGXFSZ};

// Of the target's name, so that the temporary one fits into the 255 bytes that file systems allow.
constexpr std::size_t MaxNameBytes = 200;

sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGXCPU, EndOfWatch}) sigaddset(&set, signal);
  return set;
}

Finding cannot_write(const fs::path& path, int error, Diagnostics& diags) {
  return report(diags, FilePlace{path.string(), {}}, diag::CannotWrite, path.string(),
                std::generic_category().message(error));
}

fs::path parent_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

}  // namespace

TargetFolder::TargetFolder(const fs::path& target) : target_(without_slash(target)) {
  const sigset_t signals = watched_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  for (std::size_t i = 0; i < Ignored.size(); ++i) handlers_[i] = ::signal(Ignored[i], SIG_IGN);
  watch_ = std::thread([this] { wait_for_signals(); });
}

TargetFolder::~TargetFolder() {
  // A signal that came first wins: the watch ends the process, and this waits for it.
  pthread_kill(watch_.native_handle(), EndOfWatch);
  watch_.join();
  remove_partial();
  for (std::size_t i = 0; i < Ignored.size(); ++i) ::signal(Ignored[i], handlers_[i]);
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
  if (partial_.empty()) return;
  // The writer may still be at it. Under another name it finds the folder no more, so that nothing new comes in but
  // what is being made at this moment; a folder that is removed takes in nothing at all.
  fs::path gone = partial_;
  gone += "-gone";
  std::error_code error;
  fs::rename(partial_, gone, error);
  if (error) gone = partial_;
  for (int tries = 0; tries < 100; ++tries) {
    fs::remove_all(gone, error);
    if (!error) return;
  }
}

Status TargetFolder::create(Diagnostics& diags) {
  const std::string whole = target_.filename().string();
  std::string name = (parent_of(target_) / (whole.substr(0, MaxNameBytes) + ".partial-XXXXXX")).string();
  const std::lock_guard lock(mutex_);
  if (mkdtemp(name.data()) == nullptr) return cannot_write(target_, errno, diags);
  partial_ = name;
  std::error_code error;  // mkdtemp's folders are for their owner only; this one is to be like any other
  const mode_t mask = umask(0);
  umask(mask);
  fs::permissions(partial_, static_cast<fs::perms>(0777 & ~mask), error);
  return Done{};
}

// Exchanges the two folders; returns an error number, or 0. Some file systems cannot: for a moment there is no target
// then, but never half a one.
int TargetFolder::swap() {
  if (::renameat2(AT_FDCWD, partial_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS && errno != ENOTSUP) return errno;
  const fs::path aside = partial_.string() + "-aside";
  if (::rename(target_.c_str(), aside.c_str()) != 0) return errno;
  if (::rename(partial_.c_str(), target_.c_str()) == 0)
    return ::rename(aside.c_str(), partial_.c_str()) == 0 ? 0 : errno;
  const int error = errno;
  return ::rename(aside.c_str(), target_.c_str()) == 0 ? error : errno;
}

Status TargetFolder::commit(bool overwrite, Diagnostics& diags) {
  const std::lock_guard lock(mutex_);
  if (!sync_folder(partial_, diags)) return diags.failed();
  bool replaces = false;
  if (::rename(partial_.c_str(), target_.c_str()) != 0) {
    if (errno != ENOTEMPTY && errno != EEXIST) return cannot_write(target_, errno, diags);
    // Somebody else may have made it while we were at work.
    if (!overwrite) {
      return report(diags, FilePlace{target_.string(), {}}, diag::TargetExists, target_.string(),
                    "was made by somebody else meanwhile");
    }
    if (const int error = swap(); error != 0) return cannot_write(target_, error, diags);
    replaces = true;
  }
  // Until the new name is on the disk, the old checkpoint is what a loss of power would leave.
  if (!sync_folder(parent_of(target_), diags)) {
    if (replaces ? swap() != 0 : ::rename(target_.c_str(), partial_.c_str()) != 0) partial_.clear();
    return diags.failed();
  }
  // `partial_` is now the name of what was replaced, if anything was; the destructor removes it.
  if (!replaces) partial_.clear();
  return Done{};
}

}  // namespace rulec::cli
