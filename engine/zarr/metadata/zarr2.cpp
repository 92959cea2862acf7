// SPDX-License-Identifier: Apache-2.0
// `.zarray`. Every member but `dimension_separator` must be there; members of others' are ignored, as the specification
// wants it.
#include <algorithm>
#include <array>

#include "engine/file/printable.h"
#include "engine/zarr/metadata/document.h"
#include "grammar/messages.h"

namespace rulec::zarr {
namespace {

using Kind = JsonValue::Kind;

struct Compressor {
  std::string_view id;
  ByteCodec::Kind kind;
  std::array<std::string_view, 5> members;  // that numcodecs writes
};

constexpr Compressor Compressors[] = {
    {"zstd", ByteCodec::Kind::Zstd, {"id", "level"}},
    {"gzip", ByteCodec::Kind::Gzip, {"id", "level"}},
    {"zlib", ByteCodec::Kind::Zlib, {"id", "level"}},
    {"blosc", ByteCodec::Kind::Blosc, {"id", "cname", "clevel", "shuffle", "blocksize"}},
};

Status read_compressor(const Document& document, ArrayMetadata& array) {
  const JsonTree* compressor = document.member(document.root(), "compressor");
  if (compressor == nullptr) return document.diags().failed();
  if (compressor->is(Kind::Null)) return Done{};
  if (!compressor->is(Kind::Object)) return document.bad_value(*compressor, "compressor", "null or an object");
  const JsonTree* id = document.member(*compressor, "id", Kind::String);
  if (id == nullptr) return document.diags().failed();
  const auto* known = std::ranges::find(Compressors, id->text, &Compressor::id);
  if (known == std::end(Compressors)) {
    return document.bad(
        *id, fmt::format("the compressor `{}` is unknown, expected zstd, gzip, zlib or blosc", printable(id->text)));
  }
  if (const Status only = document.only(*compressor, known->members, "the compressor"); !only) return only;
  ByteCodec codec{known->kind, 0};
  if (known->kind == ByteCodec::Kind::Zstd) {
    codec.level = 1;  // what TensorStore takes for a level that is not given
    if (compressor->find("level") != nullptr) {
      const Result<int> level = document.whole(*compressor, "level", -131072, 22);
      if (!level) return document.diags().failed();
      codec.level = *level;
    }
  }
  array.codecs.codecs.push_back(codec);
  return Done{};
}

Status read_type(const Document& document, ArrayMetadata& array) {
  const JsonTree* tree = document.member(document.root(), "dtype");
  if (tree == nullptr) return document.diags().failed();
  const std::optional<ElementFormat> format = tree->is(Kind::String) ? find_zarr2_dtype(tree->text) : std::nullopt;
  if (!format) return document.bad_value(*tree, "dtype", "a type such as `<f4`, `|u1` or `bfloat16`");
  array.type = format->type;
  array.codecs.is_big_endian = format->is_big_endian;
  return Done{};
}

Status read_order(const Document& document, ArrayMetadata& array) {
  const JsonTree* order = document.member(document.root(), "order", Kind::String);
  if (order == nullptr) return document.diags().failed();
  if (order->text != "C" && order->text != "F") return document.bad_value(*order, "order", "`C` or `F`");
  if (order->text == "C" || array.shape.size() < 2) return Done{};
  for (std::size_t axis = array.shape.size(); axis-- > 0;) array.codecs.transpose.push_back(axis);
  return Done{};
}

Status read_separator(const Document& document, ArrayMetadata& array) {
  array.has_prefix = false;
  array.separator = '.';
  const JsonTree* separator = document.root().find("dimension_separator");
  if (separator == nullptr) return Done{};
  if (!separator->is(Kind::String) || (separator->text != "." && separator->text != "/")) {
    return document.bad_value(*separator, "dimension_separator", "`.` or `/`");
  }
  array.separator = separator->text[0];
  return Done{};
}

Status read_filters(const Document& document) {
  const JsonTree* filters = document.member(document.root(), "filters");
  if (filters == nullptr) return document.diags().failed();
  const bool are_none = filters->is(Kind::Null) || (filters->is(Kind::List) && filters->items.empty());
  if (!are_none) return document.bad_value(*filters, "filters", "null: rulec knows no filters");
  return Done{};
}

Status read_fill_or_null(const Document& document, ArrayMetadata& array) {
  const JsonTree* fill = document.member(document.root(), "fill_value");
  if (fill == nullptr) return document.diags().failed();
  array.fill.assign(element_bytes(array.type), std::byte{});
  if (fill->is(Kind::Null)) return Done{};
  // Bits in hexadecimal came with zarr 3.
  if (fill->is(Kind::String) && fill->text.starts_with("0x")) {
    return document.bad_value(*fill, "fill_value", "a number, `NaN`, `Infinity` or `-Infinity`");
  }
  Result<std::vector<std::byte>> bytes = parse_fill_value(*fill, array.type, document);
  if (!bytes) return document.diags().failed();
  array.fill = *std::move(bytes);
  return Done{};
}

}  // namespace

Result<ArrayMetadata> parse_zarr2(std::string_view text, const std::string& where, Diagnostics& diags) {
  const Result<Document> document = Document::read(text, where, diags);
  if (!document) return diags.failed();
  const JsonTree& root = document->root();
  ArrayMetadata array;
  array.zarr_version = 2;
  if (!document->whole(root, "zarr_format", 2, 2)) return diags.failed();
  const Result<Shape> shape = document->shape(root, "shape", 0);
  if (!shape) return diags.failed();
  array.shape = *shape;
  const Result<Shape> chunks = document->chunk_shape(root, "chunks", shape->size());
  if (!chunks) return diags.failed();
  array.value_shape = array.chunk_shape = *chunks;
  if (!read_type(*document, array) || !read_compressor(*document, array) || !read_order(*document, array) ||
      !read_separator(*document, array) || !read_filters(*document) || !read_fill_or_null(*document, array) ||
      !check_sizes(array, *document)) {
    return diags.failed();
  }
  return array;
}

}  // namespace rulec::zarr
