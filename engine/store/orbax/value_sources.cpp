// SPDX-License-Identifier: Apache-2.0
#include "engine/store/orbax/value_sources.h"

#include <fmt/core.h>

#include <system_error>

#include "engine/file/input_file.h"
#include "engine/file/links.h"
#include "engine/file/printable.h"
#include "grammar/internal_error.h"
#include "grammar/messages.h"

namespace rulec::orbax {

const ocdbt::Entry* DatabaseValues::find(std::string_view key) const {
  return database_->find(prefix_ + std::string(key));
}

std::optional<std::uint64_t> DatabaseValues::size(std::string_view key) const {
  const ocdbt::Entry* entry = find(key);
  return entry == nullptr ? std::nullopt : std::optional(entry->length);
}

Status DatabaseValues::read(std::string_view key, std::uint64_t offset, std::span<std::byte> into, Diagnostics& diags,
                            Room room) const {
  const ocdbt::Entry* entry = find(key);
  RULEC_ASSERT(entry != nullptr);
  return database_->read(*entry, offset, into, diags, room);
}

std::optional<std::pair<std::size_t, std::uint64_t>> DatabaseValues::file_place(std::string_view key) const {
  const ocdbt::Entry* entry = find(key);
  if (entry == nullptr || !entry->file) return std::nullopt;
  return std::pair(*entry->file, entry->offset);
}

std::string DatabaseValues::where(std::string_view key) const {
  return fmt::format("{}: {}{}", folder_, prefix_, key);
}

std::optional<std::uint64_t> FileValues::size(std::string_view key) const {
  std::error_code error;
  const std::uintmax_t bytes = std::filesystem::file_size(folder_ / key, error);
  return error ? std::nullopt : std::optional<std::uint64_t>(bytes);
}

std::optional<std::pair<std::size_t, std::uint64_t>> FileValues::file_place(std::string_view /*key*/) const {
  return std::pair(std::size_t{0}, std::uint64_t{0});
}

Status FileValues::read(std::string_view key, std::uint64_t offset, std::span<std::byte> into, Diagnostics& diags,
                        Room room) const {
  const std::filesystem::path path = folder_ / key;
  if (!check_link(item_, path, diags)) return diags.failed();
  const Result<InputFile> file = InputFile::open(path, diags);
  if (!file) return diags.failed();
  if (offset > file->size() || into.size() > file->size() - offset) {
    return report(diags, FilePlace{path.string(), {}}, diag::SourceChanged, printable(path.string()))
        .note(fmt::format("it had {} bytes or more, and has {} now", offset + into.size(), file->size()));
  }
  return file->read(offset, into, diags, room);
}

}  // namespace rulec::orbax
