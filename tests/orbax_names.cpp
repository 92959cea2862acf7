// SPDX-License-Identifier: Apache-2.0
// What rules call the leaves of the trees that MaxText writes.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "engine/store/orbax/maxtext_names.h"
#include "tests/orbax_files.h"

namespace rulec::orbax_names_test {

using namespace testing;

namespace {

orbax::Tree tree_of(const std::vector<std::string>& leaves) {
  orbax::Tree tree;
  for (const std::string& keys : leaves)
    tree.leaves.push_back({keys_of(keys), "np.ndarray", orbax::Leaf::Kind::Array, 0});
  return tree;
}

struct Row {
  const char* what;
  std::vector<std::string> leaves;
  std::vector<std::string> names;
  std::string prefix;
  orbax::LayerNames layers = orbax::LayerNames::None;
};

}  // namespace

TEST_CASE("weights of MaxText are called as its modules call them, in whichever of its trees they come") {
  const Row rows[] = {
      {"Linen, and NNX in training",
       {"step", "params/params/decoder/layers/mlp/wo/kernel", "params/params/token_embedder/embedding",
        "opt_state/0/mu/params/decoder/layers/mlp/wo/kernel"},
       {"step", "decoder.layers.mlp.wo.kernel", "token_embedder.embedding",
        "opt_state.0.mu.params.decoder.layers.mlp.wo.kernel"},
       "params.params.",
       orbax::LayerNames::Scanned},
      {"layers apart",
       {"params/params/decoder/layers_0/mlp/wo/kernel", "params/params/decoder/layers_11/mlp/wo/kernel"},
       {"decoder.layers_0.mlp.wo.kernel", "decoder.layers_11.mlp.wo.kernel"},
       "params.params.",
       orbax::LayerNames::Unscanned},
      {"layers in a list",
       {"params/decoder/layers/0/kernel", "params/decoder/layers/10/kernel", "params/decoder/moe_layers/3/kernel"},
       {"decoder.layers_0.kernel", "decoder.layers_10.kernel", "decoder.moe_layers_3.kernel"},
       "params.",
       orbax::LayerNames::Unscanned},
      {"other lists stay", {"params/decoder/blocks/0/kernel"}, {"decoder.blocks.0.kernel"}, "params."},
      {"one level of params", {"params/decoder/norm/scale"}, {"decoder.norm.scale"}, "params."},
      {"NNX after training",
       {"decoder/norm/scale/value", "decoder/layers/mlp/kernel/value", "token_embedder/embedding/value"},
       {"decoder.norm.scale", "decoder.layers.mlp.kernel", "token_embedder.embedding"},
       "",
       orbax::LayerNames::Scanned},
      {"NNX in reinforcement learning",
       {"base/decoder/norm/scale/value", "base/decoder/norm/bias/value"},
       {"decoder.norm.scale", "decoder.norm.bias"},
       "base."},
      {"bare weights beside other state",
       {"decoder/norm/scale", "step", "opt_state/0/count", "nnx_aux/rngs/count"},
       {"decoder.norm.scale", "step", "opt_state.0.count", "nnx_aux.rngs.count"},
       ""},
      {"what stands beside bare weights has no part in their names",
       {"decoder/norm/scale/value", "opt_state/layers/0/mu", "step"},
       {"decoder.norm.scale", "opt_state.layers.0.mu", "step"},
       ""},
      {"`value` is a name of its own where not all have it",
       {"params/params/attention/value", "params/params/attention/key"},
       {"attention.value", "attention.key"},
       "params.params."},
      {"`value` twice", {"params/attention/value/kernel/value"}, {"attention.value.kernel"}, "params."},
      {"a leaf is never left without a name", {"params/value"}, {"value"}, "params."},
      {"random state is no weight",
       {"params/params/norm/scale/value", "params/params/dropout/rngs/default/count", "params/params/to_nnx__rngs/key"},
       {"norm.scale", "params.params.dropout.rngs.default.count", "params.params.to_nnx__rngs.key"},
       "params.params."},
      {"what stands beside params/params",
       {"params/params/norm/scale", "params/aqt/scale"},
       {"norm.scale", "params.aqt.scale"},
       "params.params."},
      {"no checkpoint of MaxText",
       {"a", "b/kernel/value", "layers/0/w", "step"},
       {"a", "b.kernel.value", "layers.0.w", "step"},
       ""},
      {"a whole tree that is one array", {""}, {""}, ""},
      {"an array that is called params", {"params"}, {"params"}, ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const orbax::MaxTextNames names = orbax::maxtext_names(tree_of(row.leaves));
    CHECK(names.names == row.names);
    CHECK(names.prefix == row.prefix);
    CHECK(names.layers == row.layers);
  }
}

TEST_CASE("weights are told from all else") {
  const orbax::MaxTextNames names = orbax::maxtext_names(
      tree_of({"step", "params/params/norm/scale", "params/params/norm_rngs/key", "opt_state/0/count"}));
  CHECK(names.is_weight == std::vector<bool>{false, true, false, false});
}

TEST_CASE("strings and empty containers do not keep `value` in the names of weights") {
  orbax::Tree tree = tree_of({"decoder/norm/scale/value", "decoder/dropout"});
  tree.leaves[1].kind = orbax::Leaf::Kind::Empty;
  CHECK(orbax::maxtext_names(tree).names == std::vector<std::string>{"decoder.norm.scale", "decoder.dropout"});
}

}  // namespace rulec::orbax_names_test
