// SPDX-License-Identifier: Apache-2.0
// The format that a checkpoint is written in, and the options that belong to it.
#pragma once

#include <CLI/App.hpp>
#include <filesystem>
#include <memory>
#include <string>

#include <rulec/pack.h>
#include <rulec/store.h>

namespace rulec::cli {

struct StoreArguments {
  std::string store;  ///< `safetensors` or `orbax`; empty: what the side is used with
  std::string max_shard_size = "5GB";
  OrbaxOptions orbax;
};

void add_store_options(CLI::App& app, StoreArguments& into);

/// Options that belong to another format than the one that is written to side `to`. Errors: R0903.
Status check_store_options(const CLI::App& app, const StoreArguments& args, const std::string& to, Diagnostics& diags);

/// Whether side `to` is written by Orbax: as told, else MaxText's.
bool is_orbax(const StoreArguments& args, const std::string& to);

/// The sink for side `to` of `model`, below `folder`.
std::unique_ptr<TensorSink> target_sink(const StoreArguments& args, const Model& model, const std::string& to,
                                        const std::filesystem::path& folder);

}  // namespace rulec::cli
