// SPDX-License-Identifier: Apache-2.0
#include "engine/pack/pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "grammar/messages.h"
#include "grammar/overloaded.h"

namespace rulec {
namespace {

/// Axes and groups of one shape, and the products that they make: real shapes have ten.
constexpr std::int64_t MaxDims = 1000;
constexpr std::int64_t MaxMonomials = 4096;

class PatternBuilder {
 public:
  PatternBuilder(Evaluator& evaluator, const ast::File& file, AxisTable& axes, const std::vector<std::string>* without)
      : evaluator_(evaluator), file_(file), axes_(axes), without_(without) {}

  Result<SizedPattern> build(ast::ShapeId shape) {
    const Span span = file_[shape].span;
    if (!append(file_[shape].dims, result_.pattern)) return diags().failed();
    const std::int64_t monomials = axes::count_monomials(result_.pattern);
    if (monomials > MaxMonomials) {
      return report(diags(), span, diag::TooManyIndices, fmt::format("this shape is a sum of {} products", monomials),
                    MaxMonomials)
          .note("sums are distributed: `(a + b)` twelve times is a sum of 4096 products");
    }
    if (!evaluator_.admit(span, monomials)) return diags().failed();
    return std::move(result_);
  }

 private:
  Diagnostics& diags() { return evaluator_.diags(); }

  Status append(const std::vector<ast::DimId>& from, std::vector<axes::PatternDim>& to) {
    for (const ast::DimId id : from) {
      const ast::Dim& dim = file_[id];
      if (++dims_ > MaxDims)
        return report(diags(), dim.span, diag::TooManyIndices, "this shape has too many axes", MaxDims);
      const Status done = std::visit([&](const auto& node) { return add(dim.span, node, to); }, dim.node);
      if (!done) return diags().failed();
    }
    return Done{};
  }

  Status add(Span, const ast::Unit&, std::vector<axes::PatternDim>& to) {
    to.push_back({axes::UnitDim{}});
    return Done{};
  }

  Status add(Span span, const ast::Axis& axis, std::vector<axes::PatternDim>& to) {
    const Binding* binding = evaluator_.local(axis.name.text);
    if (binding != nullptr && binding->is_index) {
      if (without_ != nullptr) {
        evaluator_.touch();
        if (std::ranges::find(*without_, binding->name) != without_->end()) return Done{};
      }
      const std::int64_t position = std::get<Rational>(binding->value).numerator;
      if (position < 0) {
        return report(diags(), span, diag::IndexOutOfRange, axis.name.text, std::to_string(position),
                      "a position along an axis counts from 0");
      }
      result_.slots.push_back({axis.name.text, position, binding->extent});
      to.push_back({axes::IndexDim{result_.slots.size() - 1, 1}});
      return Done{};
    }
    if (binding != nullptr && binding->is_index_expression)
      return evaluator_.from_uses(report(diags(), span, diag::IndexInShape, axis.name.text));
    Result<std::int64_t> size = axis_size(axis.name);
    if (!size) return diags().failed();
    Result<std::int64_t> block = block_size(axis.block);
    if (!block) return diags().failed();
    const std::int64_t here = *size / *block + (*size % *block != 0 ? 1 : 0);
    to.push_back({axes::AxisDim{axes_.intern(axis.name), here, *block}});
    return Done{};
  }

  Status add(Span span, const ast::Group& group, std::vector<axes::PatternDim>& to) {
    axes::GroupDim result;
    for (const std::vector<ast::DimId>& summand : group.summands) {
      if (!append(summand, result.summands.emplace_back())) return diags().failed();
    }
    if (group.pad) {
      Result<std::int64_t> whole = evaluator_.whole(file_, *group.pad, "a padded size");
      if (!whole) return diags().failed();
      if (const auto small = axes::find_small_pad({{axes::GroupDim{result.summands, *whole, 1}}}))
        return evaluator_.from_uses(report_small_pad(diags(), span, *small));
      result.pad = *whole;
    }
    Result<std::int64_t> block = block_size(group.block);
    if (!block) return diags().failed();
    result.block = *block;
    to.push_back({std::move(result)});
    return Done{};
  }

