// SPDX-License-Identifier: Apache-2.0
// Which pack a checkpoint belongs to, and which side of it: given, or found by looking.
#pragma once

#include <string>
#include <vector>

#include <rulec/pack.h>
#include <rulec/store.h>

#include "tools/rulec/neighbours.h"

namespace rulec::cli {

struct Recognised {
  RulePack pack;
  std::string side;                  ///< that the checkpoint is on
  std::vector<std::string> reasons;  ///< how that was found, a phrase each
};

/// The pack: `given`, else that of `rulec.json`, else the bundled one of config.json's `model_type`, else that of the
/// preset, else the one whose names fit. The side: the other one than `to` if that is given, else that of `rulec.json`,
/// else the one whose names fit. `options` are used where names depend on them.
///
/// Errors: those of `load_pack`; R0223 `to` is no side; R0612, R0613 no pack or several; R0904 no side, or another than
/// `to` leaves.
Result<Recognised> recognise(const TensorStore& checkpoint, const Neighbours& neighbours, const std::string& given,
                             const std::string& to, const BindOptions& options, Diagnostics& diags);

/// Whether the pack is built in.
bool is_bundled(const std::string& pack);

/// The other side of a pack.
const std::string& opposite(const RulePack& pack, const std::string& side);

/// Checks that the pack has this side. Errors: R0223.
Status check_side(const RulePack& pack, const std::string& side, Diagnostics& diags);

/// Checks that a checkpoint which is said to be on `side` is not on the other. Errors: R0904.
Status check_names(const RulePack& pack, const std::string& side, const TensorStore& checkpoint,
                   const BindOptions& options, Diagnostics& diags);

/// Completes `options` by what lies beside a checkpoint: what was given beats what was found, and a preset beats found
/// configs.
void complete(BindOptions& options, const Neighbours& neighbours);

}  // namespace rulec::cli
