// SPDX-License-Identifier: Apache-2.0
#include <rulec/diff.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "engine/check/cell_differences.h"
#include "engine/check/check.h"
#include "engine/check/tensor_trip.h"
#include "engine/guard.h"
#include "engine/tensor/numbers.h"

#include <rulec/convert.h>

namespace rulec {
namespace {

constexpr std::uint64_t ChunkBytes = std::uint64_t{4} << 20;

/// The class of a tensor as this comparison needs it. Nothing: every difference counts.
struct Allowance {
  TensorTrip trip;
  std::string rule;  ///< `gemma2.rules:31`
};

std::string place_of(Span span, const Diagnostics& diags) {
  const Source& source = diags.sources()[span.source];
  return fmt::format("{}:{}", source.name(), source.position(span.begin).line);
}

/// The trips of a model's tensors on one side: what a tensor may differ by that has been away and came back.
class Allowances {
 public:
  Allowances(const Model* model, std::optional<SideId> side, const Diagnostics& diags) : diags_(diags) {
    if (model == nullptr || !side) return;
    pack_ = &model->pack();
    side_ = *side;
    trips_ = std::make_unique<TensorTrips>(*pack_);
  }

  std::shared_ptr<const Allowance> find(const TensorInfo& info) {
    if (pack_ == nullptr) return nullptr;
    const auto index = pack_->find(side_, info.name);
    if (!index) return nullptr;
    TensorTrip trip = trips_->find(side_, *index, {side_, info.dtype, std::nullopt});
    std::string rule = place_of(pack_->families[trip.family].span, diags_);
    return std::make_shared<const Allowance>(Allowance{std::move(trip), std::move(rule)});
  }

 private:
  const Diagnostics& diags_;
  const Pack* pack_ = nullptr;
  SideId side_{};
  std::unique_ptr<TensorTrips> trips_;
};

/// One tensor of B against what it should be. Bytes come in later.
class Comparison {
 public:
  Comparison(const TensorInfo& a, const TensorInfo& b, std::shared_ptr<const Allowance> allowance)
      : allowance_(std::move(allowance)),
        differences_(
            b.dtype, b.shape,
            allowance_ == nullptr ? CellDifferences::Allows{} : [trip = allowance_](std::uint64_t x, std::uint64_t y) {
              return trip->trip.allows(x, y);
            }) {
    result_.name = a.name;
    if (a.shape != b.shape) {
      result_.difference = Difference::Shape;
      result_.detail = fmt::format("{} against {}", to_string(a.shape), to_string(b.shape));
    } else if (a.dtype != b.dtype) {
      result_.difference = Difference::DType;
      result_.detail = fmt::format("{} against {}", name(a.dtype), name(b.dtype));
    }
  }

  bool needs_bytes() const { return result_.difference == Difference::Same; }

  void compare(std::uint64_t offset, std::span<const std::byte> a, std::span<const std::byte> b) {
    differences_.compare(offset, a, b);
  }

  TensorDifference result() const {
    TensorDifference result = result_;
    if (!needs_bytes() || differences_.cells() == 0) return result;
    result.difference = differences_.are_allowed() ? Difference::WithinClass : Difference::Values;
    result.cells = differences_.cells();
    result.worst_ulp = differences_.worst_ulp();
    result.detail = differences_.first();
    if (allowance_ != nullptr) {
      result.detail += fmt::format("; the rule is {}", allowance_->trip.describe());
      if (!allowance_->rule.empty()) result.detail += fmt::format(" ({})", allowance_->rule);
    }
    return result;
  }

 private:
  std::shared_ptr<const Allowance> allowance_;
  CellDifferences differences_;
  TensorDifference result_;
};

TensorDifference only(const TensorInfo& info, Difference which) {
  TensorDifference result;
  result.name = info.name;
  result.difference = which;
  result.detail = fmt::format("{} {}", name(info.dtype), to_string(info.shape));
  return result;
}

/// Reads both tensors side by side.
Status compare_stored(const TensorStore& a, std::size_t in_a, const TensorStore& b, std::size_t in_b,
                      Comparison& comparison, Diagnostics& diags) {
  const std::uint64_t size = a.tensors()[in_a].bytes();
  std::array<std::vector<std::byte>, 2> buffers;
  for (std::uint64_t offset = 0; offset < size; offset += ChunkBytes) {
    for (auto& buffer : buffers) buffer.resize(std::min(ChunkBytes, size - offset));
    if (!a.read(in_a, offset, buffers[0], diags) || !b.read(in_b, offset, buffers[1], diags)) return diags.failed();
    comparison.compare(offset, buffers[0], buffers[1]);
  }
  return Done{};
}

/// `ignored` tells which tensors need no partner.
Result<std::vector<TensorDifference>> diff_stored(const TensorStore& a, const TensorStore& b, Allowances allowances,
                                                  const std::function<bool(const std::string&)>& ignored,
                                                  Diagnostics& diags) {
  std::vector<TensorDifference> result;
  const auto left = a.tensors();
  const auto right = b.tensors();
  std::size_t i = 0;
  std::size_t k = 0;
  while (i < left.size() || k < right.size()) {
    if (k == right.size() || (i < left.size() && left[i].name < right[k].name)) {
      if (!ignored(left[i].name)) result.push_back(only(left[i], Difference::OnlyA));
      ++i;
    } else if (i == left.size() || right[k].name < left[i].name) {
      if (!ignored(right[k].name)) result.push_back(only(right[k], Difference::OnlyB));
      ++k;
    } else {
      Comparison comparison(left[i], right[k], allowances.find(right[k]));
      if (comparison.needs_bytes() && !compare_stored(a, i, b, k, comparison, diags)) return diags.failed();
      result.push_back(comparison.result());
      ++i;
      ++k;
    }
  }
  return result;
}

/// Takes what a conversion writes and holds it against B, tensor by tensor, instead of storing it.
class ComparingSink final : public TensorSink {
 public:
  ComparingSink(const TensorStore& b, Allowances allowances) : b_(b), allowances_(std::move(allowances)) {}

