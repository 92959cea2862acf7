// SPDX-License-Identifier: Apache-2.0
#include "grammar/print.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "grammar/overloaded.h"
#include "grammar/print_expr.h"
#include "grammar/reading.h"

namespace rulec {
namespace {

using printing::arguments;
using printing::in_quotes;
using printing::is_name;
using printing::Level;

class Printer {
 public:
  explicit Printer(const ast::File& file) : file_(file) {}

  std::string body(const ast::Body& statements) {
    std::string out;
    for (const ast::StatementId id : statements) {
      out +=
          std::string(2 * depth_, ' ') + std::visit([&](const auto& node) { return statement(node); }, file_[id].node);
      out += '\n';
    }
    return out;
  }

 private:
  template <class Items, class Print>
  static std::string list(const Items& items, std::string_view separator, Print print) {
    std::string out;
    bool is_first = true;
    for (const auto& item : items) {
      if (!std::exchange(is_first, false)) out += separator;
      out += print(item);
    }
    return out;
  }

  std::string expr(ast::ExprId id, Level least = Level::Value) const { return printing::expr(file_, id, least); }
  std::string condition(ast::ExprId id) const { return expr(id, Level::Default); }

  static std::string key(const ast::Key& key) {
    return list(key.parts, ".", [](const ast::Name& part) { return part.text; });
  }

  // ---- paths and shapes ------------------------------------------------------------------------------------------

  std::string path(ast::TemplateId id) const {
    const ast::Template& path = file_[id];
    if (path.segments.empty()) return ".";
    const auto print = [&](bool quote) {
      return list(path.segments, ".", [&](const ast::Segment& segment) { return this->segment(segment, quote); });
    };
    const std::string bare = print(false);
    const bool is_number =
        bare[0] >= '0' && bare[0] <= '9' && bare.find_first_not_of("0123456789.e") == std::string::npos;
    return is_number ? print(true) : bare;
  }

  std::string segment(const ast::Segment& segment, bool quote) const {
    std::string out;
    for (std::size_t i = 0; i < segment.parts.size(); ++i) {
      const bool is_before_use =
          i + 1 < segment.parts.size() && std::holds_alternative<ast::PathUse>(segment.parts[i + 1].node);
      out += part(segment.parts[i], quote || is_before_use);
    }
    return out;
  }

  std::string part(const ast::Part& part, bool quote) const {
    return std::visit(Overloaded{
                          [&](const ast::Text& node) {
                            const bool is_bare = !node.text.empty() && std::ranges::all_of(node.text, grammar::is_word);
                            return is_bare && !quote ? node.text : in_quotes(node.text);
                          },
                          [&](const ast::Hole& node) { return "<" + expr(node.index, Level::Sum) + ">"; },
                          [&](const ast::Bracket& node) {
                            return fmt::format("[{} @ {}]", condition(node.index), condition(node.axis));
                          },
                          [&](const ast::PathUse& node) { return node.path.text + arguments(file_, node.arguments); },
                      },
                      part.node);
  }

  std::string dims(const std::vector<ast::DimId>& ids) const {
    return list(ids, " ", [&](ast::DimId id) { return dim(file_[id]); });
  }

  std::string dim(const ast::Dim& dim) const {
    return std::visit(
        Overloaded{
            [](const ast::Axis& axis) { return axis.name.text + (axis.block ? "//" + axis.block->text : ""); },
            [](const ast::Unit&) { return std::string("1"); },
            [&](const ast::Group& group) {
              std::string out = list(group.summands, " + ", [&](const auto& summand) { return dims(summand); });
              if (group.pad) out += " pad " + condition(*group.pad);
              return "(" + out + ")" + (group.block ? "//" + group.block->text : "");
            },
        },
        dim.node);
  }

  // ---- rules -----------------------------------------------------------------------------------------------------

