// SPDX-License-Identifier: Apache-2.0
#include "engine/plan/origin.h"

#include "engine/tensor/element_bytes.h"

namespace rulec {
namespace {

bool is_one_run(const StridedCopy& copy) {
  const StridedCopy simple = simplified(copy);
  return simple.axes.empty() ||
         (simple.axes.size() == 1 && simple.axes[0].source_stride == 1 && simple.axes[0].target_stride == 1);
}

}  // namespace

std::optional<StoredAt> origin_of(const TargetTensor& target, std::span<const TensorInfo> sources,
                                  const ChunkReader& reader) {
  if (target.copies.size() != 1) return std::nullopt;
  const CopyPiece& piece = target.copies.front();
  if (piece.copy.cells() != cells(target.info.shape) || piece.copy.cells() == 0 || !piece.operands.empty() ||
      !changes_nothing(piece.pipeline, piece.types) || !is_one_run(piece.copy))
    return std::nullopt;
  const ChunkForm form = reader.form(piece.source);
  if (!form.is_raw || form.chunk != sources[piece.source].shape) return std::nullopt;
  std::optional<StoredAt> at = reader.place(piece.source, Shape(form.chunk.size()));
  if (at) at->offset += bytes_of(sources[piece.source].dtype, piece.copy.source_offset);
  return at;
}

}  // namespace rulec
