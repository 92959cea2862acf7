// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "engine/bind/given_values.h"
#include "engine/check/cell_differences.h"
#include "engine/pack/evaluator.h"
#include "engine/pack/path.h"
#include "engine/tensor/element_bytes.h"
#include "engine/tensor/numbers.h"
#include "engine/trial/pack_tests.h"
#include "engine/trial/random_model.h"
#include "grammar/close_names.h"
#include "grammar/messages.h"

#include <rulec/convert.h>

namespace rulec {
namespace {

/// A list of numbers, flat.
struct Numbers1D {
  Shape shape;
  std::vector<double> numbers;
};

/// Nothing if lists side by side differ in length.
std::optional<Numbers1D> flatten(const ast::NumberList& list) {
  if (const auto* number = std::get_if<double>(&list.node)) return Numbers1D{{}, {*number}};
  const auto& items = std::get<std::vector<ast::NumberList>>(list.node);
  Numbers1D flat{{static_cast<std::int64_t>(items.size())}, {}};
  std::optional<Shape> inner;
  for (const ast::NumberList& item : items) {
    std::optional<Numbers1D> part = flatten(item);
    if (!part || (inner && *inner != part->shape)) return std::nullopt;
    inner = part->shape;
    flat.numbers.insert(flat.numbers.end(), part->numbers.begin(), part->numbers.end());
  }
  if (inner) flat.shape.insert(flat.shape.end(), inner->begin(), inner->end());
  return flat;
}

/// A tensor that a test names, or the slice of a stacked one that its brackets select.
struct Named {
  SideId side{};
  Span span;
  std::string written;              ///< as the test has it
  std::string name;                 ///< of the stored tensor
  Shape shape;                      ///< of the slice
  std::vector<std::int64_t> cells;  ///< of the stored tensor, in the slice's order
  std::vector<double> values;
};

/// Selects the slice of `stored` at the brackets: inserted in ascending axis, each at the smaller of its axis and the
/// number of axes there. False if a position is outside.
bool select(const Shape& stored, std::vector<BracketValue> brackets, Named& named) {
  if (brackets.size() > stored.size()) return false;
  std::ranges::sort(brackets, {}, &BracketValue::axis);
  std::vector<std::int64_t> fixed(stored.size() - brackets.size(), -1);  // by stored axis: its position, or -1
  for (const BracketValue& bracket : brackets) {
    fixed.insert(fixed.begin() + std::min(bracket.axis, std::ssize(fixed)), bracket.position);
  }
  named.shape.clear();
  named.cells = {0};
  for (std::size_t d = 0; d < stored.size(); ++d) {
    if (fixed[d] >= stored[d]) return false;
    if (fixed[d] < 0) named.shape.push_back(stored[d]);
    std::vector<std::int64_t> next;
    for (const std::int64_t cell : named.cells) {
      for (std::int64_t i = fixed[d] < 0 ? 0 : fixed[d]; i < (fixed[d] < 0 ? stored[d] : fixed[d] + 1); ++i)
        next.push_back(cell * stored[d] + i);
    }
    named.cells = std::move(next);
  }
  return true;
}

class TestBlock {
 public:
  TestBlock(const std::shared_ptr<const Rules>& rules, const ast::Test& test, Span span, TinyModels& models,
            std::vector<std::string>& lines, Diagnostics& diags)
      : rules_(rules),
        file_(rules->files.front()),
        test_(test),
        span_(span),
        models_(models),
        lines_(lines),
        diags_(diags) {}

  void run() {
    const std::size_t errors = diags_.errors();
    if (!read_sizes()) {
      lines_.push_back(fmt::format("FAIL  {}", test_.title));
      return;
    }
    Inputs given;
    given.options = fixed_;
    bool ran = false;
    const Layouts all = layouts(*rules_, given);
    for (const Layout& layout : all.tried) ran |= run_layout(layout, true);
    if (!ran && is_excluded_) ran = run_layout(all.tried.front(), false);
    if (!ran && diags_.errors() == errors) report_missing();
    if (!ran) lines_.push_back(fmt::format("FAIL  {}", test_.title));
  }

 private:
  bool read_sizes() {
    std::vector<GivenEntry> entries;
    for (const ast::ConfigEntry& entry : test_.with) entries.push_back({entry.name.text, entry.value});
    Result<Values> values = given_values(*rules_, {}, entries, diags_);
    if (!values) return false;
    fixed_ = *std::move(values);
    return true;
  }

