// SPDX-License-Identifier: Apache-2.0
// What the grammar matches before it becomes a syntax tree: a flat list of nodes, children before their parent. A node
// that is abandoned when the parser backtracks is cut off at the end, so the list never holds anything but what was
// read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace rulec::grammar {

enum class Kind : std::uint8_t {
  // words and values
  Name,
  Number,
  String,
  Bool,
  Operator,
  Parens,
  Implicit,
  Key,
  Subscript,
  Access,
  Args,
  Argument,
  Call,
  Unary,
  Product,
  Sum,
  Comparison,
  Not,
  And,
  Or,
  Default,
  Branch,
  Conditional,
  SignedNumber,
  List,
  // paths and shapes
  Text,
  Quoted,
  Hole,
  Bracket,
  PathUse,
  Segment,
  Template,
  Block,
  Axis,
  Unit,
  Summand,
  Pad,
  Group,
  Shape,
  // rules
  OpArgument,
  Op,
  Term,
  Side,
  Arrow,
  Guard,
  AllowId,
  Allow,
  Rule,
  // statements
  Params,
  Param,
  Entry,
  Definition,
  TypeBool,
  TypeInt,
  TypeSet,
  Reverse,
  PathBranch,
  Label,
  Labels,
  Range,
  Binder,
  Glob,
  Expected,
  TestSide,
  Body,
  Headless,
  Pack,
  Import,
  Config,
  Option,
  Let,
  Hook,
  Path,
  BlockDefinition,
  Preset,
  Test,
  For,
  When,
  Use,
  Ignore,
  Require,
  File,
};

/// A piece of text that a rule of the grammar matched. Offsets count bytes from the beginning of the text.
struct Node {
  static constexpr std::uint32_t None = 0xffffffff;

  Kind kind{};
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  std::uint32_t size = 1;      ///< nodes in its subtree, itself included
  std::uint32_t first = None;  ///< its first child
  std::uint32_t next = None;   ///< the next child of its parent
};

class Nodes {
 public:
  std::size_t size() const { return nodes_.size(); }
  const Node& operator[](std::uint32_t index) const { return nodes_[index]; }
  const Node& root() const { return nodes_.back(); }

  /// Forgets every node from `mark` on.
  void truncate(std::size_t mark) {
    if (nodes_.size() > mark) nodes_.resize(mark);
  }

  /// Whether the nodes from `mark` on are one node and what is under it.
  bool is_one(std::size_t mark) const { return nodes_.size() > mark && nodes_.size() - mark == nodes_.back().size; }

  /// Makes the nodes from `mark` on the children of a new one.
  void close(Kind kind, std::size_t mark, std::uint32_t begin, std::uint32_t end) {
    std::uint32_t first = Node::None;
    for (std::size_t i = nodes_.size(); i > mark;) {
      Node& child = nodes_[i - 1];
      child.next = first;
      first = static_cast<std::uint32_t>(i - 1);
      i -= child.size;
    }
    nodes_.push_back({kind, begin, end, static_cast<std::uint32_t>(nodes_.size() - mark + 1), first, Node::None});
  }

 private:
  std::vector<Node> nodes_;
};

/// Walks the children of a node in order.
class Children {
 public:
  Children(const Nodes& nodes, const Node& parent) : nodes_(&nodes), next_(parent.first) {}

  /// The next child, or nullptr.
  const Node* peek() const { return next_ == Node::None ? nullptr : &(*nodes_)[next_]; }

  /// The next child, which is then behind us; nullptr at the end.
  const Node* take() {
    const Node* child = peek();
    if (child) next_ = child->next;
    return child;
  }

  /// The next child if it is of this kind.
  const Node* take(Kind kind) { return peek() && peek()->kind == kind ? take() : nullptr; }

 private:
  const Nodes* nodes_;
  std::uint32_t next_;
};

}  // namespace rulec::grammar
