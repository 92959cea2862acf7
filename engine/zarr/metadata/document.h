// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/file/json_tree.h"
#include "engine/zarr/metadata.h"

#include <rulec/diagnostics.h>
#include <rulec/result.h>
#include <rulec/tensor.h>

namespace rulec::zarr {

/// A metadata document that is being read. Its members are asked for one by one, each with what it must be; whatever is
/// not says so, by the name of the document and the place in it. All errors: R0830.
class Document {
 public:
  /// Reads the text, which must be one object. Errors: R0830, R0803.
  static Result<Document> read(std::string_view text, std::string where, Diagnostics& diags);

  const JsonTree& root() const { return root_; }
  Diagnostics& diags() const { return *diags_; }

  /// Reports `what` at `tree`.
  Finding bad(const JsonTree& tree, std::string_view what) const;
  /// Reports "`name` is the number `3`, expected `expected`".
  Finding bad_value(const JsonTree& tree, std::string_view name, std::string_view expected) const;
  /// Reports "`name` has ..., over the limit of ...": R0803.
  Finding over_limit(const JsonTree& tree, std::string_view what, std::string_view limit) const;

  /// A member that must be there; null if it is not, which has been reported.
  const JsonTree* member(const JsonTree& object, std::string_view name) const;
  /// A member of that kind; null if it is not there or another, which has been reported.
  const JsonTree* member(const JsonTree& object, std::string_view name, JsonValue::Kind kind) const;

  /// Every member of `object` is one of `known`.
  Status only(const JsonTree& object, std::span<const std::string_view> known, std::string_view what) const;

  /// A list of at most `MaxRank` whole numbers of `least` or more.
  Result<Shape> shape(const JsonTree& object, std::string_view name, std::int64_t least) const;
  /// The same, of so many axes.
  Result<Shape> chunk_shape(const JsonTree& object, std::string_view name, std::size_t rank) const;

  /// A whole number of a range.
  Result<int> whole(const JsonTree& object, std::string_view name, int least, int most) const;

 private:
  Document(std::string where, Diagnostics& diags) : where_(std::move(where)), diags_(&diags) {}

  std::string where_;
  Diagnostics* diags_;
  JsonTree root_;
};

/// The bytes of the element that `tree` describes, as both specifications write fill values. Errors: R0830.
Result<std::vector<std::byte>> parse_fill_value(const JsonTree& tree, ElementType type, const Document& document);

/// Refuses an array whose sizes overflow or are over a limit. Errors: R0830, R0803.
Status check_sizes(const ArrayMetadata& array, const Document& document);

}  // namespace rulec::zarr
