// SPDX-License-Identifier: Apache-2.0
#include "tools/rulec/target_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <string>

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

fs::path parent_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

/// Whether a journal has anything below its head, which has two lines.
bool has_notes(const fs::path& journal) {
  std::ifstream file(journal);
  std::string line;
  int lines = 0;
  while (lines < 3 && std::getline(file, line)) ++lines;
  return lines == 3;
}

void tell(const std::string& text) {
  if (::write(STDERR_FILENO, text.data(), text.size()) < 0) errno = 0;  // nobody listens
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
  give_up("rulec: what was done is kept; --resume goes on with it\n");
  if (locked_ >= 0) ::close(locked_);
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
  give_up("rulec: stopped; the same command with --resume goes on\n");
  _exit(128 + signal);  // as a shell reports it
}

/// Those of parts too.
void TargetFolder::remove_journals(const fs::path& folder) {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().filename().string().starts_with(JournalName)) fs::remove(entry.path(), ignored);
  }
}

void TargetFolder::give_up(const char* what_is_kept) {
  if (partial_.empty()) return;
  if (has_notes(own_journal())) {
    tell(what_is_kept);
  } else if (!part_ || is_of_nobody_else()) {
    remove_partial();
  }
}

/// No other part is at work, nor has any done something.
bool TargetFolder::is_of_nobody_else() const {
  return ::flock(locked_, LOCK_EX | LOCK_NB) == 0 && !is_worth_keeping();
}

void TargetFolder::leave() {
  const std::lock_guard lock(mutex_);
  partial_.clear();
}

/// Whether anybody has noted anything, for all of it or a part.
bool TargetFolder::is_worth_keeping() const {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(partial_, ignored)) {
    if (entry.path().filename().string().starts_with(JournalName) && has_notes(entry.path())) return true;
  }
  return false;
}

/// Whether what is noted is of parts.
bool TargetFolder::is_in_parts() const {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(partial_, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(JournalName) && name.find("-of-") != name.npos) return true;
  }
  return false;
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

Status TargetFolder::create(bool resume, const std::optional<Part>& part, Diagnostics& diags) {
  const std::string whole = target_.filename().string();
  const fs::path partial = parent_of(target_) / (whole.substr(0, MaxNameBytes) + ".partial");
  const std::lock_guard guard(mutex_);
  part_ = part;
  if (::mkdir(partial.c_str(), 0777) != 0) {
    if (errno != EEXIST) return cannot_write(target_, errno, diags);
  } else if (resume) {
    ::rmdir(partial.c_str());
    return report(diags, FilePlace{partial.string(), {}}, diag::NothingToResume, partial.string(), "is not there")
        .help("begin anew, without --resume");
  }
  if (!lock(partial, diags)) return diags.failed();
  partial_ = partial;
  if (const Status taken = take_up(resume, diags); !taken) {
    partial_.clear();  // it was there before
    return taken;
  }
  // Alone no longer. It is not one step, but those who come in between find things as they are now.
  if (part_ && is_alone_) ::flock(locked_, LOCK_SH);
  // What is on the disk in a folder without a name is lost.
  return sync_folder(parent_of(target_), diags);
}

/// A file system without locks has no way to know.
Status TargetFolder::lock(const fs::path& partial, Diagnostics& diags) {
  locked_ = ::open(partial.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (locked_ < 0) {
    const int error = errno;
    ::rmdir(partial.c_str());  // which it does not if anything is in it
    return cannot_write(partial, error, diags);
  }
  bool is_locked = ::flock(locked_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
  if (!is_locked && part_) {
    is_alone_ = false;
    // Another part keeps it to itself for the moment in which it begins; whoever does all of it, to the end.
    for (int tries = 0; !is_locked && tries < 100; ++tries) {
      if (tries > 0) std::this_thread::sleep_for(std::chrono::milliseconds(20));
      is_locked = ::flock(locked_, LOCK_SH | LOCK_NB) == 0;
    }
  }
  if (!is_locked) {
    return report(diags, FilePlace{target_.string(), {}}, diag::TargetExists, target_.string(),
                  "is being written by another run");
  }
  struct stat locked = {};
  struct stat named = {};
  if (::fstat(locked_, &locked) == 0 && ::lstat(partial.c_str(), &named) == 0 && locked.st_ino == named.st_ino)
    return Done{};
  return report(diags, FilePlace{target_.string(), {}}, diag::TargetExists, target_.string(),
                "was being written by another run");
}

/// What an earlier run has left: hours of work perhaps, so that nobody removes it who does not say so.
Status TargetFolder::take_up(bool resume, Diagnostics& diags) {
  is_resumed_ = resume && has_notes(own_journal());
  if (is_resumed_) return part_ ? Status(Done{}) : clear(diags);
  const bool is_others = part_ && !has_notes(own_journal()) && !has_notes(journal());
  if (!is_alone_ && is_others) return Done{};
  if (is_worth_keeping()) {
    if (is_others) return Done{};
    const std::string how =
        is_in_parts() ? "with the --part of each that is open, and --resume where it was begun" : "--resume";
    return report(diags, FilePlace{partial_.string(), {}}, diag::TargetExists, partial_.string(),
                  "is what a conversion that was stopped has done so far")
        .help(fmt::format("go on with it: {}; or remove it to begin anew", how));
  }
  return clear(diags);
}

/// Removes what is there, but what a run that is resumed goes on with: all but the weights is written anew.
Status TargetFolder::clear(Diagnostics& diags) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(partial_, error)) {
    const fs::path name = entry.path().filename();
    const bool is_weights = name.extension() == ".safetensors" || name == "0" || name == "0.orbax-checkpoint-tmp";
    if (is_resumed_ && (is_weights || entry.path() == journal())) continue;
    fs::remove_all(entry.path(), error);
  }
  if (error) return cannot_write(partial_, error.value(), diags);
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
  // Not before: without a journal, what is complete would be taken for nothing.
  remove_journals(target_);
  if (replaces) remove_journals(partial_);  // which a loss of power at this very place may have left in there
  // `partial_` is now the name of what was replaced, if anything was; the destructor removes it.
  if (!replaces) partial_.clear();
  return Done{};
}

}  // namespace rulec::cli
