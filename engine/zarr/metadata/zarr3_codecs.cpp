// SPDX-License-Identifier: Apache-2.0
// The list of codecs of a zarr 3 array: transposes, then one codec that makes bytes of an array (`bytes` or
// `sharding_indexed`), then what compresses bytes. A stored document states every parameter, also where it could be
// left out of a request.
#include "engine/zarr/metadata/zarr3_codecs.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <span>
#include <utility>

#include "engine/file/printable.h"
#include "grammar/messages.h"

namespace rulec::zarr {
namespace {

using Kind = JsonValue::Kind;
using Names = std::span<const std::string_view>;

// One codec of a list: its name, and its configuration, which may be left out.
struct Codec {
  const JsonTree* tree = nullptr;
  std::string_view name;
  JsonTree configuration = {};
};

class CodecReader {
 public:
  CodecReader(const Document& document, ArrayMetadata& array) : document_(document), array_(array) {}

  Status read() {
    const Result<std::vector<Codec>> list = codecs(document_.root(), "codecs");
    if (!list) return failed();
    if (list->empty() || list->back().name != "sharding_indexed") {
      for (const Codec& codec : *list) {
        if (codec.name == "sharding_indexed") {
          return document_.bad(*codec.tree, "codecs follow `sharding_indexed`, expected none");
        }
      }
      array_.chunk_shape = array_.value_shape;
      return read_chain(*list, *document_.root().find("codecs"));
    }
    if (list->size() > 1) {
      return document_.bad(*list->front().tree, fmt::format("`{}` stands before `sharding_indexed`, which rulec does "
                                                            "not read",
                                                            printable(list->front().name)));
    }
    return read_shards(list->back());
  }

 private:
  Reported failed() const { return document_.diags().failed(); }

  // The codecs of a list that is a member of `object`.
  Result<std::vector<Codec>> codecs(const JsonTree& object, std::string_view name) const {
    const JsonTree* list = document_.member(object, name, Kind::List);
    if (list == nullptr) return failed();
    std::vector<Codec> out;
    for (const JsonTree& item : list->items) {
      if (!item.is(Kind::Object)) return document_.bad_value(item, name, "codecs, each an object");
      constexpr std::array<std::string_view, 2> Members{"name", "configuration"};
      const JsonTree* codec_name = document_.member(item, "name", Kind::String);
      if (codec_name == nullptr || !document_.only(item, Members, "a codec")) return failed();
      Codec codec{&item, codec_name->text};
      codec.configuration.kind = Kind::Object;
      codec.configuration.offset = item.offset;
      if (item.find("configuration") != nullptr) {
        const JsonTree* configuration = document_.member(item, "configuration", Kind::Object);
        if (configuration == nullptr) return failed();
        codec.configuration = *configuration;
      }
      out.push_back(std::move(codec));
    }
    return out;
  }

  Status read_shards(const Codec& codec) {
    constexpr std::array<std::string_view, 4> Members{"chunk_shape", "codecs", "index_codecs", "index_location"};
    const JsonTree& configuration = codec.configuration;
    if (!document_.only(configuration, Members, "`sharding_indexed`")) return failed();
    const Result<Shape> inner = document_.chunk_shape(configuration, "chunk_shape", array_.shape.size());
    if (!inner) return failed();
    array_.chunk_shape = *inner;
    array_.shards.emplace();
    if (const JsonTree* location = configuration.find("index_location")) {
      if (!location->is(Kind::String) || (location->text != "start" && location->text != "end")) {
        return document_.bad_value(*location, "index_location", "`start` or `end`");
      }
      array_.shards->is_at_start = location->text == "start";
    }
    const Result<std::vector<Codec>> index = codecs(configuration, "index_codecs");
    if (!index || !read_index_codecs(*index, *configuration.find("index_codecs"))) return failed();
    const Result<std::vector<Codec>> chain = codecs(configuration, "codecs");
    return chain ? read_chain(*chain, *configuration.find("codecs")) : Status(failed());
  }

  // The index has a size that is known before it is read: `bytes`, and a checksum perhaps.
  Status read_index_codecs(const std::vector<Codec>& list, const JsonTree& tree) {
    const bool are_known =
        !list.empty() && list.size() <= 2 && list[0].name == "bytes" && (list.size() == 1 || list[1].name == "crc32c");
    if (!are_known) return document_.bad(tree, "`index_codecs` are others than `bytes` and `crc32c`");
    const Result<bool> is_big_endian = endian(list[0], 8);
    if (!is_big_endian) return failed();
    array_.shards->is_big_endian = *is_big_endian;
    array_.shards->has_crc = list.size() == 2;
    return list.size() == 2 ? only(list[1], {}) : Status(Done{});
  }

  Status read_chain(const std::vector<Codec>& list, const JsonTree& tree) {
    if (list.size() > MaxCodecs) {
      return document_.over_limit(tree, fmt::format("{} codecs", list.size()), fmt::format("{}", MaxCodecs));
    }
    bool has_bytes = false;
    for (const Codec& codec : list) {
      if (codec.name == "sharding_indexed") {
        return document_.bad(*codec.tree, "shards lie within shards, which rulec does not read");
      }
      const bool is_transpose = codec.name == "transpose";
      const bool is_bytes = codec.name == "bytes";
      if (is_transpose || is_bytes ? has_bytes : !has_bytes) {
        return document_.bad(*codec.tree, fmt::format("the codec `{}` stands {} `bytes`", printable(codec.name),
                                                      has_bytes ? "behind" : "before"));
      }
      has_bytes |= is_bytes;
      const Status status = is_transpose ? read_transpose(codec) : is_bytes ? read_bytes(codec) : read_codec(codec);
      if (!status) return status;
    }
    if (!has_bytes) return document_.bad(tree, "`codecs` has no `bytes`, expected one");
    return Done{};
  }

