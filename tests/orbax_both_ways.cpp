// SPDX-License-Identifier: Apache-2.0
// What rulec writes as Orbax, rulec reads: the same tensors, in every form that it writes.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/scratch.h"
#include "tests/store_checks.h"

namespace rulec::orbax_both_ways_test {

using namespace testing;
namespace fs = std::filesystem;

namespace {

struct Row {
  const char* format;
  int zarr_version;
  bool is_compressed;
  bool has_database;
  bool one_chunk;
  bool is_cut;  // into chunks and data files of a few kilobytes
};

OrbaxOptions options_of(const Row& row) {
  OrbaxOptions options;
  options.zarr_version = row.zarr_version;
  options.is_compressed = row.is_compressed;
  options.has_database = row.has_database;
  options.one_chunk = row.one_chunk;
  options.custom_metadata["scan_layers"] = true;
  if (row.is_cut) options.chunk_bytes = 1000;
  if (row.is_cut) options.max_data_file_bytes = 5000;
  return options;
}

// Writes every tensor of `source` but the step, which the sink adds by itself.
void write_all(const TensorStore& source, const fs::path& folder, const OrbaxOptions& options) {
  Diagnostics diags;
  const auto sink = orbax_sink(folder, options);
  std::vector<TensorInfo> weights(source.tensors().begin(), source.tensors().end());
  std::erase_if(weights, [](const TensorInfo& tensor) { return tensor.name == "step"; });
  REQUIRE_MESSAGE(sink->begin(weights, diags), render_text(diags));
  for (std::size_t i = 0; i < weights.size(); ++i) {
    std::vector<std::byte> bytes(weights[i].bytes());
    REQUIRE(source.read(*find_tensor(source.tensors(), weights[i].name), 0, bytes, diags));
    REQUIRE_MESSAGE(sink->write(i, 0, bytes, diags), render_text(diags));
  }
  REQUIRE_MESSAGE(sink->commit(diags), render_text(diags));
}

}  // namespace

TEST_CASE("what is written as Orbax is read as it was") {
  const auto source = opened_silently(fs::path(RULEC_TESTS_DIR) / "data/orbax/maxtext_scan_1dev");
  for (const Row& row : {Row{"Orbax, zarr 3 in OCDBT", 3, false, true, false, false},
                         Row{"Orbax, zarr 3 in OCDBT", 3, true, true, true, false},
                         Row{"Orbax, zarr 3 in OCDBT", 3, false, true, false, true},
                         Row{"Orbax, zarr 2 in OCDBT", 2, false, true, false, true},
                         Row{"Orbax, zarr 3 in files", 3, false, false, false, false},
                         Row{"Orbax, zarr 2 in files", 2, true, false, false, true}}) {
    CAPTURE(row.format);
    const Scratch scratch;
    write_all(*source, scratch.path(), options_of(row));
    const auto written = opened_silently(scratch.path());
    CHECK(std::ranges::equal(written->tensors(), source->tensors()));
    CHECK(written->options() == source->options());
    CHECK(written->facts()[0].second == row.format);
    for (std::size_t i = 0; i < written->tensors().size(); ++i) {
      std::vector<std::byte> ours(written->tensors()[i].bytes());
      std::vector<std::byte> theirs(ours.size());
      Diagnostics diags;
      CHECK_MESSAGE(written->read(i, 0, ours, diags), render_text(diags));
      REQUIRE(source->read(i, 0, theirs, diags));
      CHECK_MESSAGE(ours == theirs, written->tensors()[i].name);
    }
  }
}

}  // namespace rulec::orbax_both_ways_test
