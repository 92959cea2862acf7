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

#include "tools/rulec/arguments.h"
#include "tools/rulec/checksum_file.h"
#include "tools/rulec/command.h"
#include "tools/rulec/findings.h"
#include "tools/rulec/neighbours.h"
#include "tools/rulec/progress.h"
#include "tools/rulec/quantity.h"
#include "tools/rulec/recognise.h"
#include "tools/rulec/table.h"
#include "tools/rulec/target_check.h"
#include "tools/rulec/target_folder.h"
#include "tools/rulec/target_store.h"
#include "tools/rulec/usage.h"

namespace rulec::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct Arguments {
  const CLI::App* app = nullptr;  ///< that read them
  std::string source;
  std::string target;
  std::string pack;
  std::string to;
  ModelArguments model;
  std::string dtype = "auto";
  StoreArguments store;
  ConvertOptions convert;
  ProgressStyle progress = ProgressStyle::Auto;
  bool overwrite = false;
  bool checksums = false;
  Format format = Format::Text;
};

/// What was found out before a byte is converted.
struct Job {
  std::unique_ptr<TensorStore> source;
  Neighbours neighbours;
  Model model;
  std::string from;
  std::string to;
  ConvertOptions options;
  std::vector<std::string> reasons;
};

struct Outcome {
  Report report;
  std::chrono::duration<double> time{};
};

std::optional<DType> wanted_dtype(const Arguments& args, const Model& model, const BindOptions& options,
                                  const std::string& to) {
  if (args.dtype == "keep") return std::nullopt;
  if (args.dtype != "auto") return find_dtype(args.dtype);
  return options.configs.contains(to) ? model.config_dtype(to) : std::nullopt;
}

Result<Job> prepare(const Arguments& args, Diagnostics& diags) {
  if (!check_target(args.target, args.source, args.overwrite, diags)) return diags.failed();
  Result<std::unique_ptr<TensorStore>> source = open_store(args.source, diags);
  if (!source) return diags.failed();
  Result<Neighbours> neighbours = find_neighbours(args.source, diags);
  if (!neighbours) return diags.failed();
  BindOptions options = args.model.bind_options();
  // A config that is given brings its folder along: the tokenizer is there.
  if (const auto hf = options.configs.find("hf"); hf != options.configs.end())
    neighbours->hf_folder = hf->second.has_parent_path() ? hf->second.parent_path() : ".";
  for (const auto& [side, file] : options.configs) neighbours->configs[side] = file;
  complete(options, *neighbours);
  Result<Recognised> found = recognise(**source, *neighbours, args.pack, args.to, options, diags);
  if (!found) return diags.failed();
  const std::string from = found->side;
  const std::string to = opposite(found->pack, from);
  if (!check_store_options(*args.app, args.store, to, diags)) return diags.failed();
  options.checkpoints[from] = source->get();
  Result<Model> model = bind(found->pack, options, diags);
  if (!model) return diags.failed();
  ConvertOptions convert = args.convert;
  convert.dtype = wanted_dtype(args, *model, options, to);
  return Job{*std::move(source), *std::move(neighbours),   *std::move(model), from, to,
             std::move(convert), std::move(found->reasons)};
}

// Of what is on the disk, not of what was meant to be there.
Status add_checksums(const Arguments& args, const fs::path& folder, Diagnostics& diags) {
  const Result<std::unique_ptr<TensorStore>> made = open_store(folder, diags);
  if (!made) return diags.failed();
  const Result<std::vector<TensorChecksum>> sums = checksums(**made, {args.convert.threads, {}}, diags);
  if (!sums) return diags.failed();
  return write_checksums(*sums, folder, diags);
}

