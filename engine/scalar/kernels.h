// SPDX-License-Identifier: Apache-2.0
// The arithmetic of an op: one lambda, made into a loop for each machine type that numbers are held in
// (engine/tensor/numbers.h).
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/tensor/clones.h"

namespace rulec {

/// Works elementwise, in place. `second` is the argument: one for all elements or one for each; or all arguments, if
/// the op takes several; or empty.
template <class T>
using Kernel = void (*)(std::span<T> x, std::span<const T> second);

/// Null where the op does not work on the type.
struct Kernels {
  Kernel<float> f32;
  Kernel<double> f64;
  Kernel<std::int64_t> i64;
  Kernel<std::uint64_t> u64;
};

/// The loop of a `T f(T)` or a `T f(T, T)`, a lambda that captures nothing.
template <class T, class F>
RULEC_CLONES void elementwise(std::span<T> x, std::span<const T> second) {
  const F f;
  if constexpr (std::invocable<F, T>) {
    for (T& number : x) number = f(number);
  } else if (second.size() == 1) {
    const T constant = second.front();
    for (T& number : x) number = f(number, constant);
  } else {
    const T* __restrict with = second.data();
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = f(x[i], with[i]);
  }
}

/// `f` on signed numbers by way of unsigned ones, where overflow is defined: modulo 2^64.
template <class F>
struct Wrapping {
  std::int64_t operator()(std::int64_t a) const
    requires std::invocable<F, std::uint64_t>
  {
    return static_cast<std::int64_t>(F{}(static_cast<std::uint64_t>(a)));
  }
  std::int64_t operator()(std::int64_t a, std::int64_t b) const
    requires std::invocable<F, std::uint64_t, std::uint64_t>
  {
    return static_cast<std::int64_t>(F{}(static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(b)));
  }
};

template <class F>
constexpr Kernels float_kernels(F) {
  return {elementwise<float, F>, elementwise<double, F>, nullptr, nullptr};
}

/// Of an `f` that does the same to the bits of signed and unsigned numbers.
template <class F>
constexpr Kernels integer_kernels(F) {
  return {nullptr, nullptr, elementwise<std::int64_t, Wrapping<F>>, elementwise<std::uint64_t, F>};
}

template <class F>
constexpr Kernels number_kernels(F) {
  return {elementwise<float, F>, elementwise<double, F>, elementwise<std::int64_t, Wrapping<F>>,
          elementwise<std::uint64_t, F>};
}

}  // namespace rulec
