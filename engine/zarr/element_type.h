// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <rulec/tensor.h>

namespace rulec::zarr {

/// The type of an element as zarr names it. There are more than rulec's: an element is always whole bytes here (an int4
/// or float4 takes one, in its low bits), and rulec's packed types are never met.
enum class ElementType : std::uint8_t {
#define RULEC_ZARR_TYPE(enumerator, ...) enumerator,
#include "engine/zarr/element_types.def"
#undef RULEC_ZARR_TYPE
};

enum class ElementFamily : std::uint8_t { Boolean, Signed, Unsigned, Float, Complex };

/// `bfloat16`: the `data_type` of zarr 3.
std::string_view name(ElementType type);
std::size_t element_bytes(ElementType type);
ElementFamily family(ElementType type);

/// rulec's type of the same bits in the same bytes, or nothing if it has none.
std::optional<DType> dtype(ElementType type);
/// The other way round; nothing for the packed types.
std::optional<ElementType> element_type(DType dtype);

/// By the `data_type` of zarr 3.
std::optional<ElementType> find_element_type(std::string_view data_type);

/// A type and the order of its bytes.
struct ElementFormat {
  ElementType type = ElementType::Float32;
  bool is_big_endian = false;
};

/// By the `dtype` of zarr 2: `<f4`, `>i8`, `|u1`, `bfloat16`.
std::optional<ElementFormat> find_zarr2_dtype(std::string_view dtype);
/// The `dtype` of zarr 2, little-endian.
std::string zarr2_dtype(ElementType type);

}  // namespace rulec::zarr
