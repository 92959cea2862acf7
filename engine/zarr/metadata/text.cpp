// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "engine/zarr/metadata.h"
#include "grammar/internal_error.h"

namespace rulec::zarr {
namespace {

std::string list(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape, ","));
}

std::string_view zero(ElementType type) {
  switch (family(type)) {
    case ElementFamily::Boolean:
      return "false";
    case ElementFamily::Float:
      return "0.0";
    case ElementFamily::Complex:
      return "[0.0,0.0]";
    default:
      return "0";
  }
}

// Types of one byte have no order of bytes to tell.
std::string bytes_codec(std::size_t bytes) {
  return bytes == 1 ? R"({"name":"bytes"})" : R"({"configuration":{"endian":"little"},"name":"bytes"})";
}

std::string chain(const ArrayMetadata& array) {
  std::string text = bytes_codec(element_bytes(array.type));
  for (const ByteCodec& codec : array.codecs.codecs) {
    text += fmt::format(R"(,{{"configuration":{{"checksum":false,"level":{}}},"name":"zstd"}})", codec.level);
  }
  return text;
}

std::string codecs(const ArrayMetadata& array) {
  if (!array.shards) return chain(array);
  return fmt::format(R"({{"configuration":{{"chunk_shape":{},"codecs":[{}],"index_codecs":[{},{{"name":"crc32c"}}]}},)"
                     R"("name":"sharding_indexed"}})",
                     list(array.chunk_shape), chain(array), bytes_codec(8));
}

std::string zarr3_text(const ArrayMetadata& array) {
  return fmt::format(R"({{"chunk_grid":{{"configuration":{{"chunk_shape":{}}},"name":"regular"}},)"
                     R"("chunk_key_encoding":{{"name":"default"}},"codecs":[{}],"data_type":"{}","fill_value":{},)"
                     R"("node_type":"array","shape":{},"zarr_format":3}})",
                     list(array.value_shape), codecs(array), name(array.type), zero(array.type), list(array.shape));
}

std::string zarr2_text(const ArrayMetadata& array) {
  const std::string compressor =
      array.codecs.codecs.empty() ? "null" : fmt::format(R"({{"id":"zstd","level":{}}})", array.codecs.codecs[0].level);
  return fmt::format(R"({{"chunks":{},"compressor":{},"dimension_separator":".","dtype":"{}","fill_value":null,)"
                     R"("filters":null,"order":"C","shape":{},"zarr_format":2}})",
                     list(array.chunk_shape), compressor, zarr2_dtype(array.type), list(array.shape));
}

}  // namespace

std::string metadata_text(const ArrayMetadata& array) {
  RULEC_ASSERT(array.codecs.transpose.empty() && !array.codecs.is_big_endian && array.codecs.codecs.size() <= 1);
  RULEC_ASSERT(array.codecs.codecs.empty() || array.codecs.codecs[0].kind == ByteCodec::Kind::Zstd);
  RULEC_ASSERT(std::ranges::all_of(array.fill, [](std::byte b) { return b == std::byte{}; }));
  RULEC_ASSERT(!array.shards || *array.shards == ShardIndexForm{});
  return array.zarr_version == 2 ? zarr2_text(array) : zarr3_text(array);
}

}  // namespace rulec::zarr
