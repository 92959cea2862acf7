// SPDX-License-Identifier: Apache-2.0
// Tile by tile by way of a small buffer: squares of a tile are transposed in registers into the buffer, whose rows then
// go to the target. So every cache line is read once and written once, whole, also where strides are powers of two and
// lines push one another out.
#include "engine/tensor/transpose.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include "engine/tensor/stream.h"
#include "grammar/internal_error.h"

namespace rulec {
namespace {

constexpr std::size_t RowsBytes = 512;       // of a tile, in the target
constexpr std::size_t ColumnsBytes = 128;    // in the source
constexpr std::size_t PadBytes = CacheLine;  // so that rows of the buffer lie in different sets of the cache
constexpr std::size_t Ahead = 48;            // rows that are fetched before their turn

/// Where position `index` lies on one side.
std::int64_t offset_of(std::span<const StridedAxis> axes, std::int64_t index, std::int64_t StridedAxis::* stride) {
  std::int64_t offset = 0;
  for (std::size_t a = axes.size() - 1; a > 0; --a) {
    offset += index % axes[a].extent * (axes[a].*stride);
    index /= axes[a].extent;
  }
  return offset + index * (axes[0].*stride);
}

std::int64_t positions(std::span<const StridedAxis> axes) {
  std::int64_t count = 1;
  for (const StridedAxis& axis : axes) count *= axis.extent;
  return count;
}

constexpr std::size_t RegisterBytes = 16;  // of every machine

template <class Lane>
struct Register {
  typedef Lane Type __attribute__((vector_size(RegisterBytes)));
};

/// Every element of the half of `a` that begins at `From`, each followed by its counterpart in `b`.
template <std::size_t From, class V, std::size_t... I>
V interleaved(V a, V b, std::index_sequence<I...>) {
  return __builtin_shufflevector(a, b, (From + I / 2 + I % 2 * sizeof...(I))...);
}

/// Transposes a square. Interleaving the upper half of the rows with the lower one moves the last bit of the row's
/// number to the front of the column's; as often as the number has bits, and they have changed places.
template <class Lane, std::size_t Bytes>
void transpose_square(const std::byte* const* rows, std::size_t column_bytes, std::byte* out, std::size_t out_stride) {
  using V = typename Register<Lane>::Type;
  constexpr std::size_t N = RegisterBytes / Bytes;
  constexpr std::make_index_sequence<N> Each;
  std::array<V, N> square;
  for (std::size_t i = 0; i < N; ++i) std::memcpy(&square[i], rows[i] + column_bytes, sizeof(V));
  if constexpr (N > 1) {
    for (std::size_t bit = 1; bit < N; bit *= 2) {
      std::array<V, N> next;
      for (std::size_t i = 0; i < N / 2; ++i) {
        next[2 * i] = interleaved<0>(square[i], square[i + N / 2], Each);
        next[2 * i + 1] = interleaved<N / 2>(square[i], square[i + N / 2], Each);
      }
      square = next;
    }
  }
  for (std::size_t i = 0; i < N; ++i) std::memcpy(out + i * out_stride, &square[i], sizeof(V));
}

/// Of elements as large as a `Lane`, or of 16 bytes.
template <class Lane, std::size_t Bytes = sizeof(Lane)>
class Transposer {
 public:
  Transposer(const Transpose& transpose, bool streams, const std::byte* source, std::byte* target)
      : t_(transpose), streams_(streams), source_(source), target_(target) {}

  void run() {
    const std::int64_t rows = positions(t_.rows);
    const std::int64_t columns = positions(t_.columns);
    for (std::int64_t r = 0; r < rows; r += Rows) {
      rows_ = static_cast<std::size_t>(std::min(rows - r, Rows));
      for (std::size_t i = 0; i < rows_; ++i) {
        row_[i] = source_ + offset_of(t_.rows, r + static_cast<std::int64_t>(i), &StridedAxis::source_stride) * Size;
      }
      fetched_ = rows_;
      if (columns > Columns) {  // behind the last row come the next columns of the first ones
        for (std::size_t i = 0; i < Ahead; ++i) row_[fetched_++] = row_[i % rows_];
      }
      for (std::int64_t c = 0; c < columns; c += Columns) {
        columns_ = static_cast<std::size_t>(std::min(columns - c, Columns));
        if (rows_ < N || columns_ < N) {
          move_plainly(r, c);
        } else {
          fill_tile(c);
          empty_tile(r, c);
        }
      }
    }
  }

 private:
  static constexpr auto Size = static_cast<std::int64_t>(Bytes);
  static constexpr std::int64_t Rows = RowsBytes / Bytes;
  static constexpr std::int64_t Columns = ColumnsBytes / Bytes;
  static constexpr std::size_t Stride = RowsBytes + PadBytes;
  static constexpr std::size_t N = RegisterBytes / Bytes;