  /// A small model without a config; where rules read lists or strings from one, of a preset.
  std::optional<TinyModel> model(const Values& layout) {
    Inputs inputs;
    inputs.options = layout;
    const std::size_t before = diags_.all().size();
    std::optional<TinyModel> tiny = models_.find(inputs, fixed_, diags_);
    for (std::size_t p = 0; !tiny && p < rules_->presets.size(); ++p) {
      BindOptions options;
      options.preset = rules_->presets[p].name;
      const std::size_t tried = diags_.all().size();
      Result<GatheredInputs> gathered = gather_inputs(*rules_, options, diags_);
      if (gathered) {
        configs_.push_back(*std::move(gathered));
        inputs = configs_.back().inputs;
        inputs.options.insert(layout.begin(), layout.end());
        tiny = models_.find(inputs, fixed_, diags_);
      }
      diags_.truncate(tried);
    }
    if (tiny) diags_.truncate(before);
    return tiny;
  }

  /// False if this layout lacks a tensor that the test names, or the pack excludes it and `may_exclude` it.
  bool run_layout(const Values& layout, bool may_exclude) {
    const std::size_t before = diags_.all().size();
    const std::size_t errors = diags_.errors();
    std::optional<TinyModel> tiny = model(layout);
    std::vector<Named> named;
    is_mistaken_ = false;
    if (!tiny && may_exclude && diags_.errors() > errors && is_excluded(diags_, before)) {
      diags_.truncate(before);
      is_excluded_ = true;
      return false;
    }
    if (!tiny) {
      // What was tried last and did not fit has been reported.
      if (diags_.errors() == errors) fail(span_, "no small sizes fit");
    } else if (!resolve(*tiny, named)) {
      if (diags_.errors() == errors && !is_mistaken_) return false;
    } else {
      const Model model(rules_, std::make_shared<const Pack>(std::move(tiny->pack)), {}, {}, rules_->sources);
      layout_ = layout_text(layout);
      written_.clear();
      for (const SideId to : BothSides) {
        if (std::ranges::any_of(named, [&](const Named& n) { return n.side == to; })) convert_towards(model, to, named);
      }
      if (diags_.errors() == errors) report_unwritten(named);
    }
    lines_.push_back(fmt::format("{}  {}{}", diags_.errors() == errors && !is_mistaken_ ? "ok  " : "FAIL", test_.title,
                                 layout.empty() ? "" : fmt::format(" ({})", layout_text(layout))));
    if (!tiny) diags_.forget_repeated(0, before);  // every test and layout finds the same faults
    return true;
  }

  bool resolve(const TinyModel& tiny, std::vector<Named>& named) {
    Evaluator evaluator(*rules_, tiny.inputs, diags_);
    bool good = true;
    for (const ast::TestSide& side : test_.sides) {
      const std::optional<SideId> id = rules_->side(side.side.text);
      if (!id) {
        report(diags_, side.side.span, diag::UnresolvedName, "side", side.side.text);
        return false;
      }
      for (const ast::Expected& expected : side.tensors) good &= resolve(tiny.pack, *id, expected, evaluator, named);
    }
    return good;
  }

  bool resolve(const Pack& pack, SideId side, const ast::Expected& expected, Evaluator& evaluator,
               std::vector<Named>& named) {
    Result<PathValue> path = append_path(evaluator, file_, {}, expected.path);
    if (!path) return false;
    Named n{side, file_[expected.path].span, {}, path->name, {}, {}, {}};
    n.written = diags_.sources().text(n.span);
    for (const Tensor& tensor : pack.tensors[number(side)]) known_.insert(tensor.name);
    const auto index = pack.find(side, n.name);
    if (!index) {
      missing_.emplace(n.name, n.span);
      return false;
    }
    const Shape& stored = pack.tensors[number(side)][*index].shape;
    if (!select(stored, path->brackets, n)) {
      fail_once(n.span,
                fmt::format("`{}` selects a slice that `{}` {} does not have", n.written, n.name, to_string(stored)));
      return false;
    }
    const std::optional<Numbers1D> flat = flatten(expected.values);
    if (!flat || flat->shape != n.shape) {
      fail_once(n.span, fmt::format("`{}` is {}, the values given are {}", n.written, to_string(n.shape),
                                    flat ? to_string(flat->shape) : "lists of different lengths"));
      return false;
    }
    n.values = flat->numbers;
    named.push_back(std::move(n));
    return true;
  }

  void convert_towards(const Model& model, SideId to, const std::vector<Named>& named) {
    MemoryStore source;
    MemoryStore target;
    add_random_tensors(model.pack(), other(to), DType::F32, 1, source);
    for (const Named& n : named) {
      if (n.side != to) put(n, source);
    }
    ConvertOptions options;
    options.dtype = DType::F32;
    options.may_leave_out = true;
    options.alias_policy = options.constant_policy = Policy::Drop;  // random copies and constants differ
    const std::size_t before = diags_.all().size();
    if (!convert(model, rules_->sides[number(to)], source, target, options, diags_)) return;
    diags_.truncate(before);
    for (const Named& n : named) {
      if (n.side == to) compare(n, target);
    }
  }

