// SPDX-License-Identifier: Apache-2.0
// What commands that convert, or tell how they would, have in common: what is asked for, and what is found out before a
// byte is converted.
#pragma once

#include <CLI/App.hpp>
#include <memory>
#include <string>
#include <vector>

#include <rulec/convert.h>
#include <rulec/pack.h>
#include <rulec/store.h>

#include "tools/rulec/arguments.h"
#include "tools/rulec/neighbours.h"
#include "tools/rulec/progress.h"
#include "tools/rulec/target_store.h"

namespace rulec::cli {

struct ConversionArguments {
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
  std::string plan;  ///< a file that `rulec plan` has written; empty: none
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

/// The source, the target and all options of a conversion.
void add_conversion_options(CLI::App& app, ConversionArguments& into);

/// Opens the source and binds the pack; says on stderr what was found by looking. Errors: those of the stores, of
/// `bind`, R0810, R0903, R0904, R0612, R0613.
Result<Job> prepare(const ConversionArguments& args, Diagnostics& diags);

}  // namespace rulec::cli
