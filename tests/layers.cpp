// SPDX-License-Identifier: Apache-2.0
// A file includes its own folder and lower ones only. The order is that of engine/README.md; folders with the same
// number do not know each other.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace rulec::layers_test {
namespace {

namespace fs = std::filesystem;

struct Layer {
  std::string_view prefix;  // of a path below the root, or of an include
  int height;
};

// The first prefix that matches counts.
constexpr std::array Layers = {
    Layer{"grammar/", 0},       Layer{"rulec/source.h", 0},   Layer{"rulec/diagnostics.h", 0},
    Layer{"rulec/result.h", 0}, Layer{"rulec/messages.h", 0}, Layer{"engine/file/", 1},
    Layer{"engine/tensor/", 1}, Layer{"rulec/tensor.h", 1},   Layer{"engine/codec/", 2},
    Layer{"engine/ocdbt/", 3},  Layer{"engine/zarr/", 3},     Layer{"engine/scalar/", 2},
    Layer{"engine/axes/", 2},   Layer{"engine/index/", 2},    Layer{"engine/config/", 3},
    Layer{"rulec/store.h", 3},  Layer{"engine/rules/", 4},    Layer{"engine/pack/", 5},
    Layer{"rulec/pack.h", 4},   Layer{"engine/bind/", 6},     Layer{"engine/graph/", 6},
    Layer{"engine/store/", 6},  Layer{"engine/check/", 7},    Layer{"engine/plan/", 8},
    Layer{"engine/run/", 9},    Layer{"rulec/convert.h", 9},  Layer{"engine/include/", 10},
    Layer{"rulec/", 10},        Layer{"engine/trial/", 11},   Layer{"engine/compare/", 11},
    Layer{"engine/", 12},       Layer{"tools/", 13},
};

const Layer* layer(std::string_view path) {
  const auto found = std::ranges::find_if(Layers, [&](const Layer& l) { return path.starts_with(l.prefix); });
  return found == Layers.end() ? nullptr : &*found;
}

// What an `#include` line of ours names: `engine/tensor/strided.h`, `rulec/store.h`.
std::optional<std::string> included(const std::string& line) {
  if (!line.starts_with("#include ") || line.size() < 12) return std::nullopt;
  const std::string name = line.substr(10, line.find_first_of("\">", 10) - 10);
  return layer(name) != nullptr ? std::optional(name) : std::nullopt;
}

bool may_include(const Layer& from, const Layer& to) {
  const bool same_folder = from.prefix.substr(0, from.prefix.rfind('/')) == to.prefix.substr(0, to.prefix.rfind('/'));
  const bool is_public_pair =
      from.height == to.height && (from.prefix.starts_with("rulec/") || to.prefix.starts_with("rulec/"));
  return to.height < from.height || same_folder || is_public_pair;
}

}  // namespace

TEST_CASE("files include their own folder and lower ones only") {
  const fs::path root = fs::path(RULEC_TESTS_DIR).parent_path();
  std::size_t files = 0;
  for (const char* top : {"grammar", "engine", "tools"}) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / top)) {
      const std::string path = entry.path().lexically_relative(root).generic_string();
      const bool is_source = path.ends_with(".h") || path.ends_with(".cpp") || path.ends_with(".def");
      // A public header belongs to the layer that its name says.
      const std::size_t public_at = path.find("include/rulec/");
      const Layer* from = layer(public_at == std::string::npos ? path : path.substr(public_at + 8));
      if (!is_source || from == nullptr) continue;
      ++files;
      std::ifstream in(entry.path());
      for (std::string line; std::getline(in, line);) {
        const std::optional<std::string> to = included(line);
        if (to) CHECK_MESSAGE(may_include(*from, *layer(*to)), path << " includes " << *to);
      }
    }
  }
  CHECK(files > 50);
}

TEST_CASE("the tools use the public API and nothing else") {
  const fs::path root = fs::path(RULEC_TESTS_DIR).parent_path();
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / "tools/rulec")) {
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);) {
      const std::optional<std::string> to = included(line);
      if (to)
        CHECK_MESSAGE((to->starts_with("rulec/") || to->starts_with("tools/")), entry.path() << " includes " << *to);
    }
  }
}

// The linker takes either of two types of one name, and neither it nor the compiler says so.
TEST_CASE("a type of one name stands in one header of a namespace") {
  const fs::path root = fs::path(RULEC_TESTS_DIR).parent_path();
  std::map<std::string, std::string> headers;
  for (const char* top : {"grammar", "engine", "tools"}) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / top)) {
      if (entry.path().extension() != ".h") continue;
      const std::string path = entry.path().lexically_relative(root).generic_string();
      std::string space;
      std::ifstream in(entry.path());
      for (std::string line; std::getline(in, line);) {
        if (line.starts_with("namespace ")) space = line.substr(10, line.find(" {") - 10);
        for (const std::string_view kind : {"class ", "struct ", "enum class "}) {
          if (!line.starts_with(kind) || line.ends_with(';')) continue;
          const std::string name = line.substr(kind.size(), line.find_first_of(" :{<", kind.size()) - kind.size());
          const auto [other, is_new] = headers.emplace(space + "::" + name, path);
          CHECK_MESSAGE(is_new, other->first << " is in " << other->second << " and in " << path);
        }
      }
    }
  }
  CHECK(headers.size() > 100);
}

}  // namespace rulec::layers_test