  std::string pipeline(const ast::Pipeline& ops) const {
    return list(ops, " | ", [&](const ast::Op& op) {
      if (op.arguments.empty()) return op.name.text;
      return fmt::format("{}({})", op.name.text, list(op.arguments, ", ", [&](const ast::OpArgument& argument) {
                           const auto* id = std::get_if<ast::TermId>(&argument.value);
                           const std::string value = id ? term(*id) : expr(std::get<ast::ExprId>(argument.value));
                           return argument.name ? argument.name->text + " = " + value : value;
                         }));
    });
  }

  std::string term(ast::TermId id) const {
    const ast::Term& term = file_[id];
    std::string out = path(term.path);
    if (term.shape) out += " : [" + dims(file_[*term.shape].dims) + "]";
    return term.hooks.empty() ? out : out + " | " + pipeline(term.hooks);
  }

  std::string side(const ast::Side& side) const {
    if (const auto* number = std::get_if<ast::ExprId>(&side.node)) return expr(*number);
    return list(std::get<std::vector<ast::TermId>>(side.node), ", ", [&](ast::TermId id) { return term(id); });
  }

  std::string guard(const std::optional<ast::ExprId>& when) const { return when ? " when " + condition(*when) : ""; }

  static std::string text(const std::optional<std::string>& text) { return text ? " " + in_quotes(*text) : ""; }

  static std::string allows(const std::vector<ast::Allow>& list) {
    std::string out;
    for (const ast::Allow& allow : list) out += " allow " + allow.id + text(allow.why);
    return out;
  }

  std::string parameters(const std::vector<ast::Parameter>& list) const {
    return "(" +
           Printer::list(
               list, ", ",
               [&](const ast::Parameter& p) { return p.name.text + (p.value ? " = " + condition(*p.value) : ""); }) +
           ")";
  }

  std::string parameters_if_any(const std::vector<ast::Parameter>& list) const {
    return list.empty() ? "" : parameters(list);
  }

  std::string braces(const ast::Body& statements) {
    if (statements.empty()) return "{ }";
    ++depth_;
    std::string out = "{\n" + body(statements);
    --depth_;
    return out + std::string(2 * depth_, ' ') + "}";
  }

  // ---- statements ------------------------------------------------------------------------------------------------

  std::string statement(const ast::PackLine& node) {
    return fmt::format("pack {} : {} -> {}{}", node.name.text, node.left.text, node.right.text, text(node.title));
  }

  std::string statement(const ast::Import& node) { return "import " + in_quotes(node.file); }

  std::string statement(const ast::Config& node) {
    std::string out = "config " + list(node.sections, " else ", key) + " {";
    const std::string indent(2 * depth_, ' ');
    for (const ast::ConfigEntry& entry : node.entries) out += "\n" + indent + "  " + this->entry(entry);
    return out + "\n" + indent + "}";
  }

  std::string entry(const ast::ConfigEntry& entry) const { return entry.name.text + " = " + expr(entry.value); }

  std::string statement(const ast::Option& node) {
    const std::string type = node.type == ast::Option::Type::Bool  ? "bool"
                             : node.type == ast::Option::Type::Int ? "int"
                                                                   : "{" + list(node.values, ", ", in_quotes) + "}";
    return fmt::format("option {} : {} = {}{}", node.name.text, type, expr(node.value), text(node.doc));
  }

  std::string statement(const ast::Let& node) {
    return "let " + list(node.definitions, ", ", [&](const ast::Definition& one) {
             const std::string params = one.parameters ? parameters(*one.parameters) : "";
             return one.name.text + params + " = " + expr(one.value);
           });
  }

  std::string statement(const ast::Hook& node) {
    std::string out = "hook " + node.name.text + parameters_if_any(node.parameters) + " = " + pipeline(node.forward);
    if (node.reverse) out += " reverse " + pipeline(*node.reverse);
    return out + allows(node.allows);
  }

  std::string statement(const ast::Path& node) {
    std::string out = "path " + node.name.text + parameters_if_any(node.parameters) + " =";
    if (node.branches.size() == 1) return out + " " + path(node.branches.front().path);
    for (const ast::PathBranch& branch : node.branches) {
      out += branch.condition ? " when " + condition(*branch.condition) : " else";
      out += ": " + path(branch.path);
    }
    return out;
  }

