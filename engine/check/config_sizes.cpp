// SPDX-License-Identifier: Apache-2.0
// Sizes that configs give, held against stored shapes. Where they disagree, one size is to blame for many tensors: the
// one that explains most of them, with one other value, and that no tensor confirms.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/bind/inputs.h"
#include "engine/bind/loop_names.h"
#include "engine/check/check.h"
#include "engine/rules/definitions.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

/// A stored axis that is not as long as the rules and configs say.
struct Misfit {
  const TensorInfo* stored = nullptr;
  const Tensor* ruled = nullptr;
  std::size_t axis = 0;
  std::map<std::string, std::int64_t> cures;  ///< size -> with which value it would be
};

/// The names behind `pad` in a shape: `Vp` of `[(V pad Vp) D]`.
std::vector<std::string> pads_of(const std::string& shape) {
  constexpr std::string_view Pad = " pad ";
  std::vector<std::string> names;
  for (std::size_t at = shape.find(Pad); at != std::string::npos; at = shape.find(Pad, at + 1)) {
    const std::size_t begin = at + Pad.size();
    std::size_t end = begin;
    while (end < shape.size() && (std::isalnum(static_cast<unsigned char>(shape[end])) != 0 || shape[end] == '_'))
      ++end;
    names.push_back(shape.substr(begin, end - begin));
  }
  return names;
}

class ConfigSizes {
 public:
  ConfigSizes(const Pack& pack, const Inputs& inputs, SideId side, std::span<const TensorInfo> catalogue,
              std::string_view where, Diagnostics& diags)
      : pack_(pack), inputs_(inputs), side_(side), catalogue_(catalogue), where_(where), diags_(diags) {
    for (const UsedSize& size : pack.sizes) {
      if (size.config) sizes_.emplace(size.name, &size);
    }
    loops_ = loop_names(*pack.rules);
  }

  void run() {
    if (sizes_.empty()) return;
    find_names();
    for (const TensorInfo& stored : catalogue_) compare(stored);
    for (Misfit& misfit : misfits_)
      std::erase_if(misfit.cures, [&](const auto& cure) { return confirmed_.contains(cure.first); });
    while (const std::optional<Cure> best = best_cure()) {
      report_cure(*best);
      std::erase_if(misfits_, [&](const Misfit& misfit) { return cures(misfit, *best); });
    }
  }

 private:
  using Names = std::set<std::string>;
  using Cure = std::pair<std::string, std::int64_t>;

  /// The names along each axis of each tensor.
  void find_names() {
    for (const Tensor& tensor : pack_.tensors[number(side_)]) names_.emplace_back(tensor.shape.size());
    for (const Piece& piece : pack_.pieces) {
      if (piece.kind != PieceKind::Copy) continue;
      const auto tensor = static_cast<std::size_t>(piece.tensor[number(side_)]);
      const Shape& shape = pack_.tensors[number(side_)][tensor].shape;
      std::int64_t row = 1;
      for (std::size_t d = shape.size(); d-- > 0;) {
        for (const PieceAxis& axis : pack_.forms[piece.form].axes) {
          const std::int64_t stride = axis.stride[number(side_)];
          const bool is_along = stride >= row && stride / row < std::max<std::int64_t>(shape[d], 1);
          if (is_along && axis.extent > 1)
            names_[tensor][d].insert(pack_.families[piece.family].axes[static_cast<std::size_t>(axis.axis)]);
        }
        row *= std::max<std::int64_t>(shape[d], 1);
      }
    }
  }

  void compare(const TensorInfo& stored) {
    const auto index = pack_.find(side_, stored.name);
    if (!index) return;
    const Tensor& ruled = pack_.tensors[number(side_)][*index];
    if (!ruled.shape_known || ruled.shape.size() != stored.shape.size()) return;
    // The same axes in another order are the rule's mistake, or an option's.
    const bool is_reordered = stored.shape != ruled.shape && std::ranges::is_permutation(stored.shape, ruled.shape);
    for (std::size_t d = 0; d < stored.shape.size() && !is_reordered; ++d) {
      const std::map<std::string, std::int64_t> cures = cures_for(*index, d, stored.shape[d]);
      if (stored.shape[d] != ruled.shape[d]) misfits_.push_back({&stored, &ruled, d, cures});
      if (stored.shape[d] != ruled.shape[d]) continue;
      for (const auto& [name, value] : cures) confirmed_.insert(name);
    }
  }

  /// The sizes that an axis is made of, each with the value with which the axis would be of `length` cells.
  std::map<std::string, std::int64_t> cures_for(std::size_t tensor, std::size_t d, std::int64_t length) const {
    const Tensor& ruled = pack_.tensors[number(side_)][tensor];
    const Names& names = names_[tensor][d];
    std::map<std::string, std::int64_t> cures;
    const auto add = [&](const std::string& name) {
      const auto size = sizes_.find(name);
      std::int64_t product = 0;
      if (size == sizes_.end() || ruled.shape[d] == 0) return;
      if (__builtin_mul_overflow(size->second->value, length, &product) || product % ruled.shape[d] != 0) return;
      cures.emplace(name, product / ruled.shape[d]);
    };
    for (const std::string& pad : pads_along(ruled, d)) add(pad);
    // Padding is there to be changed: what is as long as the axis in it, or longer, has other padding.
    if (!cures.empty() && length >= product_of(names)) return cures;
    cures.clear();
    if (names.empty()) {
      for (const std::string& loop : loops_) add(loop);
    } else if (is_product(names, ruled.shape[d])) {
      for (const std::string& name : names) add(name);
    }
    return cures;
  }

