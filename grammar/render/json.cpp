// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "grammar/overloaded.h"
#include "grammar/render/severity.h"

#include <rulec/diagnostics.h>

namespace rulec {
namespace {

using Json = nlohmann::ordered_json;

/// Adds `file`, `line`, `column`, `end_line`, `end_column` and `offset`; null where a place has none.
void add_place(Json& json, const Place& place, const SourceMap& sources) {
  for (const char* key : {"file", "line", "column", "end_line", "end_column", "offset"}) json[key] = nullptr;
  std::visit(Overloaded{
                 [](std::monostate) {},
                 [&](const Span& span) {
                   const Source* source = sources.find(span.source);
                   if (source == nullptr) return;  // a finding that was carried here without its text
                   const Position begin = source->position(span.begin);
                   const Position end = source->position(span.end);
                   json["file"] = source->name();
                   json["line"] = begin.line;
                   json["column"] = begin.column;
                   json["end_line"] = end.line;
                   json["end_column"] = end.column;
                   json["offset"] = span.begin;
                 },
                 [&](const FilePlace& file) {
                   json["file"] = file.path;
                   if (file.offset) json["offset"] = *file.offset;
                 },
             },
             place);
}

Json label(const Label& label, bool is_primary, const SourceMap& sources) {
  Json out;
  out["text"] = label.text;
  out["primary"] = is_primary;
  add_place(out, label.place, sources);
  return out;
}

}  // namespace

std::string render_json(const Diagnostics& diagnostics) {
  const SourceMap& sources = diagnostics.sources();
  Json out = Json::array();
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    Json one;
    one["id"] = diagnostic.id;
    one["name"] = diagnostic.name;
    one["severity"] = render::word(diagnostic.severity);
    one["message"] = diagnostic.message;
    add_place(one, diagnostic.primary.place, sources);
    one["labels"] = Json::array({label(diagnostic.primary, true, sources)});
    for (const Label& other : diagnostic.secondary) one["labels"].push_back(label(other, false, sources));
    one["notes"] = diagnostic.notes;
    one["helps"] = diagnostic.helps;
    out.push_back(std::move(one));
  }
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace rulec
