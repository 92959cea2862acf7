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

bool uses(const Pipeline& pipeline, std::initializer_list<const OpDef*> ops) {
  return std::ranges::any_of(pipeline, [&](const Call& call) { return std::ranges::find(ops, call.op) != ops.end(); });
}

struct NotUndone {
  double start = 0;
  double returned = 0;
};

bool works(const Pipeline& pipeline, const Types& types) {
  Diagnostics unheard;
  return static_cast<bool>(check_types(pipeline, types, {}, "", unheard));
}

std::vector<std::byte> converted(std::span<const std::byte> bytes, DType from, DType to) {
  std::vector<std::byte> result(bytes.size() / static_cast<std::size_t>(bits(from)) *
                                static_cast<std::size_t>(bits(to)));
  apply({}, {from, from, to}, bytes, {}, result);
  return result;
}

/// Whether `back` undoes `there` but for rounding: tried where numbers are of the size of 1, or on whole numbers where
/// the hooks work on these only. A reverse that is another function is off by more than the 1/64 that a constant
/// rounded to bfloat16 may cost. Nothing if no type fits: what arrives then is refused by its type.
std::optional<NotUndone> not_undone(const Pipeline& there, const Pipeline& back) {
  for (const DType start : {DType::F32, DType::I32, DType::U8, DType::I64, DType::U64}) {
    const Types out = types_of(there, start, std::nullopt);
    const Types home = types_of(back, out.stored, start);
    if (!works(there, out) || !works(back, home)) continue;
    const std::array<double, 8> samples = start == DType::F32
                                              ? std::array<double, 8>{0.5, 0.75, 1.0, 1.25, 1.5, 2.0, -0.75, -1.5}
                                              : std::array<double, 8>{1, 2, 3, 5, 77, 100, 300, 70000};
    const std::vector<std::byte> in = converted(std::as_bytes(std::span(samples)), DType::F64, start);
    std::vector<std::byte> middle(samples.size() * static_cast<std::size_t>(bits(out.stored)) / 8);
    apply(there, out, in, {}, middle);
    std::vector<std::byte> bytes(samples.size() * static_cast<std::size_t>(bits(home.stored)) / 8);
    apply(back, home, middle, {}, bytes);
    const std::vector<std::byte> given = converted(in, start, DType::F64);  // small integers do not hold all samples
    const std::vector<std::byte> results = converted(bytes, home.stored, DType::F64);
    for (std::size_t i = 0; i < samples.size(); ++i) {
      double sample = 0;
      double result = 0;
      std::memcpy(&sample, given.data() + i * sizeof sample, sizeof sample);
      std::memcpy(&result, results.data() + i * sizeof result, sizeof result);
      if (std::isnan(result)) continue;  // outside the domain of a logarithm
      if (std::abs(result - sample) > std::abs(sample) / 64) return NotUndone{sample, result};
    }
    return std::nullopt;
  }
  return std::nullopt;
}

