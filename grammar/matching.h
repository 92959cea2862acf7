// SPDX-License-Identifier: Apache-2.0
// What the grammar is made of beside PEGTL's own rules: rules that keep nodes, that note what was wanted, that know the
// layout of the text, and that recover. Each works on the `Reading` that is passed along.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tao/pegtl.hpp>
#include <type_traits>

#include "grammar/reading.h"

namespace rulec::grammar {

namespace pegtl = tao::pegtl;
using pegtl::apply_mode;
using pegtl::rewind_mode;
using pegtl::seq;

/// A text that can be a template argument.
template <std::size_t N>
struct Literal {
  char text[N];
  constexpr Literal(const char (&from)[N]) { std::copy_n(from, N, text); }  // NOLINT(google-explicit-constructor)
  constexpr std::string_view view() const { return {text, N - 1}; }
};

template <class Input>
std::uint32_t offset(const Input& in) {
  return static_cast<std::uint32_t>(in.current() - in.begin());
}

/// Cuts off the nodes of whatever failed.
template <class Rule>
struct control : pegtl::normal<Rule> {
  template <apply_mode A, rewind_mode M, template <class...> class Action, template <class...> class Control,
            class Input>
  static bool match(Input& in, Reading& reading) {
    if constexpr (std::is_same_v<typename Rule::subs_t, pegtl::empty_list>) {
      return pegtl::normal<Rule>::template match<A, M, Action, Control>(in, reading);
    } else {
      const std::size_t mark = reading.nodes.size();
      if (pegtl::normal<Rule>::template match<A, M, Action, Control>(in, reading)) return true;
      reading.nodes.truncate(mark);
      return false;
    }
  }
};

/// A rule of our own that is like the sequence of `Rules` but for what happens around it.
template <class... Rules>
struct around {
  using rule_t = typename seq<Rules...>::rule_t;
  using subs_t = pegtl::type_list<Rules...>;
};

template <Kind K, class... Rules>
struct node : around<Rules...> {
  template <apply_mode A, rewind_mode M, template <class...> class Action, template <class...> class Control,
            class Input>
  static bool match(Input& in, Reading& reading) {
    const std::size_t mark = reading.nodes.size();
    const std::uint32_t begin = offset(in);
    if (!Control<seq<Rules...>>::template match<A, M, Action, Control>(in, reading)) return false;
    reading.nodes.close(K, mark, begin, offset(in));
    return true;
  }
};

template <Kind K, class... Rules>
struct fold : around<Rules...> {
  template <apply_mode A, rewind_mode M, template <class...> class Action, template <class...> class Control,
            class Input>
  static bool match(Input& in, Reading& reading) {
    const std::size_t mark = reading.nodes.size();
    const std::uint32_t begin = offset(in);
    if (!Control<seq<Rules...>>::template match<A, M, Action, Control>(in, reading)) return false;
    if (!reading.nodes.is_one(mark)) reading.nodes.close(K, mark, begin, offset(in));
    return true;
  }
};

template <class Rule, Literal Words>
struct need : around<Rule> {
  template <apply_mode A, rewind_mode M, template <class...> class Action, template <class...> class Control,
            class Input>
  static bool match(Input& in, Reading& reading) {
    const std::uint32_t begin = offset(in);
    if (Control<Rule>::template match<A, M, Action, Control>(in, reading)) return true;
    reading.want(begin, Words.view());
    return false;
  }
};

enum class Layout { Joined, Lines, Same };  // newlines are blanks, newlines end statements, as it was

/// One level deeper.
template <Layout How, class... Rules>
struct deeper : around<Rules...> {
  struct Level {
    Level(Reading& r, std::uint32_t begin) : reading(r), was_joined(r.is_joined) {
      if (reading.depth >= MaxDepth) throw TooDeep{begin, How == Layout::Lines};
      ++reading.depth;
      if constexpr (How == Layout::Same) return;
      reading.is_joined = How == Layout::Joined;
      reading.open.push_back(begin);
    }
    ~Level() {
      --reading.depth;
      if constexpr (How == Layout::Same) return;
      reading.is_joined = was_joined;
      reading.open.pop_back();
    }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

