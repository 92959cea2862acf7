// SPDX-License-Identifier: Apache-2.0
// From MaxText's own checkpoints to Hugging Face, and what they say of themselves against what others say.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/orbax_files.h"
#include "tests/store_checks.h"

#include <rulec/convert.h>
#include <rulec/pack.h>

namespace rulec::orbax_convert_test {

using namespace testing;
namespace fs = std::filesystem;

namespace {

const fs::path Data = fs::path(RULEC_TESTS_DIR) / "data/orbax";

RulePack gemma2() {
  Diagnostics diags;
  Result<RulePack> pack = load_pack("gemma2", diags);
  REQUIRE_MESSAGE(pack, render_text(diags));
  return *std::move(pack);
}

// MaxText pads the vocabulary.
BindOptions bound_to(const TensorStore& store, const Scratch& scratch, const std::string& maxtext = "") {
  BindOptions options;
  options.configs["hf"] = Data / "maxtext_hf_toy/config.json";
  options.configs["maxtext"] = scratch.write("maxtext.yml", "vocab_size: 128\n" + maxtext);
  options.checkpoints["maxtext"] = &store;
  return options;
}

}  // namespace

// What MaxText's `to_huggingface` makes of the same checkpoints with `weight_dtype=bfloat16`: one digest for both.
TEST_CASE("checkpoints that MaxText wrote convert to what MaxText makes of them, bit for bit") {
  struct Row {
    const char* checkpoint;
    const char* scan_layers;
  };
  const Scratch scratch;
  for (const Row& row : {Row{"maxtext_scan_1dev", "true"}, Row{"maxtext_unscan_1dev", "false"}}) {
    CAPTURE(row.checkpoint);
    const auto store = opened_silently(Data / row.checkpoint);
    Diagnostics diags;
    const Result<Model> model = bind(gemma2(), bound_to(*store, scratch), diags);
    REQUIRE_MESSAGE(model, render_text(diags));
    CHECK(model->options()["scan_layers"] == row.scan_layers);
    CHECK(model->decisions() == std::vector{std::string("scan_layers is ") + row.scan_layers + ": `" +
                                            (Data / row.checkpoint / "0/_CHECKPOINT_METADATA").string() + "` says so"});
    MemoryStore hf;
    ConvertOptions options;
    options.dtype = DType::Bf16;
    options.cast_first = true;
    const Result<Report> report = convert(*model, "hf", *store, hf, options, diags);
    REQUIRE_MESSAGE(report, render_text(diags));
    CHECK(hf.tensors().size() == 46);
    CHECK(digest(hf) == 0xf8d25e87);
    CHECK(report->ignored.size() == 1);  // step
    CHECK(diags.errors() == 0);
  }
}

TEST_CASE("without metadata of the step, names tell the layout") {
  const Scratch scratch;
  fs::copy(Data / "maxtext_unscan_1dev", scratch / "run", fs::copy_options::recursive);
  fs::remove(scratch / "run/0/_CHECKPOINT_METADATA");
  const auto store = opened_silently(scratch / "run");
  Diagnostics diags;
  const Result<Model> model = bind(gemma2(), bound_to(*store, scratch), diags);
  REQUIRE_MESSAGE(model, render_text(diags));
  CHECK(model->options()["scan_layers"] == "false");
  REQUIRE(model->decisions().size() == 1);
  CHECK(model->decisions()[0].starts_with("scan_layers is false: the checkpoint has `decoder.layers_0."));
}

TEST_CASE("metadata that the names contradict are refused") {
  const Scratch scratch;
  fs::copy(Data / "maxtext_unscan_1dev", scratch / "run", fs::copy_options::recursive);
  scratch.write("run/0/_CHECKPOINT_METADATA", R"({"custom_metadata": {"scan_layers": true}})");
  const auto store = opened_silently(scratch / "run");
  Diagnostics diags;
  CHECK(!bind(gemma2(), bound_to(*store, scratch), diags));
  check_found(diags, "R0410", "the option `scan_layers` is true, but the checkpoint has `decoder.layers_0.");
  CHECK(diags.all()[0].notes == std::vector<std::string>{"this file says so"});
  CHECK(diags.all()[0].primary.place == Place(FilePlace{(scratch / "run/0/_CHECKPOINT_METADATA").string(), {}}));
}

TEST_CASE("an option or a config that contradicts the metadata is refused") {
  const Scratch scratch;
  const auto store = opened_silently(Data / "maxtext_scan_1dev");
  const std::string words = "is false, but `" + store->options_file() + "` says true";
  BindOptions options = bound_to(*store, scratch);
  options.options["scan_layers"] = "false";
  Diagnostics given;
  CHECK(!bind(gemma2(), options, given));
  check_found(given, "R0410", words);
  options.options["scan_layers"] = "true";
  Diagnostics agreed;
  CHECK(bind(gemma2(), options, agreed));
  CHECK(agreed.all().empty());
  Diagnostics configured;
  CHECK(!bind(gemma2(), bound_to(*store, scratch, "scan_layers: false\n"), configured));
  check_found(configured, "R0410", words);
  CHECK(std::holds_alternative<Span>(configured.all()[0].primary.place));
}

TEST_CASE("a train state converts by its weights, and the rest is listed") {
  const Scratch scratch;
  const fs::path rules = scratch.write("p.rules",
                                       "pack p : maxtext -> hf\n"
                                       "let D = 2\n"
                                       "a.w : [D] -> w\n"
                                       "ignore maxtext : opt_state.**, step\n");
  const auto store = opened_silently(
      write_orbax(scratch, "c", {{"step"}, {"params/params/a/w"}, {"opt_state/0/mu/a/w"}, {"opt_state/0/nu/a/w"}}));
  Diagnostics diags;
  const Result<RulePack> pack = load_pack(rules.string(), diags);
  REQUIRE_MESSAGE(pack, render_text(diags));
  BindOptions options;
  options.checkpoints["maxtext"] = store.get();
  const Result<Model> model = bind(*pack, options, diags);
  REQUIRE_MESSAGE(model, render_text(diags));
  MemoryStore hf;
  const Result<Report> report = convert(*model, "hf", *store, hf, {}, diags);
  REQUIRE_MESSAGE(report, render_text(diags));
  CHECK(diags.all().empty());
  std::vector<std::string> ignored;
  for (const TensorInfo& tensor : report->ignored) ignored.push_back(tensor.name);
  CHECK(ignored == std::vector<std::string>{"opt_state.0.mu.a.w", "opt_state.0.nu.a.w", "step"});
  REQUIRE(hf.tensors().size() == 1);
  CHECK(std::ranges::equal(hf.bytes("w"), std::vector<std::byte>(8, std::byte{1})));
}

}  // namespace rulec::orbax_convert_test
