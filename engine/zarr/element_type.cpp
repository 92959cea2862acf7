// SPDX-License-Identifier: Apache-2.0
#include "engine/zarr/element_type.h"

#include <algorithm>
#include <array>

namespace rulec::zarr {
namespace {

struct Row {
  std::string_view data_type;
  std::string_view zarr2;
  std::size_t bytes;
  ElementFamily family;
  std::optional<DType> dtype;
};

constexpr std::array Rows{
#define RULEC_ZARR_TYPE(enumerator, data_type, zarr2, bytes, family, dtype) \
  Row{data_type, zarr2, bytes, ElementFamily::family, dtype},
#include "engine/zarr/element_types.def"
#undef RULEC_ZARR_TYPE
};

const Row& row(ElementType type) {
  return Rows[static_cast<std::size_t>(type)];
}

template <class Is>
std::optional<ElementType> find(Is is) {
  const auto found = std::ranges::find_if(Rows, is);
  if (found == Rows.end()) return std::nullopt;
  return static_cast<ElementType>(found - Rows.begin());
}

// The words of TensorStore's own (`bfloat16`) have no mark of byte order.
bool has_mark(const Row& row) {
  return row.data_type != row.zarr2;
}

}  // namespace

std::string_view name(ElementType type) {
  return row(type).data_type;
}
std::size_t element_bytes(ElementType type) {
  return row(type).bytes;
}
ElementFamily family(ElementType type) {
  return row(type).family;
}
std::optional<DType> dtype(ElementType type) {
  return row(type).dtype;
}

std::optional<ElementType> element_type(DType dtype) {
  return find([&](const Row& r) { return r.dtype == dtype; });
}

std::optional<ElementType> find_element_type(std::string_view data_type) {
  return find([&](const Row& r) { return r.data_type == data_type; });
}

std::optional<ElementFormat> find_zarr2_dtype(std::string_view dtype) {
  if (const auto plain = find([&](const Row& r) { return !has_mark(r) && r.zarr2 == dtype; })) {
    return ElementFormat{*plain, false};
  }
  if (dtype.empty()) return std::nullopt;
  const char mark = dtype.front();
  const auto marked = find([&](const Row& r) { return has_mark(r) && r.zarr2 == dtype.substr(1); });
  if (!marked || (mark != '<' && mark != '>' && mark != '|')) return std::nullopt;
  if (mark == '|' && element_bytes(*marked) > 1) return std::nullopt;
  return ElementFormat{*marked, mark == '>' && element_bytes(*marked) > 1};
}

std::string zarr2_dtype(ElementType type) {
  const Row& r = row(type);
  if (!has_mark(r)) return std::string(r.zarr2);
  return (r.bytes == 1 ? "|" : "<") + std::string(r.zarr2);
}

}  // namespace rulec::zarr
