// SPDX-License-Identifier: Apache-2.0
// Packs as they are found and loaded; what is said of names stands in golden/names.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "engine/rules/bundled.h"
#include "engine/rules/rules.h"
#include "grammar/messages.h"
#include "tests/fenced.h"
#include "tests/scratch.h"

namespace rulec::names_test {
namespace {

namespace fs = std::filesystem;

const fs::path Tests = RULEC_TESTS_DIR;
constexpr std::string_view Tiny = "pack tiny : maxtext -> hf \"A tiny model\"\na -> b\n";

/// The ids of the findings of loading a pack, such as "R0202 R0205".
std::string ids(const std::string& name_or_path) {
  Diagnostics diags;
  const Result<Rules> rules = load_rules(name_or_path, diags);
  CHECK(static_cast<bool>(rules) == (diags.errors() == 0));
  std::string out;
  for (const Diagnostic& one : diags.all()) out += (out.empty() ? "" : " ") + std::string(one.id);
  return out;
}

/// The findings of a text without imports, as people see them.
std::string findings(const std::string& text) {
  Diagnostics diags;
  const Result<Rules> rules = load_rules(diags.sources().add("text", text), {}, diags);
  CHECK(static_cast<bool>(rules) == (diags.errors() == 0));
  return render_text(diags);
}

std::string repeat(std::size_t count, const auto& line) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += line(std::to_string(i), std::to_string(i + 1));
  return out;
}

}  // namespace

TEST_CASE("every file below rules/ is within the library, byte for byte") {
  const fs::path folder = Tests / ".." / "rules";
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    files += entry.is_regular_file() && entry.path().extension() != ".md" ? 1 : 0;  // rules/README.md is for people
  }
  CHECK(bundled_rules().size() == files);
  for (const BundledText& one : bundled_rules())
    CHECK_MESSAGE(one.text == testing::read_file(folder / one.path), one.path);
}

TEST_CASE("every page of a message is within the library") {
  for (const Message& message : all_messages()) {
    const auto page = message_page(message.id);
    REQUIRE_MESSAGE(page, message.id);
    CHECK(page->starts_with("# " + std::string(message.id)));
    CHECK(message_page(message.name) == page);
  }
  CHECK(!message_page("R9999"));
}

TEST_CASE("bundled packs are loaded by name, without findings") {
  REQUIRE(!bundled_packs().empty());
  for (const std::string& name : bundled_packs()) {
    INFO(name);
    CHECK(ids(name) == "");
  }
}

TEST_CASE("a bundled pack brings its presets") {
  Diagnostics diags;
  const Result<Rules> rules = load_rules("gemma2", diags);
  REQUIRE(rules);
  CHECK(rules->name == "gemma2");
  CHECK(rules->sides == std::array<std::string, 2>{"maxtext", "hf"});
  CHECK(rules->side("hf") == SideId::Right);
  REQUIRE(rules->presets.size() >= 3);
  const PresetFiles& preset = rules->presets[1];
  CHECK(preset.name == "gemma2-2b");
  CHECK(preset.files.at("config.json") == "<rulec>/gemma2/presets/gemma2-2b/config.json");
  CHECK(rules->folder.read("presets/gemma2-2b/config.json")->starts_with("{"));
  CHECK(!rules->folder.read("presets/gemma2-2b/nothing"));
}

TEST_CASE("the example packs are loaded without findings") {
  for (const auto& entry : fs::directory_iterator(Tests / "data" / "rules")) {
    INFO(entry.path().string());
    if (testing::read_file(entry.path()).starts_with("pack")) CHECK(ids(entry.path().string()) == "");
  }
}

TEST_CASE("packs on disk") {
  const testing::Scratch scratch;
  const std::string at = scratch.path().string() + "/";
  scratch.write("file/some.rules", Tiny);
  scratch.write("own/own.rules", Tiny);
  scratch.write("own/other.rules", Tiny);
  scratch.write("several/a.rules", Tiny);
  scratch.write("several/b.rules", Tiny);
  scratch.write("none/a.txt", Tiny);
  scratch.write("library.rules", "let a = 1\n");
  scratch.write("above/pack/pack.rules", "pack p : l -> r\nimport \"../shared.rules\"\nuse b\n");
  scratch.write("above/shared.rules", "block b { x -> y }\n");
  fs::create_directory(scratch / "folder.rules");
  const std::vector<std::pair<std::string, std::string>> table = {
      {"file/some.rules", ""},    {"file", ""},       {"file/", ""},           {"own", ""},
      {"several", "R0221"},       {"none", "R0221"},  {"none/a.txt", "R0221"}, {"nothing.rules", "R0221"},
      {"library.rules", "R0221"}, {"above/pack", ""}, {"above/pack/.", ""},    {"folder.rules", "R0221"},
  };
  for (const auto& [path, expected] : table) {
    INFO(path);
    CHECK(ids(at + path) == expected);
  }
  CHECK(ids("") == "R0221");
  CHECK(ids("gema2") == "R0221");
}

