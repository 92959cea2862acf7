// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "engine/tensor/strided.h"
#include "engine/zarr/chunk_source.h"

#include <rulec/diagnostics.h>
#include <rulec/result.h>

namespace rulec::zarr {

/// Moves single bytes as `copy` says from a value, counted from `base` on, to `into`: straight where runs are long or
/// few of the bytes between them are wanted, else by way of a buffer of at most four times what is wanted.
///
/// The source's ranges lie within the value. Errors: what the source reports.
Status read_strided(const ChunkSource& source, std::string_view key, std::uint64_t base, const StridedCopy& copy,
                    std::span<std::byte> into, Diagnostics& diags);

}  // namespace rulec::zarr
