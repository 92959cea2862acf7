// SPDX-License-Identifier: Apache-2.0
#include "engine/store/safetensors_header.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <tuple>
#include <utility>

#include "engine/file/lfs_pointer.h"
#include "engine/file/printable.h"
#include "engine/store/header_members.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

struct OtherFormat {
  std::string_view begins_with;
  std::string_view words;
};

// What is found in the place of a model often enough to be told by name.
constexpr OtherFormat OtherFormats[] = {
    {"GGUF", "a GGUF file"},
    {"PK\x03\x04", "a zip archive, such as torch.save writes"},
    {"\x80\x02", "a pickle, such as torch.save writes"},
    {"\x89HDF", "an HDF5 file"},
    {"{", "JSON text"},
    {"<", "a web page"},
};

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8U | static_cast<unsigned char>(bytes[i]);
  return value;
}

Finding bad_header(const std::string& path, std::uint64_t offset, std::string_view what, Diagnostics& diags) {
  return report(diags, FilePlace{path, offset}, diag::BadHeader, printable(path), what);
}

constexpr std::string_view CutOff = "it may have been cut off while it was copied or downloaded: fetch it again";

// Files the findings of a pass over members and knows when there are enough.
class Findings {
 public:
  Findings(const std::string& path, Diagnostics& diags) : path_(path), diags_(diags) {}
  bool any() const { return count_ > 0; }
  bool enough() const { return count_ >= MaxHeaderFindings; }
  Finding add(const HeaderMember& member, std::string_view what) {
    ++count_;
    return report(diags_, FilePlace{path_, member.place}, diag::BadTensor, printable(member.info.name), what);
  }

 private:
  const std::string& path_;
  Diagnostics& diags_;
  std::size_t count_ = 0;
};

// `members` are sorted by name.
void check_names(const std::vector<HeaderMember>& members, const std::string& path, Findings& findings) {
  for (std::size_t i = 1; i < members.size() && !findings.enough(); ++i) {
    if (members[i].info.name != members[i - 1].info.name) continue;
    findings.add(members[i], "the header has it twice").also(FilePlace{path, members[i - 1].place}, "the other one");
  }
}

void check_size(const HeaderMember& member, Findings& findings) {
  const TensorInfo& info = member.info;
  const std::string what = fmt::format("{} of {}", to_string(info.shape), name(info.dtype));
  if (member.end < member.begin) {
    findings.add(member, fmt::format("its bytes end at {}, before they begin at {}", member.end, member.begin));
  } else if (const std::optional<std::uint64_t> bytes = byte_size(info.dtype, info.shape); !bytes) {
    const auto each = static_cast<std::uint64_t>(bits(info.dtype));
    const std::optional<std::int64_t> count = cells(info.shape);
    const bool is_too_large = !count || static_cast<std::uint64_t>(*count) > ~std::uint64_t{0} / each;
    findings.add(member, is_too_large ? fmt::format("the size of {} does not fit into 64 bits", what)
                                      : fmt::format("{}, {} bits each, do not fill whole bytes", what, each));
  } else if (member.end - member.begin != *bytes) {
    findings.add(member, fmt::format("{} takes {} bytes, `data_offsets` [{}, {}] leave {}", what, *bytes, member.begin,
                                     member.end, member.end - member.begin));
  }
}

