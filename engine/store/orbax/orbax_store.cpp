// SPDX-License-Identifier: Apache-2.0
#include "engine/store/orbax/orbax_store.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "engine/file/printable.h"
#include "engine/store/chunked.h"
#include "engine/store/orbax/facts.h"
#include "engine/store/orbax/json_file.h"
#include "engine/store/orbax/value_sources.h"
#include "engine/zarr/chunk_codec.h"
#include "grammar/messages.h"

namespace rulec::orbax {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t MaxFindings = 10;

/// Of what was read by name before its arrays are.
struct Description {
  Location place;
  Tree tree;
  StepMetadata step;
  MaxTextNames names;
};

Result<Description> describe_checkpoint(const fs::path& path, Names names, Diagnostics& diags) {
  Description description;
  Result<Location> place = locate(path, diags);
  if (!place) return diags.failed();
  description.place = *std::move(place);
  const fs::path tree_path = description.place.item / TreeName;
  const Result<std::string> text = read_small_file(description.place.item, tree_path, MaxTreeBytes, diags);
  if (!text) return diags.failed();
  Result<Tree> tree = parse_tree(*text, tree_path.string(), diags);
  if (!tree) return diags.failed();
  description.tree = *std::move(tree);
  description.names = maxtext_names(description.tree);
  if (names == Names::AsStored) {
    for (std::size_t i = 0; i < description.tree.leaves.size(); ++i) {
      description.names.names[i] = array_name(description.tree.leaves[i].path);
    }
  }
  const fs::path& step_folder = description.place.step_folder;
  const fs::path step_path = step_folder / StepMetadataName;
  std::error_code error;
  if (!fs::exists(fs::symlink_status(step_path, error))) return description;
  const Result<std::string> step_text = read_small_file(step_folder, step_path, MaxStepMetadataBytes, diags);
  if (!step_text) return diags.failed();
  Result<StepMetadata> step = parse_step_metadata(*step_text, step_path.string(), diags);
  if (!step) return diags.failed();
  description.step = *std::move(step);
  return description;
}

/// What is wrong with the name of an array as the path of a folder; empty if nothing is.
std::string_view what_is_unsafe(const std::string& name) {
  if (name.find('\0') != std::string::npos) return "has a NUL character, expected the name of a folder";
  const fs::path path(name);
  if (path.is_absolute()) return "is an absolute path, expected one within the checkpoint";
  if (std::ranges::count(path, fs::path("..")) != 0) return "climbs out of its folder";
  return {};
}

class OrbaxStore final : public TensorStore, public ChunkedStore {
 public:
  OrbaxStore(std::string where, Description description)
      : where_(std::move(where)), description_(std::move(description)) {}

  /// Reads the database and the documents of the arrays.
  Status open(Diagnostics& diags);

  std::span<const TensorInfo> tensors() const override { return catalogue_; }
  Status read(std::size_t index, std::uint64_t offset, std::span<std::byte> into, Diagnostics& diags) const override {
    return arrays_[index].array.read(offset, into, diags);
  }
  std::string_view where() const override { return where_; }
  std::vector<std::pair<std::string, std::string>> facts() const override;
  std::string layout_of(std::size_t index) const override { return layout_text(arrays_[index].array); }
  std::map<std::string, std::string> options() const override { return description_.step.values; }
  std::string options_file() const override { return description_.step.file; }

  Shape chunk_shape(std::size_t tensor) const override { return array(tensor).metadata().chunk_shape; }
  bool is_raw(std::size_t tensor) const override { return array(tensor).metadata().codecs.is_raw(); }
  std::optional<StoredAt> place(std::size_t tensor, const Shape& chunk) const override;
  std::uint64_t stored_bytes(std::size_t tensor, const Shape& chunk) const override;
  const InputFile* file(std::size_t number) const override { return database_ ? &database_->files()[number] : nullptr; }
  std::string identity() const override;
  Status read_chunk(std::size_t tensor, const Shape& chunk, std::uint64_t offset, std::span<std::byte> into, Room room,
                    Diagnostics& diags) const override {
    return array(tensor).read_chunk(chunk, offset, into, room, diags);
  }
  Status read_range(StoredAt from, std::span<std::byte> into, Room room, Diagnostics& diags) const override;