  Result<std::int64_t> axis_size(const ast::Name& name) {
    Result<Value> value = evaluator_.name(name);
    if (!value) return diags().failed();
    if (!has_value(*value))
      return evaluator_.report_no_value(name.span, fmt::format("the size of axis `{}`", name.text));
    const std::optional<Rational> size = exact_number(*value);
    if (!size)
      return report(diags(), name.span, diag::WrongType, "the size of an axis, a whole number", to_string(*value));
    if (!size->is_whole()) {
      return report(diags(), name.span, diag::IndexRemainder, name.text)
          .label("the size of an axis is a whole number")
          .note(fmt::format("here it is {}", to_string(*value)));
    }
    if (size->numerator < 0) {
      return report(diags(), name.span, diag::IndexOutOfRange, name.text, std::to_string(size->numerator),
                    "a size is not negative");
    }
    return size->numerator;
  }

  /// 1 for what is not in blocks.
  Result<std::int64_t> block_size(const std::optional<ast::Name>& divisor) {
    if (!divisor) return 1;
    const ast::Name& name = *divisor;
    std::int64_t number = 0;
    const char* end = name.text.data() + name.text.size();
    if (std::from_chars(name.text.data(), end, number).ptr != end) {
      Result<std::int64_t> size = axis_size(name);
      if (!size) return size;
      number = *size;
    }
    if (number < 1)
      return report(diags(), name.span, diag::IndexOutOfRange, name.text, std::to_string(number),
                    "a block has a cell at least");
    return number;
  }

  Evaluator& evaluator_;
  const ast::File& file_;
  AxisTable& axes_;
  const std::vector<std::string>* without_;
  SizedPattern result_;
  std::int64_t dims_ = 0;
};

}  // namespace

Finding report_small_pad(Diagnostics& diags, Span place, const axes::SmallPad& pad) {
  return report(diags, place, diag::SizeDiffers, fmt::format("{} cells cannot be padded to {}", pad.cells, pad.padded))
      .help("`(V pad Vp)` holds V cells in front and zeros behind: Vp is the larger one");
}

axes::AxisId AxisTable::intern(const ast::Name& name) {
  const auto found = std::ranges::find(names, name.text);
  if (found != names.end()) return static_cast<axes::AxisId>(found - names.begin());
  names.push_back(name.text);
  spans.push_back(name.span);
  return static_cast<axes::AxisId>(names.size() - 1);
}

Result<SizedPattern> size_pattern(Evaluator& evaluator, const ast::File& file, ast::ShapeId shape, AxisTable& axes,
                                  const std::vector<std::string>* without) {
  return PatternBuilder(evaluator, file, axes, without).build(shape);
}

std::vector<BracketValue> in_order(std::vector<BracketValue> brackets) {
  std::ranges::stable_sort(brackets, {}, &BracketValue::axis);
  return brackets;
}

void insert_brackets(SizedPattern& pattern, const std::vector<BracketValue>& brackets) {
  for (const BracketValue& bracket : in_order(brackets)) {
    pattern.slots.push_back({{}, bracket.position, bracket.position + 1});
    const auto at = std::min<std::int64_t>(bracket.axis, static_cast<std::int64_t>(pattern.pattern.size()));
    // A temporary here is moved from by each branch of `insert`, which g++ 12 takes for an uninitialised one under
    // sanitizers.
    const axes::PatternDim dim{axes::IndexDim{pattern.slots.size() - 1, 1}};
    pattern.pattern.insert(pattern.pattern.begin() + at, dim);
  }
}

std::string shape_text(const Diagnostics& diags, const ast::File& file, ast::ShapeId shape) {
  return std::string(diags.sources().text(file[shape].span));
}

}  // namespace rulec
