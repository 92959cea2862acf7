// SPDX-License-Identifier: Apache-2.0
#include "engine/pack/hooks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "engine/scalar/op.h"
#include "grammar/messages.h"
#include "grammar/overloaded.h"

namespace rulec {
namespace {

/// A pipeline along the arrow with the one that undoes it, if there is one.
struct Ways {
  Pipeline along;
  std::optional<Pipeline> back = Pipeline{};
};

class HookExpander {
 public:
  HookExpander(Evaluator& evaluator, const PathValue& prefix, AxisTable& axes, HookPipelines& result)
      : evaluator_(evaluator), prefix_(prefix), axes_(axes), result_(result) {}

  Result<Ways> expand(const ast::File& file, const ast::Pipeline& ops, bool outermost) {
    Ways whole;
    std::vector<Pipeline> back;  // of each op, first to last
    for (const ast::Op& op : ops) {
      Result<Ways> ways = expand(file, op);
      if (!ways || !evaluator_.admit(op.span, static_cast<std::int64_t>(ways->along.size()))) return diags().failed();
      whole.along.insert(whole.along.end(), ways->along.begin(), ways->along.end());
      if (outermost && !ways->back && result_.one_way == nullptr) result_.one_way = &op;
      if (!ways->back) whole.back.reset();
      if (whole.back) back.push_back(*std::move(ways->back));
    }
    for (auto op = back.rbegin(); whole.back && op != back.rend(); ++op)
      whole.back->insert(whole.back->end(), op->begin(), op->end());
    return whole;
  }

 private:
  using Tensors =
      std::map<std::string, std::size_t, std::less<>>;  // tensor parameters of the hook that is being expanded

  Diagnostics& diags() { return evaluator_.diags(); }

  Result<Ways> expand(const ast::File& file, const ast::Op& op) {
    const Definition* found = evaluator_.rules().find(op.name.text);
    if (found != nullptr && found->kind == DefinitionKind::Hook) return expand_hook(file, op, *found);
    const OpDef* def = find_op(op.name.text);
    if (def == nullptr) return report(diags(), op.name.span, diag::UnresolvedName, "hook or op", op.name.text);
    Result<Call> call = make_call(file, op, *def);
    if (!call) return diags().failed();
    Pipeline along{*std::move(call)};
    std::optional<Pipeline> back = inverse(along);
    return Ways{std::move(along), std::move(back)};
  }

  Result<Ways> expand_hook(const ast::File& file, const ast::Op& op, const Definition& found) {
    const ast::File& home = evaluator_.rules().files[found.file];
    const auto& hook = std::get<ast::Hook>(evaluator_.rules().statement(found).node);
    const Evaluator::Level level(evaluator_, hook.name.text);
    if (!evaluator_.admit(op.span)) return diags().failed();
    result_.hooks.push_back(&hook);

    std::vector<ast::Argument> numbers;
    std::vector<ast::Parameter> number_parameters;
    Tensors tensors;
    std::size_t position = 0;
    std::vector<bool> taken(hook.parameters.size());
    for (const ast::OpArgument& argument : op.arguments) {
      const auto at =
          argument.name
              ? std::ranges::find(hook.parameters, argument.name->text, [](const auto& p) { return p.name.text; })
              : hook.parameters.begin() + static_cast<std::ptrdiff_t>(std::min(position++, hook.parameters.size()));
      if (at == hook.parameters.end())
        return report(diags(), op.span, diag::WrongArguments, "the hook", op.name.text,
                      "is given an argument it does not take");
      if (const auto* term = std::get_if<ast::TermId>(&argument.value)) {
        Result<std::size_t> operand = add_operand(file, *term);
        if (!operand) return diags().failed();
        tensors[at->name.text] = *operand;
        taken[static_cast<std::size_t>(at - hook.parameters.begin())] = true;
      } else {
        const auto expr = std::get<ast::ExprId>(argument.value);
        if (const std::optional<std::size_t> operand = passed_on(file, expr)) {
          tensors[at->name.text] = *operand;
          taken[static_cast<std::size_t>(at - hook.parameters.begin())] = true;
          continue;
        }
        Result<Value> value = evaluator_.evaluate(file, expr);
        if (!value) return diags().failed();
        if (!has_value(*value))
          return evaluator_.report_no_value(file[expr].span, fmt::format("the hook `{}`", op.name.text));
        numbers.push_back({at->name, expr});
      }
    }
    for (std::size_t i = 0; i < hook.parameters.size(); ++i) {
      if (!taken[i]) number_parameters.push_back(hook.parameters[i]);
    }
    Result<std::vector<Binding>> bindings = evaluator_.bind(file, numbers, home, number_parameters);
    if (!bindings) return diags().failed();

    const Evaluator::Scope scope(evaluator_, *std::move(bindings), false);
    const Tensors outer = std::exchange(tensors_, std::move(tensors));
    ++depth_;
    Result<Ways> ways = expand(home, hook.forward, false);
    if (ways && hook.reverse) {
      if (Result<Ways> reverse = expand(home, *hook.reverse, false)) {
        ways->back = std::move(reverse->along);
      } else {
        ways = diags().failed();
      }
    }
    --depth_;
    tensors_ = outer;
    return ways;
  }

