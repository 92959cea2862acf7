// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "tools/rulec/arguments.h"
#include "tools/rulec/command.h"
#include "tools/rulec/usage.h"

namespace rulec::cli {
namespace {

constexpr const char* Footer =
    "A checkpoint is a folder of safetensors or of Orbax, or a safetensors file.\n"
    "A pack is a name (`rulec packs`), a `.rules` file or its folder.\n"
    "Results go to stdout, everything else to stderr.\n"
    "Exit codes: 0 fine, 1 findings or differences, 2 usage, input or output, 70 a bug in rulec.";

// A program may be started without its three streams. The next files that it opens would take their numbers, and what
// is printed would land in a checkpoint: hold their places with what cannot be written.
void keep_standard_streams() {
  for (int fd = 0; fd < 3; ++fd) {
    if (fcntl(fd, F_GETFD) == -1) (void)open("/dev/null", O_RDONLY);
  }
}

void start_log() {
  auto log = spdlog::stderr_color_st("rulec");
  log->set_pattern("rulec: %v");
  spdlog::set_default_logger(std::move(log));
}

// CLI11 prints help and version itself, and words for a usage error; only the code is ours.
ExitCode say(const CLI::App& app, const CLI::ParseError& error) {
  return app.exit(error) == 0 ? ExitCode::Fine : ExitCode::Error;
}

ExitCode run(int argc, char** argv) {
  CLI::App app("Converts checkpoints by rules that hold both ways, and proves the rules", "rulec");
  app.set_version_flag("--version", "rulec " RULEC_VERSION);
  app.footer(Footer);
  app.require_subcommand(1);
  app.failure_message([](const CLI::App* at, const CLI::Error& error) { return usage_message(*at, error); });
  bool verbose = false;
  const std::vector<Command> commands = {add_convert(app), add_plan(app),    add_check(app),
                                         add_explain(app), add_inspect(app), add_diff(app),
                                         add_verify(app),  add_test(app),    add_packs(app)};
  for (const Command& command : commands) {
    command.parser->add_flag("-v,--verbose", verbose, "Say more about what is done, on stderr");
  }
  try {
    std::vector<std::string> words = name_sides({argv + 1, argv + argc}, *app.get_subcommand("check"));
    std::ranges::reverse(words);  // as CLI11 takes them
    app.parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    return say(app, error);
  }
  if (verbose) spdlog::set_level(spdlog::level::debug);
  const auto chosen = std::ranges::find_if(commands, [](const Command& c) { return c.parser->parsed(); });
  return chosen->run();
}

}  // namespace
}  // namespace rulec::cli

int main(int argc, char** argv) {
  using rulec::cli::ExitCode;
  ExitCode code = ExitCode::Bug;
  rulec::cli::keep_standard_streams();
  try {
    rulec::cli::start_log();
    code = rulec::cli::run(argc, argv);
  } catch (const std::bad_alloc&) {
    std::fputs("error[R0906 out-of-memory]: there is not enough memory\n", stderr);
    code = ExitCode::Error;
  } catch (const std::exception& error) {
    // fmt throws where it cannot print, which is told below.
    if (std::ferror(stdout) == 0)
      std::fprintf(stderr, "error[R0999 internal-bug]: a bug in rulec: %s\n", error.what());
    else
      code = ExitCode::Error;
  }
  // A full disk or a closed pipe must not pass for a result.
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    std::fputs("error[R0809 cannot-write]: cannot write the standard output\n", stderr);
    if (code == ExitCode::Fine || code == ExitCode::Findings) code = ExitCode::Error;
  }
  return static_cast<int>(code);
}
