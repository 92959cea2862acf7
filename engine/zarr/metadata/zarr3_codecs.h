// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/zarr/metadata.h"
#include "engine/zarr/metadata/document.h"

#include <rulec/result.h>

namespace rulec::zarr {

/// Reads the member `codecs` of a zarr 3 document into `array`, whose shape, type and value shape are known: its chunk
/// shape, shards and codecs. Errors: R0830.
Status read_zarr3_codecs(const Document& document, ArrayMetadata& array);

}  // namespace rulec::zarr
