// SPDX-License-Identifier: Apache-2.0
// `zarr.json` of an array.
#include <algorithm>
#include <array>

#include "engine/file/printable.h"
#include "engine/zarr/metadata/document.h"
#include "engine/zarr/metadata/zarr3_codecs.h"
#include "grammar/messages.h"

namespace rulec::zarr {
namespace {

using Kind = JsonValue::Kind;

constexpr std::array<std::string_view, 11> Members{
    "zarr_format", "node_type",  "data_type",       "shape",      "chunk_grid",          "chunk_key_encoding",
    "codecs",      "fill_value", "dimension_names", "attributes", "storage_transformers"};

// A member that nobody knows may be skipped only if it says so itself.
Status check_members(const Document& document) {
  const JsonTree& root = document.root();
  for (std::size_t i = 0; i < root.names.size(); ++i) {
    if (std::ranges::find(Members, root.names[i]) != Members.end()) continue;
    const JsonTree* must = root.items[i].find("must_understand");
    if (must != nullptr && must->is(Kind::Boolean) && must->number == 0) continue;
    return document.bad(root.items[i],
                        fmt::format("it has the member `{}`, which rulec does not know", printable(root.names[i])));
  }
  const JsonTree* transformers = root.find("storage_transformers");
  if (transformers != nullptr && !(transformers->is(Kind::List) && transformers->items.empty())) {
    return document.bad_value(*transformers, "storage_transformers", "none");
  }
  return Done{};
}

Status read_node(const Document& document, ArrayMetadata& array) {
  const JsonTree& root = document.root();
  if (!document.whole(root, "zarr_format", 3, 3)) return document.diags().failed();
  const JsonTree* node = document.member(root, "node_type", Kind::String);
  if (node == nullptr) return document.diags().failed();
  if (node->text != "array") return document.bad_value(*node, "node_type", "`array`");
  const JsonTree* type = document.member(root, "data_type");
  if (type == nullptr) return document.diags().failed();
  const std::optional<ElementType> found = type->is(Kind::String) ? find_element_type(type->text) : std::nullopt;
  if (!found) return document.bad_value(*type, "data_type", "a type such as `float32`, `uint8` or `bfloat16`");
  array.type = *found;
  return Done{};
}

// The member `name` of the document, an object with a name of its own that is among `kinds`.
const JsonTree* named(const Document& document, std::string_view name, std::string_view kind, std::string_view other) {
  const JsonTree* object = document.member(document.root(), name, Kind::Object);
  if (object == nullptr) return nullptr;
  constexpr std::array<std::string_view, 2> Known{"name", "configuration"};
  const JsonTree* own_name = document.member(*object, "name", Kind::String);
  if (own_name == nullptr || !document.only(*object, Known, fmt::format("`{}`", name))) return nullptr;
  if (own_name->text == kind || own_name->text == other) return object;
  document.bad(*own_name,
               fmt::format("`{}` is of the kind `{}`, expected `{}`", name, printable(own_name->text), kind));
  return nullptr;
}

Status read_grid(const Document& document, ArrayMetadata& array) {
  const JsonTree* grid = named(document, "chunk_grid", "regular", "regular");
  if (grid == nullptr) return document.diags().failed();
  const JsonTree* configuration = document.member(*grid, "configuration", Kind::Object);
  if (configuration == nullptr) return document.diags().failed();
  constexpr std::array<std::string_view, 1> Known{"chunk_shape"};
  if (!document.only(*configuration, Known, "`chunk_grid`")) return document.diags().failed();
  const Result<Shape> chunk = document.chunk_shape(*configuration, "chunk_shape", array.shape.size());
  if (!chunk) return document.diags().failed();
  array.value_shape = *chunk;
  return Done{};
}

Status read_keys(const Document& document, ArrayMetadata& array) {
  const JsonTree* encoding = named(document, "chunk_key_encoding", "default", "v2");
  if (encoding == nullptr) return document.diags().failed();
  array.has_prefix = encoding->find("name")->text == "default";
  array.separator = array.has_prefix ? '/' : '.';
  if (encoding->find("configuration") == nullptr) return Done{};
  const JsonTree* configuration = document.member(*encoding, "configuration", Kind::Object);
  constexpr std::array<std::string_view, 1> Known{"separator"};
  if (configuration == nullptr || !document.only(*configuration, Known, "`chunk_key_encoding`")) {
    return document.diags().failed();
  }
  const JsonTree* separator = configuration->find("separator");
  if (separator == nullptr) return Done{};
  if (!separator->is(Kind::String) || (separator->text != "." && separator->text != "/")) {
    return document.bad_value(*separator, "separator", "`.` or `/`");
  }
  array.separator = separator->text[0];
  return Done{};
}

Status read_fill(const Document& document, ArrayMetadata& array) {
  const JsonTree* fill = document.member(document.root(), "fill_value");
  if (fill == nullptr) return document.diags().failed();
  Result<std::vector<std::byte>> bytes = parse_fill_value(*fill, array.type, document);
  if (!bytes) return document.diags().failed();
  array.fill = *std::move(bytes);
  return Done{};
}

}  // namespace

Result<ArrayMetadata> parse_zarr3(std::string_view text, const std::string& where, Diagnostics& diags) {
  const Result<Document> document = Document::read(text, where, diags);
  if (!document) return diags.failed();
  ArrayMetadata array;
  array.zarr_version = 3;
  if (!read_node(*document, array) || !check_members(*document)) return diags.failed();
  const Result<Shape> shape = document->shape(document->root(), "shape", 0);
  if (!shape) return diags.failed();
  array.shape = *shape;
  if (!read_grid(*document, array) || !read_keys(*document, array) || !read_zarr3_codecs(*document, array) ||
      !read_fill(*document, array) || !check_sizes(array, *document)) {
    return diags.failed();
  }
  return array;
}

}  // namespace rulec::zarr
