// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "tools/rulec/command.h"
#include "tools/rulec/conversion.h"
#include "tools/rulec/findings.h"
#include "tools/rulec/quantity.h"
#include "tools/rulec/table.h"

namespace rulec::cli {
namespace {

using Json = nlohmann::ordered_json;

void print_text(const ConversionPlan& plan) {
  Table tensors({Align::Left, Align::Left, Align::Left, Align::Right, Align::Right, Align::Right, Align::Right});
  tensors.add({"tensor", "shape", "how", "parts", "of", "read by", "written by"});
  for (const PlannedTensor& t : plan.tensors) {
    tensors.add({t.tensor.name, to_string(t.tensor.shape), t.strategy, fmt::format("{}", t.parts),
                 bytes_text(t.part_bytes), bytes_text(t.read_run), bytes_text(t.write_run)});
  }
  Table all({Align::Left, Align::Left});
  all.add({"bytes", fmt::format("{} read, {} written", bytes_text(plan.bytes_read), bytes_text(plan.bytes_written))});
  if (plan.scratch_bytes > 0) {
    all.add({"scratch",
             fmt::format("{}, written beside the target and read again: two passes", bytes_text(plan.scratch_bytes))});
  }
  all.add({"memory", fmt::format("{} of {} must be there at once", bytes_text(plan.needed_bytes),
                                 bytes_text(plan.memory_bytes))});
  if (!plan.fingerprint.empty()) all.add({"fingerprint", plan.fingerprint});
  fmt::print("{}{}", tensors.text(), all.text());
}

Json to_json(const ConversionPlan& plan) {
  Json tensors = Json::array();
  for (const PlannedTensor& t : plan.tensors) {
    tensors.push_back({{"name", t.tensor.name},
                       {"dtype", name(t.tensor.dtype)},
                       {"shape", t.tensor.shape},
                       {"strategy", t.strategy},
                       {"parts", t.parts},
                       {"loads", t.loads},
                       {"part_bytes", t.part_bytes},
                       {"read_run", t.read_run},
                       {"write_run", t.write_run}});
  }
  return {{"tensors", std::move(tensors)},       {"bytes_read", plan.bytes_read},
          {"bytes_written", plan.bytes_written}, {"scratch_bytes", plan.scratch_bytes},
          {"needed_bytes", plan.needed_bytes},   {"memory_bytes", plan.memory_bytes},
          {"fingerprint", plan.fingerprint}};
}

constexpr const char* Columns =
    "A tensor is made in `parts`, `of` so many bytes at most, `read by` and `written by` ranges of so many at least.\n"
    "How: streamed, part by part; whole; gathered from short ranges; scattered to short ranges; together with others\n"
    "of the same source; batched with small ones beside it; two-pass, through a scratch file.\n\n";

ExitCode run_plan(const ConversionArguments& args) {
  Diagnostics diags;
  Result<Job> job = prepare(args, diags);
  if (!job) return finish(diags, args.format, Json::object());
  const auto sink = target_sink(args.store, job->model, job->to, args.target);
  const Result<ConversionPlan> plan = plan_conversion(job->model, job->to, *job->source, *sink, job->options, diags);
  if (!plan) return finish(diags, args.format, Json::object());
  if (args.format == Format::Json) return finish(diags, args.format, to_json(*plan));
  print_text(*plan);
  return finish(diags, args.format, Json::object());
}

}  // namespace

Command add_plan(CLI::App& app) {
  CLI::App* parser = app.add_subcommand("plan", "Tell how convert would go about it: parts, ranges, memory");
  auto args = std::make_shared<ConversionArguments>();
  add_conversion_options(*parser, *args);
  add_format_option(*parser, args->format);
  parser->footer(Columns + parser->get_footer());
  return {parser, [args] { return run_plan(*args); }};
}

}  // namespace rulec::cli
