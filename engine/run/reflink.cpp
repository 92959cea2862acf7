// SPDX-License-Identifier: Apache-2.0
#include "engine/run/reflink.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

namespace rulec {
namespace {

/// Less is copied in about the time of a call, and as a part of a batch.
constexpr std::uint64_t MinBytes = MinDirectBytes;

}  // namespace

Result<std::uint64_t> reflink(const Prepared& made, ResumableSink& sink, std::vector<bool>& done, Timeline* trace,
                              Diagnostics& diags) {
  std::uint64_t bytes = 0;
  std::vector<bool> is_shared(made.infos.size());
  std::set<std::pair<std::size_t, std::size_t>> failed;  // files, which do not go together
  for (std::size_t t = 0; t < made.origins.size(); ++t) {
    const std::optional<StoredAt>& origin = made.origins[t];
    if (!origin || made.infos[t].bytes() < MinBytes) continue;
    const InputFile* const file = made.reader.file(origin->file);
    const std::optional<StoredAt> place = made.writer.place(t, Shape(made.infos[t].shape.size()));
    if (file == nullptr || !place || place->offset % DirectBlock != origin->offset % DirectBlock) continue;
    const std::pair files(origin->file, place->file);
    if (failed.contains(files)) continue;
    const Timeline::Clock::time_point begin = Timeline::Clock::now();
    const Result<std::uint64_t> shared = sink.reflink(t, *file, origin->offset, diags);
    if (!shared) return diags.failed();
    if (*shared == 0) {
      failed.insert(files);
      continue;
    }
    if (trace != nullptr) trace->add(0, "reflink", made.infos[t].name, *shared, begin, Timeline::Clock::now());
    is_shared[t] = true;
    bytes += *shared;
  }
  done.resize(made.plan.units.size());
  for (std::size_t u = 0; u < done.size(); ++u) {
    const auto& targets = made.plan.units[u].targets;
    done[u] = done[u] || std::ranges::all_of(targets, [&](const Block& block) { return is_shared[block.tensor]; });
  }
  return bytes;
}

}  // namespace rulec
