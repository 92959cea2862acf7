// SPDX-License-Identifier: Apache-2.0
// Golden cases: `golden/<stage>/<name>.case` holds what goes into a stage and, in its last section, what must come out.
//
//     # words about the case
//     --- rules
//     a.kernel : [D F]  b.weight : [F D]
//     --- expect
//     error[R0101 syntax]: ...
//
// `rulec_golden FILE` runs one; with RULEC_UPDATE=1 it writes what came out into the file.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rulec::golden {

struct Section {
  std::string name;  ///< what stands behind `--- `
  std::string text;  ///< every line ends with a newline
};
using Sections = std::vector<Section>;

/// The section of this name, or nullptr.
const Section* find(const Sections& sections, std::string_view name);

/// A stage of the engine as cases see it: the sections before `expect` in, text out.
struct Stage {
  std::string_view name;  ///< of the folder
  std::string (*run)(const Sections& sections);
};

/// Every stage; one line each.
std::span<const Stage> all_stages();

/// Builds the graph of the section `rules` for the tensors listed in `source`, and prints it as the section `to` says:
/// a side, and `text`, `json`, `dot`, or `pieces` for what `simplify` leaves of it.
std::string graph_stage(const Sections& sections);

/// Loads the pack in the section `rules`, which may import the other sections by their names, and prints what is wrong.
std::string names_stage(const Sections& sections);

/// Works the section `rules` out, which may import other sections; `config SIDE` holds a config as JSON, `tensors SIDE`
/// lists the names and shapes of a checkpoint. Prints the tensors of both sides, and what was found.
std::string pack_stage(const Sections& sections);

/// Reads the section `rules` and prints the tree, or what is wrong.
std::string parse_stage(const Sections& sections);

/// Checks the pack in the section `rules`, with what a message's page may give it: `rules file=NAME`, `tensors
/// side=SIDE`, `options`. Prints what `check` says.
std::string check_stage(const Sections& sections);

/// Makes the mistake of the section `change` in the Gemma 2 pack, and prints what `check` says.
std::string mistakes_stage(const Sections& sections);

/// Makes the folder `ckpt` and opens it, or what the section `open` names in it: prints the catalogue and what was
/// found. Sections: `file NAME` with a text, `safetensors NAME BYTES` with a header before so many bytes of data, `link
/// NAME` with its target.
std::string store_stage(const Sections& sections);

}  // namespace rulec::golden
