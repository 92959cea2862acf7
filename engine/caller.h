// SPDX-License-Identifier: Apache-2.0
// The code of our caller, as we call it: its stores, its sinks and its callbacks. What they throw is theirs, and is
// told apart from bugs of ours here, where it is thrown.
#pragma once

#include <deque>
#include <functional>
#include <stdexcept>

#include <rulec/convert.h>
#include <rulec/pack.h>
#include <rulec/store.h>

namespace rulec {

/// Something that the caller gave us failed: says what and how.
class CallerError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A store of the caller's. What it throws arrives as `CallerError`; except for memory that ran out, and for our own
/// broken promises, since many a store is one of ours.
class CallerStore final : public TensorStore {
 public:
  explicit CallerStore(const TensorStore& store) : store_(store) {}

  std::span<const TensorInfo> tensors() const override;
  Status read(std::size_t index, std::uint64_t offset, std::span<std::byte> into, Diagnostics& diags) const override;
  std::string_view where() const override;
  std::vector<std::pair<std::string, std::string>> facts() const override;
  std::string layout_of(std::size_t index) const override;
  std::map<std::string, std::string> options() const override;
  std::string options_file() const override;

 private:
  const TensorStore& store_;
};

/// A sink of the caller's, likewise.
class CallerSink final : public TensorSink {
 public:
  explicit CallerSink(TensorSink& sink) : sink_(sink) {}

  Status begin(std::span<const TensorInfo> tensors, Diagnostics& diags) override;
  Status write(std::size_t index, std::uint64_t offset, std::span<const std::byte> bytes, Diagnostics& diags) override;
  Status commit(Diagnostics& diags) override;

 private:
  TensorSink& sink_;
};

/// Options of the caller's: their stores are wrapped, and none is a null pointer. Lives as long as they are used.
class CallerBindOptions {
 public:
  /// Throws `CallerError` for a null pointer.
  explicit CallerBindOptions(const BindOptions& options);
  CallerBindOptions(const CallerBindOptions&) = delete;
  CallerBindOptions& operator=(const CallerBindOptions&) = delete;

  const BindOptions& get() const { return options_; }

 private:
  BindOptions options_;
  std::deque<CallerStore> stores_;
};

/// `on_progress`, if there is one, so that it throws `CallerError`.
std::function<void(const Progress&)> caller_progress(const std::function<void(const Progress&)>& on_progress);

}  // namespace rulec