  std::vector<std::string> pads_along(const Tensor& ruled, std::size_t d) const {
    std::vector<std::string> along;
    for (const auto& shapes : pack_.families[ruled.family].shapes) {
      for (const std::string& shape : shapes) {
        for (const std::string& pad : pads_of(shape)) {
          const auto size = sizes_.find(pad);
          if (size != sizes_.end() && size->second->value == ruled.shape[d]) along.push_back(pad);
        }
      }
    }
    return along;
  }

  std::int64_t value_of(const std::string& name) const {
    const auto size = std::ranges::find(pack_.sizes, name, &UsedSize::name);
    return size == pack_.sizes.end() ? 0 : size->value;
  }

  std::int64_t product_of(const Names& names) const {
    std::int64_t product = 1;
    for (const std::string& name : names) {
      if (__builtin_mul_overflow(product, value_of(name), &product)) return 0;
    }
    return product;
  }

  bool is_product(const Names& names, std::int64_t length) const { return product_of(names) == length; }

  static bool cures(const Misfit& misfit, const Cure& cure) {
    const auto found = misfit.cures.find(cure.first);
    return found != misfit.cures.end() && found->second == cure.second;
  }

  std::optional<Cure> best_cure() const {
    std::map<Cure, std::size_t> counts;
    for (const Misfit& misfit : misfits_) {
      for (const auto& [name, value] : misfit.cures) ++counts[{name, value}];
    }
    const auto best = std::ranges::max_element(counts, {}, &std::pair<const Cure, std::size_t>::second);
    return best == counts.end() ? std::nullopt : std::optional(best->first);
  }

  void report_cure(const Cure& cure) {
    const UsedSize& size = *sizes_.at(cure.first);
    const Misfit& misfit = *std::ranges::find_if(misfits_, [&](const Misfit& m) { return cures(m, cure); });
    const auto count = std::ranges::count_if(misfits_, [&](const Misfit& m) { return cures(m, cure); });
    Finding finding = report(diags_, *size.config, diag::ConfigDisagrees, size.name, std::to_string(size.value),
                             std::to_string(cure.second));
    const auto tensor = static_cast<std::size_t>(misfit.ruled - pack_.tensors[number(side_)].data());
    finding.label(fmt::format("{} = {}", size.name, size.value))
        .also(pack_.place(side_, tensor), fmt::format("`{}` is an axis here", size.name))
        .also(FilePlace{std::string(where_), std::nullopt}, {})
        .note(fmt::format("`{}` is stored as {}, which has {} along axis {}; the rules say {}{}", misfit.stored->name,
                          to_string(misfit.stored->shape), misfit.stored->shape[misfit.axis], misfit.axis,
                          to_string(misfit.ruled->shape),
                          count > 1 ? fmt::format(", and so for {} more", count - 1) : ""));
    if (const std::string others = others_along(misfit, size.name); !others.empty())
      finding.note(fmt::format("that is so if {}: the axis tells their product alone", others));
    if (const std::optional<ast::Key> key = key_not_given(size.name)) {
      const std::string side = key->parts.front().text;
      finding.help(fmt::format("`{}` is `{}` where there is a config of `{}`: give `--config {}=FILE` with `{}: {}`",
                               size.name, dotted(*key), side, side, dotted(*key).substr(side.size() + 1), cure.second));
      return;
    }
    finding.help("this is the config of another model, or the checkpoint is, or the rule is wrong");
  }

  /// `K` is 16: the other sizes that an axis is a product of, unless another axis confirms them.
  std::string others_along(const Misfit& misfit, const std::string& name) const {
    const auto tensor = static_cast<std::size_t>(misfit.ruled - pack_.tensors[number(side_)].data());
    std::vector<std::string> others;
    for (const std::string& other : names_[tensor][misfit.axis]) {
      if (other != name && !confirmed_.contains(other))
        others.push_back(fmt::format("`{}` is {}", other, value_of(other)));
    }
    return fmt::format("{}", fmt::join(others, " and "));
  }

  /// `maxtext.vocab_size` of `let Vp = maxtext.vocab_size else V` where there is no such config.
  std::optional<ast::Key> key_not_given(const std::string& name) const {
    const Definition* definition = pack_.rules->find(name);
    if (definition == nullptr) return std::nullopt;
    const auto* let = std::get_if<ast::Let>(&pack_.rules->statement(*definition).node);
    if (let == nullptr) return std::nullopt;
    const ast::File& file = pack_.rules->files[definition->file];
    const auto* binary = std::get_if<ast::Binary>(&file[let->definitions[definition->entry].value].node);
    if (binary == nullptr || binary->op != ast::BinaryOp::Else) return std::nullopt;
    const auto* key = std::get_if<ast::Key>(&file[binary->left].node);
    if (key == nullptr || key->parts.size() < 2) return std::nullopt;
    const std::optional<SideId> side = pack_.rules->side(key->parts.front().text);
    if (!side || inputs_.configs[number(*side)] != nullptr) return std::nullopt;
    return *key;
  }

  const Pack& pack_;
  const Inputs& inputs_;
  SideId side_;
  std::span<const TensorInfo> catalogue_;
  std::string_view where_;
  Diagnostics& diags_;
  std::map<std::string, const UsedSize*> sizes_;  // that a config gives
  std::set<std::string> loops_;
  std::vector<std::vector<Names>> names_;  // by tensor and axis
  std::vector<Misfit> misfits_;
  Names confirmed_;  // by an axis that is as long as they make it
};

}  // namespace

Status check_config_sizes(const Pack& pack, const Inputs& inputs, SideId side, std::span<const TensorInfo> catalogue,
                          std::string_view where, Diagnostics& diags) {
  const std::size_t errors = diags.errors();
  ConfigSizes(pack, inputs, side, catalogue, where, diags).run();
  if (diags.errors() > errors) return diags.failed();
  return Done{};
}

}  // namespace rulec
