// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "grammar/close_names.h"

namespace rulec::close_names_test {
namespace {
using Names = std::vector<std::string>;

const Names Keys{"hidden_size",
                 "head_dim",
                 "num_hidden_layers",
                 "num_attention_heads",
                 "num_key_value_heads",
                 "vocab_size",
                 "text_config.hidden_size",
                 "text_config.rope_theta",
                 "L",
                 "D",
                 "text_config.num_experts",
                 "intermediate_size"};
}  // namespace

TEST_CASE("the distance of words counts slips of the hand") {
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("import", "import") == 0);
  CHECK(edit_distance("improt", "import") == 1);
  CHECK(edit_distance("Import", "imports") == 1);
  CHECK(edit_distance("kitten", "sitting") == 3);
}

TEST_CASE("close names") {
  struct Row {
    const char* name;
    Names close;
  };
  const Row rows[] = {
      {"num_key_value_head", {"num_key_value_heads"}},
      {"hiden_size", {"hidden_size", "text_config.hidden_size"}},
      {"hidden_sizes", {"hidden_size", "text_config.hidden_size"}},
      {"HIDDEN_SIZE", {"hidden_size", "text_config.hidden_size"}},
      {"hidden_size", {"text_config.hidden_size"}},
      {"rope_theta", {"text_config.rope_theta"}},
      {"text_config.head_dim", {"head_dim"}},
      {"text_confg.num_experts", {"text_config.num_experts"}},
      {"haed_dim", {"head_dim"}},                    // neighbours swapped
      {"layers_hidden_num", {"num_hidden_layers"}},  // words in another order
      {"vocab", {}},                                 // five letters away, a third of five are one
      {"l", {"L", "D"}},
      {"K", {"D", "L"}},
      {"", {}},
      {"quite_something_else", {}},
  };
  for (const Row& row : rows) {
    INFO(std::string(row.name));
    CHECK(close_names(row.name, Keys) == row.close);
  }
}

TEST_CASE("close names are few, distinct and in order") {
  const Names candidates{"abd", "abc", "abf", "abc", "abe", "aBx", "abg"};
  CHECK(close_names("abx", candidates) == Names{"aBx", "abc", "abd", "abe"});
  CHECK(close_names("abx", candidates, 1) == Names{"aBx"});
  CHECK(close_names("abx", {}).empty());
}

TEST_CASE("very long names have no close ones") {
  const std::string name(100'000, 'a');
  CHECK(close_names(name, Names(100, name + "b")).empty());
  CHECK(close_names("a", Names(100, name)).empty());
}

}  // namespace rulec::close_names_test