  void fill_tile(std::int64_t c) {
    const auto column = static_cast<std::size_t>(c * t_.columns.back().source_stride * Size);
    const bool dense = t_.columns.back().source_stride == 1;
    const std::size_t rows = dense ? rows_ / N * N : 0;
    const std::size_t columns = columns_ / N * N;
    for (std::size_t i = 0; i < rows; i += N) {
      for (std::size_t k = i + Ahead; k < std::min(i + Ahead + N, fetched_); ++k) {
        fetch(row_[k] + column + (k < rows_ ? 0 : ColumnsBytes));
      }
      for (std::size_t j = 0; j < columns; j += N) {
        transpose_square<Lane, Bytes>(&row_[i], column + j * Bytes, &tile_[j * Stride + i * Bytes], Stride);
      }
      fill_plainly(i, i + N, columns, column);
    }
    for (std::size_t i = rows; i < rows_; ++i) fill_plainly(i, i + 1, 0, column);
  }

  /// The lines where `columns` end, since those before them begin where the lines do that the last tile ended in. To
  /// the second cache: rows that are a power of two apart would push one another out of the first.
  static void fetch(const std::byte* columns) {
    for (std::size_t end = CacheLine; end <= ColumnsBytes; end += CacheLine) {
      __builtin_prefetch(columns + end - 1, 0, 2);
    }
  }

  /// What is no whole square.
  void fill_plainly(std::size_t i0, std::size_t i1, std::size_t j0, std::size_t column) {
    const auto step = static_cast<std::size_t>(t_.columns.back().source_stride * Size);
    for (std::size_t j = j0; j < columns_; ++j) {
      for (std::size_t i = i0; i < i1; ++i) {
        std::memcpy(&tile_[j * Stride + i * Bytes], row_[i] + column + j * step, Bytes);
      }
    }
  }

  /// A tile that has no square goes straight to the target.
  void move_plainly(std::int64_t r, std::int64_t c) {
    const std::int64_t step = t_.rows.back().target_stride * Size;
    for (std::size_t j = 0; j < columns_; ++j) {
      const std::int64_t position = c + static_cast<std::int64_t>(j);
      const std::int64_t from = position * t_.columns.back().source_stride * Size;
      std::byte* const to = target_ + offset_of(t_.columns, position, &StridedAxis::target_stride) * Size + r * step;
      for (std::size_t i = 0; i < rows_; ++i) {
        std::memcpy(to + static_cast<std::int64_t>(i) * step, row_[i] + from, Bytes);
      }
    }
  }

  void empty_tile(std::int64_t r, std::int64_t c) {
    const std::int64_t step = t_.rows.back().target_stride * Size;
    for (std::size_t j = 0; j < columns_; ++j) {
      const std::int64_t column = offset_of(t_.columns, c + static_cast<std::int64_t>(j), &StridedAxis::target_stride);
      std::byte* const to = target_ + column * Size + r * step;
      const std::byte* const from = &tile_[j * Stride];
      if (step != Size) {
        for (std::size_t i = 0; i < rows_; ++i) {
          std::memcpy(to + static_cast<std::int64_t>(i) * step, from + i * Bytes, Bytes);
        }
      } else if (streams_) {
        stream(to, from, rows_ * Bytes);
      } else {
        std::memcpy(to, from, rows_ * Bytes);
      }
    }
  }

  const Transpose& t_;
  bool streams_;
  const std::byte* source_;
  std::byte* target_;
  std::size_t rows_ = 0;     // of the tile
  std::size_t columns_ = 0;  // of the tile
  std::size_t fetched_ = 0;  // of `row_`
  std::array<const std::byte*, Rows + Ahead> row_;
  alignas(CacheLine) std::array<std::byte, Columns * Stride> tile_;  // [columns rows]
};

}  // namespace

void copy_transposed(const Transpose& transpose, int element_bytes, bool streams, const std::byte* source,
                     std::byte* target) {
  switch (element_bytes) {
    case 1:
      return Transposer<std::uint8_t>(transpose, streams, source, target).run();
    case 2:
      return Transposer<std::uint16_t>(transpose, streams, source, target).run();
    case 4:
      return Transposer<std::uint32_t>(transpose, streams, source, target).run();
    case 8:
      return Transposer<std::uint64_t>(transpose, streams, source, target).run();
    case 16:
      return Transposer<std::uint64_t, 16>(transpose, streams, source, target).run();
    default:
      RULEC_ASSERT(!"elements of 1, 2, 4, 8 or 16 bytes");
  }
}

}  // namespace rulec
