// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include <rulec/verify.h>

#include "tools/rulec/arguments.h"
#include "tools/rulec/checksum_file.h"
#include "tools/rulec/command.h"
#include "tools/rulec/findings.h"
#include "tools/rulec/messages.h"
#include "tools/rulec/neighbours.h"
#include "tools/rulec/pair.h"
#include "tools/rulec/progress.h"
#include "tools/rulec/quantity.h"
#include "tools/rulec/table.h"
#include "tools/rulec/usage.h"

namespace rulec::cli {
namespace {

using Json = nlohmann::ordered_json;
using Seconds = std::chrono::duration<double>;

struct VerifyArguments {
  PairArguments pair;
  std::string dtype = "auto";
  VerifyOptions options;
  bool stats = false;
  bool exact = false;
  bool checksums = false;
  ProgressStyle progress = ProgressStyle::Auto;
  Format format = Format::Text;
};

/// Whether the answer is no.
bool counts(const VerifyArguments& args, Difference difference) {
  return difference != Difference::Same && (args.exact || difference != Difference::WithinClass);
}

std::string summary(const std::vector<TensorVerdict>& all) {
  std::vector<Difference> kinds;
  for (const TensorVerdict& one : all) kinds.push_back(one.difference);
  return cli::summary(kinds);
}

/// What of A has no place in B.
std::vector<std::string> left_out(const Verification& found) {
  std::vector<std::string> lines;
  const auto add = [&](std::uint64_t n, std::string_view one, std::string_view many) {
    if (n > 0) lines.push_back(fmt::format("{} {}", n, n == 1 ? one : many));
  };
  add(found.dropped_pad_rows, "row of padding in A that is not zero", "rows of padding in A that are not zero");
  add(found.dropped_constants, "tensor of A that is not its constant", "tensors of A that are not their constant");
  add(found.dropped_aliases, "copy in A that differs from its original", "copies in A that differ from their original");
  return lines;
}

std::string ulp_text(std::uint64_t ulp) {
  return ulp == ~std::uint64_t{0} ? "not finite" : fmt::format("{} ulp", ulp);
}

void print_difference(const TensorVerdict& verdict) {
  const std::string shape = fmt::format("{} {}", name(verdict.dtype), to_string(verdict.shape));
  fmt::print("{}  {}  {}\n", verdict.name, shape, to_string(verdict.difference));
  Table table({Align::Left, Align::Left});
  if (!verdict.detail.empty()) table.add({"found", verdict.detail});
  if (verdict.cells > 0) {
    table.add({"differ", fmt::format("{} of {}", verdict.cells, cells(verdict.shape).value_or(0))});
    table.add({"first", verdict.first});
    if (!verdict.worst.empty())
      table.add({"worst", fmt::format("{} ({})", verdict.worst, ulp_text(verdict.worst_ulp))});
  }
  if (!verdict.rule.empty()) table.add({"rule", fmt::format("{}, {}", verdict.rule, verdict.fidelity)});
  fmt::print("{}", table.text(2));
}

std::string number_text(double number) {
  return fmt::format("{:.6g}", number);
}

void print_statistics(const std::vector<TensorVerdict>& all) {
  Table table({Align::Left, Align::Left, Align::Left, Align::Right, Align::Right, Align::Right, Align::Right,
               Align::Right, Align::Right, Align::Right});
  table.add({"", "", "", "mean", "deviation", "least", "most", "zeros", "NaN", "infinite"});
  for (const TensorVerdict& t : all) {
    if (!t.statistics) continue;
    const TensorStatistics& s = *t.statistics;
    table.add({t.name, std::string(name(t.dtype)), to_string(t.shape), number_text(s.mean), number_text(s.deviation),
               number_text(s.least), number_text(s.most), std::to_string(s.zeros), std::to_string(s.nans),
               std::to_string(s.infinities)});
  }
  fmt::print("{}\n", table.text());
}

std::string rate_text(std::uint64_t bytes, Seconds time) {
  const double rate = time.count() > 0 ? static_cast<double>(bytes) / time.count() : 0;
  return fmt::format("{} in {}, {}/s", bytes_text(bytes), time_text(time),
                     bytes_text(static_cast<std::uint64_t>(rate)));
}

void print_text(const VerifyArguments& args, const Verification& found, Seconds time) {
  for (const TensorVerdict& verdict : found.tensors) {
    if (verdict.difference != Difference::Same) print_difference(verdict);
  }
  if (args.stats) print_statistics(found.tensors);
  for (const std::string& line : left_out(found)) fmt::print("not in B: {}\n", line);
  const bool is_excused =
      !args.exact && std::ranges::count(found.tensors, Difference::WithinClass, &TensorVerdict::difference) > 0;
  fmt::print("{}{}\n{}\n", summary(found.tensors),
             is_excused ? "; what is within the class of its rule is allowed, unless --exact" : "",
             rate_text(found.bytes_compared, time));
}

Json to_json(const TensorVerdict& t, bool with_statistics) {
  Json json = {{"name", t.name},         {"difference", to_string(t.difference)},
               {"dtype", name(t.dtype)}, {"shape", t.shape},
               {"cells", t.cells},       {"worst_ulp", t.worst_ulp},
               {"first", t.first},       {"worst", t.worst},
               {"class", t.fidelity},    {"rule", t.rule},
               {"detail", t.detail}};
  if (!with_statistics || !t.statistics) return json;
  const TensorStatistics& s = *t.statistics;
  json["statistics"] = {{"cells", s.cells}, {"zeros", s.zeros}, {"nans", s.nans}, {"infinities", s.infinities},
                        {"least", s.least}, {"most", s.most},   {"mean", s.mean}, {"deviation", s.deviation}};
  return json;
}

Json to_json(const VerifyArguments& args, const Verification& found, Seconds time) {
  Json tensors = Json::array();
  for (const TensorVerdict& t : found.tensors) tensors.push_back(to_json(t, args.stats));
  return {{"a", args.pair.a},
          {"b", args.pair.b},
          {"summary", summary(found.tensors)},
          {"tensors", std::move(tensors)},
          {"bytes_compared", found.bytes_compared},
          {"not_in_b",
           {{"pad_rows", found.dropped_pad_rows},
            {"constants", found.dropped_constants},
            {"copies", found.dropped_aliases}}},
          {"seconds", time.count()}};
}

ExitCode run_pair(VerifyArguments args) {
  Diagnostics diags;
  const auto fail = [&] { return finish(diags, args.format, Json::object()); };
  const Result<Pair> pair = open_pair(args.pair, diags);
  if (!pair) return fail();
  if (args.dtype != "auto") args.options.dtype = find_dtype(args.dtype);
  const auto start = std::chrono::steady_clock::now();
  std::optional<Verification> found;
  {
    ProgressDisplay display(args.progress);
    args.options.on_progress = [&](const Progress& progress) { display.show(progress); };
    Result<Verification> result = verify(*pair->a, *pair->b, pair->model_if_any(), args.options, diags);
    if (!result) return fail();
    found = *std::move(result);
  }
  const Seconds time = std::chrono::steady_clock::now() - start;
  if (args.format == Format::Text) print_text(args, *found, time);
  const ExitCode code = finish(diags, args.format, to_json(args, *found, time));
  const bool differ = std::ranges::any_of(
      found->tensors, [&](const TensorVerdict& verdict) { return counts(args, verdict.difference); });
  return code == ExitCode::Fine && differ ? ExitCode::Findings : code;
}

/// A tensor that is not what its checksum says.
struct Mismatch {
  std::string name;
  std::string what;
};

/// Both are sorted by name.
std::vector<Mismatch> mismatches(const std::vector<TensorChecksum>& listed, const std::vector<TensorChecksum>& found) {
  std::vector<Mismatch> result;
  auto l = listed.begin();
  auto f = found.begin();
  while (l != listed.end() || f != found.end()) {
    if (f == found.end() || (l != listed.end() && l->tensor.name < f->tensor.name)) {
      result.push_back({l++->tensor.name, "is listed, and not there"});
    } else if (l == listed.end() || f->tensor.name < l->tensor.name) {
      result.push_back({f++->tensor.name, "is there, and not listed"});
    } else {
      const TensorInfo& was = l->tensor;
      const TensorInfo& is = f->tensor;
      if (was.dtype != is.dtype || was.shape != is.shape) {
        result.push_back({is.name, fmt::format("is {} {}, and {} {} is listed", name(is.dtype), to_string(is.shape),
                                               name(was.dtype), to_string(was.shape))});
      } else if (l->xxh3_128 != f->xxh3_128) {
        result.push_back({is.name, fmt::format("has the checksum {}, and {} is listed", f->xxh3_128, l->xxh3_128)});
      }
      ++l;
      ++f;
    }
  }
  return result;
}

ExitCode run_checksums(const VerifyArguments& args) {
  Diagnostics diags;
  const auto fail = [&] { return finish(diags, args.format, Json::object()); };
  const Result<std::unique_ptr<TensorStore>> store = open_store(args.pair.a, diags);
  if (!store) return fail();
  const Result<Neighbours> neighbours = find_neighbours(args.pair.a, diags);
  if (!neighbours) return fail();
  if (!neighbours->checksums) {
    report(diags, FilePlace{args.pair.a, {}}, diag::CannotRead, std::string(ChecksumsName),
           fmt::format("there is none beside `{}`", args.pair.a))
        .help("`rulec convert --checksums` writes it");
    return fail();
  }
  const Result<std::vector<TensorChecksum>> listed = read_checksums(*neighbours->checksums, diags);
  if (!listed) return fail();
  const auto start = std::chrono::steady_clock::now();
  std::optional<std::vector<TensorChecksum>> found;
  {
    ProgressDisplay display(args.progress);
    Result<std::vector<TensorChecksum>> sums =
        checksums(**store, {args.options.threads, [&](const Progress& progress) { display.show(progress); }}, diags);
    if (!sums) return fail();
    found = *std::move(sums);
  }
  const Seconds time = std::chrono::steady_clock::now() - start;
  const std::vector<Mismatch> wrong = mismatches(*listed, *found);
  std::uint64_t bytes = 0;
  for (const TensorChecksum& sum : *found) bytes += sum.tensor.bytes();
  Json differences = Json::array();
  for (const Mismatch& one : wrong) differences.push_back({{"name", one.name}, {"detail", one.what}});
  if (args.format == Format::Text) {
    for (const Mismatch& one : wrong) fmt::print("{} {}\n", one.name, one.what);
    fmt::print("{}, {} not as {} lists them\n{}\n", count_text(found->size(), "tensor"), wrong.size(),
               neighbours->checksums->string(), rate_text(bytes, time));
  }
  const ExitCode code = finish(diags, args.format,
                               {{"checkpoint", args.pair.a},
                                {"checksums", neighbours->checksums->string()},
                                {"tensors", found->size()},
                                {"differences", std::move(differences)},
                                {"seconds", time.count()}});
  return code == ExitCode::Fine && !wrong.empty() ? ExitCode::Findings : code;
}

ExitCode run_verify(const VerifyArguments& args) {
  if (args.checksums != args.pair.b.empty()) {
    Diagnostics diags;
    report(
        diags, {}, diag::Usage,
        args.checksums ? "with --checksums there is one checkpoint, found two" : "expected two checkpoints, found one")
        .help("`rulec verify A B` holds B against A, `rulec verify A --checksums` holds A against its checksums.json");
    return finish(diags, args.format, Json::object());
  }
  if (args.checksums && !args.options.only.empty()) {
    Diagnostics diags;
    report(diags, {}, diag::Usage, "--only holds tensors of B, and with --checksums there is none");
    return finish(diags, args.format, Json::object());
  }
  return args.checksums ? run_checksums(args) : run_pair(args);
}

}  // namespace

Command add_verify(CLI::App& app) {
  CLI::App* parser =
      app.add_subcommand("verify", "Hold a checkpoint against what it was made of, number by number, at any size");
  auto args = std::make_shared<VerifyArguments>();
  parser->add_option("A", args->pair.a, "A folder or a file: what B was made of, or another of its side")->required();
  parser->add_option("B", args->pair.b, "A folder or a file; what A becomes on its side is held against it");
  add_pair_options(*parser, args->pair);
  parser->add_option("--dtype", args->dtype, "Type of floating tensors that A is converted to; auto: that of B's")
      ->check(unlisted(CLI::IsMember({"auto", "bf16", "f16", "f32"})))
      ->type_name("auto|bf16|f16|f32");
  add_cast_option(*parser, args->options.cast_first);
  add_repeated(*parser, "--only", args->options.only, "Hold only the tensors of B that match; ** crosses dots")
      ->type_name("GLOB");
  parser->add_flag("--exact", args->exact, "Differences within the proved class of a rule are differences too");
  parser->add_flag("--stats", args->stats, "Show what the numbers of every tensor of B are like");
  parser->add_flag("--checksums", args->checksums,
                   "Hold A alone against the checksums.json beside it, which convert --checksums writes");
  add_limit_options(*parser, args->options.memory_bytes, args->options.threads);
  add_format_option(*parser, args->format);
  add_progress_option(*parser, args->progress);
  return {parser, [args] { return run_verify(*args); }};
}

}  // namespace rulec::cli
