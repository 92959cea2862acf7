// SPDX-License-Identifier: Apache-2.0
#include "engine/run/fingerprint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>
#include <span>

#include "engine/codec/xxh3.h"

namespace rulec {

std::string fingerprint(const Graph& graph, const std::string& source, const ChunkWriter& writer, const Plan& plan) {
  Xxh3 hash;
  const auto add = [&](const std::string& text) { hash.add(std::as_bytes(std::span(text))); };
  add(fmt::format("{}\n{}\n{}\n", RULEC_LIBRARY_VERSION, print_graph(graph, GraphFormat::Json), source));
  for (const Unit& unit : plan.units) {
    for (const Block& block : unit.targets) {
      const StoredAt at = writer.place(block.tensor, block.chunk).value_or(StoredAt{});
      add(fmt::format("{} {} {} {} {} {}\n", block.tensor, fmt::join(block.chunk, ","),
                      fmt::join(block.memory.begin, ","), fmt::join(block.memory.end, ","), at.file, at.offset));
    }
  }
  return hash.digits();
}

}  // namespace rulec
