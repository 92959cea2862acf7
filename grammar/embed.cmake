# SPDX-License-Identifier: Apache-2.0
# Makes texts a part of the library, so that it needs no file at run time. Included, it defines `rulec_embed`; the build
# runs it as a script (`cmake -P`), which writes the table that bundle.h speaks of.

# rulec_embed(FUNCTION FOLDER PATTERN...): `std::span<const BundledText> rulec::FUNCTION()` gives the files below FOLDER
# that match a PATTERN. A file that is added, edited or removed makes the table anew.
function(rulec_embed function folder)
  set(globs ${ARGN})
  list(TRANSFORM globs PREPEND ${folder}/)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS RELATIVE ${folder} ${globs})
  list(SORT files)
  set(absolute ${files})
  list(TRANSFORM absolute PREPEND ${folder}/)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${function}.cpp)
  set(list ${CMAKE_CURRENT_BINARY_DIR}/${function}.list)
  file(CONFIGURE OUTPUT ${list} CONTENT "${files}")  # leaves an equal file alone
  add_custom_command(OUTPUT ${source}
    COMMAND ${CMAKE_COMMAND} -D function=${function} -D folder=${folder} -D list=${list} -D source=${source}
            -P ${CMAKE_CURRENT_FUNCTION_LIST_FILE}
    DEPENDS ${absolute} ${list} ${CMAKE_CURRENT_FUNCTION_LIST_FILE}
    COMMENT "Embedding ${folder}" VERBATIM)
  add_custom_target(${function}_table DEPENDS ${source})
  add_dependencies(rulec ${function}_table)
  target_sources(rulec PRIVATE ${source})
  set_source_files_properties(${source} TARGET_DIRECTORY rulec PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

if(NOT CMAKE_SCRIPT_MODE_FILE)
  return()
endif()

# A string literal holds less than 64 KiB on some compilers, so a long text becomes several, cut between lines.
set(piece_bytes 16000)

file(READ ${list} files)
list(LENGTH files count)
set(out "// Made by grammar/embed.cmake.\n#include <array>\n#include <span>\n\n#include \"grammar/bundle.h\"\n\n")
string(APPEND out "namespace rulec {\n\nstd::span<const BundledText> ${function}();\n\n")
string(APPEND out "std::span<const BundledText> ${function}() {\n")
string(APPEND out "  static constexpr std::array<BundledText, ${count}> Texts{{\n")
foreach(file IN LISTS files)
  file(READ "${folder}/${file}" text)
  set(literals "")
  string(LENGTH "${text}" bytes)
  while(bytes GREATER piece_bytes)
    string(SUBSTRING "${text}" 0 ${piece_bytes} piece)
    string(FIND "${piece}" "\n" cut REVERSE)
    if(cut EQUAL -1)
      message(FATAL_ERROR "${file} has a line of more than ${piece_bytes} bytes")
    endif()
    math(EXPR cut "${cut} + 1")
    string(SUBSTRING "${text}" 0 ${cut} piece)
    string(SUBSTRING "${text}" ${cut} -1 text)
    string(LENGTH "${text}" bytes)
    string(APPEND literals "\n     R\"rulec(${piece})rulec\"")
  endwhile()
  string(APPEND literals "\n     R\"rulec(${text})rulec\"")
  string(APPEND out "    {\"${file}\",${literals}},\n")
endforeach()
string(APPEND out "  }};\n  return Texts;\n}\n\n}  // namespace rulec\n")
file(WRITE ${source} "${out}")
