// SPDX-License-Identifier: Apache-2.0
// Every byte of small databases changed, every cut of them: a clear message or the same data, never a fall.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "engine/codec/crc32c.h"
#include "engine/ocdbt/byte_writer.h"
#include "engine/ocdbt/envelope.h"
#include "engine/ocdbt/write_database.h"
#include "tests/ocdbt_checks.h"
#include "tests/scratch.h"

namespace rulec::ocdbt_flips_test {

using namespace testing;
namespace fs = std::filesystem;

namespace {

// What becomes of a byte.
std::vector<char> other_values(char c) {
  std::vector<char> values{static_cast<char>(c ^ 0x01), static_cast<char>(c ^ 0x80), '\xff', '\0', '\x7f',
                           static_cast<char>(c + 1)};
  std::erase(values, c);
  return values;
}

// Says of a file of a database how it reads with each byte changed.
void flip_every_byte(const fs::path& folder, const fs::path& file) {
  const std::uint32_t before = digest(opened_database(folder));
  const std::string whole = read_file(file);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (const char c : other_values(whole[i])) {
      std::string bad = whole;
      bad[i] = c;
      std::ofstream(file, std::ios::binary) << bad;
      Diagnostics diags;
      const Result<ocdbt::Database> database = ocdbt::Database::open(folder, diags);
      INFO(file.string(), " at ", i);
      CHECK((database || diags.errors() > 0));
      if (database) CHECK(digest(*database) == before);
    }
  }
  std::ofstream(file, std::ios::binary) << whole;
}

void cut_everywhere(const fs::path& folder, const fs::path& file) {
  const std::string whole = read_file(file);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    std::ofstream(file, std::ios::binary) << whole.substr(0, size);
    INFO(file.string(), " cut to ", size);
    CHECK(!opens_database(folder));
  }
  std::ofstream(file, std::ios::binary) << whole;
}

// Nodes and a manifest that are stored as they are: height 2, values within and outside of nodes.
class StoredDatabase {
 public:
  StoredDatabase() {
    scratch_.write("d/values", "the values that are out here");
    std::vector<ocdbt::NewEntry> entries;
    for (const std::string_view key : {"", "a/c/0", "a/c/1", "a/zarr.json", "b/c/0", "b/zarr.json", "c"}) {
      const std::uint64_t number = entries.size();
      if (number % 2 == 0) {
        entries.push_back({std::string(key), std::as_bytes(std::span(key))});
      } else {
        entries.push_back({std::string(key), ocdbt::FileRange{"d/values", 4 * number, 3 + number}});
      }
    }
    ocdbt::Configuration configuration;
    configuration.max_decoded_node_bytes = 70;
    configuration.compression = std::nullopt;
    Diagnostics diags;
    REQUIRE(ocdbt::write_database(folder(), entries, configuration, {}, diags));
    REQUIRE(manifest_at(manifest()).versions[0].height >= 2);
  }

  const fs::path& folder() const { return scratch_.path(); }
  fs::path manifest() const { return folder() / "manifest.ocdbt"; }
  fs::path nodes() const { return folder() / ocdbt::data_file_name({}); }

 private:
  Scratch scratch_;
};

// The bytes of an envelope with the checksum that is right for them.
std::string resealed(std::string envelope) {
  envelope.resize(envelope.size() - 4);
  ocdbt::ByteWriter out;
  out.u32le(crc32c(std::as_bytes(std::span(envelope))));
  return envelope + as_text(out.written());
}

// An envelope in a file.
struct Envelope {
  fs::path file;
  std::size_t offset;
  std::size_t length;
};

std::vector<Envelope> envelopes(const StoredDatabase& database) {
  std::vector<Envelope> all{{database.manifest(), 0, fs::file_size(database.manifest())}};
  for (const NodeBody& node : nodes_below(database.folder())) all.push_back({node.file, node.offset, node.length});
  return all;
}

}  // namespace

TEST_CASE("every byte of a database of TensorStore is covered") {
  for (const std::string_view name : {"ocdbt_empty_key_and_value", "ocdbt_empty_after_delete"}) {
    const Scratch scratch;
    fs::copy(orbax_data(name), scratch / "db", fs::copy_options::recursive);
    flip_every_byte(scratch / "db", scratch / "db/manifest.ocdbt");
    cut_everywhere(scratch / "db", scratch / "db/manifest.ocdbt");
    const ocdbt::Database database = opened_database(scratch / "db");
    for (const InputFile& file : database.files()) {
      flip_every_byte(scratch / "db", file.path());
      cut_everywhere(scratch / "db", file.path());
    }
  }
}

TEST_CASE("every byte of manifest, inner nodes and leaves is covered") {
  const StoredDatabase database;
  flip_every_byte(database.folder(), database.manifest());
  flip_every_byte(database.folder(), database.nodes());
  cut_everywhere(database.folder(), database.manifest());
  cut_everywhere(database.folder(), database.nodes());
  cut_everywhere(database.folder(), database.folder() / "d/values");
}

TEST_CASE("no byte with a right checksum makes the reader fall") {
  const StoredDatabase database;
  std::size_t opened = 0;
  std::size_t refused = 0;
  for (const Envelope& place : envelopes(database)) {
    const std::string whole = read_file(place.file);
    for (std::size_t i = 0; i + 4 < place.length; ++i) {
      const char byte = whole[place.offset + i];
      for (const char c : other_values(byte)) {
        std::string envelope = whole.substr(place.offset, place.length);
        envelope[i] = c;
        std::string bad = whole;
        bad.replace(place.offset, place.length, resealed(envelope));
        std::ofstream(place.file, std::ios::binary) << bad;
        ++(opens_database(database.folder()) ? opened : refused);
      }
    }
    std::ofstream(place.file, std::ios::binary) << whole;
  }
  CHECK(opened > 0);  // the uuid, the time, the sums, letters of keys and values
  CHECK(refused > 0);
  CHECK(opens_database(database.folder()));
}

TEST_CASE("no cut of a body with a right checksum makes a decoder fall") {
  for (const NodeBody& node : nodes_below(orbax_data("ocdbt_deep_tiny_nodes"))) {
    for (std::size_t size = 0; size < node.body.size(); ++size) {
      Diagnostics diags;
      ocdbt::Budget budget;
      CHECK(!ocdbt::decode_node(std::span(node.body).first(size), {"x", 0, "node"}, budget, diags));
      CHECK(diags.errors() == 1);
    }
  }
  const Bytes body = manifest_body(orbax_data("ocdbt_versions_42") / "manifest.ocdbt");
  for (std::size_t size = 0; size < body.size(); ++size) {
    Diagnostics diags;
    CHECK(!ocdbt::decode_manifest(std::span(body).first(size), {"x", 0, "manifest"}, diags));
    CHECK(diags.errors() == 1);
  }
}

TEST_CASE("no changed byte of a large body makes a decoder fall") {
  for (const std::string_view name : {"ocdbt_versions_42", "ocdbt_deep_tiny_nodes"}) {
    for (const NodeBody& node : nodes_below(orbax_data(name))) {
      for (std::size_t i = 0; i < node.body.size(); ++i) {
        for (const char c : other_values(std::to_integer<char>(node.body[i]))) {
          Bytes bad = node.body;
          bad[i] = static_cast<std::byte>(c);
          Diagnostics diags;
          ocdbt::Budget budget;
          const bool is_decoded(ocdbt::decode_node(bad, {"x", 0, "node"}, budget, diags));
          CHECK(is_decoded == (diags.errors() == 0));
        }
      }
    }
  }
}

}  // namespace rulec::ocdbt_flips_test
