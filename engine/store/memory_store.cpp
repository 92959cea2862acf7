// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iterator>
#include <utility>

#include "grammar/internal_error.h"

#include <rulec/store.h>

namespace rulec {

std::optional<std::size_t> find_tensor(std::span<const TensorInfo> sorted, std::string_view name) {
  const auto found =
      std::ranges::lower_bound(sorted, name, {}, [](const TensorInfo& info) { return std::string_view(info.name); });
  if (found == sorted.end() || found->name != name) return std::nullopt;
  return static_cast<std::size_t>(found - sorted.begin());
}

std::span<const TensorInfo> MemoryStore::Catalogue::of(const ByName& stored) const {
  if (is_made_) return infos_;
  const std::lock_guard lock(mutex_);
  if (is_made_) return infos_;
  infos_.clear();
  for (const auto& [name, tensor] : stored) infos_.push_back(tensor.info);
  is_made_ = true;
  return infos_;
}

void MemoryStore::Catalogue::append(const TensorInfo& info) {
  if (is_made_) infos_.push_back(info);
}

void MemoryStore::put(TensorInfo info, std::vector<std::byte> bytes) {
  RULEC_ASSERT(bytes.size() == info.bytes());
  std::string name = info.name;
  const auto [at, is_new] = stored_.insert_or_assign(std::move(name), Stored{std::move(info), std::move(bytes)});
  if (is_new && std::next(at) == stored_.end()) {
    catalogue_.append(at->second.info);
  } else {
    catalogue_.forget();
  }
}

std::span<const std::byte> MemoryStore::bytes(std::string_view name) const {
  const auto found = stored_.find(name);
  if (found == stored_.end()) return {};
  return found->second.bytes;
}

Status MemoryStore::read(std::size_t index, std::uint64_t offset, std::span<std::byte> into, Diagnostics&) const {
  const std::span<const TensorInfo> infos = tensors();
  RULEC_ASSERT(index < infos.size());
  const std::span<const std::byte> all = bytes(infos[index].name);
  RULEC_ASSERT(offset <= all.size() && into.size() <= all.size() - offset);
  std::ranges::copy(all.subspan(offset, into.size()), into.begin());
  return Done{};
}

Status MemoryStore::begin(std::span<const TensorInfo> tensors, Diagnostics&) {
  begun_.clear();
  for (const TensorInfo& info : tensors) begun_.push_back({info, std::vector<std::byte>(info.bytes())});
  return Done{};
}

Status MemoryStore::write(std::size_t index, std::uint64_t offset, std::span<const std::byte> bytes, Diagnostics&) {
  RULEC_ASSERT(index < begun_.size());
  std::vector<std::byte>& all = begun_[index].bytes;
  RULEC_ASSERT(offset <= all.size() && bytes.size() <= all.size() - offset);
  std::ranges::copy(bytes, all.begin() + static_cast<std::ptrdiff_t>(offset));
  return Done{};
}

Status MemoryStore::commit(Diagnostics&) {
  for (Stored& tensor : begun_) put(std::move(tensor.info), std::move(tensor.bytes));
  begun_.clear();
  return Done{};
}

}  // namespace rulec
