// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>
#include <sstream>

#include "engine/config/config.h"
#include "engine/config/core_schema.h"
#include "grammar/overloaded.h"

namespace rulec::config_test {
namespace {

/// One line that tells types and values: `{a: 1, b: [true, "x"]}`.
std::string print(const ConfigValue& value) {
  return std::visit(Overloaded{
                        [](std::monostate) -> std::string { return "null"; },
                        [](bool x) -> std::string { return x ? "true" : "false"; },
                        [](std::int64_t x) { return fmt::format("{}", x); },
                        [](double x) { return fmt::format("{:.17g}f", x); },
                        [](const std::string& x) { return '"' + x + '"'; },
                        [](const ConfigList& list) {
                          std::vector<std::string> parts;
                          for (const ConfigValue& part : list) parts.push_back(print(part));
                          return fmt::format("[{}]", fmt::join(parts, ", "));
                        },
                        [](const ConfigObject& object) {
                          std::vector<std::string> parts;
                          for (const ConfigMember& m : object) parts.push_back(m.key + ": " + print(m.value));
                          return fmt::format("{{{}}}", fmt::join(parts, ", "));
                        },
                    },
                    value.node);
}

/// The value, or every diagnostic as `R0901 2:5 message`.
std::string read(const std::string& name, const std::string& text) {
  Diagnostics diags;
  const Result<ConfigValue> value = parse_config(diags.sources().add(name, text), diags);
  if (value) {
    CHECK(diags.all().empty());
    return print(*value);
  }
  REQUIRE(diags.errors() > 0);
  std::string all;
  for (const Diagnostic& one : diags.all()) {
    const Span span = std::get<Span>(one.primary.place);
    CHECK(span.begin <= span.end);
    CHECK(span.end <= text.size());
    const Position at = diags.sources()[span.source].position(span.begin);
    all += fmt::format("{}{} {}:{} {}", all.empty() ? "" : "; ", one.id, at.line, at.column, one.message);
  }
  return all;
}

struct Row {
  std::string text;
  std::string read;
};

std::string spans(const std::string& text, const ConfigValue& value) {
  std::string all = text.substr(value.span.begin, value.span.end - value.span.begin);
  if (const auto* list = std::get_if<ConfigList>(&value.node)) {
    for (const ConfigValue& part : *list) all += "|" + spans(text, part);
  }
  if (const auto* object = std::get_if<ConfigObject>(&value.node)) {
    for (const ConfigMember& m : *object) {
      all += "|" + text.substr(m.key_span.begin, m.key_span.end - m.key_span.begin) + "|" + spans(text, m.value);
    }
  }
  return all;
}

std::string file_text(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

const std::filesystem::path Presets = std::filesystem::path(RULEC_TESTS_DIR) / "../rules/gemma2/presets";

}  // namespace

TEST_CASE("JSON values") {
  const Row rows[] = {
      {R"({})", "{}"},
      {R"({"a": 1, "b": [true, false, null], "c": {"d": "x"}})", R"({a: 1, b: [true, false, null], c: {d: "x"}})"},
      {R"({"a": -1, "b": 26.0, "c": 1e-06, "d": -0.0, "e": 1E3, "f": -0})",
       "{a: -1, b: 26f, c: 9.9999999999999995e-07f, d: -0f, e: 1000f, f: 0}"},
      {R"({"a": 9223372036854775807, "b": -9223372036854775808})", "{a: 9223372036854775807, b: -9223372036854775808}"},
      {R"({"a": 9223372036854775808, "b": 1000000000000000019884624838656})",
       "{a: 9.2233720368547758e+18f, b: 1e+30f}"},
      {R"({"a": 1e-400})", "{a: 0f}"},
      {R"({"a": "\u00e9\ud83d\ude00\n\\"})", "{a: \"é😀\n\\\"}"},
      {R"({"": 1, "a.b": 2})", "{: 1, a.b: 2}"},
      {"\n\t{\"a\"\r\n:1 }\n", "{a: 1}"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK(read("config.json", row.text) == row.read);
  }
}

TEST_CASE("bad JSON: what, and where") {
  const std::string cannot = " `config.json` cannot be read as JSON: ";
  const Row rows[] = {
      {"", "R0901 1:1" + cannot + "unexpected end of input; expected `[`, `{`, or a literal"},
      {"[]", "R0901 1:1" + cannot + "expected keys and their values"},
      {"26", "R0901 1:1" + cannot + "expected keys and their values"},
      {R"({"a": 1)", "R0901 1:8" + cannot + "unexpected end of input; expected `}`"},
      {"{\"a\": 1,\n \"b\": }", "R0901 2:7" + cannot + "unexpected `}`; expected `[`, `{`, or a literal"},
      {"{\"a\": 1,\n}", "R0901 2:1" + cannot + "unexpected `}`; expected string literal"},
      {R"({"a": [1,, 2]})", "R0901 1:10" + cannot + "unexpected `,`; expected `[`, `{`, or a literal"},
      {R"({"a": [1 22]})", "R0901 1:10" + cannot + "unexpected number literal; expected `]`"},
      {R"({"a" 1})", "R0901 1:6" + cannot + "unexpected number literal; expected `:`"},
      {R"({"a": NaN})", "R0901 1:7" + cannot + "invalid literal"},
      {R"({"a": -Infinity})", "R0901 1:7" + cannot + "invalid number; expected digit after `-`"},
      {R"({"a": 1e400})", "R0901 1:7" + cannot + "this number does not fit into 64 bits"},
      {R"({"a": 01})", "R0901 1:9" + cannot + "unexpected number literal; expected `}`"},
      {R"({"a": 1} // c)", "R0901 1:10" + cannot + "invalid literal"},
      {R"({"a": 1} {})", "R0901 1:10" + cannot + "unexpected `{`; expected end of input"},
      {"{\"a\": \"x\ny\"}",
       "R0901 1:9" + cannot + "invalid string: control character U+000A (LF) must be escaped to \\u000A or \\n"},
      {R"({"a": "x\qy"})", "R0901 1:10" + cannot + "invalid string: forbidden character after backslash"},
      {R"({"a": 1, "b": {"c": 1, "c": 2}, "a": 3})",
       "R0902 1:24 the key `c` stands twice; R0902 1:33 the key `a` stands twice"},
      {"\xEF\xBB\xBF{}", "R0901 1:1" + cannot + "it begins with a byte order mark"},
      {std::string("{}\0", 3), "R0901 1:3" + cannot + "there is a NUL byte in it"},
      {"{\"a\xFF\": 1}", "R0102 1:4 this text is not UTF-8"},
      {"{\"a\": \"\xED\xA0\x80\"}", "R0102 1:8 this text is not UTF-8"},
      {R"({"a": "\ud800"})",
       "R0901 1:14" + cannot + "invalid string: surrogate U+D800..U+DBFF must be followed by U+DC00..U+DFFF"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK(read("config.json", row.text) == row.read);
  }
}

TEST_CASE("Python's numbers and commas get help") {
  const Row rows[] = {
      {R"({"a": Infinity})", "Python writes `Infinity`, which is not JSON: write a number or `null`"},
      {R"({"a": -Infinity})", "Python writes `-Infinity`, which is not JSON: write a number or `null`"},
      {R"({"a": [1, NaN]})", "Python writes `NaN`, which is not JSON: write a number or `null`"},
      {R"({"a": None})", "JSON writes `null`"},
      {R"({"a": 1, })", "no comma stands behind the last value"},
      {"{\n# c\n}", "JSON has no comments"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    Diagnostics diags;
    CHECK(!parse_config(diags.sources().add("c.json", row.text), diags));
    REQUIRE(diags.all().size() == 1);
    CHECK(diags.all()[0].helps == std::vector{row.read});
  }
}

TEST_CASE("plain scalars of YAML's core schema") {
  const double inf = std::numeric_limits<double>::infinity();
  const std::pair<std::string, decltype(ConfigValue::node)> rows[] = {
      {"", std::monostate{}},
      {"~", std::monostate{}},
      {"null", std::monostate{}},
      {"NULL", std::monostate{}},
      {"true", true},
      {"True", true},
      {"TRUE", true},
      {"false", false},
      {"FALSE", false},
      {"yes", "yes"},
      {"no", "no"},
      {"on", "on"},
      {"off", "off"},
      {"nULL", "nULL"},
      {"tRUE", "tRUE"},
      {"0", std::int64_t{0}},
      {"-12", std::int64_t{-12}},
      {"+12", std::int64_t{12}},
      {"012", std::int64_t{12}},
      {"262_144", std::int64_t{262144}},
      {"-1_0", std::int64_t{-10}},
      {"+1__0", std::int64_t{10}},
      {"0o14", std::int64_t{12}},
      {"0xC", std::int64_t{12}},
      {"0xc", std::int64_t{12}},
      {"0o18", "0o18"},
      {"0x", "0x"},
      {"-0x1", "-0x1"},
      {"9223372036854775807", std::numeric_limits<std::int64_t>::max()},
      {"-9223372036854775808", std::numeric_limits<std::int64_t>::min()},
      {"9223372036854775808", 9223372036854775808.0},
      {"-9223372036854775809", -9223372036854775808.0},
      {"1.e-06", 1e-6},
      {"1e-6", 1e-6},
      {"1.0e-06", 1e-6},
      {"30.0", 30.0},
      {".5", .5},
      {"+.5E+1", 5.0},
      {"5.", 5.0},
      {"-1e3", -1000.0},
      {"1e-400", 0.0},
      {".", "."},
      {"e1", "e1"},
      {"1e", "1e"},
      {"1.2.3", "1.2.3"},
      {"_1", "_1"},
      {"1_", "1_"},
      {"0_1", "0_1"},
      {"1_0.5", "1_0.5"},
      {"1:30", "1:30"},
      {"+", "+"},
      {"-", "-"},
      {"--1", "--1"},
      {"+-1", "+-1"},
      {".inf", inf},
      {"+.Inf", inf},
      {"-.INF", -inf},
      {"inf", "inf"},
      {"nan", "nan"},
      {"Infinity", "Infinity"},
      {"-.nan", "-.nan"},
      {"2304 ", "2304 "},
      {"hello", "hello"},
  };
  for (const auto& [text, node] : rows) {
    INFO(text);
    const auto got = resolve_plain(text);
    REQUIRE(got);
    CHECK(print({*got, {}}) == print({node, {}}));
  }
  CHECK(std::isnan(std::get<double>(*resolve_plain(".nan"))));
  CHECK(!resolve_plain("1e400"));
  CHECK(!resolve_plain("-1.5E+9999999999999999999999"));
  CHECK(!resolve_plain("0x10000000000000000"));
}

TEST_CASE("YAML values") {
  const Row rows[] = {
      {"", "{}"},
      {"# nothing\n", "{}"},
      {"---\n...\n", "{}"},
      {"a: 1\nb: x # c\nc: 'it''s'\nd: \"\\t\\u00e9\"\n", "{a: 1, b: \"x\", c: \"it's\", d: \"\té\"}"},
      {"a: '2304'\nb: \"\"\nc: []\nd: {}\ne: 1.0e-06\nf: ''\n",
       "{a: \"2304\", b: \"\", c: [], d: {}, e: 9.9999999999999995e-07f, f: \"\"}"},
      {"a: [\"gelu\",\"linear\"]\nb: [[1, 2], [x]]\nc:\n- 1\n-  d: 2\n   e: 3\n",
       "{a: [\"gelu\", \"linear\"], b: [[1, 2], [\"x\"]], c: [1, {d: 2, e: 3}]}"},
      {"a:\n  b:\n    c: yes\nd: no\n", "{a: {b: {c: \"yes\"}}, d: \"no\"}"},
      {"a:\nb: ~\nc: null\nd: \"null\"\n", "{a: null, b: null, c: null, d: \"null\"}"},
      {"a: &x {b: 1}\nc: *x\nd: [*x, *x]\n", "{a: {b: 1}, c: {b: 1}, d: [{b: 1}, {b: 1}]}"},
      {"a: &x 5\nb: *x\nc: &y\nd: *y\n", "{a: 5, b: 5, c: null, d: null}"},
      {"a: !!str 5\nb: !!int 5\nc: !!float 5.0\nd: ! 5\ne: !!bool true\nf: !!map {}\ng: !!seq []\nh: !!null ~\n",
       "{a: \"5\", b: 5, c: 5f, d: \"5\", e: true, f: {}, g: [], h: null}"},
      {"1: a\ntrue: b\n'x y': c\n? d\n: e\n", "{1: \"a\", true: \"b\", x y: \"c\", d: \"e\"}"},
      {"a: |\n  x\n  y\nb: >-\n  x\n  y\n", "{a: \"x\ny\n\", b: \"x y\"}"},
      {"a: 1\r\nb: x\r\n", "{a: 1, b: \"x\"}"},
      {"\xEF\xBB\xBF"
       "a: 1\n",
       "{a: 1}"},
      {"%YAML 1.2\n---\na: 1\n...\n", "{a: 1}"},
      {"a: http://x/y:z\nb: gs://p\n", "{a: \"http://x/y:z\", b: \"gs://p\"}"},
      {"{\"a\": 1, \"b\": [true]}", "{a: 1, b: [true]}"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK(read("model.yml", row.text) == row.read);
  }
}

TEST_CASE("bad YAML: what, and where") {
  const std::string cannot = " `model.yml` cannot be read as YAML: ";
  const Row rows[] = {
      {"a: 1\n\tb: 2\n", "R0901 2:1" + cannot + "illegal tab when looking for indentation"},
      {"a: 1\nb: c: d\n", "R0901 2:5" + cannot + "illegal map value"},
      {"a: 1\nb: \"x\n", "R0901 2:4" + cannot + "this quote is never closed"},
      {"a: 1\nb: [1, 2\n", "R0901 3:1" + cannot + "end of sequence flow not found"},
      {"a: 1\nb: @x\n", "R0901 2:4" + cannot + "unknown token"},
      {"a: 1\nb c\n", "R0901 2:1" + cannot + "expected `: ` and a value behind this key"},
      {"a: 1\nb: {c:1}\n", "R0901 2:5" + cannot + "expected `: ` and a value behind this key"},
      {"a: 1\nb: 2\na: 3\n\"b\": 4\n", "R0902 3:1 the key `a` stands twice; R0902 4:1 the key `b` stands twice"},
      {"a: 1\n---\nb: 2\n", "R0901 2:1" + cannot + "something stands behind the end of the document"},
      {"a: 1\n- b\n", "R0901 2:1" + cannot + "end of map not found"},
      {"- a\n", "R0901 1:1" + cannot + "expected keys and their values"},
      {"a\n", "R0901 1:1" + cannot + "expected keys and their values"},
      {"a: 1\nb: *x\n", "R0901 2:4" + cannot + "the referenced anchor is not defined"},
      {"a: &x [1, *x]\n", "R0901 1:11" + cannot + "the alias stands within what it names"},
      {"a: &x b\n*x : c\n", "R0901 2:1" + cannot + "an alias cannot be a key"},
      {"a: 1\n[b]: 2\n", "R0901 2:1" + cannot + "a key must be a scalar"},
      {": 1\n", "R0901 1:1" + cannot + "expected a key"},
      {"a: &x {b: 1}\n<<: *x\n", "R0901 2:1" + cannot + "merge keys (`<<`) are not of YAML 1.2"},
      {"a: !foo 1\n", "R0901 1:9" + cannot + "the tag `!foo` is not of YAML's core schema"},
      {"a: !!binary aGk=\n", "R0901 1:13" + cannot + "the tag `tag:yaml.org,2002:binary` is not of YAML's core schema"},
      {"a: !!int x\n", "R0901 1:10" + cannot + "the value is not of its tag, `tag:yaml.org,2002:int`"},
      {"a: !!set {b}\n", "R0901 1:4" + cannot + "the tag `tag:yaml.org,2002:set` does not fit here"},
      {"a: 1e400\n", "R0901 1:4" + cannot + "this number does not fit into 64 bits"},
      {"a: x\x04y\n", "R0901 1:5" + cannot + "there is a control character in it"},
      {"a: \xC3\n", "R0102 1:4 this text is not UTF-8"},
      {"\xEF\xBB\xBF"
       "a: b: c\n",
       "R0901 1:8" + cannot + "illegal map value"},
      {"a: é: c\n", "R0901 1:6" + cannot + "illegal map value"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK(read("model.yml", row.text) == row.read);
  }
}

TEST_CASE("a key twice points to the first") {
  Diagnostics diags;
  CHECK(!parse_config(diags.sources().add("c.json", R"({"a": 1, "a": 2})"), diags));
  REQUIRE(diags.all().size() == 1);
  REQUIRE(diags.all()[0].secondary.size() == 1);
  CHECK(std::get<Span>(diags.all()[0].secondary[0].place).begin == 1);
}

TEST_CASE("every value knows where it stands") {
  const std::vector<std::pair<std::string, std::string>> rows[] = {{
      {"c.json", R"({"a" : [1,-2.5e1 , "x\"y"], "b":{"c":null} })"},
      {"",
       R"({"a" : [1,-2.5e1 , "x\"y"], "b":{"c":null} }|"a"|[1,-2.5e1 , "x\"y"]|1|-2.5e1|"x\"y"|"b"|{"c":null}|"c"|null)"},
      {"m.yml", "a: [1, 'i''j', \"k\\\"l\"] # c\nb b: &x !!str hello you\nc: *x\nd: ~\ne:\n"},
      {"",
       "a: [1, 'i''j', \"k\\\"l\"] # c\nb b: &x !!str hello you\nc: *x\nd: ~\ne|a|[1, 'i''j', "
       "\"k\\\"l\"|1|'i''j'|\"k\\\"l\"|b b|hello you|c|*x|d|~|e|"},
  }};
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); i += 2) {
      const auto& [name, text] = row[i];
      Diagnostics diags;
      const Result<ConfigValue> value = parse_config(diags.sources().add(name, text), diags);
      REQUIRE(value);
      CHECK(spans(text, *value) == row[i + 1].second);
    }
  }
}

