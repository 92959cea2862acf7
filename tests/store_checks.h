// SPDX-License-Identifier: Apache-2.0
// What tests of stores ask, and what they open.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include <rulec/store.h>

namespace rulec::testing {

/// A diagnostic of this id, with these words in its message, is among them.
void check_found(const Diagnostics& diags, std::string_view id, std::string_view words);

/// Opens a checkpoint about which there is nothing to say.
std::unique_ptr<TensorStore> opened_silently(const std::filesystem::path& path);

/// Opens what may be broken, and says whether it was not: then it can be read to its last byte.
bool opens(const std::filesystem::path& path);

/// A file with the tensor `t` whose object has these members.
std::string one_tensor(std::string_view members, std::size_t data_bytes = 8);

/// A file with the tensors `a` and `b` of U8 whose objects have these other members.
std::string two_tensors(std::string_view first, std::string_view second, std::size_t data_bytes);

/// `[[...]]`.
std::string nested_lists(std::size_t depth);

}  // namespace rulec::testing