  std::string statement(const ast::Block& node) {
    return "block " + node.name.text + parameters_if_any(node.parameters) + " " + braces(node.body);
  }

  std::string statement(const ast::Preset& node) {
    const std::string& name = node.name.text;
    const bool is_bare = is_name(name) || (!name.empty() && name.find_first_not_of("0123456789") == std::string::npos);
    return fmt::format(
        "preset {} {{{}}}", is_bare ? name : in_quotes(name),
        list(node.entries, ", ", [&](const auto& one) { return key(one.key) + " = " + expr(one.value); }));
  }

  static std::string numbers(const ast::NumberList& node) {
    if (const auto* value = std::get_if<double>(&node.node)) return fmt::format("{}", *value);
    return "[" + list(std::get<std::vector<ast::NumberList>>(node.node), ", ", numbers) + "]";
  }

  std::string statement(const ast::Test& node) {
    std::string out = fmt::format("test {} with {{{}}} {{", in_quotes(node.title),
                                  list(node.with, ", ", [&](const auto& one) { return entry(one); }));
    const std::string indent(2 * depth_, ' ');
    for (const ast::TestSide& side : node.sides) {
      out += "\n" + indent + "  " + side.side.text + " {";
      for (const ast::Expected& one : side.tensors) {
        out += "\n" + indent + "    " + path(one.path) + " = " + numbers(one.values);
      }
      out += "\n" + indent + "  }";
    }
    return out + "\n" + indent + "}";
  }

  std::string binder(const ast::Binder& node) const {
    return node.index.text + " in " +
           std::visit(Overloaded{
                          [&](const ast::Range& r) { return condition(r.begin) + ".." + condition(r.end); },
                          [&](const std::vector<ast::Label>& labels) {
                            return "{" + list(labels, ", ", [&](const ast::Label& one) { return label(one); }) + "}";
                          },
                      },
                      node.values);
  }

  std::string label(const ast::Label& node) const {
    const std::string text = node.is_number || is_name(node.text.text) ? node.text.text : in_quotes(node.text.text);
    return node.number ? text + " = " + condition(*node.number) : text;
  }

  std::string statement(const ast::For& node) {
    const std::string binders = list(node.binders, ", ", [&](const ast::Binder& one) { return binder(one); });
    return "for " + binders + guard(node.guard) + " " + braces(node.body);
  }

  std::string statement(const ast::When& node) {
    return list(node.branches, " else ", [&](const ast::WhenBranch& branch) {
      return (branch.condition ? "when " + condition(*branch.condition) + " " : "") + braces(branch.body);
    });
  }

  std::string statement(const ast::Use& node) {
    return "use " + node.block.text + (node.arguments.empty() ? "" : arguments(file_, node.arguments));
  }

  std::string statement(const ast::Prefix& node) {
    return path(node.left) + " -> " + path(node.right) + " " + braces(node.body);
  }

  std::string statement(const ast::Rule& node) {
    const std::string_view arrow = node.arrow == ast::Arrow::Both    ? "->"
                                   : node.arrow == ast::Arrow::Right ? "=>"
                                                                     : "<=";
    return fmt::format("{} {} {}{}{}", side(node.left), arrow, side(node.right), guard(node.condition),
                       allows(node.allows));
  }

  std::string statement(const ast::Ignore& node) {
    return fmt::format("ignore {} : {}{}", node.side.text,
                       list(node.globs, ", ", [](const auto& glob) { return glob.text; }), guard(node.condition));
  }

  std::string statement(const ast::Require& node) { return "require " + condition(node.condition) + text(node.why); }

  const ast::File& file_;
  std::size_t depth_ = 0;
};

}  // namespace

std::string print(const ast::File& file) {
  return Printer(file).body(file.body);
}

}  // namespace rulec
