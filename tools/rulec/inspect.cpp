// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include <rulec/check.h>
#include <rulec/store.h>

#include "tools/rulec/arguments.h"
#include "tools/rulec/command.h"
#include "tools/rulec/findings.h"
#include "tools/rulec/neighbours.h"
#include "tools/rulec/quantity.h"
#include "tools/rulec/table.h"

namespace rulec::cli {
namespace {

using Json = nlohmann::ordered_json;

struct InspectArguments {
  std::string checkpoint;
  Format format = Format::Text;
};

struct Totals {
  std::uint64_t bytes = 0;
  std::int64_t elements = 0;
  std::map<std::string_view, std::size_t> dtypes;
};

Totals totals(const TensorStore& store) {
  Totals out;
  for (const TensorInfo& tensor : store.tensors()) {
    out.bytes += tensor.bytes();
    out.elements += *cells(tensor.shape);
    ++out.dtypes[name(tensor.dtype)];
  }
  return out;
}

void print_text(const TensorStore& store, const std::optional<std::vector<Fit>>& fits,
                const std::optional<Neighbours>& neighbours) {
  Table table({Align::Left, Align::Left, Align::Left, Align::Right, Align::Left});
  for (std::size_t i = 0; i < store.tensors().size(); ++i) {
    const TensorInfo& t = store.tensors()[i];
    table.add({t.name, std::string(name(t.dtype)), to_string(t.shape), bytes_text(t.bytes()), store.layout_of(i)});
  }
  const Totals sum = totals(store);
  std::string dtypes;
  for (const auto& [dtype, count] : sum.dtypes)
    dtypes += fmt::format("{}{} {}", dtypes.empty() ? "" : ", ", count, dtype);
  fmt::print("{}\n{}, {}, {} elements{}\n", table.text(), count_text(store.tensors().size(), "tensor"),
             bytes_text(sum.bytes), sum.elements, dtypes.empty() ? "" : " (" + dtypes + ")");
  for (const auto& [what, said] : store.facts()) fmt::print("{}: {}\n", what, said);
  for (const Fit& fit : fits.value_or(std::vector<Fit>())) {
    fmt::print("{} side {} of pack {}: {} of {} names{}{}\n", fit.is_full() ? "fits" : "is near", fit.side, fit.pack,
               fit.matched, fit.total, fit.misshapen > 0 ? fmt::format(", {} of another shape", fit.misshapen) : "",
               fit.missing > 0 ? fmt::format(", {} missing", fit.missing) : "");
    if (!fit.unknown.empty())
      fmt::print("  to convert it, give what no shape tells, {}: --config or --preset\n", fmt::join(fit.unknown, ", "));
  }
  if (fits && std::ranges::none_of(*fits, &Fit::is_full)) fmt::print("fits no pack that is built in\n");
  if (neighbours && neighbours->record) {
    const Record& record = *neighbours->record;
    fmt::print("made by rulec: side {} of pack {}, from {}\n", record.side, record.pack, record.from);
  }
}

Json to_json(const TensorStore& store, const std::optional<std::vector<Fit>>& fits) {
  Json tensors = Json::array();
  for (std::size_t i = 0; i < store.tensors().size(); ++i) {
    const TensorInfo& t = store.tensors()[i];
    tensors.push_back({{"name", t.name}, {"dtype", name(t.dtype)}, {"shape", t.shape}, {"bytes", t.bytes()}});
    if (const std::string layout = store.layout_of(i); !layout.empty()) tensors.back()["layout"] = layout;
  }
  Json packs = fits ? Json::array() : Json(nullptr);  // null: not known
  for (const Fit& fit : fits.value_or(std::vector<Fit>())) {
    packs.push_back({{"pack", fit.pack},
                     {"side", fit.side},
                     {"matched", fit.matched},
                     {"total", fit.total},
                     {"missing", fit.missing},
                     {"misshapen", fit.misshapen},
                     {"unknown", fit.unknown}});
  }
  Json facts = Json::object();
  for (const auto& [what, said] : store.facts()) facts[what] = said;
  const Totals sum = totals(store);
  return {{"checkpoint", store.where()}, {"facts", std::move(facts)}, {"tensors", std::move(tensors)},
          {"bytes", sum.bytes},          {"elements", sum.elements},  {"fits", std::move(packs)}};
}

ExitCode run_inspect(const InspectArguments& args) {
  Diagnostics diags;
  const Result<std::unique_ptr<TensorStore>> store = open_store(args.checkpoint, diags);
  if (!store) return finish(diags, args.format, Json::object());
  // What lies beside it may be broken, or may be what one is here to find out about: the tensors are shown all the
  // same.
  std::optional<Neighbours> neighbours;
  std::optional<std::vector<Fit>> fits;
  if (Result<Neighbours> found = find_neighbours(args.checkpoint, diags)) neighbours = *std::move(found);
  if (neighbours) {
    Result<std::vector<Fit>> found = fitting_packs(**store, neighbours->configs, diags);
    if (found) fits = *std::move(found);
  }
  if (args.format == Format::Text) print_text(**store, fits, neighbours);
  return finish(diags, args.format, args.format == Format::Json ? to_json(**store, fits) : Json::object());
}

}  // namespace

Command add_inspect(CLI::App& app) {
  CLI::App* parser = app.add_subcommand("inspect", "Show the tensors of a checkpoint, and which packs fit it");
  auto args = std::make_shared<InspectArguments>();
  parser->add_option("CHECKPOINT", args->checkpoint, "A folder or a file")->required();
  add_format_option(*parser, args->format);
  return {parser, [args] { return run_inspect(*args); }};
}

}  // namespace rulec::cli