// Each tensor begins where the one before ended: no byte of the file belongs to two tensors or to none.
void check_layout(const std::vector<HeaderMember>& members, std::uint64_t data_begin, std::uint64_t file_bytes,
                  const std::string& path, Findings& findings, Diagnostics& diags) {
  std::vector<std::size_t> order(members.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::tuple(members[i].begin, members[i].end, i); });
  std::uint64_t end = 0;
  const HeaderMember* before = nullptr;
  for (const std::size_t i : order) {
    const HeaderMember& member = members[i];
    const std::string previous =
        before == nullptr ? "the data begins" : fmt::format("`{}` ends", printable(before->info.name));
    if (member.begin > end) {
      findings.add(member, fmt::format("its bytes begin at {} of the data, {} at {}: a hole of {} bytes", member.begin,
                                       previous, end, member.begin - end));
    } else if (member.begin < end) {
      findings.add(member, fmt::format("its bytes begin at {} of the data, {} at {}: they overlap", member.begin,
                                       previous, end));
    }
    if (findings.enough()) return;
    end = std::max(end, member.end);
    before = &member;
  }
  const std::uint64_t data_bytes = file_bytes - data_begin;
  if (findings.any() || end == data_bytes) return;
  if (end < data_bytes) {
    bad_header(path, data_begin + end, fmt::format("{} bytes follow the last tensor", data_bytes - end), diags)
        .help("something was appended to the file; fetch or write it again");
  } else {
    bad_header(path, file_bytes, fmt::format("its tensors have {} bytes, only {} are there", end, data_bytes), diags)
        .help(std::string(CutOff));
  }
}

}  // namespace

Result<std::uint64_t> header_length(std::string_view prefix, std::uint64_t file_bytes, const std::string& path,
                                    Diagnostics& diags) {
  if (is_lfs_pointer(prefix)) {
    return report(diags, FilePlace{path, {}}, diag::LfsPointer, printable(path))
        .help("fetch the file itself: `git lfs pull`");
  }
  if (prefix.size() < LengthBytes) {
    return bad_header(path, file_bytes,
                      fmt::format("it has {} bytes, the length of the header alone has 8", file_bytes), diags)
        .help(std::string(CutOff));
  }
  const std::uint64_t length = little_endian(prefix.substr(0, LengthBytes));
  if (length == 0) return bad_header(path, 0, "the length of its header is 0, expected 2 or more", diags);
  if (length > MaxHeaderBytes) {
    for (const OtherFormat& other : OtherFormats) {
      if (prefix.starts_with(other.begins_with)) {
        return bad_header(path, 0, fmt::format("it begins like {}", other.words), diags);
      }
    }
    return report(diags, FilePlace{path, 0}, diag::OverLimit,
                  fmt::format("the header of `{}` has {} bytes", printable(path), length),
                  fmt::format("{}", MaxHeaderBytes))
        .note("the first 8 bytes of a safetensors file are the length of its header");
  }
  if (length > file_bytes - LengthBytes) {
    return bad_header(path, 0,
                      fmt::format("its header has {} bytes, only {} are there", length, file_bytes - LengthBytes),
                      diags)
        .help(std::string(CutOff));
  }
  return length;
}

Result<std::vector<StoredTensor>> parse_safetensors_header(std::string_view header, std::uint64_t file_bytes,
                                                           const std::string& path, Diagnostics& diags) {
  Result<std::vector<HeaderMember>> members = read_header_members(header, path, diags);
  if (!members) return diags.failed();
  Findings findings(path, diags);
  for (const HeaderMember& member : *members) {
    if (!findings.enough()) check_size(member, findings);
  }
  std::ranges::sort(*members, {}, [](const HeaderMember& member) {
    return std::pair(std::string_view(member.info.name), member.place);
  });
  check_names(*members, path, findings);
  const std::uint64_t data_begin = LengthBytes + header.size();
  const std::size_t errors_before = diags.errors();
  if (!findings.any()) check_layout(*members, data_begin, file_bytes, path, findings, diags);
  if (findings.any() || diags.errors() > errors_before) return diags.failed();
  if (!header.starts_with('{')) {
    report(diags, FilePlace{path, LengthBytes}, diag::HeaderOddity, printable(path),
           "blanks stand before the header's `{`, which the format forbids and its reader lets pass");
  }
  std::vector<StoredTensor> tensors;
  tensors.reserve(members->size());
  for (HeaderMember& member : *members) tensors.push_back({std::move(member.info), data_begin + member.begin});
  return tensors;
}

}  // namespace rulec