 private:
  Status open_database(Diagnostics& diags);
  Status open_arrays(Diagnostics& diags);
  Status open_array(std::size_t index, Diagnostics& diags);
  Status make_catalogue(Diagnostics& diags);
  void warn_of_unlisted(Diagnostics& diags) const;
  void warn_of_strays(Diagnostics& diags) const;
  std::vector<std::string> stored_arrays() const;
  std::vector<std::string> stored_values() const;

  std::string tree_path() const { return (description_.place.item / TreeName).string(); }
  const zarr::Array& array(std::size_t tensor) const { return arrays_[tensor].array; }
  const Leaf& leaf(std::size_t index) const { return description_.tree.leaves[index]; }

  std::string where_;
  Description description_;
  std::optional<ocdbt::Database> database_;
  std::vector<std::unique_ptr<zarr::ChunkSource>> sources_;  // by leaf; null for what is no array
  zarr::ChunkCache cache_;
  std::vector<LeafArray> arrays_;  // as in the catalogue; they borrow from the members above
  std::vector<TensorInfo> catalogue_;
  std::vector<std::size_t> first_files_;  // of the arrays, where each value is a file, counted over all
};

// A chunk about which something is wrong is nowhere: whoever reads it will hear.
std::optional<StoredAt> OrbaxStore::place(std::size_t tensor, const Shape& chunk) const {
  Diagnostics unheard;
  const Result<std::optional<zarr::ChunkPlace>> found = array(tensor).place(chunk, unheard);
  if (!found || !*found) return std::nullopt;
  const auto value = sources_[arrays_[tensor].leaf]->file_place((*found)->key);
  if (!value) return std::nullopt;
  if (database_) return StoredAt{value->first, value->second + (*found)->extent.offset};
  const zarr::Grid& grid = array(tensor).grid();
  const std::int64_t number = index_of(grid.value_of(chunk), grid.value_grid());
  return StoredAt{first_files_[tensor] + static_cast<std::size_t>(number), (*found)->extent.offset};
}

Status OrbaxStore::read_range(StoredAt from, std::span<std::byte> into, Room room, Diagnostics& diags) const {
  if (database_) return database_->files()[from.file].read(from.offset, into, diags, room);
  const auto next = std::ranges::upper_bound(first_files_, from.file);
  const auto tensor = static_cast<std::size_t>(next - first_files_.begin()) - 1;
  const zarr::Grid& grid = array(tensor).grid();
  const auto number = static_cast<std::int64_t>(from.file - first_files_[tensor]);
  const std::string key = grid.key(position_of(number, grid.value_grid()));
  return sources_[arrays_[tensor].leaf]->read(key, from.offset, into, diags, room);
}

std::uint64_t OrbaxStore::stored_bytes(std::size_t tensor, const Shape& chunk) const {
  if (is_raw(tensor)) return 0;
  Diagnostics unheard;
  const Result<std::optional<zarr::ChunkPlace>> found = array(tensor).place(chunk, unheard);
  if (!found || !*found) return 0;
  const zarr::ArrayMetadata& metadata = array(tensor).metadata();
  return (*found)->extent.length + (zarr::is_plain_zstd(metadata) ? 0 : 2 * zarr::chunk_bytes(metadata));
}

// Every file of the item: chunks may lie in any, and databases that were merged refer to one another.
std::string OrbaxStore::identity() const {
  std::vector<std::string> lines;
  std::error_code error;
  for (fs::recursive_directory_iterator at(description_.place.item, error), end; !error && at != end;
       at.increment(error)) {
    if (!at->is_regular_file(error)) continue;
    Diagnostics unheard;
    const Result<InputFile> file = InputFile::open(at->path(), unheard);
    lines.push_back(at->path().lexically_relative(description_.place.item).string() + " " +
                    (file ? to_string(file->identity()) : "?"));
  }
  std::ranges::sort(lines);
  return fmt::format("{}\n", fmt::join(lines, "\n"));
}

Status OrbaxStore::open(Diagnostics& diags) {
  if (!open_database(diags) || !open_arrays(diags) || !make_catalogue(diags)) return diags.failed();
  warn_of_unlisted(diags);
  warn_of_strays(diags);
  return Done{};
}

Status OrbaxStore::open_database(Diagnostics& diags) {
  const fs::path& item = description_.place.item;
  const std::optional<bool> said = description_.tree.use_ocdbt;
  const bool is_there = ocdbt::has_database(item);
  if (is_there && said == false) {
    return bad_orbax(tree_path(), {}, "`use_ocdbt` is false, but there is a database beside it", diags);
  }
  if (!is_there && said != true) return Done{};
  Result<ocdbt::Database> database = ocdbt::Database::open(item, diags);
  if (!database) return diags.failed();
  database_.emplace(*std::move(database));
  return Done{};
}

Status OrbaxStore::open_arrays(Diagnostics& diags) {
  const std::size_t errors = diags.errors();
  sources_.resize(description_.tree.leaves.size());
  for (std::size_t i = 0; i < description_.tree.leaves.size(); ++i) {
    const std::string& name = description_.names.names[i];
    if (leaf(i).kind == Leaf::Kind::Array) {
      if (!open_array(i, diags) && diags.errors() - errors >= MaxFindings) break;
    } else if (leaf(i).kind == Leaf::Kind::Other) {
      report(diags, FilePlace{tree_path(), leaf(i).place}, diag::LeftOut, printable(name),
             fmt::format("it is of the type `{}`, whose values rulec does not find", printable(leaf(i).value_type)))
          .note("handlers of programs, and the file `checkpoint` of old releases of Orbax, are not read");
    }
  }
  if (diags.errors() > errors) return diags.failed();
  return Done{};
}

Status OrbaxStore::open_array(std::size_t index, Diagnostics& diags) {
  const std::string stored = array_name(leaf(index).path);
  const std::string& name = description_.names.names[index];
  const fs::path& item = description_.place.item;
  std::unique_ptr<zarr::ChunkSource> source;
  if (database_) {
    source = std::make_unique<DatabaseValues>(*database_, item.string(), stored);
  } else {
    if (const std::string_view unsafe = what_is_unsafe(stored); !unsafe.empty()) {
      return report(diags, FilePlace{tree_path(), leaf(index).place}, diag::UnsafePath, printable(stored), unsafe);
    }
    source = std::make_unique<FileValues>(item, item / stored);
  }
  if (!source->size(zarr::Zarr3Key) && !source->size(zarr::Zarr2Key)) {
    return bad_orbax(tree_path(), leaf(index).place,
                     fmt::format("it lists the array `{}`, which is not in {}", printable(stored),
                                 database_ ? "the database" : "the folder"),
                     diags)
        .help("the checkpoint may have been copied in part: copy it again");
  }
  const auto missing = description_.tree.stores_fill_values.value_or(false) ? zarr::MissingChunks::AreErrors
                                                                            : zarr::MissingChunks::AreFilled;
  Result<zarr::Array> array = zarr::Array::open(*source, name, missing, cache_, diags);
  if (!array) return diags.failed();
  const zarr::ArrayMetadata& metadata = array->metadata();
  const std::optional<DType> dtype = zarr::dtype(metadata.type);
  if (!dtype) {
    report(diags, FilePlace{source->where(metadata.zarr_version == 3 ? zarr::Zarr3Key : zarr::Zarr2Key), {}},
           diag::LeftOut, printable(name),
           fmt::format("its elements are {}, a type that rulec does not have", zarr::name(metadata.type)));
    return Done{};
  }
  catalogue_.push_back({name, *dtype, metadata.shape});
  arrays_.push_back({index, *std::move(array)});
  sources_[index] = std::move(source);
  return Done{};
}

Status OrbaxStore::make_catalogue(Diagnostics& diags) {
  std::vector<std::size_t> order(catalogue_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) -> const std::string& { return catalogue_[i].name; });
  std::vector<LeafArray> arrays;
  std::vector<TensorInfo> catalogue;
  for (const std::size_t i : order) {
    if (!catalogue.empty() && catalogue.back().name == catalogue_[i].name) {
      const Leaf& one = leaf(arrays.back().leaf);
      const Leaf& other = leaf(arrays_[i].leaf);
      return bad_orbax(tree_path(), other.place,
                       fmt::format("`{}` and `{}` are both `{}` to rules", printable(array_name(one.path)),
                                   printable(array_name(other.path)), printable(catalogue_[i].name)),
                       diags)
          .also(FilePlace{tree_path(), one.place}, "the other one");
    }
    catalogue.push_back(std::move(catalogue_[i]));
    arrays.push_back(std::move(arrays_[i]));
  }
  catalogue_ = std::move(catalogue);
  arrays_ = std::move(arrays);
  std::size_t files = 0;
  for (const LeafArray& one : arrays_) {
    first_files_.push_back(files);
    files += static_cast<std::size_t>(one.array.grid().values());
  }
  return Done{};
}

