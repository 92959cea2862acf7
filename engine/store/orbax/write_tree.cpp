// SPDX-License-Identifier: Apache-2.0
#include "engine/store/orbax/write_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <variant>

#include "engine/file/printable.h"
#include "engine/store/safetensors_layout.h"
#include "grammar/internal_error.h"
#include "grammar/messages.h"

namespace rulec::orbax {
namespace {

std::vector<std::string> split_at_dots(std::string_view name) {
  std::vector<std::string> keys;
  for (std::size_t begin = 0, dot = 0; dot != std::string_view::npos; begin = dot + 1) {
    dot = name.find('.', begin);
    keys.emplace_back(name.substr(begin, dot - begin));
  }
  return keys;
}

std::string_view what_is_wrong(const std::string& name, const TreeForm& form) {
  using namespace std::string_view_literals;
  if (!json_string(name)) return "its name is not UTF-8";
  if (!form.is_database && name.find_first_of("/\\\0"sv) != std::string::npos) {
    return "its name cannot be that of a folder, as it must be without OCDBT";
  }
  return {};
}

bool begins_with(const std::vector<std::string>& keys, const std::vector<std::string>& first) {
  return keys.size() > first.size() && std::equal(first.begin(), first.end(), keys.begin());
}

std::string tensor_name(const WrittenLeaf& leaf) {
  return fmt::format("{}", fmt::join(leaf.keys.begin() + 2, leaf.keys.end(), "."));
}

}  // namespace

std::string stored_name(const std::string& tensor) {
  return "params.params." + tensor;
}

Result<std::vector<WrittenLeaf>> tree_of(std::span<const TensorInfo> tensors, const TreeForm& form,
                                         Diagnostics& diags) {
  std::optional<Reported> failed;
  const auto refuse = [&](const std::string& name, std::string_view why) -> Finding {
    return report(diags, std::monostate{}, diag::CannotBeStored, printable(name), std::string(why));
  };
  std::vector<WrittenLeaf> params;
  for (const TensorInfo& tensor : tensors) {
    if (const std::string_view wrong = what_is_wrong(tensor.name, form); !wrong.empty()) {
      failed = refuse(tensor.name, wrong);
    }
    params.push_back({split_at_dots(stored_name(tensor.name)), "np.ndarray"});
  }
  std::ranges::sort(params, {}, &WrittenLeaf::keys);
  const WrittenLeaf* above = nullptr;  // the last one that has no other above it
  for (const WrittenLeaf& leaf : params) {
    RULEC_ASSERT(above == nullptr || leaf.keys != above->keys);
    if (above == nullptr || !begins_with(leaf.keys, above->keys)) {
      above = &leaf;
      continue;
    }
    failed = refuse(tensor_name(leaf), fmt::format("`{}` is a tensor too, and cannot have others below it",
                                                   printable(tensor_name(*above))));
  }
  if (failed) return *failed;
  params.insert(params.begin(), WrittenLeaf{{StepArray.name}, "scalar"});
  params.push_back({{"opt_state"}, "Dict", false});
  return params;
}

}  // namespace rulec::orbax
