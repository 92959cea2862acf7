// SPDX-License-Identifier: Apache-2.0
#include "tests/ocdbt_checks.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "engine/codec/crc32c.h"
#include "engine/ocdbt/byte_writer.h"
#include "engine/ocdbt/envelope.h"
#include "tests/scratch.h"

namespace rulec::testing {

namespace fs = std::filesystem;

namespace {

std::vector<fs::path> database_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

Bytes read_value(const ocdbt::Database& database, const ocdbt::Entry& entry) {
  Diagnostics diags;
  Bytes value(entry.length);
  REQUIRE_MESSAGE(database.read(entry, 0, value, diags), render_text(diags));
  return value;
}

}  // namespace

Bytes as_bytes(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::string as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

fs::path orbax_data(std::string_view name) {
  return fs::path(RULEC_TESTS_DIR) / "data/orbax" / name;
}

ocdbt::Database opened_database(const fs::path& folder) {
  Diagnostics diags;
  Result<ocdbt::Database> database = ocdbt::Database::open(folder, diags);
  REQUIRE_MESSAGE(database, render_text(diags));
  CHECK_MESSAGE(diags.all().empty(), render_text(diags));
  return *std::move(database);
}

bool opens_database(const fs::path& folder) {
  Diagnostics diags;
  const Result<ocdbt::Database> database = ocdbt::Database::open(folder, diags);
  if (!database) {
    CHECK(diags.errors() > 0);
    return false;
  }
  for (const ocdbt::Entry& entry : database->entries()) read_value(*database, entry);
  return true;
}

std::map<std::string, std::string> contents(const ocdbt::Database& database) {
  std::map<std::string, std::string> all;
  for (const ocdbt::Entry& entry : database.entries()) all[entry.key] = as_text(read_value(database, entry));
  return all;
}

std::uint32_t digest(const ocdbt::Database& database) {
  std::uint32_t sum = 0;
  for (const ocdbt::Entry& entry : database.entries()) {
    ocdbt::ByteWriter out;
    out.u64le(entry.key.size());
    out.text(entry.key);
    out.u64le(entry.length);
    out.bytes(read_value(database, entry));
    sum = crc32c(out.written(), sum);
  }
  return sum;
}

std::vector<NodeBody> nodes_below(const fs::path& folder) {
  constexpr std::string_view Magic("\x0c\xdb\x20\xde", 4);
  std::vector<NodeBody> nodes;
  for (const fs::path& path : database_files(folder)) {
    if (path.parent_path().filename() != "d") continue;
    const std::string file = read_file(path);
    for (std::size_t at = file.find(Magic); at != std::string::npos; at = file.find(Magic, at + 1)) {
      std::uint64_t length = 0;
      for (std::size_t i = 8; i-- > 0;) length = length << 8U | static_cast<unsigned char>(file.at(at + 4 + i));
      Diagnostics diags;
      REQUIRE(length <= file.size() - at);
      Result<Bytes> body = ocdbt::open_envelope(as_bytes(std::string_view(file).substr(at, length)), ocdbt::Magic::Node,
                                                {path.string(), at, "node"}, diags);
      REQUIRE_MESSAGE(body, render_text(diags));
      nodes.push_back({path, at, length, *std::move(body)});
    }
  }
  return nodes;
}

std::vector<fs::path> manifests_below(const fs::path& folder) {
  std::vector<fs::path> found = database_files(folder);
  std::erase_if(found, [](const fs::path& path) { return !path.filename().string().starts_with("manifest."); });
  return found;
}

Bytes manifest_body(const fs::path& path) {
  Diagnostics diags;
  Result<Bytes> body =
      ocdbt::open_envelope(as_bytes(read_file(path)), ocdbt::Magic::Manifest, {path.string(), 0, "manifest"}, diags);
  REQUIRE_MESSAGE(body, render_text(diags));
  return *std::move(body);
}

ocdbt::Manifest manifest_at(const fs::path& path) {
  Diagnostics diags;
  Result<ocdbt::Manifest> manifest = ocdbt::decode_manifest(manifest_body(path), {path.string(), 0, "manifest"}, diags);
  REQUIRE_MESSAGE(manifest, render_text(diags));
  return *std::move(manifest);
}

}  // namespace rulec::testing
