// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "engine/check/check.h"
#include "engine/rules/value.h"
#include "engine/scalar/op.h"
#include "engine/tensor/numbers.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

bool uses(const Pipeline& pipeline, std::initializer_list<std::string_view> ops) {
  return std::ranges::any_of(pipeline,
                             [&](const Call& call) { return std::ranges::find(ops, call.op->name) != ops.end(); });
}

bool reads_tensor(const Pipeline& pipeline) {
  return std::ranges::any_of(pipeline, [](const Call& call) {
    return std::ranges::any_of(call.arguments,
                               [](const CallArgument& a) { return std::holds_alternative<Operand>(a); });
  });
}

/// Whether `back` undoes `there` but for rounding: tried where numbers are of the size of 1. A reverse that is another
/// function is off by more than the 1/64 that a constant rounded to bfloat16 may cost.
std::optional<std::pair<float, float>> not_undone(const Pipeline& there, const Pipeline& back) {
  constexpr std::array<float, 8> Samples{0.5F, 0.75F, 1.0F, 1.25F, 1.5F, 2.0F, -0.75F, -1.5F};
  std::array<float, 8> results{};
  const Types out = types_of(there, DType::F32, std::nullopt);
  std::vector<std::byte> middle(Samples.size() * static_cast<std::size_t>(bits(out.stored)) / 8);
  apply(there, out, std::as_bytes(std::span(Samples)), {}, middle);
  const Types home = types_of(back, out.stored, DType::F32);
  std::vector<std::byte> bytes(Samples.size() * static_cast<std::size_t>(bits(home.stored)) / 8);
  apply(back, home, middle, {}, bytes);
  const Types as_f32{home.stored, home.stored, DType::F32};
  apply({}, as_f32, bytes, {}, std::as_writable_bytes(std::span(results)));
  for (std::size_t i = 0; i < Samples.size(); ++i) {
    if (std::isnan(results[i])) continue;  // outside the domain of a logarithm
    if (std::abs(results[i] - Samples[i]) > std::abs(Samples[i]) / 64) return std::pair(Samples[i], results[i]);
  }
  return std::nullopt;
}

class NumbersCheck {
 public:
  NumbersCheck(const Pack& pack, RoundTripCache& cache, std::set<std::uint32_t>& used, Diagnostics& diags)
      : pack_(pack), cache_(cache), used_(used), diags_(diags) {}

  void run() {
    std::vector<std::set<std::size_t>> families(pack_.numbers.size());
    for (const Piece& piece : pack_.pieces) {
      if (piece.kind == PieceKind::Copy) families[pack_.forms[piece.form].numbers].insert(piece.family);
    }
    for (std::size_t n = 0; n < pack_.numbers.size(); ++n) {
      for (const std::size_t family : families[n]) check(pack_.numbers[n], pack_.families[family]);
    }
  }

 private:
  void check(const Numbers& numbers, const Family& family) {
    const auto& right = numbers.towards[number(SideId::Right)];
    const auto& left = numbers.towards[number(SideId::Left)];
    const bool both = right && left;
    if ((!right || right->empty()) && (!left || left->empty())) return;
    const Pipeline& along = family.arrow == ast::Arrow::Left ? *left : *right;
    const Span place = along.empty() ? family.span : join_calls(along);
    if (both && !reads_tensor(*right) && !reads_tensor(*left)) {
      if (const auto witness = not_undone(*right, *left)) {
        report(diags_, place, diag::ReverseDisagrees, to_string(*right))
            .label("left to right")
            .note(fmt::format("the way back is `{}`: {} comes back as {}", to_string(*left), witness->first,
                              witness->second))
            .help("leave `reverse` out, and each op is undone by its inverse; or correct it");
        return;
      }
      losses(family, *right, *left, place);
      trips(numbers, family, along, place);
    }
    for (const auto& pipeline : {right, left}) {
      if (pipeline) constants(family, *pipeline);
    }
    for (const Pipeline& operand : numbers.operands) constants(family, operand);
  }

