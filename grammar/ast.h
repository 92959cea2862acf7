// SPDX-License-Identifier: Apache-2.0
// A rule file as written. Ids index the vectors of `File`; nothing here is resolved, evaluated or checked.
// The grammar it follows stands in grammar/README.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <rulec/source.h>

namespace rulec::ast {

enum class ExprId : std::uint32_t {};
enum class TemplateId : std::uint32_t {};
enum class DimId : std::uint32_t {};
enum class ShapeId : std::uint32_t {};
enum class TermId : std::uint32_t {};
enum class StatementId : std::uint32_t {};

struct Name {
  std::string text;
  Span span;
};

// ---- expressions -------------------------------------------------------------------------------------------------

struct Argument {
  std::optional<Name> name;  ///< `experts(E, F, gate = "w1")`
  ExprId value;
};

struct Number {
  std::string text;  ///< as written: `2`, `0.5`, `2e3`
};
struct String {
  std::string text;  ///< without quotes, escapes undone
};
struct Bool {
  bool value;
};
struct Key {
  std::vector<Name> parts;  ///< `D`, `hf.text_config.head_dim`
};
struct Element {
  ExprId of;  ///< `layer_types[i].kind`
  ExprId index;
  std::vector<Name> members;
};
struct Call {
  Name function;
  std::vector<Argument> arguments;
};
enum class UnaryOp : std::uint8_t { Negate, Not };
struct Unary {
  UnaryOp op;
  ExprId of;
};
enum class BinaryOp : std::uint8_t {
  Or,
  And,
  Equal,
  NotEqual,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  Add,
  Subtract,
  Multiply,
  Divide,
  FloorDivide,
  Modulo,
  Else,  ///< `a else b`: b if a has no value
};
struct Binary {
  BinaryOp op;
  ExprId left;
  ExprId right;
};
struct Branch {
  ExprId condition;
  ExprId value;
};
struct Conditional {  ///< `when c: a when d: b else: e`
  std::vector<Branch> branches;
  ExprId otherwise;
};

struct Expr {
  Span span;
  std::variant<Number, String, Bool, Key, Element, Call, Unary, Binary, Conditional> node;
};

// ---- paths -------------------------------------------------------------------------------------------------------

struct Text {
  std::string text;  ///< letters, digits, `_`, or what stood in quotes
};
struct Hole {
  ExprId index;  ///< `<2i + kind>`
};
struct Bracket {
  ExprId index;  ///< `[i @ axis]`
  ExprId axis;
};
struct PathUse {
  Name path;  ///< `layer(i)`
  std::vector<Argument> arguments;
};
struct Part {
  Span span;
  std::variant<Text, Hole, Bracket, PathUse> node;
};
struct Segment {
  std::vector<Part> parts;
};
struct Template {
  Span span;
  std::vector<Segment> segments;  ///< none for `.`
};

// ---- shapes ------------------------------------------------------------------------------------------------------

struct Axis {
  Name name;
  std::optional<Name> block;  ///< the divisor of `X//128`, a number or a name, as written
};
struct Unit {};  ///< `1`
struct Group {   ///< `(a b)`, `(q + k + v)`, `(V pad Vp)`
  std::vector<std::vector<DimId>> summands;
  std::optional<ExprId> pad;
  std::optional<Name> block;  ///< the divisor of `(a b)//128`
};
struct Dim {
  Span span;
  std::variant<Axis, Unit, Group> node;
};
struct Shape {
  Span span;
  std::vector<DimId> dims;
};

// ---- rules -------------------------------------------------------------------------------------------------------

struct OpArgument {
  std::optional<Name> name;
  std::variant<ExprId, TermId> value;  ///< a number, or a tensor with a shape
};
struct Op {
  Span span;
  Name name;
  std::vector<OpArgument> arguments;
};
using Pipeline = std::vector<Op>;

struct Term {
  Span span;
  TemplateId path;
  std::optional<ShapeId> shape;
  Pipeline hooks;
};

struct Allow {
  Span span;
  std::string id;  ///< `R0511` or `inexact-add`
  std::optional<std::string> why;
};

struct Side {
  Span span;
  std::variant<std::vector<TermId>, ExprId> node;  ///< tensors, or the number that one is full of
};

enum class Arrow : std::uint8_t { Both, Right, Left };  ///< `->`, `=>`, `<=`

struct Rule {
  Side left;
  Arrow arrow;
  Span arrow_span;
  Side right;
  std::optional<ExprId> condition;
  std::vector<Allow> allows;
};

// ---- statements --------------------------------------------------------------------------------------------------

using Body = std::vector<StatementId>;

struct Parameter {
  Name name;
  std::optional<ExprId> value;  ///< the default
};

struct PackLine {
  Name name;
  Name left;
  Name right;
  std::optional<std::string> title;
};
struct Import {
  std::string file;
};
struct ConfigEntry {
  Name name;
  ExprId value;
};
struct Config {
  std::vector<Key> sections;  ///< the first that exists is read
  std::vector<ConfigEntry> entries;
};
struct Option {
  enum class Type : std::uint8_t { Bool, Int, Set };
  Name name;
  Type type;
  std::vector<std::string> values;  ///< of a set
  ExprId value;
  std::optional<std::string> doc;
};
struct Definition {
  Name name;
  std::optional<std::vector<Parameter>> parameters;
  ExprId value;
};
struct Let {
  std::vector<Definition> definitions;
};
struct Hook {
  Name name;
  std::vector<Parameter> parameters;
  Pipeline forward;
  std::optional<Pipeline> reverse;
  std::vector<Allow> allows;
};
struct PathBranch {
  std::optional<ExprId> condition;  ///< none for `else`
  TemplateId path;
};
struct Path {
  Name name;
  std::vector<Parameter> parameters;
  std::vector<PathBranch> branches;  ///< the last has no condition
};
struct Block {
  Name name;
  std::vector<Parameter> parameters;
  Body body;
};
struct PresetEntry {
  Key key;
  ExprId value;
};
struct Preset {
  Name name;
  std::vector<PresetEntry> entries;
};
struct NumberList {  ///< nested as the tensor's shape
  std::variant<double, std::vector<NumberList>> node;
};
struct Expected {
  TemplateId path;
  NumberList values;
};
struct TestSide {
  Name side;
  std::vector<Expected> tensors;
};
struct Test {
  std::string title;
  std::vector<ConfigEntry> with;
  std::vector<TestSide> sides;
};
struct Label {
  Name text;
  bool is_number = false;        ///< written as a number, prints as such
  std::optional<ExprId> number;  ///< `{key = 1, value = 2}`
};
struct Range {
  ExprId begin;
  ExprId end;
};
struct Binder {
  Name index;
  std::variant<Range, std::vector<Label>> values;
};
struct For {
  std::vector<Binder> binders;
  std::optional<ExprId> guard;
  Body body;
};
struct WhenBranch {
  std::optional<ExprId> condition;  ///< none for `else`
  Body body;
};
struct When {
  std::vector<WhenBranch> branches;
};
struct Use {
  Name block;
  std::vector<Argument> arguments;
};
struct Prefix {  ///< `A -> B { ... }`
  TemplateId left;
  TemplateId right;
  Body body;
};
struct Glob {
  Span span;
  std::string text;     ///< as written: `*` stands for any part of a segment, `**` for any number of segments
  std::string pattern;  ///< without quotes
};
struct Ignore {
  Name side;
  std::vector<Glob> globs;
  std::optional<ExprId> condition;
};
struct Require {
  ExprId condition;
  std::optional<std::string> why;
};

struct Statement {
  Span span;
  std::variant<PackLine, Import, Config, Option, Let, Hook, Path, Block, Preset, Test, For, When, Use, Prefix, Rule,
               Ignore, Require>
      node;
};

/// A file of rules: a pack if it has a `pack` line, else a library.
struct File {
  SourceId source{};
  Body body;
  std::vector<Expr> exprs;
  std::vector<Template> templates;
  std::vector<Dim> dims;
  std::vector<Shape> shapes;
  std::vector<Term> terms;
  std::vector<Statement> statements;

  const Expr& operator[](ExprId id) const { return exprs[static_cast<std::size_t>(id)]; }
  const Template& operator[](TemplateId id) const { return templates[static_cast<std::size_t>(id)]; }
  const Dim& operator[](DimId id) const { return dims[static_cast<std::size_t>(id)]; }
  const Shape& operator[](ShapeId id) const { return shapes[static_cast<std::size_t>(id)]; }
  const Term& operator[](TermId id) const { return terms[static_cast<std::size_t>(id)]; }
  const Statement& operator[](StatementId id) const { return statements[static_cast<std::size_t>(id)]; }
};

}  // namespace rulec::ast
