// SPDX-License-Identifier: Apache-2.0
// The examples of the messages' pages, run: what stands below `## Wrong` gives the message, what stands below `##
// Right` gives it not, and no error either.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "grammar/messages.h"
#include "grammar/parse.h"
#include "tests/fenced.h"
#include "tests/page.h"
#include "tests/scratch.h"

namespace rulec::pages_test {
namespace {

using testing::PageSection;
using Ids = std::set<std::string_view>;

/// Messages whose wrong example is a command line, a moment or a file's contents, with what tests them instead.
const std::map<std::string_view, std::string_view> TestedElsewhere{
    {"R0221", "packs are looked for by name: tests of loading"},
    {"R0604", "needs numbers: tests of conversion"},
    {"R0605", "needs numbers: tests of conversion"},
    {"R0609", "needs numbers: tests of conversion"},
    {"R0610", "what a conversion reads: tests of conversion"},
    {"R0612", "the command line: tests of `rulec convert`"},
    {"R0613", "the command line: tests of `rulec convert`"},
    {"R0614", "`rulec test`: tests of test blocks"},
    {"R0615", "`rulec test`: no pack gives it unless rulec is wrong"},
    {"R0616", "a way that only a conversion has: tests/quantized.cpp"},
    {"R0618", "needs numbers: tests/verify_statistics.cpp"},
    {"R0619", "needs numbers: tests/verify_statistics.cpp"},
    {"R0620", "needs numbers: tests/verify_statistics.cpp"},
    {"R0801", "no file: tests of stores"},
    {"R0809", "a full disk: tests of stores"},
    {"R0810", "the command line: tests of `rulec convert`"},
    {"R0817", "a moment: tests of stores"},
    {"R0820", "files of bytes: tests of OCDBT databases"},
    {"R0830", "a document within a checkpoint: tests of zarr's metadata"},
    {"R0831", "chunks of bytes: tests of zarr arrays"},
    {"R0832", "chunks of bytes: tests of zarr arrays"},
    {"R0840", "folders of Orbax: tests of its trees and folders"},
    {"R0841", "folders of Orbax: tests of its folders"},
    {"R0842", "folders of Orbax: tests of its folders and stores"},
    {"R0843", "what a checkpoint cannot hold: tests of writing Orbax"},
    {"R0845", "a conversion that was killed: tests/cli/resume_test.py"},
    {"R0846", "a conversion that was killed: tests/cli/resume_test.py"},
    {"R0847", "a disk that lies: tests/cli/resume_test.py"},
    {"R0848", "several processes: tests/cli/parts_test.py"},
    {"R0849", "a plan that was saved: tests/cli/parts_test.py"},
    {"R0903", "the command line"},
    {"R0904", "the command line"},
    {"R0905", "a program that calls us: tests of the public API"},
    {"R0907", "a compressed chunk that is too large: tests/plan.cpp"},
    {"R0906", "a moment: tests of the public API"},
    {"R0999", "our own mistakes: tests of the public API"},
};

/// Messages that no stage gives yet. A row goes when its page passes.
const Ids NotYet{};

std::string page_of(std::string_view id) {
  return testing::read_file(std::filesystem::path(RULEC_TESTS_DIR) / ".." / "grammar" / "messages" /
                            (std::string(id) + ".md"));
}

/// What is said of a section, with the message switched on.
Diagnostics said_of(const PageSection& section, std::string_view id) {
  Diagnostics diags;
  diags.enable(id);
  testing::run_section(section, diags);
  return diags;
}

bool gives(const Diagnostics& diags, std::string_view id) {
  return std::ranges::find(diags.all(), id, &Diagnostic::id) != diags.all().end();
}

struct Verdict {
  bool wrong_gives_it = false;
  bool right_is_clean = false;
  std::string said;

  bool good() const { return wrong_gives_it && right_is_clean; }
};

Verdict judge(std::string_view id) {
  const std::string page = page_of(id);
  const Diagnostics wrong = said_of(testing::read_section(page, "Wrong"), id);
  const Diagnostics right = said_of(testing::read_section(page, "Right"), id);
  return {gives(wrong, id), !gives(right, id) && right.errors() == 0,
          "wrong gives:\n" + render_text(wrong) + "\nright gives:\n" + render_text(right)};
}

}  // namespace

TEST_CASE("the examples of every page do what they say") {
  for (const Message& message : all_messages()) {
    if (TestedElsewhere.contains(message.id) || NotYet.contains(message.id)) continue;
    const Verdict verdict = judge(message.id);
    CAPTURE(verdict.said);
    CHECK_MESSAGE(verdict.wrong_gives_it, message.id);
    CHECK_MESSAGE(verdict.right_is_clean, message.id);
  }
}

TEST_CASE("pages of what no stage gives yet are marked only as long as that is so") {
  for (const std::string_view id : NotYet) WARN_MESSAGE(!judge(id).good(), id, " passes: delete its row of NotYet");
}

TEST_CASE("what a page cannot run is tested elsewhere") {
  for (const Message& message : all_messages()) {
    const std::string page = page_of(message.id);
    const bool runs = testing::read_section(page, "Wrong").can_run() && testing::read_section(page, "Right").can_run();
    CHECK_MESSAGE(runs != TestedElsewhere.contains(message.id), message.id);
  }
}

TEST_CASE("the rules of every page that is not about syntax parse") {
  for (const Message& message : all_messages()) {
    if (message.id.starts_with("R01")) continue;
    for (const testing::FencedBlock& block : testing::fenced_blocks(page_of(message.id))) {
      if (block.language() != "rules") continue;
      Diagnostics diags;
      CHECK_MESSAGE(parse(diags.sources().add(std::string(message.id), block.text), diags), render_text(diags));
    }
  }
}

}  // namespace rulec::pages_test