  static Span join_calls(const Pipeline& pipeline) {
    const Span first = pipeline.front().span;
    const Span last = pipeline.back().span;
    return first.source == last.source && first.begin <= last.begin ? join(first, last) : first;
  }

  bool allowed(const Family& family, std::string_view id, std::string_view name) {
    return is_allowed(family, id, name, used_);
  }

  template <class Kind>
  bool allowed(const Family& family, const Kind& kind) {
    return allowed(family, kind.id, kind.name);
  }

  void losses(const Family& family, const Pipeline& right, const Pipeline& left, Span place) {
    for (const Pipeline* pipeline : {&right, &left}) {
      for (const Call& call : *pipeline) {
        if (call.op->name != "cast") continue;
        const DType type = std::get<DType>(call.arguments.front());
        if (type == DType::F32 || type == DType::F64) continue;
        if (!allowed(family, diag::UndeclaredLoss)) {
          report(diags_, call.span, diag::UndeclaredLoss, to_string(Pipeline{call}))
              .label(fmt::format("{} keeps fewer bits than what may arrive", rule_name(type)))
              .help("if the loss is meant, say so behind the hook: `allow undeclared-loss \"why\"`");
        }
        if (type == DType::F16 && !allowed(family, diag::OverflowCast)) {
          report(diags_, call.span, diag::OverflowCast, "bf16", "f16")
              .note("44 % of all bfloat16 values overflow in float16, and 40 % become 0; weights mostly do not")
              .help("allow it where the range is known: `allow overflow-cast \"why\"`");
        }
      }
    }
    (void)place;
  }

  void trips(const Numbers& numbers, const Family& family, const Pipeline& along, Span place) {
    const RoundTrip from_right = round_trip(numbers, SideId::Right, DType::Bf16, cache_);
    const RoundTrip from_left = round_trip(numbers, SideId::Left, DType::Bf16, cache_);
    const Pipeline& right = *numbers.towards[number(SideId::Right)];
    const Pipeline& left = *numbers.towards[number(SideId::Left)];
    const bool adds = uses(right, {"add", "sub"}) || uses(left, {"add", "sub"});
    const bool exact_one_way = from_right.weights_share == 1 || from_left.weights_share == 1;
    if (adds && !exact_one_way && !allowed(family, diag::InexactAdd)) {
      const RoundTrip& trip = from_right;
      Finding finding = report(diags_, place, diag::InexactAdd, to_string(along), "bfloat16");
      finding.label("rounded to bfloat16 both ways");
      finding.note(fmt::format("tried all 65,280 finite values: of 0 and 2^-16 <= |x| <= 8 only {:.1f} % come back",
                               100 * trip.weights_share));
      if (trip.lost && trip.lost_as) finding.note(fmt::format("{} comes back as {}", *trip.lost, *trip.lost_as));
      finding.help(fmt::format("store the other side as float32: `{} reverse cast(f32) | {}`", to_string(along),
                               to_string(inverse(along).value_or(Pipeline{}))));
      finding.help("or accept it behind the hook: `allow inexact-add \"why\"`");
    }
    const bool drifts = from_right.fidelity == Fidelity::Drifts || from_left.fidelity == Fidelity::Drifts;
    if (!adds && drifts && !allowed(family, diag::UnstableReverse)) {
      const RoundTrip& trip = from_right.fidelity == Fidelity::Drifts ? from_right : from_left;
      Finding finding = report(diags_, place, diag::UnstableReverse, to_string(right),
                               trip.drifts ? fmt::format("{}", *trip.drifts) : std::string("a value"));
      finding.note(fmt::format(
          "the way back is `{}`; in bfloat16 {:.1f} % of the weights come back, the rest off by at most {} ulp",
          to_string(left), 100 * trip.weights_share, trip.worst_ulp));
      finding.help(
          "a reverse that divides by the same constant settles after one pass; or `allow unstable-reverse \"why\"` "
          "where bits must match a reference");
    }
    if (!adds && !exact_one_way && !allowed(family, diag::InexactScale))
      report(diags_, place, diag::InexactScale, to_string(along), "bfloat16");
    const auto arithmetic = std::ranges::count_if(along, [](const Call& c) { return c.op->domain != OpDomain::Any; });
    if (arithmetic > 1 && !allowed(family, diag::DoubleRounding))
      report(diags_, place, diag::DoubleRounding, to_string(along));
  }