TEST_CASE("members and dotted keys") {
  Diagnostics diags;
  const auto config = parse_config(
      diags.sources().add("c.json", R"({"a": 1, "n": null, "t": {"b": [{"x": 1}], "n": null, "u": {"c": 0}}})"), diags);
  REQUIRE(config);
  CHECK(dotted_keys(*config) == std::vector<std::string>{"a", "t", "t.b", "t.u", "t.u.c"});
  CHECK(print(*config->find("a")) == "1");
  CHECK(config->find("n") == nullptr);
  CHECK(config->find("z") == nullptr);
  CHECK(config->find("a")->find("b") == nullptr);
  CHECK(print(*config->find("t")->find("u")->find("c")) == "0");
}

TEST_CASE("depth, number of values and aliases are limited") {
  const auto nested = [](std::size_t depth) {
    return "{\"a\": " + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  for (const char* name : {"c.json", "c.yml"}) {
    CHECK(read(name, nested(64)).starts_with("{a: [["));
    CHECK(read(name, nested(65)).find("it nests more than 64 deep") != std::string::npos);
    CHECK(read(name, nested(100'000)).find("it nests more than 64 deep") != std::string::npos);
    CHECK(read(name, std::string(100'000, '[')).starts_with("R0901 1:1"));
  }
  std::string many = "{\"a\": [0";
  for (int i = 2; i < 1'000'000 - 1; ++i) many += ",0";
  CHECK(read("c.json", many + "]}").starts_with("{a: [0"));
  CHECK(read("c.json", many + ",0,0]}").find("more than 1000000 values") != std::string::npos);
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 30; ++i) {
    bomb += fmt::format("a{0}: &a{0} [*a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}]\n", i, i - 1);
  }
  CHECK(read("c.yml", bomb).find("more than 1000000 values") != std::string::npos);
  std::string deep = "a0: &a0 [x]\n";
  for (int i = 1; i < 70; ++i) deep += fmt::format("a{0}: &a{0} [*a{1}]\n", i, i - 1);
  CHECK(read("c.yml", deep).find("it nests more than 64 deep") != std::string::npos);
  std::string long_text = "a: &a " + std::string(1'000'000, 'x') + "\nb: [";
  for (int i = 0; i < 1000; ++i) long_text += "*a,";
  CHECK(read("c.yml", long_text + "]\n").find("more than 1000000 values") != std::string::npos);
}

TEST_CASE("every beginning of a config, and every config with an odd byte, ends in a value or in messages") {
  std::mt19937 random(1);
  const char* odd[] = {"{", "}", "[", "]", ":", ",",  "\"",   "'", "\n",    "\t",    "- ", "&a ", "*a", "!",
                       "#", "|", ">", "?", "%", "\\", "\xC3", "é", "---\n", "...\n", ": ", "e",   "9"};
  for (const char* preset : {"gemma2-2b/config.json", "gemma2-2b/maxtext.yml"}) {
    const std::string text = file_text(Presets / preset);
    REQUIRE(text.size() > 100);
    for (std::size_t length = 0; length < text.size(); ++length) {
      (void)read(preset, text.substr(0, length));
      std::string changed = text;
      changed.replace(length, random() % 3, odd[random() % std::size(odd)]);
      (void)read(preset, changed);
    }
  }
}

TEST_CASE("random pieces of YAML and JSON end in a value or in messages") {
  std::mt19937 random(2);
  const char* pieces[] = {"{",  "}",  "[",   "]",   ":",   ": ",     ",",     "\"",    "'",   "\n", "\n  ", "\n ",
                          "\t", "- ", "&a ", "*a ", "!t ", "!!str ", "# c",   "|\n",   ">\n", "? ", "%",    "\\",
                          "a",  "b",  "1",   "-",   "~",   "null",   "---\n", "...\n", "<<",  "é"};
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (auto n = random() % 20; n > 0; --n) text += pieces[random() % std::size(pieces)];
    (void)read("c.yml", text);
    (void)read("c.json", text);
  }
}

TEST_CASE("files") {
  Diagnostics diags;
  for (const char* preset : {"gemma2-2b/config.json", "gemma2-27b/maxtext.yml"}) {
    const auto config = read_config(Presets / preset, diags);
    REQUIRE(config);
    CHECK(print(*config->find("vocab_size")).starts_with("256"));
  }
  CHECK(!read_config(Presets / "none.json", diags));
  CHECK(!read_config(Presets, diags));
  CHECK(!read_config("/dev/zero", diags));
  REQUIRE(diags.all().size() == 3);
  for (const Diagnostic& one : diags.all()) CHECK(one.id == "R0801");

  const auto big = std::filesystem::temp_directory_path() / "rulec_tests_big.json";
  {
    std::ofstream(big) << "{}";
  }
  std::filesystem::resize_file(big, (std::uintmax_t{64} << 20) + 1);
  CHECK(!read_config(big, diags));
  CHECK(diags.all().back().id == "R0803");
  std::filesystem::remove(big);
}

}  // namespace rulec::config_test
