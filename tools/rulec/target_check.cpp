// SPDX-License-Identifier: Apache-2.0
#include "tools/rulec/target_check.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>

#include "tools/rulec/durable.h"
#include "tools/rulec/messages.h"

namespace rulec::cli {
namespace {

namespace fs = std::filesystem;

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

/// Nothing can be renamed onto a mount point, whatever lies in it.
bool is_mount_point(const fs::path& folder, const struct stat& status, const struct stat& parent) {
  if (status.st_dev != parent.st_dev) return true;
#ifdef STATX_ATTR_MOUNT_ROOT
  struct statx more = {};
  if (::statx(AT_FDCWD, folder.c_str(), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &more) == 0)
    return (more.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
#endif
  return false;
}

/// In a folder such as /tmp, only the owner of an entry may rename it, or who owns the folder.
bool is_kept_by_others(const struct stat& status, const struct stat& parent) {
  const uid_t user = ::geteuid();
  return (parent.st_mode & S_ISVTX) != 0 && user != 0 && status.st_uid != user && parent.st_uid != user;
}

/// Readers of Orbax take a folder of such a name for unfinished.
bool is_named_unfinished(const fs::path& target) {
  return target.filename().string().find(".orbax-checkpoint-tmp") != std::string::npos;
}

Status check_existing(const fs::path& target, const struct stat& status, const struct stat& parent, bool overwrite,
                      Diagnostics& diags) {
  std::error_code error;
  if (S_ISLNK(status.st_mode)) return refuse(diags, target, "is a link; name the folder itself");
  if (!S_ISDIR(status.st_mode)) return refuse(diags, target, "is a file; a checkpoint is made as a folder");
  if (fs::equivalent(target, ".", error))
    return refuse(diags, target, "is the folder that you are in").help("name a folder in it, such as ./converted");
  if (is_mount_point(target, status, parent))
    return refuse(diags, target, "is where another disk begins, and cannot be replaced").help("name a folder in it");
  if (is_kept_by_others(status, parent)) return cannot_write(target, EPERM, diags);
  const bool is_empty = fs::is_empty(target, error);
  if (error) return cannot_write(target, error.message(), diags);
  if (is_empty) return Done{};
  if (!overwrite) return refuse(diags, target, "is there already and not empty").help("replace it with --overwrite");
  if (!holds_checkpoint(target)) {
    return refuse(diags, target, "holds other things than a checkpoint; --overwrite would remove them")
        .help("choose another folder, or empty this one");
  }
  // What is replaced is removed afterwards.
  if (::access(target.c_str(), W_OK | X_OK) != 0) return cannot_write(target, errno, diags);
  return Done{};
}

}  // namespace

fs::path without_slash(const fs::path& path) {
  std::string text = path.string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

Status check_target(const fs::path& target_as_given, const fs::path& source, bool overwrite, Diagnostics& diags) {
  const fs::path target = without_slash(target_as_given);
  const fs::path name = target.filename();
  if (name.empty() || name == "." || name == "..") {
    return refuse(diags, target_as_given, "names no folder that could be made")
        .help("name a folder that is to be new, such as ./converted");
  }
  const fs::path parent = target.has_parent_path() ? target.parent_path() : fs::path(".");
  struct stat of_parent = {};
  if (::stat(parent.c_str(), &of_parent) != 0 && errno != ENOENT) return cannot_write(target, errno, diags);
  if (!S_ISDIR(of_parent.st_mode)) return cannot_write(target, "there is no folder " + parent.string(), diags);
  if (::access(parent.c_str(), W_OK | X_OK) != 0) return cannot_write(target, errno, diags);

  std::error_code no_source;
  std::error_code no_target;
  const fs::path real_source = fs::weakly_canonical(source, no_source);
  const fs::path real_target = fs::weakly_canonical(target, no_target);
  struct stat status = {};
  const bool exists = ::lstat(target.c_str(), &status) == 0;
  if (!exists && errno != ENOENT) return cannot_write(target, errno, diags);
  if (exists && S_ISLNK(status.st_mode)) return refuse(diags, target, "is a link; name the folder itself");
  if (is_named_unfinished(target)) {
    return refuse(diags, target, "has a name that Orbax gives to unfinished checkpoints").help("choose another name");
  }
  if (no_target) return cannot_write(target, no_target.message(), diags);
  if (!no_source) {  // else opening it says why
    if (real_source == real_target) return refuse(diags, target, "is the source itself");
    if (is_within(real_target, real_source)) return refuse(diags, target, "lies within the source");
    if (is_within(real_source, real_target)) return refuse(diags, target, "holds the source");
  }
  return exists ? check_existing(target, status, of_parent, overwrite, diags) : Status(Done{});
}

}  // namespace rulec::cli
