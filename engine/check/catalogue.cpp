// SPDX-License-Identifier: Apache-2.0
// One side of a pack held against what a checkpoint has.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>

#include "engine/check/check.h"
#include "engine/scalar/op.h"
#include "engine/tensor/numbers.h"
#include "grammar/close_names.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

std::string plural(std::size_t count) {
  return count == 1 ? "1 tensor" : fmt::format("{} tensors", count);
}

class CatalogueCheck {
 public:
  CatalogueCheck(const Pack& pack, SideId side, std::span<const TensorInfo> catalogue, std::string_view where,
                 std::optional<DType> expected, Diagnostics& diags)
      : pack_(pack),
        side_(side),
        catalogue_(catalogue),
        places_(pack.find_all(side, catalogue)),
        where_(where),
        expected_(expected),
        diags_(diags) {}

  void run() {
    (void)check_unmapped(pack_, side_, catalogue_, where_, diags_);
    missing();
    shapes();
    types();
    ignored();
  }

 private:
  const std::vector<Tensor>& tensors() const { return pack_.tensors[number(side_)]; }

  Span place_of(std::string_view tensor) const { return pack_.place(side_, *pack_.find(side_, tensor)); }

  void list(Finding& finding, const std::vector<std::string>& names,
            const std::function<std::string(std::size_t)>& detail) {
    const std::vector<NameGroup> groups = group_names(names);
    for (std::size_t g = 0; g < std::min<std::size_t>(groups.size(), 8); ++g) {
      finding.note(fmt::format("{}  {}{}", groups[g].text, detail(groups[g].first),
                               groups[g].count > 1 ? fmt::format("  ({} tensors)", groups[g].count) : ""));
    }
    if (groups.size() > 8)
      finding.note(fmt::format("and {} more {}", groups.size() - 8, groups.size() == 9 ? "kind" : "kinds"));
  }

