// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
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

void MemoryStore::put(TensorInfo info, std::vector<std::byte> bytes) {
  RULEC_ASSERT(bytes.size() == info.bytes());
  bytes_.insert_or_assign(info.name, std::move(bytes));
  const auto at = std::ranges::lower_bound(infos_, info.name, {}, &TensorInfo::name);
  if (at != infos_.end() && at->name == info.name) {
    *at = std::move(info);
  } else {
    infos_.insert(at, std::move(info));
  }
}

std::span<const std::byte> MemoryStore::bytes(std::string_view name) const {
  const auto found = bytes_.find(name);
  if (found == bytes_.end()) return {};
  return found->second;
}

Status MemoryStore::read(std::size_t index, std::uint64_t offset, std::span<std::byte> into, Diagnostics&) const {
  RULEC_ASSERT(index < infos_.size());
  const std::span<const std::byte> all = bytes(infos_[index].name);
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
  // In the order of their names each goes behind the one before.
  std::ranges::sort(begun_, {}, [](const Begun& tensor) -> const std::string& { return tensor.info.name; });
  for (Begun& tensor : begun_) put(std::move(tensor.info), std::move(tensor.bytes));
  begun_.clear();
  return Done{};
}

}  // namespace rulec