// Names of arrays by their documents; of files, only those that are no deeper than one folder.
std::vector<std::string> OrbaxStore::stored_arrays() const {
  std::vector<std::string> names;
  if (database_) {
    for (const ocdbt::Entry& entry : database_->entries()) {
      const std::string_view key = entry.key;
      const std::size_t slash = key.rfind('/');
      if (slash == std::string_view::npos) continue;
      const std::string_view last = key.substr(slash + 1);
      if (last == zarr::Zarr3Key || last == zarr::Zarr2Key) names.emplace_back(key.substr(0, slash));
    }
    return names;
  }
  std::error_code error;
  for (fs::directory_iterator it(description_.place.item, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (fs::exists(it->path() / zarr::Zarr3Key, ignored) || fs::exists(it->path() / zarr::Zarr2Key, ignored)) {
      names.push_back(it->path().filename().string());
    }
  }
  std::ranges::sort(names);
  return names;
}

void OrbaxStore::warn_of_unlisted(Diagnostics& diags) const {
  std::set<std::string, std::less<>> listed;
  for (const Leaf& one : description_.tree.leaves) listed.insert(array_name(one.path));
  std::vector<std::string> stored = stored_arrays();
  std::erase_if(stored, [&](const std::string& name) { return listed.contains(name); });
  if (stored.empty()) return;
  Finding finding = report(diags, FilePlace{tree_path(), {}}, diag::LeftOut, printable(stored.front()),
                           "it is stored, but `_METADATA` does not list it");
  if (stored.size() > 1) finding.note(fmt::format("so are {} more arrays", stored.size() - 1));
}

// Keys of values, in files those below the folders of arrays that are read. Files with a dot in front are other
// programs', and documents of zarr 2.
std::vector<std::string> OrbaxStore::stored_values() const {
  std::vector<std::string> keys;
  if (database_) {
    for (const ocdbt::Entry& entry : database_->entries()) keys.push_back(entry.key);
    return keys;
  }
  for (const LeafArray& one : arrays_) {
    std::error_code error;
    const fs::path folder = description_.place.item / array_name(leaf(one.leaf).path);
    for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      std::error_code ignored;
      const bool is_hidden = it->path().filename().string().starts_with('.');
      if (!is_hidden && it->is_regular_file(ignored))
        keys.push_back(it->path().lexically_relative(description_.place.item).generic_string());
    }
  }
  std::ranges::sort(keys);
  keys.erase(std::ranges::unique(keys).begin(), keys.end());
  return keys;
}

