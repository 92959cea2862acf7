// SPDX-License-Identifier: Apache-2.0
#include "engine/store/header_members.h"

#include <array>
#include <limits>
#include <set>
#include <utility>

#include "engine/file/json_events.h"
#include "engine/file/printable.h"
#include "engine/store/safetensors_header.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

class HeaderEvents final : public JsonEvents {
 public:
  HeaderEvents(std::string path, Diagnostics& diags) : path_(std::move(path)), diags_(diags) {}

  bool key(std::string_view name, std::size_t offset) override;
  bool value(const JsonValue& value) override;
  bool end() override;

  bool failed() const { return findings_ > 0; }
  std::vector<HeaderMember> take_members() { return std::move(members_); }
  void report_unknown_members();

 private:
  enum class Within : std::uint8_t { Header, Metadata, Tensor, Shape, Offsets, Skipped };
  enum Member : std::uint8_t { Dtype, ShapeList, DataOffsets, Unknown };
  static constexpr std::array<std::string_view, 3> MemberNames = {"dtype", "shape", "data_offsets"};

  bool header_value(const JsonValue& value);
  bool tensor_value(const JsonValue& value);
  bool dtype_value(const JsonValue& value);
  bool extent_value(const JsonValue& value);
  bool offset_value(const JsonValue& value);
  bool end_tensor();

  bool enter(Within within) {
    stack_.push_back(within);
    return true;
  }
  // What is wrong has been reported: reading goes on behind this value.
  bool skip(const JsonValue& value) {
    const bool has_content = value.kind == JsonValue::Kind::Object || value.kind == JsonValue::Kind::List;
    return !has_content || enter(Within::Skipped);
  }

  FilePlace at(std::size_t offset) const { return {path_, LengthBytes + offset}; }
  bool bad_header(std::size_t offset, std::string_view what);
  bool bad_tensor(std::size_t offset, std::string_view what);
  bool wrong_type(const JsonValue& value, std::string_view member, std::string_view expected);

  std::string path_;
  Diagnostics& diags_;
  std::vector<Within> stack_;
  std::vector<HeaderMember> members_;
  std::size_t findings_ = 0;

  bool seen_metadata_ = false;
  std::set<std::string, std::less<>> metadata_keys_;

  // Of the tensor that is being read.
  HeaderMember tensor_;
  std::vector<std::uint64_t> offsets_;
  std::array<bool, MemberNames.size()> seen_ = {};
  Member member_ = Unknown;
  bool is_metadata_ = false;
  bool is_bad_ = false;  // something has been said of it; one finding a tensor

  // Members that the format does not know: the first in full, of the rest their number.
  std::string unknown_;
  std::uint64_t unknown_place_ = 0;
  std::size_t unknowns_ = 0;
};

bool HeaderEvents::key(std::string_view name, std::size_t offset) {
  switch (stack_.back()) {
    case Within::Header:
      is_bad_ = false;
      is_metadata_ = name == "__metadata__";
      if (is_metadata_ && std::exchange(seen_metadata_, true)) return bad_header(offset, "`__metadata__` stands twice");
      tensor_ = {};
      tensor_.info.name = name;
      tensor_.place = LengthBytes + offset;
      return true;
    case Within::Metadata:
      if (metadata_keys_.emplace(name).second) return true;
      return bad_header(offset, fmt::format("`{}` stands twice in `__metadata__`", printable(name)));
    case Within::Tensor:
      for (std::size_t i = 0; i < MemberNames.size(); ++i) {
        if (name != MemberNames[i]) continue;
        member_ = static_cast<Member>(i);
        return !std::exchange(seen_[i], true) || bad_tensor(offset, fmt::format("`{}` stands twice", name));
      }
      member_ = Unknown;
      if (unknowns_++ == 0) {
        unknown_place_ = LengthBytes + offset;
        unknown_ = fmt::format("tensor `{}` has a member `{}`, which the format does not know and readers pass over",
                               printable(tensor_.info.name), printable(name));
      }
      return true;
    default:
      return true;
  }
}

bool HeaderEvents::value(const JsonValue& value) {
  if (stack_.empty()) {
    if (value.kind == JsonValue::Kind::Object) return enter(Within::Header);
    return bad_header(value.offset, fmt::format("the header is {}, expected an object", describe(value))) &&
           skip(value);
  }
  switch (stack_.back()) {
    case Within::Header:
      return header_value(value);
    case Within::Metadata:
      if (value.kind == JsonValue::Kind::String) return true;
      return bad_header(value.offset, fmt::format("`__metadata__` holds {}, expected strings only", describe(value))) &&
             skip(value);
    case Within::Tensor:
      return tensor_value(value);
    case Within::Shape:
      return extent_value(value);
    case Within::Offsets:
      return offset_value(value);
    case Within::Skipped:
      break;
  }
  return skip(value);
}

bool HeaderEvents::header_value(const JsonValue& value) {
  const bool is_object = value.kind == JsonValue::Kind::Object;
  if (is_metadata_) {
    if (is_object) return enter(Within::Metadata);
    return bad_header(value.offset,
                      fmt::format("`__metadata__` is {}, expected an object of strings", describe(value))) &&
           skip(value);
  }
  if (!is_object) {
    return bad_tensor(value.offset, fmt::format("expected an object with `dtype`, `shape` and `data_offsets`, found {}",
                                                describe(value))) &&
           skip(value);
  }
  offsets_.clear();
  seen_ = {};
  return enter(Within::Tensor);
}

