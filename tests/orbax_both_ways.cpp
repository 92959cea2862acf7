// SPDX-License-Identifier: Apache-2.0
// What rulec writes as Orbax, rulec reads: the same tensors, in every form that it writes.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "tests/scratch.h"
#include "tests/store_checks.h"

using namespace rulec;
using namespace rulec::testing;
namespace fs = std::filesystem;

namespace {

struct Row {
  const char* format;
  OrbaxOptions options;
};

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
  const std::map<std::string, bool> scanned = {{"scan_layers", true}};
  for (const Row& row :
       {Row{"Orbax, zarr 3 in OCDBT", {.custom_metadata = scanned}},
        Row{"Orbax, zarr 3 in OCDBT", {.is_compressed = true, .one_chunk = true, .custom_metadata = scanned}},
        Row{"Orbax, zarr 3 in OCDBT", {.custom_metadata = scanned, .chunk_bytes = 1000, .max_data_file_bytes = 5000}},
        Row{"Orbax, zarr 2 in OCDBT", {.zarr_version = 2, .custom_metadata = scanned, .chunk_bytes = 1000}},
        Row{"Orbax, zarr 3 in files", {.has_database = false, .custom_metadata = scanned}},
        Row{"Orbax, zarr 2 in files",
            {.zarr_version = 2, .is_compressed = true, .has_database = false, .custom_metadata = scanned}}}) {
    CAPTURE(row.format);
    const Scratch scratch;
    write_all(*source, scratch.path(), row.options);
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