// Values that stand with an array that is read, but which its document gives no place: what is read is not all that was
// written, or the document is not the one it was written by.
void OrbaxStore::warn_of_strays(Diagnostics& diags) const {
  std::map<std::string, const zarr::Array*, std::less<>> arrays;
  for (const LeafArray& one : arrays_) arrays.emplace(array_name(leaf(one.leaf).path), &one.array);
  std::string first;
  std::size_t count = 0;
  for (const std::string& stored : stored_values()) {
    const std::string_view key = stored;
    // Names may have a `/`, so the array of a key is the one with the longest name that begins it.
    for (std::size_t slash = key.rfind('/'); slash != std::string_view::npos && slash > 0;
         slash = key.rfind('/', slash - 1)) {
      const auto array = arrays.find(key.substr(0, slash));
      if (array == arrays.end()) continue;
      if (array->second->has_key(key.substr(slash + 1))) break;
      if (count++ == 0) first = stored;
      break;
    }
  }
  if (count == 0) return;
  Finding finding = report(diags, FilePlace{description_.place.item.string(), {}}, diag::LeftOut, printable(first),
                           "its array has no chunk of this key");
  if (count > 1) finding.note(fmt::format("so are {} more values", count - 1));
}

std::vector<std::pair<std::string, std::string>> OrbaxStore::facts() const {
  return facts_of(
      {description_.place, description_.tree, description_.step, description_.names, arrays_, database_.has_value()});
}

}  // namespace

Result<std::unique_ptr<TensorStore>> open_checkpoint(const fs::path& path, Names names, Diagnostics& diags) {
  Result<Description> description = describe_checkpoint(path, names, diags);
  if (!description) return diags.failed();
  auto store = std::make_unique<OrbaxStore>(path.string(), *std::move(description));
  if (!store->open(diags)) return diags.failed();
  return std::unique_ptr<TensorStore>(std::move(store));
}

}  // namespace rulec::orbax
