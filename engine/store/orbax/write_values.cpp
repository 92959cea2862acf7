// SPDX-License-Identifier: Apache-2.0
#include "engine/store/orbax/write_values.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "engine/codec/xxh3.h"
#include "grammar/internal_error.h"

namespace rulec::orbax {

namespace fs = std::filesystem;

void ValueWriter::list_folders() {
  for (const PlannedFile& file : plan_->files) {
    for (fs::path folder = fs::path(file.path).parent_path(); !folder.empty(); folder = folder.parent_path()) {
      if (!folders_.insert(folder).second) break;
    }
  }
}

Status ValueWriter::make_folders(Diagnostics& diags) {
  list_folders();
  for (const fs::path& folder : folders_) {
    if (!make_folder(item_ / folder, diags)) return diags.failed();
  }
  return Done{};
}

Status ValueWriter::create(Diagnostics& diags) {
  if (!make_folders(diags)) return diags.failed();
  for (const PlannedFile& planned : plan_->files) {
    Result<OutputFile> file = OutputFile::create(item_ / planned.path, planned.bytes, diags);
    if (!file) return diags.failed();
    if (outputs_.size() >= MaxOpenFiles) file->close();
    outputs_.push_back({*std::move(file), plan_->is_compressed ? 0 : planned.bytes});
  }
  prepare_values();
  return sync_folders(diags);
}

Status ValueWriter::create_again(Diagnostics& diags) {
  list_folders();
  std::set<fs::path> planned;
  for (const PlannedFile& file : plan_->files) planned.insert(item_ / file.path);
  std::error_code error;
  std::vector<fs::path> others;
  for (fs::recursive_directory_iterator at(item_, error), end; !error && at != end; at.increment(error)) {
    if (!at->is_directory(error) && !planned.contains(at->path())) others.push_back(at->path());
  }
  for (const fs::path& other : others) fs::remove(other, error);
  for (const PlannedFile& file : plan_->files) {
    const fs::path path = item_ / file.path;
    Result<OutputFile> opened =
        plan_->is_compressed ? OutputFile::open_to_grow(path, diags) : OutputFile::reopen(path, file.bytes, diags);
    if (!opened) return diags.failed();
    if (outputs_.size() >= MaxOpenFiles) opened->close();
    outputs_.push_back({*std::move(opened), plan_->is_compressed ? 0 : file.bytes});
  }
  prepare_values();
  return sync_folders(diags);
}

/// What is flushed later is of no use in a file without a name.
Status ValueWriter::sync_folders(Diagnostics& diags) const {
  for (const fs::path& folder : folders_) {
    if (!sync_folder(item_ / folder, diags)) return diags.failed();
  }
  return sync_folder(item_, diags);
}

Status ValueWriter::flush(Diagnostics& diags) {
  for (Output& output : outputs_) {
    if (!output.file.flush(diags)) return diags.failed();
  }
  return Done{};
}

void ValueWriter::prepare_values() {
  stored_.resize(plan_->values.size());
  for (std::size_t i = 0; i < stored_.size(); ++i) {
    const PlannedValue& value = plan_->values[i];
    Stored& stored = stored_[i];
    stored = {.memory = {}, .offset = value.offset, .length = value.bytes, .is_inline = !value.file, .checksum = {}};
    if (stored.is_inline) stored.memory.resize(value.bytes);
  }
}

Status ValueWriter::put(std::size_t value, std::uint64_t offset, std::span<const std::byte> bytes, Diagnostics& diags) {
  Stored& stored = stored_[value];
  RULEC_ASSERT(offset <= stored.length && bytes.size() <= stored.length - offset);
  if (stored.is_inline) {
    std::ranges::copy(bytes, stored.memory.begin() + static_cast<std::ptrdiff_t>(offset));
    return Done{};
  }
  return outputs_[*plan_->values[value].file].file.write(stored.offset + offset, bytes, diags);
}

Status ValueWriter::put_range(StoredAt from, std::span<const std::byte> bytes, Diagnostics& diags) {
  return outputs_[from.file].file.write(from.offset, bytes, diags);
}

Status ValueWriter::append(std::size_t value, std::span<const std::byte> bytes, bool may_be_inline,
                           Diagnostics& diags) {
  RULEC_ASSERT(bytes.size() <= plan_->values[value].bytes);
  Stored& stored = stored_[value];
  stored.length = bytes.size();
  if (may_be_inline && bytes.size() <= MaxInlineBytes) {
    stored.is_inline = true;
    stored.memory.assign(bytes.begin(), bytes.end());
    return Done{};
  }
  Output& output = outputs_[*plan_->values[value].file];
  {
    const std::lock_guard lock(mutex_);
    stored.offset = bytes.size() < MinDirectBytes ? output.used : next_block(output.used);
    output.used = stored.offset + bytes.size();
  }
  if (!output.file.write(stored.offset, bytes, diags)) return diags.failed();
  Xxh3 hash;
  hash.add(bytes);
  stored.checksum = hash.digits();
  return Done{};
}

std::optional<StoredChunk> ValueWriter::stored(std::size_t value) const {
  const Stored& stored = stored_[value];
  if (stored.checksum.empty()) return std::nullopt;
  return StoredChunk{{*plan_->values[value].file, stored.offset}, stored.length, stored.checksum};
}

void ValueWriter::note_stored(std::size_t value, const StoredChunk& stored) {
  RULEC_ASSERT(plan_->values[value].file == stored.at.file);
  stored_[value] = {.memory = {},
                    .offset = stored.at.offset,
                    .length = stored.bytes,
                    .is_inline = false,
                    .checksum = stored.checksum};
  std::uint64_t& used = outputs_[stored.at.file].used;
  used = std::max(used, stored.at.offset + stored.bytes);
}

Status ValueWriter::finish(Diagnostics& diags) {
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    Output& output = outputs_[i];
    if (output.used == 0) {  // every value turned out small enough for a node
      std::error_code ignored;
      fs::remove(output.file.path(), ignored);
      continue;
    }
    if (output.used < output.file.bytes() && !output.file.cut(output.used, diags)) return diags.failed();
    if (!output.file.sync(diags)) return diags.failed();
  }
  return Done{};
}

std::vector<ocdbt::NewEntry> ValueWriter::entries() const {
  std::vector<ocdbt::NewEntry> entries;
  for (std::size_t i = 0; i < stored_.size(); ++i) {
    const Stored& stored = stored_[i];
    if (stored.is_inline) {
      entries.push_back({value_key(*plan_, i), stored.memory});
    } else {
      const std::string& file = plan_->files[*plan_->values[i].file].path;
      entries.push_back({value_key(*plan_, i), ocdbt::FileRange{file, stored.offset, stored.length}});
    }
  }
  return entries;
}

}  // namespace rulec::orbax
