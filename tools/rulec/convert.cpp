// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>

#include <rulec/convert.h>
#include <rulec/verify.h>

#include "tools/rulec/checksum_file.h"
#include "tools/rulec/command.h"
#include "tools/rulec/conversion.h"
#include "tools/rulec/findings.h"
#include "tools/rulec/messages.h"
#include "tools/rulec/part_option.h"
#include "tools/rulec/progress.h"
#include "tools/rulec/quantity.h"
#include "tools/rulec/saved_plan.h"
#include "tools/rulec/table.h"
#include "tools/rulec/target_folder.h"
#include "tools/rulec/target_store.h"
#include "tools/rulec/usage.h"

namespace rulec::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct Outcome {
  Report report;
  std::chrono::duration<double> time{};
};

// Of what is on the disk, not of what was meant to be there.
Status add_checksums(const ConversionArguments& args, const fs::path& folder, Diagnostics& diags) {
  const Result<std::unique_ptr<TensorStore>> made = open_store(folder, diags);
  if (!made) return diags.failed();
  const Result<std::vector<TensorChecksum>> sums = checksums(**made, {args.convert.threads, {}}, diags);
  if (!sums) return diags.failed();
  return write_checksums(*sums, folder, diags);
}

// Packs that read weights in few bits say by this option what is stored (rules/common/quantized.rules).
MadeWeights made_weights(const Job& job) {
  const std::map<std::string, std::string> options = job.model.options();
  const auto stored = options.find("weights_are");
  return {job.options.dtype, stored == options.end() || stored->second != "bf16"};
}

// Converts into a temporary folder and puts it in the target's place.
Result<Report> write(const ConversionArguments& args, const Job& job, Diagnostics& diags) {
  if (job.options.dry_run) {
    const auto sink = target_sink(args.store, job.model, job.to, args.target);
    return convert(job.model, job.to, *job.source, *sink, job.options, diags);
  }
  TargetFolder folder(args.target);
  if (!folder.create(args.convert.is_resumed, args.convert.part, diags)) return diags.failed();
  ConvertOptions options = job.options;
  options.journal = folder.journal();
  options.is_resumed = folder.is_resumed();
  // First what is small: a tokenizer that cannot be read is better told before hours of work. Of parts, the last does
  // it.
  const bool is_part = options.part.has_value();
  const MadeWeights weights = made_weights(job);
  if (!is_part && !carry_over(job.neighbours, job.to, weights, folder.partial(), diags)) return diags.failed();
  const auto sink = target_sink(args.store, job.model, job.to, folder.partial());
  Result<Report> report = convert(job.model, job.to, *job.source, *sink, options, diags);
  if (!report) {
    const bool is_other = std::ranges::count(diags.all(), diag::OtherConversion.id, &Diagnostic::id) > 0;
    if (is_other) folder.leave();  // --resume does not go on with it
    return diags.failed();
  }
  if (!report->open_parts.empty()) {
    folder.leave();
    return report;
  }
  if (is_part && !carry_over(job.neighbours, job.to, weights, folder.partial(), diags)) return diags.failed();
  const Record record{{}, job.model.pack_name(), job.from, job.to, job.model.options()};
  if (job.to != "hf" && !write_record(record, folder.partial(), diags)) return diags.failed();
  if (args.checksums && !add_checksums(args, folder.partial(), diags)) return diags.failed();
  if (!folder.commit(args.overwrite, diags)) return diags.failed();
  return report;
}

std::size_t count(const Report& report, TensorClass c) {
  return static_cast<std::size_t>(std::ranges::count(report.tensors, c, &TensorReport::fidelity));
}

std::string class_counts(const Report& report) {
  std::string out;
  for (const TensorClass c : {TensorClass::Exact, TensorClass::Stable, TensorClass::Lossy, TensorClass::OneWay}) {
    if (const std::size_t n = count(report, c); n > 0)
      out += fmt::format("{}{} {}", out.empty() ? "" : ", ", n, to_string(c));
  }
  return out;
}

/// What the policies let go: `3 rows of padding, 1 copy`.
std::string dropped_text(const Report& report) {
  std::vector<std::string> parts;
  const auto add = [&](std::uint64_t n, std::string_view one, std::string_view many) {
    if (n > 0) parts.push_back(fmt::format("{} {}", n, n == 1 ? one : many));
  };
  add(report.dropped_pad_rows, "row of padding that was not zero", "rows of padding that were not zero");
  add(report.dropped_constants, "tensor that was not its constant", "tensors that were not their constant");
  add(report.dropped_aliases, "copy that differed", "copies that differed");
  return fmt::format("{}", fmt::join(parts, ", "));
}

/// What of it is on the disk once, for the source and the target.
std::string reflinked_text(const Report& report) {
  if (report.bytes_reflinked == 0) return {};
  return fmt::format(", {} of it shared with the source (reflinks)", bytes_text(report.bytes_reflinked));
}

/// What MaxText is told to load.
std::string parameters_path(const ConversionArguments& args) {
  std::error_code error;
  const fs::path absolute = fs::absolute(args.target, error);
  return ((error ? fs::path(args.target) : absolute.lexically_normal()) / "0" / "items").string();
}

