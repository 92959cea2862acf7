// SPDX-License-Identifier: Apache-2.0
// What a journal says, whole, torn and changed.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "engine/codec/xxh3.h"
#include "engine/run/journal.h"
#include "tests/scratch.h"
#include "tests/store_checks.h"

namespace rulec::journal_test {

using namespace testing;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t Units = 5;
constexpr std::int64_t Bytes = 8192;  // of each unit: one tensor
const std::string Fingerprint = "0123456789abcdef0123456789abcdef";

std::string checksum(std::string_view bytes) {
  Xxh3 hash;
  hash.add(std::as_bytes(std::span(bytes)));
  return hash.digits();
}

/// A target of five tensors, and a journal that has noted the last of them and the first two: in two writes each where
/// they are raw.
class Noted {
 public:
  explicit Noted(bool is_compressed) : is_compressed_(is_compressed) {
    OrbaxOptions options;
    options.is_compressed = is_compressed;
    target_ = orbax_sink(scratch_.path(), options);
    sink_ = dynamic_cast<ResumableSink*>(target_.get());
    std::vector<TensorInfo> infos;
    for (std::size_t u = 0; u < Units; ++u) infos.push_back({fmt::format("t{}", u), DType::U8, {Bytes}});
    Diagnostics diags;
    REQUIRE(target_->begin(infos, diags));
    Result<Journal> journal = Journal::begin(path(), Fingerprint, Units, *sink_, diags);
    REQUIRE(journal);
    for (const std::size_t u : {4, 1, 0}) write(*journal, u);
    CHECK(journal->note(std::vector<std::size_t>{4}, diags));
    CHECK(journal->note(std::vector<std::size_t>{0, 1}, diags));
    CHECK(diags.all().empty());
    text_ = read_file(path());
  }

  static std::string bytes_of(std::size_t unit) { return random_bytes(Bytes, static_cast<unsigned>(unit)); }

  const std::string& text() const { return text_; }
  ResumableSink& sink() const { return *sink_; }

  /// What is made of a journal with this text.
  Result<Journal> resumed(std::string_view text, Diagnostics& diags) const {
    scratch_.write("journal", text);
    return Journal::resume(path(), Fingerprint, Units, *sink_, diags);
  }

 private:
  fs::path path() const { return scratch_ / "journal"; }

  void write(Journal& journal, std::size_t u) const {
    const Box all{{0}, {Bytes}};
    const Block block{u, {0}, all, all};
    const std::string text = bytes_of(u);
    const std::span<const std::byte> bytes = std::as_bytes(std::span(text));
    Diagnostics diags;
    for (const std::uint64_t half : {Bytes / 2, std::int64_t{0}}) {
      const Segment segment = is_compressed_ ? Segment{0, Bytes} : Segment{half, Bytes / 2};
      REQUIRE(sink_->write_chunk(u, {0}, segment.offset, bytes.subspan(segment.offset, segment.bytes), {}, diags));
      journal.wrote(u, 0, block, segment, bytes);
      if (is_compressed_) break;
    }
  }

  bool is_compressed_;
  Scratch scratch_;
  std::unique_ptr<TensorSink> target_;
  ResumableSink* sink_ = nullptr;
  std::string text_;
};

std::vector<bool> units(const std::vector<std::size_t>& finished) {
  std::vector<bool> all(Units);
  for (const std::size_t u : finished) all[u] = true;
  return all;
}

}  // namespace

TEST_CASE("a journal says what was written, and where") {
  for (const bool is_compressed : {false, true}) {
    const Noted noted(is_compressed);
    Diagnostics diags;
    const Result<Journal> journal = noted.resumed(noted.text(), diags);
    REQUIRE(journal);
    CHECK(journal->finished() == units({0, 1, 4}));
    for (const std::size_t u : {0, 1, 4}) {
      const std::vector<WrittenExtent>& extents = journal->extents(u);
      REQUIRE(extents.size() == (is_compressed ? 1 : 2));
      const std::string bytes = Noted::bytes_of(u);
      for (const WrittenExtent& extent : extents) {
        CHECK(extent.block == 0);
        CHECK(extent.stored.has_value() == is_compressed);
        if (!is_compressed) {
          CHECK(extent.checksum == checksum(bytes.substr(extent.segment.offset, extent.segment.bytes)));
          continue;
        }
        const StoredChunk& stored = *extent.stored;
        const std::string file = read_file(noted.sink().file_path(stored.at.file));
        CHECK(extent.checksum == checksum(file.substr(stored.at.offset, stored.bytes)));
      }
    }
    CHECK(diags.all().empty());
  }
}

TEST_CASE("a journal that is torn anywhere says what its whole lines say") {
  for (const bool is_compressed : {false, true}) {
    const Noted noted(is_compressed);
    const std::string& text = noted.text();
    const std::size_t head = text.find('\n', text.find('\n') + 1) + 1;
    for (std::size_t size = 0; size < text.size(); ++size) {
      CAPTURE(size);
      Diagnostics diags;
      const Result<Journal> journal = noted.resumed(text.substr(0, size), diags);
      REQUIRE(static_cast<bool>(journal) == (size >= head));
      if (!journal) continue;
      constexpr std::array<std::size_t, 3> Order = {4, 0, 1};
      const std::size_t lines = static_cast<std::size_t>(std::ranges::count(text.substr(head, size - head), '\n'));
      CHECK(journal->finished() == units({Order.begin(), Order.begin() + lines}));
    }
  }
}

TEST_CASE("a line of a journal in which anything was changed says nothing, nor does any behind it") {
  for (const bool is_compressed : {false, true}) {
    const Noted noted(is_compressed);
    const std::string& text = noted.text();
    const std::size_t head = text.find('\n', text.find('\n') + 1) + 1;
    const std::size_t second = text.find('\n', head) + 1;
    for (std::size_t at = second; at < text.size(); ++at) {
      for (const char changed : {'0', '7', 'f', ' ', '@', '+', '\n', '\0'}) {
        if (text[at] == changed) continue;
        CAPTURE(at);
        CAPTURE(changed);
        std::string other = text;
        other[at] = changed;
        Diagnostics diags;
        const Result<Journal> journal = noted.resumed(other, diags);
        REQUIRE(journal);
        const bool is_first = at < text.find('\n', second) + 1;
        CHECK(journal->finished() == (is_first ? units({4}) : units({4, 0})));
      }
    }
  }
}

TEST_CASE("the journal of another conversion, or of none, is not gone on with") {
  const Noted noted(false);
  const std::string body = noted.text().substr(noted.text().find('\n'));
  const auto refused = [&](const std::string& text, std::string_view id, std::string_view words) {
    Diagnostics diags;
    CHECK(!noted.resumed(text, diags));
    check_found(diags, id, words);
  };
  refused("", "R0801", "it is no journal of a conversion");
  refused("notes" + body, "R0801", "it is no journal of a conversion");
  refused("rulec journal 1" + body, "R0845", "is another one");
  refused("rulec journal 2\n" + std::string(32, 'f') + body.substr(33), "R0845", "is another one");
}

}  // namespace rulec::journal_test
