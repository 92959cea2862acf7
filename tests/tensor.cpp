// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <limits>

#include <rulec/tensor.h>

namespace rulec::tensor_test {

TEST_CASE("every dtype is found by both spellings") {
  for (const DType dtype : all_dtypes()) {
    CHECK(find_dtype(name(dtype)) == dtype);
    CHECK(find_dtype(rule_name(dtype)) == dtype);
  }
  CHECK(!find_dtype("float32"));
}

TEST_CASE("sizes are checked where they are multiplied") {
  CHECK(cells({}) == 1);
  CHECK(cells({2304, 8, 256}) == 4718592);
  CHECK(cells({0, 5}) == 0);
  CHECK(!cells({4194305, 4194305, 211106198978564}));
  CHECK(!cells({0, std::numeric_limits<std::int64_t>::max(), 2}));
  CHECK(!cells({-1}));
  CHECK(byte_size(DType::Bf16, {3}) == 6);
  CHECK(byte_size(DType::F4, {2}) == 1);
  CHECK(!byte_size(DType::F4, {3}));
  CHECK(!byte_size(DType::F64, {std::numeric_limits<std::int64_t>::max()}));
}

}  // namespace rulec::tensor_test