bool HeaderEvents::tensor_value(const JsonValue& value) {
  switch (member_) {
    case Dtype:
      return dtype_value(value);
    case ShapeList:
      if (value.kind == JsonValue::Kind::List) return enter(Within::Shape);
      return wrong_type(value, "shape", "a list of sizes");
    case DataOffsets:
      if (value.kind == JsonValue::Kind::List) return enter(Within::Offsets);
      return wrong_type(value, "data_offsets", "a list of two numbers");
    case Unknown:
      break;
  }
  return skip(value);
}

bool HeaderEvents::dtype_value(const JsonValue& value) {
  if (value.kind != JsonValue::Kind::String) return wrong_type(value, "dtype", "a string");
  // The file's spelling is exact, `find_dtype` is not.
  const std::optional<DType> dtype = find_dtype(value.text);
  if (dtype && name(*dtype) == value.text) {
    tensor_.info.dtype = *dtype;
    return true;
  }
  std::string known;
  for (const DType each : all_dtypes()) known += fmt::format("{}{}", known.empty() ? "" : ", ", name(each));
  return bad_tensor(value.offset, fmt::format("unknown dtype `{}`, expected one of {}", printable(value.text), known));
}

bool HeaderEvents::extent_value(const JsonValue& value) {
  if (value.kind != JsonValue::Kind::Unsigned) return wrong_type(value, "shape", "sizes, whole numbers from 0 on");
  if (tensor_.info.shape.size() == MaxRank) {
    ++findings_;
    report(diags_, at(value.offset), diag::OverLimit,
           fmt::format("tensor `{}` has a longer shape", printable(tensor_.info.name)),
           fmt::format("{} axes", MaxRank));
    return false;
  }
  if (value.number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return bad_tensor(value.offset, fmt::format("the size {} does not fit into 63 bits", value.number));
  }
  tensor_.info.shape.push_back(static_cast<std::int64_t>(value.number));
  return true;
}

bool HeaderEvents::offset_value(const JsonValue& value) {
  if (value.kind != JsonValue::Kind::Unsigned) return wrong_type(value, "data_offsets", "two whole numbers from 0 on");
  if (offsets_.size() == 2) return bad_tensor(value.offset, "`data_offsets` has more than two numbers");
  offsets_.push_back(value.number);
  return true;
}

bool HeaderEvents::end() {
  const Within ended = stack_.back();
  stack_.pop_back();
  return ended != Within::Tensor || end_tensor();
}

bool HeaderEvents::end_tensor() {
  const std::size_t place = tensor_.place - LengthBytes;
  for (std::size_t i = 0; i < MemberNames.size(); ++i) {
    if (!seen_[i]) return bad_tensor(place, fmt::format("it has no `{}`", MemberNames[i]));
  }
  if (offsets_.size() != 2) {
    return bad_tensor(place, fmt::format("`data_offsets` has {} numbers, expected two", offsets_.size()));
  }
  tensor_.begin = offsets_[0];
  tensor_.end = offsets_[1];
  members_.push_back(std::move(tensor_));
  return true;
}

bool HeaderEvents::bad_header(std::size_t offset, std::string_view what) {
  if (std::exchange(is_bad_, true)) return true;
  report(diags_, at(offset), diag::BadHeader, printable(path_), what);
  return ++findings_ < MaxHeaderFindings;
}

bool HeaderEvents::bad_tensor(std::size_t offset, std::string_view what) {
  if (std::exchange(is_bad_, true)) return true;
  report(diags_, at(offset), diag::BadTensor, printable(tensor_.info.name), what);
  return ++findings_ < MaxHeaderFindings;
}

bool HeaderEvents::wrong_type(const JsonValue& value, std::string_view member, std::string_view expected) {
  return bad_tensor(value.offset, fmt::format("`{}` has {}, expected {}", member, describe(value), expected)) &&
         skip(value);
}

void HeaderEvents::report_unknown_members() {
  if (unknowns_ == 0) return;
  Finding finding = report(diags_, FilePlace{path_, unknown_place_}, diag::HeaderOddity, printable(path_), unknown_);
  if (unknowns_ > 1) finding.note(fmt::format("the file has {} such members", unknowns_));
}

}  // namespace

Result<std::vector<HeaderMember>> read_header_members(std::string_view header, const std::string& path,
                                                      Diagnostics& diags) {
  HeaderEvents events(path, diags);
  const std::optional<JsonError> error = read_json(header, events);
  if (error && error->is_too_deep) {
    return report(diags, FilePlace{path, LengthBytes + error->offset}, diag::OverLimit,
                  fmt::format("the header of `{}` has {}", printable(path), error->text),
                  fmt::format("{}", MaxJsonDepth));
  }
  if (error) {
    return report(diags, FilePlace{path, LengthBytes + error->offset}, diag::BadHeader, printable(path),
                  fmt::format("its header is not JSON: {}", error->text));
  }
  if (events.failed()) return diags.failed();
  events.report_unknown_members();
  return events.take_members();
}

}  // namespace rulec
