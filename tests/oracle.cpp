// SPDX-License-Identifier: Apache-2.0
// MaxText's own conversions, bit for bit: tests/data/oracle/README.md says where they come from.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <string>

#include "engine/run/run.h"
#include "engine/tensor/numbers.h"
#include "tests/elaborated.h"

namespace rulec::oracle_test {

using namespace testing;
namespace {

namespace fs = std::filesystem;

/// One conversion: files `<side><input>.safetensors` and `<to>_from_<side><output>.safetensors` of a folder.
struct Variant {
  std::string input;
  std::string output;
  DType dtype;
  bool cast_first = false;
};
const Variant Variants[] = {
    {"", "", DType::Bf16},
    {".f32", ".f32", DType::F32},
    {".f32", ".f32_to_bf16", DType::Bf16, true},
    {"", ".bf16_to_f32", DType::F32},
};

/// Elements by how they compare.
struct Comparison {
  std::size_t elements = 0;
  std::size_t flushed = 0;  ///< XLA has a zero where rulec has a small number of the same sign
  std::size_t wrong = 0;
  std::string first_wrong;
};

void compare(const TensorInfo& info, std::span<const std::byte> ours, std::span<const std::byte> theirs,
             double flush_below, Comparison& all) {
  const auto size = static_cast<std::size_t>(bits(info.dtype)) / 8;
  for (std::size_t at = 0; at < ours.size(); at += size) {
    ++all.elements;
    if (std::memcmp(&ours[at], &theirs[at], size) == 0) continue;
    const double a = to_double(info.dtype, ours.subspan(at, size));
    const double b = to_double(info.dtype, theirs.subspan(at, size));
    const bool is_scaled = info.name.ends_with("embed_tokens.weight") || info.name.ends_with("q_proj.weight");
    if (is_scaled && b == 0 && std::fabs(a) < flush_below && std::signbit(a) == std::signbit(b)) {
      ++all.flushed;
      continue;
    }
    if (all.wrong++ == 0) all.first_wrong = fmt::format("{} element {}: {} and not {}", info.name, at / size, a, b);
  }
}

/// Elements of `special` towards Hugging Face that XLA flushes, as counted when the vectors were made.
std::size_t known_flushes(std::string_view size) {
  return size == "2b" ? 316 : size == "9b" ? 648 : 634;
}

struct Case {
  std::string size;
  std::string layout;
  Variant variant;
  SideId to;
  fs::path folder;
};

fs::path output_of(const Case& one) {
  const std::string name = one.to == SideId::Left ? "maxtext_from_hf" : "hf_from_maxtext";
  return one.folder / (name + one.variant.output + ".safetensors");
}

double head_dim(const Elaborated& made) {
  const ConfigValue* value = made.configs[1]->find("head_dim");
  return static_cast<double>(std::get<std::int64_t>(value->node));
}

Comparison compare_all(const TensorStore& expected, const MemoryStore& ours, double flush_below) {
  Diagnostics diags;
  Comparison all;
  for (std::size_t t = 0; t < expected.tensors().size(); ++t) {
    const TensorInfo& info = expected.tensors()[t];
    const auto place = find_tensor(ours.tensors(), info.name);
    REQUIRE_MESSAGE(place, info.name);
    CHECK(ours.tensors()[*place] == info);
    std::vector<std::byte> theirs(info.bytes());
    REQUIRE(expected.read(t, 0, theirs, diags));
    compare(info, ours.bytes(info.name), theirs, flush_below, all);
  }
  CHECK(ours.tensors().size() == expected.tensors().size());
  return all;
}

/// Returns a line of the table.
std::string try_case(const Case& one) {
  Given given;
  given.configs = {one.folder / "maxtext.yml", one.folder / "hf_config.json"};
  if (one.size == "27b") given.options["query_scale_from"] = std::string("head_dim");
  const Elaborated made = elaborate_pack("gemma2", given);
  REQUIRE_MESSAGE(made.pack, render_text(*made.diags));
  Diagnostics& diags = *made.diags;

  const std::string from = one.to == SideId::Left ? "hf" : "maxtext";
  const auto source = open_store(one.folder / (from + one.variant.input + ".safetensors"), diags);
  const auto expected = open_store(output_of(one), diags);
  REQUIRE_MESSAGE((source && expected), render_text(diags));
  const GraphOptions options{
      (*source)->tensors(), std::string((*source)->where()), one.variant.dtype, one.variant.cast_first, {}};
  const Result<Graph> graph = build_graph(*made.pack, one.to, options, diags);
  REQUIRE_MESSAGE(graph, render_text(diags));

  MemoryStore written;
  RunOptions how;
  how.pad_policy = Policy::Drop;
  const Result<RunReport> report = run(*made.pack, *graph, stores_of(**source, written), how, diags);
  REQUIRE_MESSAGE(report, render_text(diags));
  const bool is_special = one.layout == "special" && one.to == SideId::Right;
  const double flush_below = is_special ? std::ldexp(std::sqrt(head_dim(made)), -126) : 0;
  const Comparison all = compare_all(**expected, written, flush_below);
  CHECK_MESSAGE(all.wrong == 0, all.first_wrong);
  CHECK(all.flushed == (is_special ? known_flushes(one.size) : 0));
  const Result<MemoryStore> meant = evaluate(*graph, **source, diags);
  REQUIRE(meant);
  for (const TensorInfo& info : written.tensors()) {
    const auto a = meant->bytes(info.name);
    const auto b = written.bytes(info.name);
    CHECK_MESSAGE(std::ranges::equal(a, b), info.name);
  }
  return fmt::format("gemma2-{:4}{:8}{:>12} -> {:28} {:>6}  {:>5}  {:>7}\n", one.size, one.layout,
                     from + one.variant.input, output_of(one).stem().string(), all.elements, all.wrong, all.flushed);
}

}  // namespace

TEST_CASE("what MaxText makes of Gemma 2, rulec makes too") {
  std::size_t cases = 0;
  std::string table = fmt::format("{:63} {:>6}  {:>5}  {:>7}\n", "", "cells", "wrong", "flushed");
  for (const char* size : {"2b", "9b", "27b"}) {
    for (const char* layout : {"scan", "unscan", "special"}) {
      for (const Variant& variant : Variants) {
        for (const SideId to : BothSides) {
          const fs::path folder = fs::path(RULEC_TESTS_DIR) / "data/oracle" / fmt::format("gemma2-{}", size) / layout;
          const Case one{size, layout, variant, to, folder};
          if (!fs::exists(output_of(one))) continue;
          CAPTURE(output_of(one).string());
          table += try_case(one);
          ++cases;
        }
      }
    }
  }
  CHECK(cases == 38);
  std::cout << table;
}

}  // namespace rulec::oracle_test
