// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "engine/bind/inputs.h"
#include "engine/check/check.h"
#include "engine/guard.h"
#include "engine/pack/pack.h"

#include <rulec/pack.h>

namespace rulec {
namespace {

/// The configs that sizes of `pack` were read from.
std::vector<SharedSource> config_texts(const Pack& pack, const Diagnostics& diags) {
  std::set<SourceId> ids;
  for (const UsedSize& size : pack.sizes) {
    if (size.config) ids.insert(size.config->source);
  }
  std::vector<SharedSource> texts;
  for (const SourceId id : ids) texts.push_back(diags.sources().shared(id));
  return texts;
}

/// `bind`, where exceptions may still fly.
Result<Model> tie(const RulePack& pack, const BindOptions& options, Diagnostics& diags) {
  const Rules& rules = pack.rules();
  const std::size_t errors = diags.errors();
  Result<GatheredInputs> gathered = find_inputs(rules, options, diags);
  if (!gathered) return diags.failed();
  Result<Pack> elaborated = elaborate(rules, *gathered, diags);
  if (!elaborated) return diags.failed();
  for (const auto& [name, store] : options.checkpoints) {
    if (const std::optional<SideId> side = rules.side(name))
      (void)check_config_sizes(*elaborated, gathered->inputs, *side, store->tensors(), store->where(), diags);
  }
  if (diags.errors() > errors) return diags.failed();
  UsedPermissions used;
  const bool is_covered = static_cast<bool>(prove_coverage(*elaborated, used, diags));
  if (!prove_numbers(*elaborated, used, diags) || !is_covered) return diags.failed();
  std::vector<SharedSource> texts = rules.sources;
  for (const SharedSource& text : config_texts(*elaborated, diags)) texts.push_back(text);
  return Model(pack.shared(), std::make_shared<const Pack>(*std::move(elaborated)), std::move(gathered->decisions),
               std::move(gathered->dtypes), std::move(texts));
}

}  // namespace

const std::string& RulePack::name() const {
  return rules_->name;
}
const std::vector<SharedSource>& RulePack::sources() const {
  return rules_->sources;
}
const std::string& RulePack::title() const {
  return rules_->title;
}
const std::array<std::string, 2>& RulePack::sides() const {
  return rules_->sides;
}

std::size_t RulePack::lines() const {
  std::string_view text = rules_->sources.front()->text();
  std::size_t lines = 0;
  while (!text.empty() && !text.starts_with("test ")) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::size_t begin = line.find_first_not_of(' ');
    lines += begin != line.npos && line[begin] != '#' ? 1 : 0;
  }
  return lines;
}

std::vector<std::string> RulePack::presets() const {
  std::vector<std::string> names;
  for (const PresetFiles& preset : rules_->presets) names.push_back(preset.name);
  return names;
}

std::vector<PackOption> RulePack::options() const {
  std::vector<PackOption> options;
  for (const auto& [name, definition] : rules_->definitions) {
    const auto* option = std::get_if<ast::Option>(&rules_->statement(definition).node);
    if (option == nullptr) continue;
    std::string type = option->type == ast::Option::Type::Bool ? "bool" : "int";
    if (option->type == ast::Option::Type::Set) type = fmt::format("{{\"{}\"}}", fmt::join(option->values, "\", \""));
    options.push_back({name, std::move(type), option->doc.value_or("")});
  }
  return options;
}

Result<RulePack> load_pack(std::string_view name_or_path, Diagnostics& diags) {
  return guarded(diags, [&]() -> Result<RulePack> {
    Result<Rules> rules = load_rules(name_or_path, diags);
    if (!rules) return diags.failed();
    return RulePack(std::make_shared<const Rules>(*std::move(rules)));
  });
}

Model::Model(std::shared_ptr<const Rules> rules, std::shared_ptr<const Pack> pack, std::vector<std::string> decisions,
             std::map<std::string, DType> dtypes, std::vector<SharedSource> sources)
    : rules_(std::move(rules)),
      pack_(std::move(pack)),
      decisions_(std::move(decisions)),
      dtypes_(std::move(dtypes)),
      sources_(std::move(sources)) {}

