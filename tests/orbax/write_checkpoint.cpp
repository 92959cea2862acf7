// SPDX-License-Identifier: Apache-2.0
// Writes the tensors of a safetensors checkpoint as an Orbax checkpoint, by way of the public API alone.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <rulec/rulec.h>

namespace {

using namespace rulec;

struct Arguments {
  std::string source;
  std::string folder;
  OrbaxOptions options;
  std::vector<std::size_t> chunks;   // axis, pieces, axis, pieces...
  std::vector<std::size_t> stacked;  // of every tensor that has the axes
  bool no_database = false;
  bool scan_layers = false;
  std::uint64_t block_bytes = std::uint64_t{64} << 20U;
};

Status write(Arguments args, Diagnostics& diags) {
  const Result<std::unique_ptr<TensorStore>> store = open_store(args.source, diags);
  if (!store) return diags.failed();
  const std::span<const TensorInfo> tensors = (*store)->tensors();
  args.options.has_database = !args.no_database;
  for (std::size_t i = 0; i + 1 < args.chunks.size(); i += 2) {
    args.options.chunks[args.chunks[i]] = static_cast<std::int64_t>(args.chunks[i + 1]);
  }
  if (args.scan_layers) args.options.custom_metadata["scan_layers"] = true;
  for (const TensorInfo& tensor : tensors) {
    for (const std::size_t axis : args.stacked) {
      if (axis < tensor.shape.size()) args.options.stacked[tensor.name].push_back(axis);
    }
  }
  std::filesystem::create_directories(args.folder);
  const std::unique_ptr<TensorSink> sink = orbax_sink(args.folder, args.options);
  if (!sink->begin(tensors, diags)) return diags.failed();
  std::vector<std::byte> block;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    for (std::uint64_t at = 0; at < tensors[i].bytes(); at += block.size()) {
      block.resize(static_cast<std::size_t>(std::min(args.block_bytes, tensors[i].bytes() - at)));
      if (!(*store)->read(i, at, block, diags) || !sink->write(i, at, block, diags)) return diags.failed();
    }
  }
  return sink->commit(diags);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments args;
  CLI::App app("Writes the tensors of a safetensors checkpoint as an Orbax checkpoint", "write_checkpoint");
  app.add_option("SRC", args.source, "A safetensors file or folder")->required();
  app.add_option("DST", args.folder, "The folder to make `0/items` in")->required();
  app.add_option("--zarr", args.options.zarr_version, "2 or 3");
  app.add_flag("--zstd", args.options.is_compressed, "Compress");
  app.add_flag("--no-ocdbt", args.no_database, "A folder an array");
  app.add_flag("--one-chunk", args.options.one_chunk, "One chunk a tensor");
  app.add_option("--chunks", args.chunks, "AXIS PIECES: cut tensors that can be")->expected(2, 64);
  app.add_option("--stacked", args.stacked, "AXIS along which chunks are one thick");
  app.add_option("--chunk-bytes", args.options.chunk_bytes, "Of a chunk, about");
  app.add_option("--data-file-bytes", args.options.max_data_file_bytes, "Of a data file, at most");
  app.add_option("--block-bytes", args.block_bytes, "What is given to the sink at once");
  app.add_flag("--scan-layers", args.scan_layers, "Say in the metadata that layers are stacked");
  CLI11_PARSE(app, argc, argv);
  Diagnostics diags;
  const Status written = write(std::move(args), diags);
  std::fputs(render_text(diags).c_str(), stderr);
  return written ? 0 : 1;
}
