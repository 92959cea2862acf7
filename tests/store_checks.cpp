// SPDX-License-Identifier: Apache-2.0
#include "tests/store_checks.h"

#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <vector>

#include "tests/scratch.h"

namespace rulec::testing {

void check_found(const Diagnostics& diags, std::string_view id, std::string_view words) {
  const bool is_there = std::ranges::any_of(
      diags.all(), [&](const Diagnostic& d) { return d.id == id && d.message.find(words) != std::string::npos; });
  CHECK_MESSAGE(is_there, fmt::format("no {} with `{}` in\n{}", id, words, render_text(diags)));
}

std::unique_ptr<TensorStore> opened_silently(const std::filesystem::path& path) {
  Diagnostics diags;
  Result<std::unique_ptr<TensorStore>> store = open_store(path, diags);
  REQUIRE_MESSAGE(store, render_text(diags));
  CHECK_MESSAGE(diags.all().empty(), render_text(diags));
  return *std::move(store);
}

bool opens(const std::filesystem::path& path) {
  Diagnostics diags;
  const Result<std::unique_ptr<TensorStore>> store = open_store(path, diags);
  if (!store) {
    CHECK(diags.errors() > 0);
    return false;
  }
  for (std::size_t i = 0; i < (*store)->tensors().size(); ++i) {
    std::vector<std::byte> bytes((*store)->tensors()[i].bytes());
    CHECK((*store)->read(i, 0, bytes, diags));
  }
  return true;
}

std::string one_tensor(std::string_view members, std::size_t data_bytes) {
  return safetensors(fmt::format(R"({{"t":{{{}}}}})", members), data_bytes);
}

std::string two_tensors(std::string_view first, std::string_view second, std::size_t data_bytes) {
  return safetensors(fmt::format(R"({{"a":{{"dtype":"U8",{}}},"b":{{"dtype":"U8",{}}}}})", first, second), data_bytes);
}

std::string nested_lists(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

}  // namespace rulec::testing