  /// Gives the cells that the test names their values.
  static void put(const Named& named, MemoryStore& store) {
    const TensorInfo info = store.tensors()[*find_tensor(store.tensors(), named.name)];
    std::vector<std::byte> bytes(store.bytes(named.name).begin(), store.bytes(named.name).end());
    const std::vector<std::byte> values = encode(named.values, info.dtype);
    const std::size_t width = element_bytes(info.dtype);
    for (std::size_t i = 0; i < named.cells.size(); ++i) {
      std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(i * width), width,
                  bytes.begin() + named.cells[i] * static_cast<std::ptrdiff_t>(width));
    }
    store.put(info, std::move(bytes));
  }

  void compare(const Named& named, const MemoryStore& store) {
    const auto index = find_tensor(store.tensors(), named.name);
    if (!index) return;  // written in the other direction only
    written_.insert(named.name);
    const DType dtype = store.tensors()[*index].dtype;
    const std::span<const std::byte> bytes = store.bytes(named.name);
    const std::size_t width = element_bytes(dtype);
    std::vector<double> found;
    std::vector<double> expected;
    for (std::size_t i = 0; i < named.cells.size(); ++i) {
      found.push_back(to_double(dtype, bytes.subspan(static_cast<std::size_t>(named.cells[i]) * width, width)));
      expected.push_back(rounded(named.values[i], dtype));
    }
    const auto [at, wanted] = std::ranges::mismatch(found, expected);
    if (at == found.end()) return;
    const auto first = static_cast<std::uint64_t>(at - found.begin());
    Finding finding =
        fail(named.span, fmt::format("`{}` {} is {}, expected {}", named.written, coordinates(named.shape, first),
                                     text(dtype, *at), text(dtype, *wanted)));
    finding.note(fmt::format("expected {}", list(dtype, expected)));
    finding.note(fmt::format("found    {}", list(dtype, found)));
    finding.note(fmt::format("written from `{}`{}", rules_->sides[number(other(named.side))],
                             layout_.empty() ? "" : ", with " + layout_));
  }

  static std::string text(DType dtype, double number) {
    return dtype == DType::F64 ? fmt::format("{}", number) : fmt::format("{}", static_cast<float>(number));
  }

  static std::string list(DType dtype, const std::vector<double>& numbers) {
    constexpr std::size_t Shown = 24;
    std::string result;
    for (std::size_t i = 0; i < std::min(numbers.size(), Shown); ++i)
      result += (i == 0 ? "" : ", ") + text(dtype, numbers[i]);
    return fmt::format("[{}{}]", result, numbers.size() > Shown ? ", ..." : "");
  }

  void report_missing() {
    const std::vector<std::string> known(known_.begin(), known_.end());
    for (const auto& [name, span] : missing_) {
      Finding finding = fail(span, fmt::format("no layout has `{}`", name));
      if (const auto close = close_names(name, known); !close.empty())
        finding.help(fmt::format("these names are close: `{}`", fmt::join(close, "`, `")));
    }
    if (missing_.empty()) fail(span_, "it does not run in any layout");
  }

  /// A tensor that no rule writes has been compared with nothing; unless what is made of it was.
  void report_unwritten(const std::vector<Named>& named) {
    const auto is_written = [&](const Named& n) { return written_.contains(n.name); };
    for (const Named& n : named) {
      const bool is_read =
          std::ranges::any_of(named, [&](const Named& o) { return o.side != n.side && is_written(o); });
      if (is_written(n) || is_read) continue;
      fail(n.span, fmt::format("nothing writes `{}`, so that its values were compared with nothing", n.name))
          .help("name what the rules make of it too");
    }
  }

  Finding fail(Span span, std::string_view what) { return report(diags_, span, diag::TestFailed, test_.title, what); }

  /// What is wrong in each layout for the same reason is said in the first.
  void fail_once(Span span, const std::string& what) {
    is_mistaken_ = true;
    if (said_.insert(what).second) fail(span, what);
  }

  const std::shared_ptr<const Rules>& rules_;
  const ast::File& file_;
  const ast::Test& test_;
  Span span_;
  TinyModels& models_;
  std::vector<std::string>& lines_;
  Diagnostics& diags_;
  Values fixed_;
  std::vector<GatheredInputs> configs_;  // what the models borrow
  std::string layout_;
  std::set<std::string> said_;
  bool is_excluded_ = false;             // a layout, by the pack
  bool is_mistaken_ = false;             // in this layout, the test itself
  std::map<std::string, Span> missing_;  // what a layout lacks
  std::set<std::string> known_;          // what the layouts have
  std::set<std::string> written_;        // of this layout, what was compared
};

}  // namespace

void run_test_blocks(const std::shared_ptr<const Rules>& rules, TinyModels& models, std::vector<std::string>& lines,
                     Diagnostics& diags) {
  const ast::File& file = rules->files.front();
  for (const ast::StatementId id : file.body) {
    const ast::Statement& statement = file[id];
    if (const auto* test = std::get_if<ast::Test>(&statement.node))
      TestBlock(rules, *test, statement.span, models, lines, diags).run();
  }
}

}  // namespace rulec
