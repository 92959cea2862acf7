// SPDX-License-Identifier: Apache-2.0
#include "engine/caller.h"

#include <fmt/format.h>

#include <exception>
#include <new>
#include <string_view>

#include "grammar/internal_error.h"

namespace rulec {
namespace {

template <class Call>
auto call_out(std::string_view what, const Call& call) -> decltype(call()) {
  try {
    return call();
  } catch (const InternalError&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    throw CallerError(fmt::format("`{}` threw an exception: {}", what, error.what()));
  } catch (...) {
    throw CallerError(fmt::format("`{}` threw something that is no std::exception", what));
  }
}

}  // namespace

std::span<const TensorInfo> CallerStore::tensors() const {
  return call_out("TensorStore::tensors", [&] { return store_.tensors(); });
}

Status CallerStore::read(std::size_t index, std::uint64_t offset, std::span<std::byte> into, Diagnostics& diags) const {
  return call_out("TensorStore::read", [&] { return store_.read(index, offset, into, diags); });
}

std::string_view CallerStore::where() const {
  return call_out("TensorStore::where", [&] { return store_.where(); });
}

std::vector<std::pair<std::string, std::string>> CallerStore::facts() const {
  return call_out("TensorStore::facts", [&] { return store_.facts(); });
}

std::string CallerStore::layout_of(std::size_t index) const {
  return call_out("TensorStore::layout_of", [&] { return store_.layout_of(index); });
}

std::map<std::string, std::string> CallerStore::options() const {
  return call_out("TensorStore::options", [&] { return store_.options(); });
}

std::string CallerStore::options_file() const {
  return call_out("TensorStore::options_file", [&] { return store_.options_file(); });
}

Status CallerSink::begin(std::span<const TensorInfo> tensors, Diagnostics& diags) {
  return call_out("TensorSink::begin", [&] { return sink_.begin(tensors, diags); });
}

Status CallerSink::write(std::size_t index, std::uint64_t offset, std::span<const std::byte> bytes,
                         Diagnostics& diags) {
  return call_out("TensorSink::write", [&] { return sink_.write(index, offset, bytes, diags); });
}

Status CallerSink::commit(Diagnostics& diags) {
  return call_out("TensorSink::commit", [&] { return sink_.commit(diags); });
}

CallerBindOptions::CallerBindOptions(const BindOptions& options) : options_(options) {
  for (auto& [side, store] : options_.checkpoints) {
    if (store == nullptr) {
      throw CallerError(fmt::format("`BindOptions::checkpoints` has a null pointer for the side `{}`", side));
    }
    store = &stores_.emplace_back(*store);
  }
}

std::function<void(const Progress&)> caller_progress(const std::function<void(const Progress&)>& on_progress) {
  if (!on_progress) return {};
  return [&on_progress](const Progress& progress) {
    call_out("ConvertOptions::on_progress", [&] { on_progress(progress); });
  };
}

}  // namespace rulec