  /// The tensor parameter that an argument names, when one hook hands its tensor to another.
  std::optional<std::size_t> passed_on(const ast::File& file, ast::ExprId expr) const {
    const auto* key = std::get_if<ast::Key>(&file[expr].node);
    if (key == nullptr || key->parts.size() != 1) return std::nullopt;
    const auto tensor = tensors_.find(key->parts.front().text);
    if (tensor == tensors_.end()) return std::nullopt;
    return tensor->second;
  }

  Result<std::size_t> add_operand(const ast::File& file, ast::TermId id) {
    const ast::Term& term = file[id];
    // What a rule writes is written anew for each instance: that its name depends on an index settles nothing.
    const bool touched = evaluator_.take_touched();
    Result<PathValue> path = append_path(evaluator_, file, prefix_, term.path);
    if (!path) return diags().failed();
    if (depth_ == 0) (void)evaluator_.take_touched();
    if (touched) evaluator_.touch();
    if (operand_) return report_nested(term.span);
    if (!term.shape) return report(diags(), term.span, diag::ShapeMissing, diags().sources().text(term.span));
    Result<SizedPattern> shape = size_pattern(evaluator_, file, *term.shape, axes_);
    if (!shape) return diags().failed();
    insert_brackets(*shape, path->brackets);
    Result<Pipeline> pipeline = operand_pipeline(file, term, path->name);
    if (!pipeline) return diags().failed();
    result_.operands.push_back({depth_ == 0 ? std::optional(term.path) : std::nullopt, *std::move(path),
                                *std::move(shape), *std::move(pipeline), term.span, file[*term.shape].span});
    return result_.operands.size() - 1;
  }

  /// What the hooks behind a tensor argument do to it. They run one way only, as the rule that reads it does.
  Result<Pipeline> operand_pipeline(const ast::File& file, const ast::Term& term, std::string_view name) {
    if (term.hooks.empty()) return Pipeline{};
    operand_ = name;
    Result<Ways> ways = expand(file, term.hooks, false);
    // A parameter of the hook around may have been handed on.
    if (ways && takes_tensor(ways->along)) ways = report_nested(join(term.hooks.front().span, term.hooks.back().span));
    operand_.reset();
    if (!ways) return diags().failed();
    return std::move(ways->along);
  }

  Finding report_nested(Span span) {
    return report(diags(), span, diag::WrongArguments, "the tensor argument", operand_.value_or(""),
                  "has hooks that read a tensor of their own: they take numbers only");
  }

