// SPDX-License-Identifier: Apache-2.0
// The grammar of rule files in PEGTL, in the order of the reference in grammar/README.md. Include it in one source
// only: it is slow to compile.
//
// Conventions. A rule owns the blanks inside it, never those around it, so that spans are exact. `need<R, "words">` is
// R where nothing else can stand; when the statement fails, the words wanted farthest make the message. `node` keeps
// what it matched for tree.cpp, `fold` only if there is more than one thing in it.
#pragma once

#include <tao/pegtl.hpp>

#include "grammar/matching.h"

namespace rulec::grammar {

using pegtl::at;
using pegtl::digit;
using pegtl::identifier;
using pegtl::identifier_other;
using pegtl::not_at;
using pegtl::one;
using pegtl::opt;
using pegtl::plus;
using pegtl::sor;
using pegtl::star;

// ---- layout ------------------------------------------------------------------------------------------------------

struct ws : skip<&Reading::skip_layout> {};
struct lines : skip<&Reading::skip_lines> {};

/// `(`, `[` or the brace of a value; what is inside, and its end.
template <char Open, char Close, Literal Words, class... Inside>
struct brackets : seq<at<one<Open>>, deeper<Layout::Joined, one<Open>, ws, Inside..., ws, need<one<Close>, Words>>> {};

/// One or more, with commas between them; a line may end with a comma.
template <class Item, Literal Words>
struct list : seq<Item, star<ws, one<','>, lines, need<Item, Words>>> {};

/// Nothing more before the line, the body or the file ends.
template <Literal Words>
struct end : need<at<ws, sor<one<'\n', '}'>, pegtl::eof>>, Words> {};

// ---- words and values --------------------------------------------------------------------------------------------

struct value;
struct expr;
struct args;

struct name : node<Kind::Name, identifier> {};
struct digits : plus<digit> {};
// `2e3` and `2e-3` are numbers, `2e + 3` is twice e and three.
struct exponent : seq<one<'e'>, opt<one<'-'>>, digits, not_at<identifier_other>> {};
struct number : node<Kind::Number, digits, opt<one<'.'>, digits>, opt<exponent>> {};

struct escape : seq<one<'\\'>, need<one<'"', '\\', 'n', 't'>, "`\\\"`, `\\\\`, `\\n` or `\\t`">> {};
struct character : sor<escape, pegtl::ranges<' ', '!', '#', '[', ']', '~', '\x80', '\xff', '\t'>> {};
struct quoted : seq<one<'"'>, star<character>, need<one<'"'>, "`\"` at the end of the text">> {};
struct string : node<Kind::String, quoted> {};
struct boolean : node<Kind::Bool, sor<word<"true">, word<"false">>> {};

struct reserved : sor<word<"and">, word<"or">, word<"not">, word<"else">, word<"when">> {};
struct key : node<Kind::Key, name, star<one<'.'>, name>> {};
struct subscript
    : node<Kind::Subscript, brackets<'[', ']', "`]`", need<expr, "the number of an element">>, star<one<'.'>, name>> {};
struct access : fold<Kind::Access, key, star<subscript>> {};
struct call : node<Kind::Call, name, args> {};
struct parens : node<Kind::Parens, brackets<'(', ')', "`)`", need<value, "a value">>> {};
struct named : seq<not_at<reserved>, sor<call, access>> {};
struct product_of_number : fold<Kind::Implicit, number, opt<sor<parens, named>>> {};  // `2i`, `4(n + 1)`
struct primary : sor<product_of_number, string, boolean, named, parens> {};

template <class Op, class Operand>
struct operation : seq<ws, Op, ws, need<Operand, "a value">> {};
struct minus : node<Kind::Operator, one<'-'>, not_at<one<'>'>>> {};
struct unary : fold<Kind::Unary, sor<seq<plus<minus, ws>, need<primary, "a value">>, primary>> {};
struct product_op : node<Kind::Operator, sor<pegtl::string<'/', '/'>, one<'*', '/', '%'>>> {};
struct product : fold<Kind::Product, unary, star<operation<product_op, unary>>> {};
struct sum_op : sor<minus, node<Kind::Operator, one<'+'>>> {};
struct sum : fold<Kind::Sum, product, star<operation<sum_op, product>>> {};
struct comparison_op : node<Kind::Operator, sor<pegtl::string<'=', '='>, pegtl::string<'!', '='>,
                                                pegtl::string<'<', '='>, pegtl::string<'>', '='>, one<'<', '>'>>> {};
struct comparison : fold<Kind::Comparison, sum, opt<operation<comparison_op, sum>>> {};
struct inversion : node<Kind::Operator, word<"not">> {};
struct negation : fold<Kind::Not, sor<seq<plus<inversion, ws>, need<comparison, "a value">>, comparison>> {};
struct conjunction : fold<Kind::And, negation, star<operation<word<"and">, negation>>> {};
struct disjunction : fold<Kind::Or, conjunction, star<operation<word<"or">, conjunction>>> {};
struct otherwise : seq<lines, keyword<"else">, not_at<ws, one<'{'>>, ws, deeper<Layout::Same, need<value, "a value">>> {
};
struct expr : fold<Kind::Default, disjunction, opt<otherwise>> {};

struct colon_value : seq<ws, need<one<':'>, "`:` and a value">, ws, need<expr, "a value">> {};
struct branch : node<Kind::Branch, word<"when">, ws, need<expr, "a condition">, colon_value> {};
struct conditional : node<Kind::Conditional, branch, star<lines, branch>,
                          need<seq<lines, word<"else">, colon_value>, "`else:` and a value">> {};
struct value : sor<seq<at<keyword<"when">>, conditional>, expr> {};

struct argument_name : seq<name, ws, one<'='>, not_at<one<'='>>, ws> {};
struct argument : node<Kind::Argument, opt<argument_name>, value> {};
struct args : node<Kind::Args, brackets<'(', ')', "`,` or `)`", opt<list<argument, "an argument">>>> {};
struct param : node<Kind::Param, name, opt<ws, one<'='>, ws, need<expr, "a default">>> {};
struct params : node<Kind::Params, brackets<'(', ')', "`,` or `)`", opt<list<param, "a parameter">>>> {};

// ---- paths -------------------------------------------------------------------------------------------------------

// In a hole there is arithmetic only, so that `>` closes it; `<=` opens none.
struct hole : node<Kind::Hole, one<'<'>, not_at<one<'='>>, ws, need<sum, "an index">, ws, need<one<'>'>, "`>`">> {};
struct bracket : node<Kind::Bracket, brackets<'[', ']', "`]`", need<expr, "an index">, ws,
                                              need<one<'@'>, "`@` and an axis">, ws, need<expr, "an axis">>> {};
struct path_use : node<Kind::PathUse, name, args> {};
struct part : sor<path_use, node<Kind::Text, plus<identifier_other>>, node<Kind::Quoted, quoted>, hole, bracket> {};
struct segment : node<Kind::Segment, plus<part>> {};
struct no_segment : seq<one<'.'>, not_at<sor<identifier_other, one<'"', '<', '['>>>> {};
struct path
    : node<Kind::Template, sor<no_segment, seq<segment, star<one<'.'>, need<segment, "a segment of a path">>>>> {};

// ---- shapes ------------------------------------------------------------------------------------------------------

struct dim;
struct block_size : sor<name, node<Kind::Number, digits>> {};
struct in_blocks : seq<ws, pegtl::string<'/', '/'>, ws, need<block_size, "the size of a block">> {};
struct axis : node<Kind::Axis, not_at<word<"pad">>, name, opt<in_blocks>> {};
struct unit : node<Kind::Unit, one<'1'>, not_at<identifier_other>> {};
struct summand : node<Kind::Summand, need<dim, "an axis">, star<ws, dim>> {};
struct pad : node<Kind::Pad, word<"pad">, ws, need<expr, "a size">> {};
struct group
    : node<Kind::Group,
           brackets<'(', ')', "an axis, `+`, `pad` or `)`", summand, star<ws, one<'+'>, ws, summand>, opt<ws, pad>>,
           opt<in_blocks>> {};
struct dim : sor<axis, unit, group> {};
struct shape : node<Kind::Shape, brackets<'[', ']', "an axis or `]`", star<dim, ws>>> {};

// ---- rules -------------------------------------------------------------------------------------------------------

struct hooks;
struct shape_part : seq<ws, one<':'>, ws, need<shape, "a shape such as `[D F]`">> {};
struct tensor_argument : node<Kind::Term, path, shape_part, hooks> {};
struct op_argument : node<Kind::OpArgument, opt<argument_name>, sor<tensor_argument, value>> {};
struct op_args : node<Kind::Args, brackets<'(', ')', "`,` or `)`", opt<list<op_argument, "an argument">>>> {};
struct op : node<Kind::Op, name, opt<op_args>> {};
struct hooks : star<ws, one<'|'>, ws, need<op, "a hook">> {};
struct pipeline : seq<op, hooks> {};

struct left_term : node<Kind::Term, path, opt<shape_part>> {};
struct right_term : node<Kind::Term, path, opt<shape_part>, hooks> {};
struct no_path : seq<not_at<sor<identifier_other, one<'.', '<', '[', '(', '"'>>>, not_at<ws, one<'{', ':', ','>>> {};
struct constant : node<Kind::SignedNumber, opt<one<'-', '+'>>, number, no_path> {};
template <class Term>
struct side : node<Kind::Side, sor<constant, list<Term, "a path">>> {};

struct blank_or_end : sor<one<' ', '\t', '\r', '\n'>, pegtl::eof> {};
struct arrow : seq<after_blank,
                   node<Kind::Arrow, sor<pegtl::string<'-', '>'>, pegtl::string<'=', '>'>, pegtl::string<'<', '='>>>,
                   at<blank_or_end>> {};
struct allow_id : node<Kind::AllowId, name, star<one<'-'>, plus<identifier_other>>> {};
struct allow : node<Kind::Allow, keyword<"allow">, ws, need<allow_id, "the name of a message, such as `inexact-add`">,
                    opt<ws, string>> {};
struct guard : node<Kind::Guard, word<"when">, ws, need<expr, "a condition">> {};

struct body;
struct rule_end : seq<opt<ws, guard>, star<lines, allow>, end<"the end of the rule">> {};
struct rule : node<Kind::Rule, side<left_term>, ws, need<arrow, "`->`, `=>` or `<=` between the two sides of a rule">,
                   ws, need<side<right_term>, "a path or a number">, sor<seq<ws, body>, rule_end>> {};

// ---- statements --------------------------------------------------------------------------------------------------

template <Kind K, Literal Word, class... Rules>
struct statement_of : node<K, keyword<Word>, ws, Rules..., end<"the end of this statement">> {};

struct equals : seq<ws, need<one<'='>, "`=`">, lines> {};
struct a_name : need<name, "a name"> {};
struct a_text : need<string, "a text in quotes"> {};

struct pack
    : statement_of<Kind::Pack, "pack", a_name, ws, need<one<':'>, "`:` and the two sides, as in `: maxtext -> hf`">, ws,
                   need<name, "the name of the left side">, ws, need<pegtl::string<'-', '>'>, "`->`">, ws,
                   need<name, "the name of the right side">, opt<ws, string>> {};
struct import : statement_of<Kind::Import, "import", a_text> {};

struct entry : node<Kind::Entry, a_name, equals, need<value, "a value">> {};
struct entry_line : seq<entry, end<"the end of this entry">> {};
/// The lines between braces, each read by itself.
template <class Line>
struct braces : seq<at<one<'{'>>, deeper<Layout::Lines, one<'{'>, lines, star<Line, lines>, need<one<'}'>, "`}`">>> {};

struct entries : braces<seq<not_at<one<'}'>>, not_at<statement_ahead>, recover<pegtl::failure, entry_line>>> {};
struct config : statement_of<Kind::Config, "config", need<key, "a config or a section, such as `hf.text_config`">,
                             star<lines, word<"else">, ws, need<key, "a section of a config">>, ws,
                             need<entries, "`{` and the entries">> {};

struct string_set : node<Kind::TypeSet, brackets<'{', '}', "`,` or `}`", list<string, "a text in quotes">>> {};
struct option_type : sor<node<Kind::TypeBool, word<"bool">>, node<Kind::TypeInt, word<"int">>, string_set> {};
struct option : statement_of<Kind::Option, "option", a_name, ws, need<one<':'>, "`:` and a type">, ws,
                             need<option_type, "`bool`, `int` or a set such as `{\"a\", \"b\"}`">, equals,
                             need<value, "a value">, opt<ws, string>> {};

struct definition : node<Kind::Definition, name, opt<params>, equals, need<value, "a value">> {};
struct let : statement_of<Kind::Let, "let", need<list<definition, "a name">, "a name">> {};

struct reverse : node<Kind::Reverse, keyword<"reverse">, ws, need<pipeline, "a hook">> {};
struct hook : statement_of<Kind::Hook, "hook", a_name, opt<params>, equals, need<pipeline, "a hook">,
                           opt<lines, reverse>, star<lines, allow>> {};

struct branch_path : seq<ws, need<one<':'>, "`:` and a path">, ws, need<path, "a path">> {};
struct path_branch : node<Kind::PathBranch, keyword<"when">, ws, need<expr, "a condition">, branch_path> {};
struct path_otherwise : node<Kind::PathBranch, word<"else">, branch_path> {};
struct path_branches
    : seq<path_branch, star<lines, path_branch>, need<seq<lines, path_otherwise>, "`else:` and a path">> {};
struct path_definition : statement_of<Kind::Path, "path", a_name, opt<params>, equals,
                                      sor<seq<at<keyword<"when">>, path_branches>, need<path, "a path">>> {};

struct label
    : node<Kind::Label, sor<name, node<Kind::Number, digits>, string>, opt<ws, one<'='>, ws, need<expr, "a number">>> {
};
struct preset_entry : node<Kind::Entry, key, equals, need<value, "a value">> {};
struct preset_entries : brackets<'{', '}', "`,` or `}`", opt<list<preset_entry, "a name">>> {};
struct preset
    : statement_of<Kind::Preset, "preset", need<sor<name, node<Kind::Number, digits>, string>, "the preset's name">, ws,
                   need<preset_entries, "`{` and the values">> {};

struct list_exponent : seq<one<'e', 'E'>, opt<one<'-', '+'>>, digits> {};
struct list_number : node<Kind::SignedNumber, opt<one<'-', '+'>>, digits, opt<one<'.'>, digits>, opt<list_exponent>> {};
struct numbers;
struct nested_numbers : node<Kind::List, brackets<'[', ']', "`,` or `]`", opt<list<numbers, "a number or `[`">>>> {};
struct numbers : sor<list_number, nested_numbers> {};
struct expected : node<Kind::Expected, path, equals, need<numbers, "a number or a list such as `[0.5, 1.0]`">> {};
struct test_side
    : node<Kind::TestSide, name, ws,
           need<brackets<'{', '}', "a tensor or `}`", star<expected, ws>>, "`{` and the tensors of this side">> {};
struct test_config : brackets<'{', '}', "`,` or `}`", opt<list<entry, "a name">>> {};
struct test : statement_of<Kind::Test, "test", a_text, ws, need<word<"with">, "`with`">, ws,
                           need<test_config, "`{` and the sizes">, ws,
                           need<brackets<'{', '}', "a side or `}`", star<test_side, ws>>, "`{` and the tensors">> {};

struct labels : node<Kind::Labels, brackets<'{', '}', "`,` or `}`", list<label, "a name, a number or a text">>> {};
struct range : node<Kind::Range, need<expr, "a range such as `0..L`, or names in braces">, ws,
                    need<pegtl::string<'.', '.'>, "`..`">, ws, need<expr, "the end of the range">> {};
struct binder : node<Kind::Binder, name, ws, need<word<"in">, "`in`">, ws, sor<labels, range>> {};
struct a_body : need<body, "`{` and the rules"> {};
struct loop : statement_of<Kind::For, "for", need<list<binder, "an index">, "an index">, opt<ws, guard>, ws, a_body> {};

struct when_branch : node<Kind::Branch, need<expr, "a condition">, ws, a_body> {};
struct else_branch
    : seq<lines, keyword<"else">, ws, sor<seq<word<"when">, ws, when_branch>, node<Kind::Branch, a_body>>> {};
struct when : statement_of<Kind::When, "when", when_branch, star<else_branch>> {};

struct use : statement_of<Kind::Use, "use", need<name, "the name of a block">, opt<args>> {};
struct block : statement_of<Kind::BlockDefinition, "block", a_name, opt<params>, ws, a_body> {};

struct glob_part : sor<identifier_other, node<Kind::Quoted, quoted>,
                       seq<one<'*'>, need<not_at<one<'*'>>, "`**` to be a segment of its own, between dots">>> {};
struct glob_any
    : seq<pegtl::string<'*', '*'>,
          need<not_at<sor<identifier_other, one<'*', '"'>>>, "`**` to be a segment of its own, between dots">> {};
struct glob_segment : sor<glob_any, plus<glob_part>> {};
struct glob : node<Kind::Glob, glob_segment, star<one<'.'>, need<glob_segment, "a segment of a path">>> {};
struct ignore : statement_of<Kind::Ignore, "ignore", need<name, "a side">, ws, need<one<':'>, "`:` and the tensors">,
                             ws, need<list<glob, "the path of a tensor">, "the path of a tensor">, opt<ws, guard>> {};
struct require : statement_of<Kind::Require, "require", need<expr, "a condition">, opt<ws, string>> {};

struct keyword_ahead : sor<keyword<"pack">, keyword<"import">, keyword<"config">, keyword<"option">, keyword<"let">,
                           keyword<"hook">, keyword<"path">, keyword<"block">, keyword<"preset">, keyword<"test">,
                           keyword<"for">, keyword<"when">, keyword<"use">, keyword<"ignore">, keyword<"require">> {};
struct keyword_statement : sor<pack, import, config, option, let, hook, path_definition, block, preset, test, loop,
                               when, use, ignore, require> {};
struct statement : pegtl::if_then_else<at<keyword_ahead>, keyword_statement, rule> {};

struct a_statement : need<statement, "a rule or another statement"> {};
/// A body whose header could not be read, with what follows it.
struct headless : node<Kind::Headless, body, star<else_branch>> {};
struct body : node<Kind::Body, braces<seq<not_at<one<'}'>>, recover<headless, a_statement>>>> {};
struct file : node<Kind::File, opt<pegtl::utf8::bom>, lines, star<recover<headless, a_statement>, lines>> {};

}  // namespace rulec::grammar