  /// Stored tensors that the rules do not name.
  std::vector<std::string> unknown() const {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < catalogue_.size(); ++i) {
      if (!places_[i]) names.push_back(catalogue_[i].name);
    }
    return names;
  }

  void missing() {
    std::vector<bool> is_stored(tensors().size());
    for (const auto& place : places_) {
      if (place) is_stored[*place] = true;
    }
    std::map<std::size_t, std::vector<std::string>> by_family;
    for (std::size_t t = 0; t < tensors().size(); ++t) {
      if (!is_stored[t]) by_family[tensors()[t].family].push_back(tensors()[t].name);
    }
    std::vector<Lacking> all;
    std::map<Span, std::size_t> of_loop;
    for (auto& [number, names] : by_family) {
      const Family& family = pack_.families[number];
      const auto [place, is_new] = of_loop.try_emplace(loop_or_rule(family), all.size());
      if (is_new) all.emplace_back();
      all[place->second].families.push_back(number);
      std::ranges::move(names, std::back_inserter(all[place->second].names));
    }
    const std::vector<std::string> have = unknown();
    for (Lacking& one : all) report_missing(one, have);
  }

  /// Where the outermost loop around a rule begins, or where the rule stands if none is around it.
  static Span loop_or_rule(const Family& family) {
    return family.indices.empty() ? family.span : family.indices.front().span;
  }

  /// What rules in one loop make, or a rule in several uses of its block, and the checkpoint has not.
  struct Lacking {
    std::vector<std::size_t> families;
    std::vector<std::string> names;
  };

  void report_missing(Lacking& lacking, const std::vector<std::string>& have) {
    std::vector<std::string>& names = lacking.names;
    std::ranges::sort(names);
    const std::size_t rules = lacking.families.size();
    const Family& first = pack_.families[lacking.families.front()];
    const Span place = rules == 1 ? place_of(names.front()) : loop_or_rule(first);
    Finding finding =
        report(diags_, place, diag::MissingTarget, plural(names.size()), names.size() == 1 ? "is" : "are", where_);
    if (rules > 1)
      finding.label(
          fmt::format("{} {} make them", rules, first.indices.empty() ? "uses of this rule" : "rules in this loop"));
    list(finding, names, [&](std::size_t i) { return to_string(tensors()[*pack_.find(side_, names[i])].shape); });
    if (const std::string turns = turns_of(lacking); !turns.empty())
      finding.note(
          fmt::format("all of them are of {}: the loop may run too far, or a size in the config may be wrong", turns));
    if (const auto close = close_names(names.front(), have, 2); !close.empty())
      finding.help(fmt::format("these names are close: `{}`", fmt::join(close, "`, `")));
  }

  /// `i = 3`: the values of the outer loop that make what is missing, if others do not.
  std::string turns_of(const Lacking& lacking) const {
    const Family& first = pack_.families[lacking.families.front()];
    if (first.indices.empty()) return {};
    const std::set<std::string_view> names(lacking.names.begin(), lacking.names.end());
    std::set<std::int64_t> with;
    std::set<std::int64_t> without;
    for (const std::size_t number : lacking.families) {
      const Family& family = pack_.families[number];
      for (std::size_t i = 0; i < family.instances(); ++i) {
        for (const std::uint32_t tensor : family.tensors_of(i, side_))
          (names.contains(tensors()[tensor].name) ? with : without).insert(family.values_of(i)[0]);
      }
    }
    const auto is_made = [&](std::int64_t value) { return without.contains(value); };
    // What a hook takes beside a tensor is of no turn.
    if (with.empty() || without.empty() || std::ranges::any_of(with, is_made)) return {};
    const FamilyIndex& index = first.indices.front();
    const bool is_run = *with.rbegin() - *with.begin() == std::ssize(with) - 1;
    if (with.size() > 2 && is_run)
      return fmt::format("{} = {} to {}", index.name, index.text(*with.begin()), index.text(*with.rbegin()));
    std::vector<std::string> values;
    for (const std::int64_t value : with) values.push_back(index.text(value));
    return values.size() > 4 ? std::string() : fmt::format("{} = {}", index.name, fmt::join(values, ", "));
  }

  void shapes() {
    std::set<std::size_t> reported;
    for (std::size_t i = 0; i < catalogue_.size(); ++i) {
      if (!places_[i]) continue;
      const TensorInfo& info = catalogue_[i];
      const Tensor& tensor = tensors()[*places_[i]];
      if (tensor.shape_known && tensor.shape != info.shape && reported.insert(tensor.family).second)
        report_shape(tensor, info);
    }
  }

  void report_shape(const Tensor& tensor, const TensorInfo& info) {
    Finding finding = report(diags_, place_of(tensor.name), diag::StoredDiffers, tensor.name, to_string(info.shape),
                             to_string(tensor.shape));
    finding.also(FilePlace{std::string(where_), std::nullopt}, {});
    Shape sorted_rule = tensor.shape;
    Shape sorted_file = info.shape;
    std::ranges::sort(sorted_rule);
    std::ranges::sort(sorted_file);
    if (sorted_rule == sorted_file)
      finding.note(
          "the same axes in another order: the rule, or an option such as the scan axis, does not fit this file");
  }

  /// What a `cast` in a rule fixes is what a file should hold; all else is of the config's type, if floating.
  void types() {
    const std::map<std::string, DType> fixed = types_by_cast(pack_, side_);
    std::set<std::size_t> reported;
    std::map<DType, std::vector<std::string>> unexpected;
    for (std::size_t i = 0; i < catalogue_.size(); ++i) {
      if (!places_[i]) continue;
      const TensorInfo& info = catalogue_[i];
      if (const auto cast = fixed.find(info.name); cast == fixed.end()) {
        if (expected_ && is_arithmetic_float(info.dtype) && info.dtype != *expected_)
          unexpected[info.dtype].push_back(info.name);
      } else if (cast->second != info.dtype && reported.insert(tensors()[*places_[i]].family).second) {
        report_type(info.name, info.dtype, cast->second)
            .note("the class of this rule was proved for the type that its `cast` fixes");
      }
    }
    for (const auto& [dtype, names] : unexpected) {
      Finding finding = report_type(names.front(), dtype, *expected_);
      if (names.size() > 1) finding.note(fmt::format("and so are {} more", plural(names.size() - 1)));
      finding.note("the config says so; the way back writes its type, unless `--dtype` asks for another");
    }
  }

  Finding report_type(const std::string& tensor, DType stored, DType wanted) {
    Finding finding = report(diags_, place_of(tensor), diag::DtypeDiffers, tensor, name(stored), name(wanted));
    finding.also(FilePlace{std::string(where_), std::nullopt}, {});
    return finding;
  }

  void ignored() {
    const std::vector<std::string> names = unknown();
    for (const IgnoredGlob& glob : pack_.ignored) {
      if (glob.side != side_) continue;
      if (std::ranges::any_of(catalogue_, [&](const TensorInfo& info) { return glob_matches(glob.glob, info.name); }))
        continue;
      const auto close = close_names(glob.glob, names, 1);
      if (!close.empty()) {
        report(diags_, glob.span, diag::IgnoreNothing, glob.glob, close.front())
            .help(fmt::format("did you mean `{}`?", close.front()));
      }
    }
  }

  const Pack& pack_;
  SideId side_;
  std::span<const TensorInfo> catalogue_;
  std::vector<std::optional<std::size_t>> places_;  // of what is stored, among the tensors of the rules
  std::string_view where_;
  std::optional<DType> expected_;
  Diagnostics& diags_;
};

}  // namespace

std::map<std::string, DType> types_by_cast(const Pack& pack, SideId side) {
  std::map<std::string, DType> fixed;
  for (const Piece& piece : pack.pieces) {
    const auto& pipeline = pack.numbers[pack.forms[piece.form].numbers].towards[number(side)];
    if (piece.kind != PieceKind::Copy || !pipeline) continue;
    for (const Call& call : *pipeline) {
      if (call.op != &ops::Cast) continue;
      const auto tensor = static_cast<std::size_t>(piece.tensor[number(side)]);
      fixed[pack.tensors[number(side)][tensor].name] = std::get<DType>(call.arguments.front());
    }
  }
  return fixed;
}

Status check_catalogue(const Pack& pack, SideId side, std::span<const TensorInfo> catalogue, std::string_view where,
                       std::optional<DType> expected, Diagnostics& diags) {
  const std::size_t errors = diags.errors();
  CatalogueCheck(pack, side, catalogue, where, expected, diags).run();
  if (diags.errors() > errors) return diags.failed();
  return Done{};
}

}  // namespace rulec
