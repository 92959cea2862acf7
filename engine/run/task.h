// SPDX-License-Identifier: Apache-2.0
// What the work of a plan consists of.
#pragma once

#include <cstddef>
#include <variant>
#include <vector>

#include "engine/run/block_io.h"

namespace rulec {

namespace tasks {

/// The buffers of a unit get what comes from no source, before anything else comes into them.
struct Prepare {
  std::size_t unit = 0;
};

/// A load is read, and then moved to where the unit that it was read for wants it.
struct Read {
  std::size_t unit = 0;
  std::size_t load = 0;
};

/// A load that is in memory is moved for one more unit.
struct Move {
  std::size_t unit = 0;
  std::size_t load = 0;
};

struct Write {
  std::size_t unit = 0;
  std::size_t block = 0;
  Segment segment;
};

/// Units that were written are noted in the journal; from time to time the disk is waited for, too.
struct Note {
  std::vector<std::size_t> units;
  bool syncs = false;
};

}  // namespace tasks

using Task = std::variant<tasks::Prepare, tasks::Read, tasks::Move, tasks::Write, tasks::Note>;

}  // namespace rulec
