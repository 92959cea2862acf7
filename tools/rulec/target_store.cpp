// SPDX-License-Identifier: Apache-2.0
#include "tools/rulec/target_store.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "tools/rulec/arguments.h"
#include "tools/rulec/messages.h"
#include "tools/rulec/sides.h"

namespace rulec::cli {
namespace {

constexpr std::array<std::string_view, 5> OrbaxOnly = {"--zarr", "--compression", "--chunks", "--one-chunk",
                                                       "--no-ocdbt"};
constexpr std::array<std::string_view, 1> SafetensorsOnly = {"--max-shard-size"};

/// `AXIS=N`, both whole numbers, N at least 1.
std::optional<std::pair<std::size_t, std::int64_t>> parse_pieces(std::string_view word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  const std::string_view number = word.substr(equals + 1);
  std::pair<std::size_t, std::int64_t> pieces{};
  const auto read = [](std::string_view text, auto& into) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
    return error == std::errc() && end == text.data() + text.size();
  };
  const bool ok = read(word.substr(0, equals), pieces.first) && read(number, pieces.second) && pieces.second > 0;
  return ok ? std::optional(pieces) : std::nullopt;
}

void add_chunks_option(CLI::App& app, StoreArguments& into) {
  app.add_option_function<std::vector<std::string>>(
         "--chunks",
         [&into](const std::vector<std::string>& words) {
           for (const std::string& word : words) {
             const auto [axis, count] = *parse_pieces(word);
             if (!into.orbax.chunks.emplace(axis, count).second)
               throw CLI::ValidationError("--chunks", fmt::format("axis {} stands twice", axis));
           }
         },
         "Orbax: cut these axes, counted from 0, into so many equal chunks, to fit a mesh")
      ->delimiter(',')
      ->check(CLI::Validator(
          [](std::string& word) {
            return parse_pieces(word) ? std::string() : "expected AXIS=N such as 0=16, found " + word;
          },
          "", "pieces"))
      ->type_name("AXIS=N,...");
}

}  // namespace

void add_store_options(CLI::App& app, StoreArguments& into) {
  app.add_option("--store", into.store, "Format of the target: orbax towards maxtext, else safetensors")
      ->check(unlisted(CLI::IsMember({"safetensors", "orbax"})))
      ->type_name("safetensors|orbax");
  app.add_option("--max-shard-size", into.max_shard_size, "Safetensors: size of a file, 5GB unless given")
      ->check(CLI::Validator(
          [](std::string& text) {
            return parse_bytes(text).value_or(0) > 0 ? std::string()
                                                     : "expected a size such as 5GB or 512MiB, found " + text;
          },
          "", "size"))
      ->type_name("SIZE");
  app.add_option_function<std::string>(
         "--compression", [&into](const std::string& name) { into.orbax.is_compressed = name == "zstd"; },
         "Orbax: none, the default, is as fast as the disk; zstd saves about a quarter")
      ->check(unlisted(CLI::IsMember({"none", "zstd"})))
      ->type_name("none|zstd");
  app.add_option("--zarr", into.orbax.zarr_version, "Orbax: 3 unless given; 2 for Orbax before 2024")
      ->check(unlisted(CLI::IsMember({2, 3})))
      ->type_name("2|3");
  add_chunks_option(app, into);
  app.add_flag("--one-chunk", into.orbax.one_chunk, "Orbax: a chunk for every tensor, as MaxText's converter does");
  app.add_flag_callback("--no-ocdbt", [&into] { into.orbax.has_database = false; }, "Orbax: a folder for every tensor");
}

bool is_orbax(const StoreArguments& args, const std::string& to) {
  return args.store.empty() ? to == MaxText : args.store == "orbax";
}

Status check_store_options(const CLI::App& app, const StoreArguments& args, const std::string& to, Diagnostics& diags) {
  const bool orbax = is_orbax(args, to);
  const auto check = [&](auto options, std::string_view format, std::string_view other) -> Status {
    for (const std::string_view option : options) {
      if (app.count(std::string(option)) == 0) continue;
      return report(diags, {}, diag::Usage, fmt::format("{} is for {}, and the target is {}", option, format, other))
          .help(fmt::format("leave it out, or ask for --store {}", format));
    }
    return Done{};
  };
  return orbax ? check(SafetensorsOnly, "safetensors", "orbax") : check(OrbaxOnly, "orbax", "safetensors");
}

std::unique_ptr<TensorSink> target_sink(const StoreArguments& args, const Model& model, const std::string& to,
                                        const std::filesystem::path& folder) {
  if (!is_orbax(args, to)) return safetensors_sink(folder, {.max_shard_bytes = *parse_bytes(args.max_shard_size)});
  OrbaxOptions options = args.orbax;
  if (!options.one_chunk) options.stacked = model.stacked_axes(to);
  const std::map<std::string, std::string> decided = model.options();
  if (const auto scan = decided.find("scan_layers"); scan != decided.end())
    options.custom_metadata["scan_layers"] = scan->second == "true";
  return orbax_sink(folder, std::move(options));
}

}  // namespace rulec::cli
