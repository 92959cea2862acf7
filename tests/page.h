// SPDX-License-Identifier: Apache-2.0
// The pages of messages, read as what they claim: below `## Wrong` stands an input that gives the message, below
// `## Right` one that does not.
//
//     ```rules wrong                  the pack; `rules right` below `## Right`, `rules example` where it cannot be run
//     here
//     ```rules file=common.rules      a file that it imports
//     ```json config=hf               the config of a side; `yaml config=maxtext` too
//     ```tensors side=hf              a checkpoint of a side: lines such as `norm.weight F32 [4]`
//     ```options                      lines such as `set: scan_layers=false` and `preset: small`
//     ```safetensors file=x data=16   a file of a checkpoint: its header, and so many bytes behind it
//     ```json file=x, ```text file=x  a file of a checkpoint as it is
//     ```sh                           a command line, for people only
//
// `byte=E9` behind `rules` puts that byte in the place of `@`.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <rulec/diagnostics.h>
#include <rulec/store.h>

namespace rulec::testing {

/// What stands below one heading of a page.
struct PageSection {
  std::optional<std::string> pack;
  bool is_example = false;                      ///< the pack is not to be run
  std::size_t line = 0;                         ///< of the pack
  std::map<std::string, std::string> rules;     ///< files that it imports, by name
  std::map<std::string, std::string> configs;   ///< by side
  std::map<std::string, std::string> suffixes;  ///< of the configs' files, by side
  std::map<std::string, MemoryStore> stores;    ///< checkpoints by side, all zeros
  std::map<std::string, std::string> options;
  std::string preset;
  std::map<std::string, std::string> files;  ///< of a checkpoint, by name

  bool can_run() const { return !is_example && (pack || !configs.empty() || !files.empty()); }
};

/// The blocks of `page` below `## <heading>`.
PageSection read_section(std::string_view page, std::string_view heading);

/// Loads, elaborates and checks the pack of a section, or opens its checkpoint, or reads its configs, and collects what
/// is said.
void run_section(const PageSection& section, Diagnostics& diags);

}  // namespace rulec::testing