TEST_CASE("an unknown pack is told with what is close") {
  Diagnostics diags;
  CHECK(!load_rules("gema2", diags));
  CHECK(!load_rules("gema2.rules", diags));
  CHECK(render_text(diags) ==
        "error[R0221 unknown-pack]: there is no pack `gema2`\n"
        "   = help: did you mean `gemma2`?\n"
        "\n"
        "error[R0221 unknown-pack]: there is no pack `gema2.rules`\n"
        "   = note: there is no file `gema2.rules`\n");
}

TEST_CASE("a rule file over the limit is not read") {
  const testing::Scratch scratch;
  const fs::path path = scratch.write("big.rules", Tiny);
  fs::resize_file(path, (std::uintmax_t{16} << 20) + 1);
  CHECK(ids(path.string()) == "R0801");
}

TEST_CASE("presets are folders and statements, each name once") {
  const testing::Scratch scratch;
  scratch.write("p/p.rules",
                "pack p : l -> r\nlet a = 1\npreset small { a = 2 }\npreset tiny { a = 3 }\nx -> y when a > 0\n");
  scratch.write("p/presets/small/config.json", "{}");
  scratch.write("p/presets/big/config.json", "{}");
  scratch.write("p/presets/big/maxtext.yml", "a: 1");
  scratch.write("p/presets/README.md", "no preset");
  Diagnostics diags;
  const Result<Rules> rules = load_rules((scratch / "p").string(), diags);
  REQUIRE(rules);
  std::string out;
  for (const PresetFiles& preset : rules->presets) {
    out += preset.name + ":";
    for (const auto& [name, printed] : preset.files) {
      CHECK(printed == (scratch / "p/presets" / preset.name / name).string());
      CHECK(rules->folder.read("presets/" + preset.name + "/" + name));
      out += " " + name;
    }
    out += "\n";
  }
  CHECK(out == "big: config.json maxtext.yml\nsmall: config.json\ntiny:\n");
}

TEST_CASE("imports nest up to a limit") {
  const auto chain = [](std::size_t count) {
    PackFolder folder;
    folder.read = [count](std::string_view path) -> std::optional<std::string> {
      const std::size_t number = std::stoul(std::string(path));
      if (number == count) return "block b { x -> y }\n";
      return "import \"" + std::to_string(number + 1) + "\"\n";
    };
    Diagnostics diags;
    const bool good = static_cast<bool>(
        load_rules(diags.sources().add("p", "pack p : l -> r\nimport \"1\"\nuse b\n"), folder, diags));
    return good ? "" : std::string(diags.all().front().id);
  };
  CHECK(chain(63) == "");
  CHECK(chain(64) == "R0103");
}

TEST_CASE("long chains of definitions are walked") {
  const std::string lets =
      repeat(20'000, [](const auto& i, const auto& next) { return "let a" + i + " = a" + next + "\n"; });
  const std::string use = "pack p : l -> r\nx -> y when a0 > 0\n";
  CHECK(findings(use + lets + "let a20000 = 1\n") == "");
  CHECK(findings(use + lets + "let a20000 = a19999\n").find("`a19999` needs itself: a19999 -> a20000 -> a19999") !=
        std::string::npos);
}

TEST_CASE("the pages of the messages about names show them") {
  for (const std::string id : {"R0202", "R0203", "R0204", "R0205", "R0206", "R0207", "R0211", "R0212", "R0213", "R0214",
                               "R0219", "R0223", "R0702", "R0703", "R0706"}) {
    const std::vector<testing::FencedBlock> blocks = testing::fenced_blocks(*message_page(id));
    for (const testing::FencedBlock& block : blocks) {
      if (!block.has("wrong") && !block.has("right")) continue;
      PackFolder folder;
      folder.read = [&](std::string_view path) -> std::optional<std::string> {
        const auto found = std::ranges::find_if(blocks, [&](const testing::FencedBlock& file) {
          return file.option("file") == path && file.heading == block.heading;
        });
        return found == blocks.end() ? std::nullopt : std::optional(found->text);
      };
      INFO(id << " line " << block.line);
      Diagnostics diags;
      (void)load_rules(diags.sources().add("page", block.text), folder, diags);
      INFO(render_text(diags));
      const bool is_shown = std::ranges::any_of(diags.all(), [&](const Diagnostic& one) { return one.id == id; });
      CHECK(is_shown == block.has("wrong"));
    }
  }
}

}  // namespace rulec::names_test