    Reading& reading;
    bool was_joined;
  };

  template <apply_mode A, rewind_mode M, template <class...> class Action, template <class...> class Control,
            class Input>
  static bool match(Input& in, Reading& reading) {
    const Level level(reading, offset(in));
    return Control<seq<Rules...>>::template match<A, M, Action, Control>(in, reading);
  }
};

/// A rule that moves to where a function of `Reading` says.
template <std::uint32_t (Reading::*Skip)(std::uint32_t) const>
struct skip {
  using rule_t = typename pegtl::success::rule_t;
  using subs_t = pegtl::empty_list;

  template <apply_mode, rewind_mode, template <class...> class, template <class...> class, class Input>
  static bool match(Input& in, Reading& reading) {
    const std::uint32_t here = offset(in);
    in.bump((reading.*Skip)(here)-here);
    return true;
  }
};

/// A word; if it is `Soft`, only where it cannot be the beginning of a path.
template <Literal Word, bool Soft>
struct exactly {
  using rule_t = typename pegtl::any::rule_t;
  using subs_t = pegtl::empty_list;

  template <apply_mode, rewind_mode, template <class...> class, template <class...> class, class Input>
  static bool match(Input& in, Reading& reading) {
    const std::string_view word = Word.view();
    if (in.size() < word.size() || std::string_view(in.current(), word.size()) != word) return false;
    if (in.size() > word.size() && is_word(in.current()[word.size()])) return false;
    const auto end = static_cast<std::uint32_t>(offset(in) + word.size());
    if (Soft && !reading.is_keyword(end)) return false;
    in.bump(word.size());
    return true;
  }
};
/// Behind a blank: where an arrow may begin.
struct after_blank {
  using rule_t = pegtl::success::rule_t;
  using subs_t = pegtl::empty_list;

  template <apply_mode, rewind_mode, template <class...> class, template <class...> class, class Input>
  static bool match(Input& in, Reading&) {
    return in.current() != in.begin() && std::string_view(" \t\r\n").find(in.current()[-1]) != std::string_view::npos;
  }
};

/// Where a line begins like a statement, so that it is no entry of a config.
struct statement_ahead {
  using rule_t = pegtl::success::rule_t;
  using subs_t = pegtl::empty_list;

  template <apply_mode, rewind_mode, template <class...> class, template <class...> class, class Input>
  static bool match(Input& in, Reading& reading) {
    return reading.begins_statement(offset(in));
  }
};

template <Literal Word>
using word = exactly<Word, false>;
template <Literal Word>
using keyword = exactly<Word, true>;

/// A statement, or the report of why it is none: then reading goes on behind it, at `Body` if its header was bad.
template <class Body, class Statement>
struct recover : around<Statement> {
  template <template <class...> class Action, template <class...> class Control, class Input>
  static bool read(Input& in, Reading& reading) {
    const std::size_t mark = reading.nodes.size();
    auto begin = in.template mark<rewind_mode::required>();
    try {
      return begin(
          Control<Statement>::template match<apply_mode::nothing, rewind_mode::active, Action, Control>(in, reading));
    } catch (const TooDeep& deep) {
      if (deep.is_body) throw;
      reading.nodes.truncate(mark);
      reading.note_too_deep(deep.at);
      return false;
    }
  }

  template <apply_mode A, rewind_mode M, template <class...> class Action, template <class...> class Control,
            class Input>
  static bool match(Input& in, Reading& reading) {
    if (in.empty() || reading.errors.size() >= MaxErrors) return false;
    const std::uint32_t begin = offset(in);
    reading.start(begin);
    if (read<Action, Control>(in, reading)) return true;
    const Resumption resumption = reading.give_up(begin, !std::is_same_v<Body, pegtl::failure>);
    in.bump(resumption.at - begin);
    if (resumption.is_body) (void)Control<Body>::template match<A, rewind_mode::required, Action, Control>(in, reading);
    return true;
  }
};

}  // namespace rulec::grammar