const std::string& Model::pack_name() const {
  return rules_->name;
}
const std::array<std::string, 2>& Model::sides() const {
  return rules_->sides;
}

std::map<std::string, std::string> Model::options() const {
  std::map<std::string, std::string> options;
  for (const auto& [name, value] : pack_->options) {
    const auto* text = std::get_if<std::string>(&value);
    options[name] = text != nullptr ? *text : to_string(value);
  }
  return options;
}

std::vector<Correspondence> Model::correspondences() const {
  std::vector<Correspondence> result;
  std::pair<std::uint32_t, std::uint32_t> last{};
  std::set<std::array<std::int32_t, 2>> known;  // pairs of this family and instance: several pieces may tie them
  for (const Piece& piece : pack_->pieces) {
    if (piece.kind != PieceKind::Copy) continue;
    const std::pair place{piece.family, piece.instance};
    if (std::exchange(last, place) != place) known.clear();
    if (!known.insert(piece.tensor).second) continue;
    const Family& family = pack_->families[piece.family];
    const Tensor& left = pack_->tensors[0][static_cast<std::size_t>(piece.tensor[0])];
    const Tensor& right = pack_->tensors[1][static_cast<std::size_t>(piece.tensor[1])];
    Correspondence c{left.name, left.shape, right.name, right.shape, family.span, {}};
    for (std::size_t i = 0; i < family.indices.size(); ++i) {
      const FamilyIndex& index = family.indices[i];
      c.indices.emplace_back(index.name, index.text(family.values_of(piece.instance)[i]));
    }
    result.push_back(std::move(c));
  }
  return result;
}

std::vector<TensorInfo> Model::tensors(std::string_view side) const {
  std::vector<TensorInfo> infos;
  const std::optional<SideId> id = rules_->side(side);
  const DType dtype = config_dtype(side).value_or(DType::F32);
  for (std::size_t t = 0; id && t < pack_->tensors[number(*id)].size(); ++t) {
    const Tensor& tensor = pack_->tensors[number(*id)][t];
    infos.push_back({tensor.name, dtype, tensor.shape});
  }
  return infos;
}

std::map<std::string, std::vector<std::size_t>> Model::stacked_axes(std::string_view side) const {
  std::map<std::string, std::vector<std::size_t>> result;
  const std::optional<SideId> id = rules_->side(side);
  if (!id) return result;
  const std::vector<Tensor>& tensors = pack_->tensors[number(*id)];
  std::vector<std::optional<std::vector<bool>>> is_stacked(tensors.size());  // by axis; nothing where no piece was seen
  for (const Piece& piece : pack_->pieces) {
    if (piece.kind != PieceKind::Copy) continue;
    const auto tensor = static_cast<std::size_t>(piece.tensor[number(*id)]);
    const StridedBox box = cells_of(*pack_, piece, *id);
    if (!is_stacked[tensor]) is_stacked[tensor].emplace(box.size(), true);
    for (std::size_t d = 0; d < box.size(); ++d) {
      const bool fills_one = box[d].axes.empty() && tensors[tensor].shape[d] > 1;
      (*is_stacked[tensor])[d] = (*is_stacked[tensor])[d] && fills_one;
    }
  }
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    for (std::size_t d = 0; is_stacked[t] && d < is_stacked[t]->size(); ++d) {
      if ((*is_stacked[t])[d]) result[tensors[t].name].push_back(d);
    }
  }
  return result;
}

std::optional<DType> Model::config_dtype(std::string_view side) const {
  const auto found = dtypes_.find(std::string(side));
  return found == dtypes_.end() ? std::nullopt : std::optional(found->second);
}

Result<Model> bind(const RulePack& pack, const BindOptions& options, Diagnostics& diags) {
  return guarded(diags, pack.sources(), [&] { return tie(pack, CallerBindOptions(options).get(), diags); });
}

}  // namespace rulec