  /// A bare constant takes the type of the running value: 0.1 is not 0.1 in bfloat16.
  void constants(const Family& family, const Pipeline& pipeline) {
    DType running = DType::Bf16;
    for (const Call& call : pipeline) {
      if (call.op->name == "cast") {
        running = std::get<DType>(call.arguments.front());
        continue;
      }
      for (const CallArgument& argument : call.arguments) {
        const auto* constant = std::get_if<Constant>(&argument);
        if (constant == nullptr || constant->type || running != DType::Bf16) continue;
        const double rounded = rulec::rounded(constant->value, running);
        if (rounded == constant->value || allowed(family, diag::ConstantRounded)) continue;
        report(diags_, call.span, diag::ConstantRounded, fmt::format("{}", constant->value), fmt::format("{}", rounded),
               "bfloat16")
            .help(fmt::format("give the constant a type of its own: `{}(f32(...))`", call.op->name));
      }
    }
  }

  const Pack& pack_;
  RoundTripCache& cache_;
  std::set<std::uint32_t>& used_;
  Diagnostics& diags_;
};

}  // namespace

const RoundTrip& RoundTripCache::find(const Pipeline& there, const std::optional<Pipeline>& back, DType start) {
  for (const Entry& entry : entries_) {
    if (entry.start == start && entry.there == there && entry.back == back) return entry.trip;
  }
  entries_.push_back({there, back, start, try_round_trip(there, back, start, std::nullopt)});
  return entries_.back().trip;
}

RoundTrip round_trip(const Numbers& numbers, SideId start_side, DType start, RoundTripCache& cache) {
  const auto& there = numbers.towards[number(other(start_side))];
  const auto& back = numbers.towards[number(start_side)];
  RoundTrip one_way;
  one_way.fidelity = Fidelity::OneWay;
  if (!there || !back) return one_way;
  if (there->empty() && back->empty()) {
    RoundTrip exact;
    exact.all_values = true;
    return exact;
  }
  return cache.find(*there, back, start);
}

std::string describe(const RoundTrip& trip) {
  switch (trip.fidelity) {
    case Fidelity::Exact:
      return "exact";
    case Fidelity::OneWay:
      return "one-way";
    case Fidelity::Stable:
      if (trip.weights_share == 1 && trip.exact_from)
        return fmt::format("exact for |x| >= {:.2g}, else stable", *trip.exact_from);
      return fmt::format("stable (<= {} ulp)", trip.worst_ulp);
    case Fidelity::Drifts:
      return fmt::format("drifts (<= {} ulp a pass; {:.1f} % come back)", trip.worst_ulp, 100 * trip.weights_share);
  }
  return {};
}

bool is_allowed(const Family& family, std::string_view id, std::string_view name,
                std::set<std::uint32_t>& used_permissions) {
  bool allowed = false;
  for (const Permission& permission : family.permissions) {
    if (permission.id != id && permission.id != name) continue;
    used_permissions.insert(permission.span.begin);
    allowed = true;
  }
  return allowed;
}

Status check_numbers(const Pack& pack, RoundTripCache& cache, std::set<std::uint32_t>& used_permissions,
                     Diagnostics& diags) {
  const std::size_t errors = diags.errors();
  const std::size_t before = diags.all().size();
  NumbersCheck(pack, cache, used_permissions, diags).run();
  diags.deduplicate(before);
  if (diags.errors() > errors) return diags.failed();
  return Done{};
}

}  // namespace rulec
