// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <rulec/result.h>
#include <rulec/source.h>

namespace rulec {

enum class Severity : std::uint8_t { Error, Warning, Note, Off };

/// A place in a file that is not text (a checkpoint), or a file as a whole.
struct FilePlace {
  std::string path;
  std::optional<std::uint64_t> offset;  ///< in bytes from the beginning of the file

  bool operator==(const FilePlace&) const = default;
};

/// Where something was found. `std::monostate` is the command line.
using Place = std::variant<std::monostate, Span, FilePlace>;

/// A second place that explains the first.
struct Label {
  Place place;
  std::string text;  ///< what stands beside the underline; may be empty

  bool operator==(const Label&) const = default;
};

/// One finding: `error[R0402 index-hole]: message`, a place, and what else helps.
struct Diagnostic {
  std::string_view id;    ///< `R0402`; permanent, never given to another meaning
  std::string_view name;  ///< `index-hole`
  Severity severity = Severity::Error;
  std::string message;  ///< what was found, and what was expected
  Label primary;
  std::vector<Label> secondary;
  std::vector<std::string> notes;  ///< facts: the smallest witness, the places that were searched
  std::vector<std::string> helps;  ///< what to do
};

class Finding;

/// Collects what every stage has to say, and holds the texts that it speaks of.
///
/// One object serves any number of calls, or each call has its own: every function of the API first takes in the texts
/// of the pack or model that it is given, whichever object these were loaded with. So what is found can always be shown
/// with its lines, and an object outlives all that it was told. Not thread-safe: one for each thread.
class Diagnostics {
 public:
  const std::vector<Diagnostic>& all() const { return all_; }
  const SourceMap& sources() const { return sources_; }
  SourceMap& sources() { return sources_; }

  std::size_t errors() const { return errors_; }
  std::size_t warnings() const { return warnings_; }

  /// Files a diagnostic. What is `Off` is dropped unless it was enabled.
  Finding add(Diagnostic diagnostic);

  /// Files what another object was told, and takes in its texts: how the findings of several threads become one list.
  void append(const Diagnostics& other);

  /// Switches on an id or a name whose level is `Off`; it is a warning from then on.
  void enable(std::string_view id_or_name);

  /// The failure of a pass that has reported one error or more. A bug of ours if there is none.
  Reported failed() const;

  /// Of the diagnostics filed after the first `count`, keeps one for each id and primary place: a loop finds the same
  /// fault for every index.
  void deduplicate(std::size_t count);

  /// Of the diagnostics filed after the first `count`, forgets those whose id and primary place one has that was filed
  /// before them, after the first `since`: another model finds the same again, in other numbers.
  void forget_repeated(std::size_t since, std::size_t count);

  /// Forgets the diagnostics filed after the first `count`; how a speculative pass withdraws.
  void truncate(std::size_t count);

 private:
  friend class Finding;
  void replace_from(std::size_t count, std::vector<Diagnostic> diagnostics);
  std::vector<Diagnostic> all_;
  std::vector<std::string> enabled_;
  SourceMap sources_;
  std::size_t errors_ = 0;
  std::size_t warnings_ = 0;
};

/// The diagnostic that was just filed, to hang labels, notes and helps on:
///
///     return report(diags, span, diag::IndexHole, name).note("first `{}`", first).help("...");
///
/// Valid until the next diagnostic is filed.
class Finding {
 public:
  /// The words beside the primary underline.
  Finding& label(std::string text);
  /// Another place, with words of its own.
  Finding& also(Place place, std::string text);
  Finding& note(std::string text);
  Finding& help(std::string text);

  operator Reported() const;  // NOLINT(google-explicit-constructor)
  template <class T>
  operator Result<T>() const {  // NOLINT(google-explicit-constructor)
    return Reported(*this);
  }

 private:
  friend class Diagnostics;
  explicit Finding(Diagnostics& owner, std::optional<std::size_t> index) : owner_(&owner), index_(index) {}
  Diagnostics* owner_;
  std::optional<std::size_t> index_;  // nothing if the diagnostic is switched off
};

/// How diagnostics are printed.
struct RenderOptions {
  bool color = false;
};

/// Text for people: message, source line, carets, notes and helps. Columns count bytes.
std::string render_text(const Diagnostics& diagnostics, RenderOptions options = {});

/// The same as a JSON array, one object a diagnostic: id, name, severity, message, file, line, column, end_line,
/// end_column, offset, labels, notes, helps. Invalid UTF-8 is replaced.
std::string render_json(const Diagnostics& diagnostics);

}  // namespace rulec