class NumbersCheck {
 public:
  /// Without a cache, errors only.
  NumbersCheck(const Pack& pack, RoundTripCache* cache, UsedPermissions& used, Diagnostics& diags)
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
    if ((!right || right->empty()) && (!left || left->empty())) return;
    const Pipeline& along = family.arrow == ast::Arrow::Left ? *left : *right;
    const Span place = along.empty() ? family.span : join_calls(along);
    const bool both = right && left && !takes_tensor(*right) && !takes_tensor(*left);
    if (both && !undoes(*right, *left, place)) return;
    if (both) losses(family, *right, *left);
    if (cache_ == nullptr) return;
    if (both) trips(numbers, family, along, place);
    for (const auto& pipeline : {right, left}) {
      if (pipeline) constants(family, *pipeline);
    }
    for (const Pipeline& operand : numbers.operands) constants(family, operand);
  }

  bool undoes(const Pipeline& right, const Pipeline& left, Span place) {
    const std::optional<NotUndone> witness = not_undone(right, left);
    if (!witness) return true;
    report(diags_, place, diag::ReverseDisagrees, to_string(right))
        .label("left to right")
        .note(fmt::format("the way back is `{}`: {} comes back as {}", to_string(left), witness->start,
                          static_cast<float>(witness->returned)))
        .help("leave `reverse` out, and each op is undone by its inverse; or correct it");
    return false;
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

  void losses(const Family& family, const Pipeline& right, const Pipeline& left) {
    for (const Pipeline* pipeline : {&right, &left}) {
      for (const Call& call : *pipeline) {
        if (call.op != &ops::Cast) continue;
        const DType type = std::get<DType>(call.arguments.front());
        if (type == DType::F32 || type == DType::F64) continue;
        if (!allowed(family, diag::UndeclaredLoss)) {
          report(diags_, call.span, diag::UndeclaredLoss, to_string(Pipeline{call}))
              .label(fmt::format("{} keeps fewer bits than what may arrive", rule_name(type)))
              .help("if the loss is meant, say so behind the hook: `allow undeclared-loss \"why\"`");
        }
        if (cache_ != nullptr && type == DType::F16 && !allowed(family, diag::OverflowCast)) {
          report(diags_, call.span, diag::OverflowCast, "bf16", "f16")
              .note("44 % of all bfloat16 values overflow in float16, and 40 % become 0; weights mostly do not")
              .help("allow it where the range is known: `allow overflow-cast \"why\"`");
        }
      }
    }
  }

  void trips(const Numbers& numbers, const Family& family, const Pipeline& along, Span place) {
    const RoundTrip from_right = round_trip(numbers, SideId::Right, DType::Bf16, *cache_);
    const RoundTrip from_left = round_trip(numbers, SideId::Left, DType::Bf16, *cache_);
    const bool exact_one_way = from_right.weights_share == 1 || from_left.weights_share == 1;
    const Pipeline& right = *numbers.towards[number(SideId::Right)];
    const Pipeline& left = *numbers.towards[number(SideId::Left)];
    const bool adds = uses(right, {&ops::Add, &ops::Sub}) || uses(left, {&ops::Add, &ops::Sub});
    if (from_right.fidelity == Fidelity::OneWay || from_left.fidelity == Fidelity::OneWay) return;  // of integers
    if (adds && !exact_one_way && !allowed(family, diag::InexactAdd)) report_inexact_add(from_right, along, place);
    const bool drifts = from_right.fidelity == Fidelity::Drifts || from_left.fidelity == Fidelity::Drifts;
    if (!adds && drifts && !allowed(family, diag::UnstableReverse))
      report_drift(from_right.fidelity == Fidelity::Drifts ? from_right : from_left, right, left, place);
    if (!adds && !exact_one_way && !allowed(family, diag::InexactScale))
      report(diags_, place, diag::InexactScale, to_string(along), "bfloat16");
    const auto arithmetic = std::ranges::count_if(along, [](const Call& c) { return c.op->domain != OpDomain::Any; });
    if (arithmetic > 1 && !allowed(family, diag::DoubleRounding))
      report(diags_, place, diag::DoubleRounding, to_string(along));
  }

  void report_inexact_add(const RoundTrip& trip, const Pipeline& along, Span place) {
    Finding finding = report(diags_, place, diag::InexactAdd, to_string(along), "bfloat16");
    finding.label("rounded to bfloat16 both ways");
    finding.note(fmt::format("tried all 65,280 finite values: of 0 and 2^-16 <= |x| <= 8 only {} come back",
                             percent(trip.weights_share)));
    if (trip.lost && trip.lost_as) finding.note(fmt::format("{} comes back as {}", *trip.lost, *trip.lost_as));
    finding.help(fmt::format("store the other side as float32: `{} reverse cast(f32) | {}`", to_string(along),
                             to_string(inverse(along).value_or(Pipeline{}))));
    finding.help("or accept it behind the hook: `allow inexact-add \"why\"`");
  }

  void report_drift(const RoundTrip& trip, const Pipeline& right, const Pipeline& left, Span place) {
    const std::string rest = trip.worst_ulp == RoundTrip::NotFinite
                                 ? "some of the rest as infinities or NaNs"
                                 : fmt::format("the rest off by at most {} ulp", trip.worst_ulp);
    report(diags_, place, diag::UnstableReverse, to_string(right),
           trip.drifts ? fmt::format("{}", *trip.drifts) : std::string("a value"))
        .note(fmt::format("the way back is `{}`; in bfloat16, of 0 and 2^-16 <= |x| <= 8, {} come back, {}",
                          to_string(left), percent(trip.weights_share), rest))
        .help(
            "a reverse that divides by the same constant settles after one pass; or `allow unstable-reverse \"why\"` "
            "where bits must match a reference");
  }

  /// A bare constant takes the type of the running value: 0.1 is not 0.1 in bfloat16.
  void constants(const Family& family, const Pipeline& pipeline) {
    DType running = DType::Bf16;
    for (const Call& call : pipeline) {
      if (call.op == &ops::Cast) {
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
  RoundTripCache* cache_;
  UsedPermissions& used_;
  Diagnostics& diags_;
};

Status checked(const Pack& pack, RoundTripCache* cache, UsedPermissions& used, Diagnostics& diags) {
  const std::size_t errors = diags.errors();
  const std::size_t before = diags.all().size();
  NumbersCheck(pack, cache, used, diags).run();
  diags.deduplicate(before);
  if (diags.errors() > errors) return diags.failed();
  return Done{};
}

}  // namespace

bool is_allowed(const Family& family, std::string_view id, std::string_view name, UsedPermissions& used) {
  bool allowed = false;
  for (const Permission& permission : family.permissions) {
    if (permission.id != id && permission.id != name) continue;
    used.insert(permission.span);
    allowed = true;
  }
  return allowed;
}

Status prove_numbers(const Pack& pack, UsedPermissions& used, Diagnostics& diags) {
  return checked(pack, nullptr, used, diags);
}

Status check_numbers(const Pack& pack, RoundTripCache& cache, UsedPermissions& used, Diagnostics& diags) {
  return checked(pack, &cache, used, diags);
}

}  // namespace rulec