  Status begin(std::span<const TensorInfo> tensors, Diagnostics&) override {
    for (const TensorInfo& made : tensors) {
      const auto found = find_tensor(b_.tensors(), made.name);
      targets_.push_back({found, std::nullopt});
      if (found) {
        const TensorInfo& stored = b_.tensors()[*found];
        targets_.back().comparison.emplace(made, stored, allowances_.find(stored));
      } else {
        missing_.push_back(only(made, Difference::OnlyA));
      }
    }
    return Done{};
  }

  Status write(std::size_t index, std::uint64_t offset, std::span<const std::byte> bytes, Diagnostics& diags) override {
    Target& target = targets_[index];
    if (!target.comparison || !target.comparison->needs_bytes()) return Done{};
    for (std::size_t at = 0; at < bytes.size(); at += ChunkBytes) {
      const auto made = bytes.subspan(at, std::min<std::size_t>(ChunkBytes, bytes.size() - at));
      buffer_.resize(made.size());
      if (!b_.read(*target.in_b, offset + at, buffer_, diags)) return diags.failed();
      target.comparison->compare(offset + at, made, buffer_);
    }
    return Done{};
  }

  Status commit(Diagnostics&) override { return Done{}; }

  std::vector<TensorDifference> results() const {
    std::vector<TensorDifference> all = missing_;
    for (const Target& target : targets_) {
      if (target.comparison) all.push_back(target.comparison->result());
    }
    return all;
  }

 private:
  struct Target {
    std::optional<std::size_t> in_b;
    std::optional<Comparison> comparison;
  };
  const TensorStore& b_;
  Allowances allowances_;
  std::vector<Target> targets_;
  std::vector<TensorDifference> missing_;
  std::vector<std::byte> buffer_;
};

/// The side that most of a checkpoint's names are of.
std::optional<SideId> side_of(const Pack& pack, const TensorStore& store) {
  std::array<std::size_t, 2> matches{};
  for (const TensorInfo& info : store.tensors()) {
    for (const SideId side : BothSides) matches[number(side)] += pack.find(side, info.name).has_value();
  }
  if (matches[0] == 0 && matches[1] == 0) return std::nullopt;
  return matches[0] > matches[1] ? SideId::Left : SideId::Right;
}

/// The type of most of its floating tensors.
std::optional<DType> usual_float(const TensorStore& store) {
  std::map<DType, std::size_t> counts;
  for (const TensorInfo& info : store.tensors()) {
    if (is_arithmetic_float(info.dtype)) ++counts[info.dtype];
  }
  const auto most = std::ranges::max_element(counts, {}, [](const auto& entry) { return entry.second; });
  return most == counts.end() ? std::nullopt : std::optional(most->first);
}

Result<std::vector<TensorDifference>> diff_converted(const TensorStore& a, const TensorStore& b, const Model& model,
                                                     SideId to, Diagnostics& diags) {
  ComparingSink sink(b, Allowances(&model, to, diags));
  ConvertOptions options;
  options.dtype = usual_float(b);
  options.pad_policy = options.constant_policy = options.alias_policy = Policy::Drop;
  if (!convert(model, model.sides()[number(to)], a, sink, options, diags)) return diags.failed();
  std::vector<TensorDifference> result = sink.results();
  std::set<std::string, std::less<>> compared;
  for (const TensorDifference& d : result) compared.insert(d.name);
  for (const TensorInfo& info : b.tensors()) {
    const bool known = compared.contains(info.name);
    const bool ignored = model.pack().ignores(to, info.name);
    if (!known && !ignored) result.push_back(only(info, Difference::OnlyB));
  }
  std::ranges::sort(result, {}, &TensorDifference::name);
  return result;
}

/// `diff`, where exceptions may still fly.
Result<std::vector<TensorDifference>> compare(const TensorStore& a, const TensorStore& b, const Model* model,
                                              Diagnostics& diags) {
  const auto side_a = model == nullptr ? std::nullopt : side_of(model->pack(), a);
  const auto side_b = model == nullptr ? std::nullopt : side_of(model->pack(), b);
  if (side_a && side_b && side_a != side_b) return diff_converted(a, b, *model, *side_b, diags);
  const auto ignored = [&](const std::string& name) {
    return side_a && side_a == side_b && model->pack().ignores(*side_a, name);
  };
  return diff_stored(a, b, Allowances(model, side_a == side_b ? side_b : std::nullopt, diags), ignored, diags);
}

}  // namespace

std::string_view to_string(Difference difference) {
  switch (difference) {
    case Difference::Same:
      return "same";
    case Difference::WithinClass:
      return "within class";
    case Difference::Values:
      return "values";
    case Difference::DType:
      return "dtype";
    case Difference::Shape:
      return "shape";
    case Difference::OnlyA:
      return "only in A";
    case Difference::OnlyB:
      return "only in B";
  }
  return {};
}

Result<std::vector<TensorDifference>> diff(const TensorStore& a, const TensorStore& b, const Model* model,
                                           Diagnostics& diags) {
  const std::vector<SharedSource> none;
  return guarded(diags, model == nullptr ? none : model->sources(),
                 [&] { return compare(CallerStore(a), CallerStore(b), model, diags); });
}

}  // namespace rulec
