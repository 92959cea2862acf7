// SPDX-License-Identifier: Apache-2.0
#include "engine/pack/path.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "grammar/messages.h"
#include "grammar/overloaded.h"

namespace rulec {
namespace {

/// No tensor has so long a name, or lies in so many stacks.
constexpr std::int64_t MaxName = 65'536;
constexpr std::size_t MaxBrackets = 64;

/// What is set aside for the rest of a name, which most fit into.
constexpr std::size_t RoomForName = 64;

/// `added` is how many characters were written.
Status check_limits(Evaluator& evaluator, const PathValue& path, std::size_t added, Span place) {
  const auto length = static_cast<std::int64_t>(path.name.size());
  if (length > MaxName)
    return report(evaluator.diags(), place, diag::TooManyIndices, "this name has too many characters", MaxName);
  if (path.brackets.size() > MaxBrackets) {
    return report(evaluator.diags(), path.brackets.back().span, diag::BracketAxis,
                  fmt::format("more than {} brackets stand in one path", MaxBrackets));
  }
  return evaluator.admit(place, 1 + static_cast<std::int64_t>(added) / 16);
}

/// Writes templates behind what stands in front of them.
class PathWriter {
 public:
  /// Limits are reported at `place`.
  PathWriter(Evaluator& evaluator, PathValue& value, Span place)
      : evaluator_(evaluator), value_(value), place_(place) {}

  /// `begin` is where the name begins that the first segment is the first of: no dot stands in front of it.
  Status write(const ast::File& file, ast::TemplateId path, std::size_t begin) {
    std::string& name = value_.name;
    for (const ast::Segment& segment : file[path].segments) {
      const std::size_t before = name.size();
      if (before > begin) name += '.';
      const std::size_t first = name.size();
      for (const ast::Part& part : segment.parts) {
        const Status done = std::visit([&](const auto& node) { return add(file, part.span, node); }, part.node);
        if (!done) return evaluator_.diags().failed();
      }
      if (name.size() == first) name.resize(before);  // an empty segment vanishes
      if (!check_limits(evaluator_, value_, name.size() - before, place_)) return evaluator_.diags().failed();
    }
    return Done{};
  }

 private:
  Status add(const ast::File&, Span, const ast::Text& node) {
    value_.name += node.text;
    return Done{};
  }

  Status add(const ast::File& file, Span, const ast::Hole& hole) {
    std::string& text = value_.name;
    const auto* key = std::get_if<ast::Key>(&file[hole.index].node);
    const Binding* binding =
        key != nullptr && key->parts.size() == 1 ? evaluator_.local(key->parts.front().text) : nullptr;
    if (binding != nullptr && binding->is_index) value_.printed.push_back(binding->name);
    if (binding != nullptr && binding->label) {
      evaluator_.touch();
      text += *binding->label;
      return Done{};
    }
    if (binding != nullptr) {
      if (const auto* words = std::get_if<std::string>(&binding->value)) {
        text += *words;
        return Done{};
      }
    } else if (key != nullptr || std::holds_alternative<ast::String>(file[hole.index].node) ||
               std::holds_alternative<ast::Conditional>(file[hole.index].node)) {
      Result<Value> words = evaluator_.evaluate(file, hole.index);
      if (!words) return evaluator_.diags().failed();
      if (const auto* string = std::get_if<std::string>(&*words)) {
        text += *string;
        return Done{};
      }
    }
    Result<std::int64_t> number = position(file, hole.index, "a number in a name");
    if (!number) return evaluator_.diags().failed();
    text += std::to_string(*number);
    return Done{};
  }

  Status add(const ast::File& file, Span span, const ast::Bracket& bracket) {
    Result<std::int64_t> index = position(file, bracket.index, "a position in a stack");
    Result<std::int64_t> axis = evaluator_.whole(file, bracket.axis, "the axis of a stack");
    if (!index || !axis) return evaluator_.diags().failed();
    if (*axis < 0) {
      return evaluator_
          .citing(report(evaluator_.diags(), span, diag::BracketAxis,
                         fmt::format("layers cannot be stacked along axis {}", *axis)),
                  file, bracket.axis)
          .help("axes count from 0 in the stored tensor");
    }
    if (*index == std::numeric_limits<std::int64_t>::max()) {
      return report(evaluator_.diags(), file[bracket.index].span, diag::IndexOutOfRange,
                    evaluator_.diags().sources().text(file[bracket.index].span), std::to_string(*index),
                    "no axis is so long");
    }
    value_.brackets.push_back({*axis, *index, span, &file, bracket.axis});
    return Done{};
  }

  Status add(const ast::File& file, Span, const ast::PathUse& use) {
    const Definition* found = evaluator_.rules().find(use.path.text);
    if (found == nullptr || found->kind != DefinitionKind::Path) {
      return report(evaluator_.diags(), use.path.span, diag::UnresolvedName, "path", use.path.text);
    }
    const ast::File& home = evaluator_.rules().files[found->file];
    const auto& path = std::get<ast::Path>(evaluator_.rules().statement(*found).node);
    Result<std::vector<Binding>> arguments = evaluator_.bind(file, use.arguments, home, path.parameters);
    if (!arguments) return evaluator_.diags().failed();
    const Evaluator::Level level(evaluator_, path.name.text);
    if (!evaluator_.admit(use.path.span)) return evaluator_.diags().failed();
    const Evaluator::Scope scope(evaluator_, *std::move(arguments), false);
    for (const ast::PathBranch& branch : path.branches) {
      if (branch.condition) {
        Result<bool> holds = evaluator_.condition(home, *branch.condition);
        if (!holds) return evaluator_.diags().failed();
        if (!*holds) continue;
      }
      return write(home, branch.path, value_.name.size());
    }
    return Done{};
  }

  /// A whole number that is not negative.
  Result<std::int64_t> position(const ast::File& file, ast::ExprId expr, std::string_view what) {
    Result<std::int64_t> number = evaluator_.whole(file, expr, what);
    if (!number || *number >= 0) return number;
    const Span span = file[expr].span;
    return report(evaluator_.diags(), span, diag::IndexOutOfRange, evaluator_.diags().sources().text(span),
                  std::to_string(*number), fmt::format("{} counts from 0", what));
  }

  Evaluator& evaluator_;
  PathValue& value_;
  Span place_;
};

}  // namespace

Result<PathValue> append_path(Evaluator& evaluator, const ast::File& file, const PathValue& prefix,
                              ast::TemplateId path) {
  PathValue whole;
  whole.name.reserve(prefix.name.size() + RoomForName);
  whole.name = prefix.name;
  whole.brackets = prefix.brackets;
  whole.printed = prefix.printed;
  if (!PathWriter(evaluator, whole, file[path].span).write(file, path, 0)) return evaluator.diags().failed();
  for (std::size_t i = 0; i < whole.brackets.size(); ++i) {
    for (std::size_t k = i + 1; k < whole.brackets.size(); ++k) {
      if (whole.brackets[i].axis == whole.brackets[k].axis) {
        return report(evaluator.diags(), whole.brackets[k].span, diag::BracketAxis,
                      fmt::format("two brackets stack along axis {}", whole.brackets[k].axis))
            .also(whole.brackets[i].span, "the other")
            .help("a deeper bracket may be written `@ axis + 1`");
      }
    }
  }
  return whole;
}

}  // namespace rulec