  Result<Call> make_call(const ast::File& file, const ast::Op& op, const OpDef& def) {
    Call call{&def, {}, op.span};
    const auto count = static_cast<int>(op.arguments.size());
    if (count < def.min_arguments || count > def.max_arguments) {
      return report(diags(), op.span, diag::WrongArguments, "the op", op.name.text,
                    def.min_arguments == def.max_arguments
                        ? fmt::format("takes {} arguments, not {}", def.min_arguments, count)
                        : fmt::format("does not take {} arguments", count));
    }
    for (const ast::OpArgument& argument : op.arguments) {
      Result<CallArgument> value = std::visit(Overloaded{
                                                  [&](ast::ExprId expr) { return scalar_argument(file, expr, def); },
                                                  [&](ast::TermId term) -> Result<CallArgument> {
                                                    Result<std::size_t> operand = add_operand(file, term);
                                                    if (!operand) return diags().failed();
                                                    return CallArgument(Operand{*operand});
                                                  },
                                              },
                                              argument.value);
      if (!value) return diags().failed();
      call.arguments.push_back(*std::move(value));
    }
    return call;
  }

  Result<CallArgument> scalar_argument(const ast::File& file, ast::ExprId expr, const OpDef& def) {
    const Span span = file[expr].span;
    if (const auto* key = std::get_if<ast::Key>(&file[expr].node); key != nullptr && key->parts.size() == 1) {
      const std::string& name = key->parts.front().text;
      if (const auto tensor = tensors_.find(name); tensor != tensors_.end())
        return CallArgument(Operand{tensor->second});
      if (def.domain == OpDomain::Any) {
        if (const std::optional<DType> type = find_dtype(name)) return CallArgument(*type);
        return report(diags(), span, diag::WrongType, "a type such as `bf16` or `f32`", fmt::format("`{}`", name));
      }
    }
    Result<Value> value = evaluator_.evaluate(file, expr);
    if (!value) return diags().failed();
    if (!has_value(*value)) return evaluator_.report_no_value(span, fmt::format("the op `{}`", def.name));
    std::optional<double> number = as_double(*value);
    if (!number) return report(diags(), span, diag::WrongType, "a number", to_string(*value));
    // A table of floats tells -0 from 0, which fractions do not.
    const auto* unary = std::get_if<ast::Unary>(&file[expr].node);
    if (unary != nullptr && unary->op == ast::UnaryOp::Negate && *number == 0) number = -0.0;
    const bool divides = def.name == "div";
    if (!std::isfinite(*number) || (divides && *number == 0)) {
      return report(
          diags(), span, diag::BadArithmetic, diags().sources().text(span),
          divides && *number == 0 ? "division by zero" : fmt::format("it comes out as {}", to_string(*value)));
    }
    const auto* typed = std::get_if<TypedNumber>(&*value);
    return CallArgument(Constant{*number, typed == nullptr ? std::nullopt : std::optional(typed->type)});
  }

  Evaluator& evaluator_;
  const PathValue& prefix_;
  AxisTable& axes_;
  HookPipelines& result_;
  Tensors tensors_;
  int depth_ = 0;                            // hooks around what is expanded
  std::optional<std::string_view> operand_;  // the tensor argument whose hooks are being expanded
};

}  // namespace

Result<HookPipelines> expand_hooks(Evaluator& evaluator, const ast::File& file, const ast::Pipeline& ops,
                                   ast::Arrow arrow, const PathValue& prefix, AxisTable& axes) {
  HookPipelines result;
  Result<Ways> ways = HookExpander(evaluator, prefix, axes, result).expand(file, ops, true);
  if (!ways) return evaluator.diags().failed();
  const SideId along = arrow == ast::Arrow::Left ? SideId::Left : SideId::Right;
  result.towards[number(along)] = std::move(ways->along);
  if (arrow == ast::Arrow::Both) result.towards[number(other(along))] = std::move(ways->back);
  return result;
}

}  // namespace rulec