// Converts into a temporary folder and puts it in the target's place.
Result<Report> write(const Arguments& args, const Job& job, Diagnostics& diags) {
  if (job.options.dry_run) {
    MemoryStore nowhere;
    return convert(job.model, job.to, *job.source, nowhere, job.options, diags);
  }
  TargetFolder folder(args.target);
  if (!folder.create(diags)) return diags.failed();
  // First what is small: a tokenizer that cannot be read is better told before hours of work.
  if (!carry_over(job.neighbours, job.to, folder.partial(), diags)) return diags.failed();
  const auto sink = target_sink(args.store, job.model, job.to, folder.partial());
  Result<Report> report = convert(job.model, job.to, *job.source, *sink, job.options, diags);
  if (!report) return diags.failed();
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

/// What MaxText is told to load.
std::string parameters_path(const Arguments& args) {
  std::error_code error;
  const fs::path absolute = fs::absolute(args.target, error);
  return ((error ? fs::path(args.target) : absolute.lexically_normal()) / "0" / "items").string();
}

void print_text(const Arguments& args, const Job& job, const Outcome& outcome) {
  const Report& report = outcome.report;
  if (!report.ignored.empty()) {
    Table ignored({Align::Left, Align::Left, Align::Left, Align::Right});
    for (const TensorInfo& t : report.ignored) {
      ignored.add({t.name, std::string(name(t.dtype)), to_string(t.shape), bytes_text(t.bytes())});
    }
    fmt::print("left out, as the pack says:\n{}", ignored.text(2));
  }
  std::uint64_t planned = 0;
  for (const TensorReport& t : report.tensors) planned += t.tensor.bytes();
  Table table({Align::Left, Align::Left});
  table.add({job.options.dry_run ? "would write" : "wrote", args.target});
  table.add({"tensors", fmt::format("{} made of {}", report.tensors.size(),
                                    job.source->tensors().size() - report.ignored.size())});
  table.add({"bytes", job.options.dry_run ? bytes_text(planned)
                                          : fmt::format("{} read, {} written", bytes_text(report.bytes_read),
                                                        bytes_text(report.bytes_written))});
  table.add({"classes", class_counts(report)});
  if (const std::string dropped = dropped_text(report); !dropped.empty()) table.add({"dropped", dropped});
  if (!job.options.dry_run) {
    const double rate = outcome.time.count() > 0 ? static_cast<double>(report.bytes_written) / outcome.time.count() : 0;
    table.add({"time", fmt::format("{}, {}/s", time_text(outcome.time), bytes_text(static_cast<std::uint64_t>(rate)))});
  }
  fmt::print("{}", table.text());
  if (!job.options.dry_run && job.options.only.empty() && is_orbax(args.store, job.to) && job.to == "maxtext")
    fmt::print("load it in MaxText: load_parameters_path={}\n", parameters_path(args));
}

Json to_json(const Arguments& args, const Job& job, const Outcome& outcome) {
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
          {"dropped",
           {{"pad_rows", outcome.report.dropped_pad_rows},
            {"constants", outcome.report.dropped_constants},
            {"copies", outcome.report.dropped_aliases}}},
          {"seconds", outcome.time.count()}};
}

ExitCode run(const Arguments& args) {
  Diagnostics diags;
  const auto start = std::chrono::steady_clock::now();
  Result<Job> job = prepare(args, diags);
  if (!job) return finish(diags, args.format, Json::object());
  spdlog::info("{} -> {} ({})", job->from, job->to, fmt::join(job->reasons, "; "));
  for (const std::string& decision : job->model.decisions()) spdlog::info("{}", decision);
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

void add_policy(CLI::App& app, const std::string& option, Policy& into, const std::string& help) {
  const std::map<std::string, Policy> names = {{"stop", Policy::Stop}, {"drop", Policy::Drop}};
  app.add_option(option, into, help)->transform(one_of(names))->type_name("stop|drop");
}

void add_output_options(CLI::App& app, Arguments& args) {
  app.add_option("--dtype", args.dtype,
                 "Type of floating tensors; auto: that of the target's config, if there is one, else kept")
      ->check(unlisted(CLI::IsMember({"auto", "keep", "bf16", "f16", "f32"})))
      ->type_name("auto|keep|bf16|f16|f32");
  add_cast_option(app, args.convert.cast_first);
  add_store_options(app, args.store);
  add_repeated(app, "--only", args.convert.only, "Write only the tensors that match; ** crosses dots")
      ->type_name("GLOB");
  add_limit_options(app, args.convert.memory_bytes, args.convert.threads);
  add_policy(app, "--pad-policy", args.convert.pad_policy, "What to do with padding that is not zero");
  add_policy(app, "--constant-policy", args.convert.constant_policy, "What to do with a constant that differs");
  add_policy(app, "--alias-policy", args.convert.alias_policy, "What to do with copies that differ");
}

}  // namespace

Command add_convert(CLI::App& app) {
  CLI::App* parser = app.add_subcommand("convert", "Convert a checkpoint to the other side of a pack");
  auto args = std::make_shared<Arguments>();
  args->app = parser;
  parser->add_option("SRC", args->source, "A folder or a file")->required();
  parser->add_option("DST", args->target, "The folder to make")->required();
  parser->add_option("--pack", args->pack, "A pack; else found by looking")->type_name("NAME|PATH");
  parser->add_option("--to", args->to, "The side to make, such as hf; else found by looking")->type_name("SIDE");
  add_model_options(*parser, args->model);
  add_output_options(*parser, *args);
  parser->add_flag("--checksums", args->checksums,
                   "Write checksums.json too: of every tensor, read back from DST when it is complete");
  parser->add_flag("--dry-run", args->convert.dry_run, "Plan and report; write nothing");
  parser->add_flag("--overwrite", args->overwrite,
                   "Replace a checkpoint that is there already, once the new one is complete");
  add_format_option(*parser, args->format);
  add_progress_option(*parser, args->progress);
  return {parser, [args] { return run(*args); }};
}

}  // namespace rulec::cli