void print_text(const ConversionArguments& args, const Job& job, const Outcome& outcome) {
  const Report& report = outcome.report;
  if (!report.ignored.empty()) {
    Table ignored({Align::Left, Align::Left, Align::Left, Align::Right});
    for (const TensorInfo& t : report.ignored) {
      ignored.add({t.name, std::string(name(t.dtype)), to_string(t.shape), bytes_text(t.bytes())});
    }
    fmt::print("left out, as the pack says:\n{}", ignored.text(2));
  }
  Table table({Align::Left, Align::Left});
  table.add(
      {job.options.dry_run ? "would write" : "wrote", (report.open_parts.empty() ? "" : "a part of ") + args.target});
  if (const auto& part = job.options.part) {
    const std::string rest = job.options.dry_run         ? "what follows is of all parts"
                             : report.open_parts.empty() ? "the last, and all is complete"
                                                         : fmt::format("open: {}", fmt::join(report.open_parts, ", "));
    table.add({"part", fmt::format("{} of {}; {}", part->number, part->of, rest)});
  }
  table.add({"tensors", fmt::format("{} made of {}", report.tensors.size(),
                                    job.source->tensors().size() - report.ignored.size())});
  table.add({"bytes", fmt::format("{} read, {} written{}", bytes_text(report.bytes_read),
                                  bytes_text(report.bytes_written), reflinked_text(report))});
  if (report.bytes_scratch > 0) {
    table.add({"scratch", fmt::format("{}, for what took two passes; with more --memory, less or none would",
                                      bytes_text(report.bytes_scratch))});
  }
  table.add({"classes", class_counts(report)});
  if (const std::string dropped = dropped_text(report); !dropped.empty()) table.add({"dropped", dropped});
  if (!job.options.dry_run) {
    const double rate = outcome.time.count() > 0 ? static_cast<double>(report.bytes_written) / outcome.time.count() : 0;
    table.add({"time", fmt::format("{}, {}/s", time_text(outcome.time), bytes_text(static_cast<std::uint64_t>(rate)))});
  }
  fmt::print("{}", table.text());
  if (!job.options.dry_run && report.open_parts.empty() && job.options.only.empty() && is_orbax(args.store, job.to) &&
      job.to == "maxtext")
    fmt::print("load it in MaxText: load_parameters_path={}\n", parameters_path(args));
}

Json to_json(const ConversionArguments& args, const Job& job, const Outcome& outcome) {
  Json tensors = Json::array();
  for (const TensorReport& t : outcome.report.tensors) {
    tensors.push_back({{"name", t.tensor.name},
                       {"dtype", name(t.tensor.dtype)},
                       {"shape", t.tensor.shape},
                       {"bytes", t.tensor.bytes()},
                       {"class", to_string(t.fidelity)},
                       {"sources", t.sources},
                       {"source_count", t.source_count}});
  }
  Json ignored = Json::array();
  for (const TensorInfo& t : outcome.report.ignored) ignored.push_back({{"name", t.name}, {"bytes", t.bytes()}});
  return {{"source", args.source},
          {"target", args.target},
          {"dry_run", job.options.dry_run},
          {"pack", job.model.pack_name()},
          {"from", job.from},
          {"to", job.to},
          {"options", job.model.options()},
          {"decisions", job.model.decisions()},
          {"tensors", std::move(tensors)},
          {"ignored", std::move(ignored)},
          {"bytes_read", outcome.report.bytes_read},
          {"bytes_written", outcome.report.bytes_written},
          {"bytes_reflinked", outcome.report.bytes_reflinked},
          {"bytes_scratch", outcome.report.bytes_scratch},
          {"dropped",
           {{"pad_rows", outcome.report.dropped_pad_rows},
            {"constants", outcome.report.dropped_constants},
            {"copies", outcome.report.dropped_aliases}}},
          {"open_parts", outcome.report.open_parts},
          {"seconds", outcome.time.count()}};
}

ExitCode run_convert(const ConversionArguments& args) {
  Diagnostics diags;
  const auto start = std::chrono::steady_clock::now();
  Result<Job> job = prepare(args, diags);
  if (!job || (!args.plan.empty() && !take_plan(args.plan, job->options, diags)))
    return finish(diags, args.format, Json::object());
  Outcome outcome;
  {
    ProgressDisplay display(args.progress);
    job->options.on_progress = [&display](const Progress& progress) { display.show(progress); };
    Result<Report> report = write(args, *job, diags);
    if (report) outcome = {*std::move(report), std::chrono::steady_clock::now() - start};
  }
  if (diags.errors() > 0) return finish(diags, args.format, Json::object());
  if (args.format == Format::Text) print_text(args, *job, outcome);
  return finish(diags, args.format, to_json(args, *job, outcome));
}

}  // namespace

Command add_convert(CLI::App& app) {
  CLI::App* parser = app.add_subcommand("convert", "Convert a checkpoint to the other side of a pack");
  auto args = std::make_shared<ConversionArguments>();
  add_conversion_options(*parser, *args);
  parser->add_flag("--checksums", args->checksums,
                   "Write checksums.json too: of every tensor, read back from DST when it is complete");
  parser->add_flag("--dry-run", args->convert.dry_run, "Plan and report; write nothing");
  add_part_option(*parser, args->convert.part);
  parser->add_option("--plan", args->plan, "Do what `rulec plan --format json` has put into FILE, or nothing")
      ->type_name("FILE");
  parser->add_flag("--resume", args->convert.is_resumed, "Go on where the same conversion was killed");
  add_format_option(*parser, args->format);
  parser->add_option("--trace", args->convert.trace, "Write what each thread did when, for ui.perfetto.dev")
      ->type_name("FILE");
  add_progress_option(*parser, args->progress);
  return {parser, [args] { return run_convert(*args); }};
}

}  // namespace rulec::cli
