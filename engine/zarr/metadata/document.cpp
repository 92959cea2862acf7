// SPDX-License-Identifier: Apache-2.0
#include "engine/zarr/metadata/document.h"

#include <algorithm>

#include "engine/file/printable.h"
#include "engine/zarr/grid.h"
#include "grammar/messages.h"

namespace rulec::zarr {
namespace {

using Kind = JsonValue::Kind;

std::string_view kind_words(Kind kind) {
  switch (kind) {
    case Kind::Object:
      return "an object";
    case Kind::List:
      return "a list";
    case Kind::String:
      return "a string";
    case Kind::Boolean:
      return "true or false";
    default:
      return "a whole number";
  }
}

}  // namespace

Result<Document> Document::read(std::string_view text, std::string where, Diagnostics& diags) {
  Document document(std::move(where), diags);
  const FilePlace place{document.where_, {}};
  if (text.size() > MaxMetadataBytes) {
    return report(diags, place, diag::OverLimit,
                  fmt::format("`{}` has {} bytes", printable(document.where_), text.size()),
                  fmt::format("{}", MaxMetadataBytes));
  }
  if (const std::optional<JsonError> error = read_json_tree(text, document.root_)) {
    const FilePlace at{document.where_, error->offset};
    if (!error->is_too_deep) return report(diags, at, diag::BadZarr, printable(document.where_), error->text);
    return report(diags, at, diag::OverLimit, fmt::format("`{}` has {}", printable(document.where_), error->text),
                  fmt::format("{}", MaxJsonDepth));
  }
  if (!document.root_.is(Kind::Object)) {
    return document.bad(document.root_, fmt::format("it is {}, expected an object", describe(document.root_)));
  }
  return document;
}

Finding Document::bad(const JsonTree& tree, std::string_view what) const {
  return report(*diags_, FilePlace{where_, tree.offset}, diag::BadZarr, printable(where_), what);
}

Finding Document::bad_value(const JsonTree& tree, std::string_view name, std::string_view expected) const {
  return bad(tree, fmt::format("`{}` is {}, expected {}", name, describe(tree), expected));
}

Finding Document::over_limit(const JsonTree& tree, std::string_view what, std::string_view limit) const {
  return report(*diags_, FilePlace{where_, tree.offset}, diag::OverLimit,
                fmt::format("the array of `{}` has {}", printable(where_), what), limit);
}

const JsonTree* Document::member(const JsonTree& object, std::string_view name) const {
  const JsonTree* found = object.find(name);
  if (found == nullptr) bad(object, fmt::format("`{}` is missing", name));
  return found;
}

const JsonTree* Document::member(const JsonTree& object, std::string_view name, Kind kind) const {
  const JsonTree* found = member(object, name);
  if (found == nullptr || found->is(kind)) return found;
  bad_value(*found, name, kind_words(kind));
  return nullptr;
}

Status Document::only(const JsonTree& object, std::span<const std::string_view> known, std::string_view what) const {
  for (std::size_t i = 0; i < object.names.size(); ++i) {
    if (std::ranges::find(known, object.names[i]) == known.end()) {
      return bad(object.items[i],
                 fmt::format("{} has the member `{}`, which rulec does not know", what, printable(object.names[i])));
    }
  }
  return Done{};
}

Result<Shape> Document::shape(const JsonTree& object, std::string_view name, std::int64_t least) const {
  const JsonTree* list = member(object, name, Kind::List);
  if (list == nullptr) return diags_->failed();
  if (list->items.size() > MaxRank) {
    return over_limit(*list, fmt::format("{} axes", list->items.size()), fmt::format("{}", MaxRank));
  }
  Shape shape;
  for (const JsonTree& item : list->items) {
    const bool is_extent = item.is(Kind::Unsigned) && item.number <= static_cast<std::uint64_t>(INT64_MAX) &&
                           static_cast<std::int64_t>(item.number) >= least;
    if (!is_extent) {
      return bad(item,
                 fmt::format("`{}` has {}, expected whole numbers from {} to 2^63 - 1", name, describe(item), least));
    }
    shape.push_back(static_cast<std::int64_t>(item.number));
  }
  return shape;
}

Result<Shape> Document::chunk_shape(const JsonTree& object, std::string_view name, std::size_t rank) const {
  Result<Shape> chunk = shape(object, name, 1);
  if (!chunk || chunk->size() == rank) return chunk;
  return bad(*object.find(name), fmt::format("`{}` has {} axes, `shape` has {}", name, chunk->size(), rank));
}

Result<int> Document::whole(const JsonTree& object, std::string_view name, int least, int most) const {
  const JsonTree* tree = member(object, name);
  if (tree == nullptr) return diags_->failed();
  if (tree->is(Kind::Unsigned) && tree->number <= static_cast<std::uint64_t>(std::max(most, 0)) &&
      static_cast<int>(tree->number) >= least) {
    return static_cast<int>(tree->number);
  }
  // A level of zstd may be negative; which one it is does not matter to a reader.
  if (tree->is(Kind::Negative) && least < 0) return -1;
  return bad_value(*tree, name, fmt::format("a whole number of at most {}", most));
}

Status check_sizes(const ArrayMetadata& array, const Document& document) {
  const JsonTree& root = document.root();
  const auto bytes = static_cast<std::int64_t>(element_bytes(array.type));
  for (const auto& [name, shape] : {std::pair{"shape", &array.shape}, {"chunk shape", &array.value_shape}}) {
    // An empty axis does not excuse an overflow elsewhere.
    std::int64_t all = bytes;
    for (const std::int64_t extent : *shape) {
      if (!__builtin_mul_overflow(all, std::max<std::int64_t>(extent, 1), &all)) continue;
      return document.bad(root, fmt::format("the bytes of its {} {} do not fit into 63 bits", name, to_string(*shape)));
    }
  }
  std::int64_t entries = 1;
  std::int64_t chunks = 1;
  for (std::size_t axis = 0; axis < array.shape.size(); ++axis) {
    const std::int64_t in_value = array.value_shape[axis] / array.chunk_shape[axis];
    const std::int64_t values = divided_up(array.shape[axis], array.value_shape[axis]);
    if (in_value * array.chunk_shape[axis] != array.value_shape[axis]) {
      return document.bad(root, fmt::format("inner chunks of {} do not divide shards of {}",
                                            to_string(array.chunk_shape), to_string(array.value_shape)));
    }
    if (__builtin_mul_overflow(entries, in_value, &entries)) entries = INT64_MAX;
    std::int64_t along = 0;
    if (__builtin_mul_overflow(values, in_value, &along) || __builtin_mul_overflow(chunks, along, &chunks)) {
      chunks = INT64_MAX;
    }
  }
  if (entries > MaxShardEntries) {
    return document.over_limit(root, fmt::format("{} inner chunks a shard", entries), "2^30");
  }
  if (chunks > MaxChunks) return document.over_limit(root, fmt::format("{} chunks", chunks), "2^40");
  return Done{};
}

}  // namespace rulec::zarr