  Status only(const Codec& codec, Names members) const {
    return document_.only(codec.configuration, members, fmt::format("`{}`", codec.name));
  }

  Result<bool> endian(const Codec& codec, std::size_t bytes) const {
    constexpr std::array<std::string_view, 1> Members{"endian"};
    if (!only(codec, Members)) return failed();
    if (bytes == 1 && codec.configuration.find("endian") == nullptr) return false;
    if (codec.configuration.find("endian") == nullptr) return document_.bad(*codec.tree, "`endian` is missing");
    const JsonTree* tree = document_.member(codec.configuration, "endian", Kind::String);
    if (tree == nullptr) return failed();
    if (tree->text != "little" && tree->text != "big") return document_.bad_value(*tree, "endian", "`little` or `big`");
    return tree->text == "big" && bytes > 1;
  }

  Status read_bytes(const Codec& codec) {
    const Result<bool> is_big_endian = endian(codec, element_bytes(array_.type));
    if (!is_big_endian) return failed();
    array_.codecs.is_big_endian = *is_big_endian;
    return Done{};
  }

  Status read_transpose(const Codec& codec) {
    constexpr std::array<std::string_view, 1> Members{"order"};
    if (!only(codec, Members)) return failed();
    const JsonTree* tree = document_.member(codec.configuration, "order");
    if (tree == nullptr) return failed();
    const std::size_t rank = array_.shape.size();
    std::vector<std::size_t> order(rank);
    std::iota(order.begin(), order.end(), std::size_t{0});
    if (tree->is(Kind::String) && tree->text == "F") {
      std::ranges::reverse(order);
    } else if (!tree->is(Kind::String) || tree->text != "C") {
      std::vector<std::size_t> given;
      for (const JsonTree& item : tree->items) given.push_back(item.is(Kind::Unsigned) ? item.number : rank);
      if (!tree->is(Kind::List) || !std::ranges::is_permutation(given, order)) {
        return document_.bad_value(*tree, "order", fmt::format("an order of its {} axes", rank));
      }
      order = std::move(given);
    }
    apply_transpose(order);
    return Done{};
  }

  // Of two transposes, the second takes its axes from the first's; one that changes nothing is none.
  void apply_transpose(const std::vector<std::size_t>& order) {
    std::vector<std::size_t>& all = array_.codecs.transpose;
    std::vector<std::size_t> combined = order;
    if (!all.empty()) {
      for (std::size_t i = 0; i < order.size(); ++i) combined[i] = all[order[i]];
    }
    all = std::ranges::is_sorted(combined) ? std::vector<std::size_t>{} : std::move(combined);
  }

  Status read_codec(const Codec& codec) {
    if (codec.name == "crc32c") return add(ByteCodec::Kind::Crc32c, only(codec, {}));
    if (codec.name == "gzip") {
      constexpr std::array<std::string_view, 1> Members{"level"};
      if (!only(codec, Members) || !document_.whole(codec.configuration, "level", 0, 9)) return failed();
      return add(ByteCodec::Kind::Gzip, Done{});
    }
    if (codec.name == "zstd") return read_zstd(codec);
    if (codec.name == "blosc") return add(ByteCodec::Kind::Blosc, check_blosc(codec));
    return document_.bad(*codec.tree, fmt::format("the codec `{}` is unknown, expected bytes, transpose, zstd, gzip, "
                                                  "blosc, crc32c or sharding_indexed",
                                                  printable(codec.name)));
  }

  Status add(ByteCodec::Kind kind, const Status& status, int level = 0) {
    if (status) array_.codecs.codecs.push_back({kind, level});
    return status;
  }

  Status read_zstd(const Codec& codec) {
    constexpr std::array<std::string_view, 2> Members{"level", "checksum"};
    if (!only(codec, Members)) return failed();
    const Result<int> level = document_.whole(codec.configuration, "level", -131072, 22);
    if (!level) return failed();
    if (codec.configuration.find("checksum") != nullptr &&
        document_.member(codec.configuration, "checksum", Kind::Boolean) == nullptr) {
      return failed();
    }
    return add(ByteCodec::Kind::Zstd, Done{}, *level);
  }

  // A container of blosc describes itself; its configuration is looked at for form only.
  Status check_blosc(const Codec& codec) const {
    constexpr std::array<std::string_view, 5> Members{"cname", "clevel", "shuffle", "blocksize", "typesize"};
    const JsonTree& configuration = codec.configuration;
    if (!only(codec, Members) || document_.member(configuration, "cname", Kind::String) == nullptr ||
        !document_.whole(configuration, "clevel", 0, 9) || document_.member(configuration, "blocksize") == nullptr) {
      return failed();
    }
    const JsonTree* shuffle = document_.member(configuration, "shuffle", Kind::String);
    if (shuffle == nullptr) return failed();
    constexpr std::array<std::string_view, 3> Shuffles{"noshuffle", "shuffle", "bitshuffle"};
    if (std::ranges::find(Shuffles, shuffle->text) == Shuffles.end()) {
      return document_.bad_value(*shuffle, "shuffle", "`noshuffle`, `shuffle` or `bitshuffle`");
    }
    if (shuffle->text != "noshuffle" && document_.member(configuration, "typesize") == nullptr) return failed();
    return Done{};
  }

  const Document& document_;
  ArrayMetadata& array_;
};

}  // namespace

Status read_zarr3_codecs(const Document& document, ArrayMetadata& array) {
  return CodecReader(document, array).read();
}

}  // namespace rulec::zarr
